import re
import string

import pytest

from glyph_demo.conversation.transcript import Exchange
from glyph_demo.documents.problems import problem, warning
from glyph_demo.ui.texts import TEXTS, document_gone, say, too_long
from glyph_demo.windows import errors

CHINESE = re.compile(r"[\u4e00-\u9fff]")
NO_CHINESE = {"title", "many.working"}  # a name, and two values side by side


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_exists_in_both_languages_with_the_same_placeholders():
    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert not CHINESE.search(english), key
        assert chinese if key in NO_CHINESE else CHINESE.search(chinese), key
        assert placeholders(english) == placeholders(chinese), key


@pytest.mark.parametrize("error", [errors.answer_running(), errors.table_running(), errors.no_files(), document_gone()])
def test_errors_of_the_window_exist_in_both_languages(error):
    assert not CHINESE.search(error.text("en"))
    assert CHINESE.search(error.text("zh"))


def test_a_text_is_filled_in():
    assert say("page", "en", number=3) == "Page 3"
    assert say("page", "zh", number=3) == "第 3 页"


def test_one_page_is_said_as_one():
    assert "only the first page fits. Read that," in too_long(1).en
    assert "the first 2 pages fit. Read those," in too_long(2).en
    assert Exchange("What?", read_so_far=(1, None)).remark.en.startswith("Answered from 1 page;")


@pytest.mark.parametrize("code", ["pictures_left_out", "figures", "guessed_encoding", "bad_bytes", "no_text_layer"])
def test_what_a_note_advises_can_be_done_in_the_window(code):
    values = {"pages": "3", "count": 1, "encoding": "CP932"}
    message = problem(code, count=1).message if code == "no_text_layer" else warning(code, **values)
    for language in ("en", "zh"):
        text = message.text(language)
        assert "documents." not in text, "the window has no such name"
        if "--page-images" in text:
            assert say("page_images", language) in text
        if "--page-images always" in text:
            assert say("page_images.always", language) in text
