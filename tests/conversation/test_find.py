"""Words looked for in a document stand where the page shows them."""

import pytest

from glyph_demo.conversation import find as finding
from glyph_demo.conversation.drawing import draw
from glyph_demo.conversation.find import find
from glyph_demo.documents.model import Document
from glyph_demo.rendering import decode_png
from glyph_demo.settings import Settings
from tests.documents.test_page_images import mixed
from tests.documents.uploads import lines_pdf, read


@pytest.fixture
def drawn(tmp_path):
    def draw_text(text):
        document = Document("name", "txt", text, "")
        return document, [view for _, view in draw(document, Settings(), "pocket", tmp_path, [])]

    return draw_text


def test_each_place_is_found_in_reading_order_whatever_its_case(drawn):
    document, views = drawn("The ferry left.\n" * 200 + "A Ferry came.\n")
    found = find("FERRY", document, views)
    assert len(found) == 201
    assert [place.page for place in found] == sorted(place.page for place in found)
    assert found[-1].text == "Ferry"
    assert found[-1].page == len(views) > 1


def test_width_accents_and_the_kind_of_chinese_do_not_count(drawn):
    document, views = drawn("The café is in the 倉庫. ＡＢＣ 42\n")
    for words, text in (("Cafe", "café"), ("仓库", "倉庫"), ("abc　42", "ＡＢＣ 42")):
        assert [place.text for place in find(words, document, views)] == [text]


def test_a_box_has_ink_and_little_more_than_the_words(drawn):
    document, views = drawn("iii 海鸥 iii\n\nblank below\n")
    (place,) = find("海鸥", document, views)
    left, top, right, bottom = place.boxes[0]
    pixels = decode_png(views[0].image.read_bytes())
    assert (pixels[top:bottom, left:right] < 128).any()
    assert right - left < pixels.shape[1] / 4


def test_words_that_run_over_a_line_are_one_place_with_a_box_for_each_line(drawn):
    document, views = drawn("word " * 200 + "north pier and more " + "word " * 200)
    ends = [line.text.rstrip() for line in views[0].lines]
    over = next((i for i, line in enumerate(ends) if line.endswith("word")), 0)
    words = " ".join([*ends[over].split()[-2:], *ends[over + 1].split()[:2]])
    assert any(len(place.boxes) == 2 for place in find(words, document, views))
    assert len(find("north\n  pier", document, views)) == 1


@pytest.mark.parametrize("words", ["", "  ", "absent", ".*", "(", "\\"])
def test_what_is_not_there_is_not_found_and_no_sign_has_a_meaning(drawn, words):
    assert find(words, *drawn("Only this line.\n")) == []


def test_places_name_the_page_of_the_file_and_pictures_have_none(save, tmp_path):
    document = read(save("a.pdf", lines_pdf(*(f"number {n} here" for n in range(1, 6)))))
    views = [view for _, view in draw(document, Settings(), "pocket", tmp_path, [])]
    assert [place.file_page.number for place in find("here", document, views)] == [1, 2, 3, 4, 5]
    document = read(save("mixed.pdf", mixed()))
    views = [view for _, view in draw(document, Settings(), "pocket", tmp_path, [])]
    pictures = {view.number for view in views if view.picture}
    assert not pictures & {place.page for place in find("e", document, views)}


def test_places_are_bounded(drawn, monkeypatch):
    monkeypatch.setattr(finding, "MOST", 7)
    assert len(find("a", *drawn("a " * 500))) == 7
