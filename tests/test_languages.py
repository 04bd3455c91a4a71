import pytest

from glyph_demo.languages import as_language, preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,zh;q=0.5", "en"),
        ("fr-FR, zh-TW;q=0.8", "zh"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_first_language_of_the_browser_that_the_app_speaks_is_taken(header, language):
    assert preferred_language(header) == language


def test_a_code_that_is_no_language_here_means_english():
    assert [as_language(code) for code in ("zh", "en", "xx", "")] == ["zh", "en", "en", "en"]
