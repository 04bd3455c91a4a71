"""The pages of the user's file as they look, and where the places of an answer are on them."""

import io
import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from glyph_demo.conversation import originals
from glyph_demo.conversation.places import file_pages, view_of
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.events import Region
from glyph_demo.errors import GlyphError
from glyph_demo.rendering import decode_png
from glyph_demo.settings import Settings
from tests.documents.uploads import lines_pdf

FACTS = ("The north pier has 14.2 metres.", "The survey began in June.", "The south pier has 9.7 metres.")


@pytest.fixture
def read(engine, save):
    """Read a file, and return its Reading."""
    sessions = []

    def made(name, data):
        sessions.append(DocumentSession(engine, Settings()))
        sessions[-1].open(save(name, data))
        sessions[-1].current.wait()
        return sessions[-1].current

    yield made
    for session in sessions:
        session.close()


def with_a_scan():
    """A page of text, one that is a picture with a black bar in its upper right quarter, and a page of text."""
    out = io.BytesIO()
    canvas, picture = Canvas(out, pagesize=A4), Image.new("L", (400, 566), 255)
    ImageDraw.Draw(picture).rectangle((200, 100, 400, 160), fill=0)
    canvas.drawString(100, 700, FACTS[0])
    canvas.showPage()
    canvas.drawImage(ImageReader(picture), 0, 0, *A4)
    canvas.showPage()
    canvas.drawString(100, 300, FACTS[2])
    canvas.save()
    return out.getvalue()


def region(reading, words):
    """The place of these words, as an engine names it: the whole lines that hold them."""
    for view in reading.pages:
        for number, line in enumerate(view.lines, 1):
            if words in line.text:
                return Region(view.number, number, words, (line.box,), 1.0)
    raise AssertionError(f"no page shows {words}")


def marked(reading, number, place):
    """The boxes of a place on a page of the file, once that is drawn."""
    reading.originals.draw(number, (place,), reading.pages)
    return reading.originals.boxes(number, place, reading.pages)


def ink(reading, number, box):
    """The share of dark pixels in a box of a page of the file."""
    pixels = decode_png(reading.originals.drawn(number).image.read_bytes())
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(share * side) for share, side in zip(box, (width, height) * 2, strict=True))
    return (pixels[top:bottom, left:right] < 128).mean()


def test_words_of_a_drawn_page_are_found_where_they_stand_in_the_file(read):
    reading = read("a.pdf", lines_pdf(FACTS[0], FACTS[1], f"Other words.\n{FACTS[2]}"))
    (box,) = marked(reading, 3, region(reading, FACTS[2]))
    assert ink(reading, 3, box) > 0.05
    assert 0.05 < box[1] < box[3] < 0.12, "the second line of the page"
    assert marked(reading, 1, region(reading, FACTS[2])) == [], "it is not on another page"


def test_a_place_is_found_by_the_documents_words_where_the_engine_misread_them(read):
    reading = read("a.pdf", lines_pdf(*FACTS))
    place = region(reading, FACTS[1])
    misread = Region(place.page, place.line, "The survcy hegan in Junc.", place.boxes, 1.0)
    assert marked(reading, 2, misread) == marked(reading, 2, place) != []


def test_of_words_that_a_page_has_twice_only_those_of_the_answer_are_marked(read):
    reading = read("a.pdf", lines_pdf("Fee: 40 crowns.\n\nA remark.\n\nFee: 40 crowns.\n\nAn end."))
    lines = [(v, n, line) for v in reading.pages for n, line in enumerate(v.lines, 1) if "Fee" in line.text]
    first, second = (Region(view.number, number, line.text, (line.box,), 1.0) for view, number, line in lines)
    (upper,), (lower,) = marked(reading, 1, first), marked(reading, 1, second)
    assert upper[3] < lower[1]


def test_where_the_whole_text_is_not_found_its_lines_are(read):
    """The file's page has the words in another order than the document's text."""
    reading = read("a.pdf", lines_pdf(f"{FACTS[0]}\n\n{FACTS[1]}\n\n{FACTS[2]}"))
    first, last = region(reading, FACTS[0]), region(reading, FACTS[2])
    view = reading.pages[0]
    top, bottom = first.boxes[0], last.boxes[0]
    object.__setattr__(view, "lines", tuple(reversed(view.lines)))
    place = Region(1, 1, "never written", ((top[0], top[1], max(top[2], bottom[2]), bottom[3]),), 1.0)
    assert len(marked(reading, 1, place)) == 3


def test_a_place_on_a_page_read_as_a_picture_is_at_the_same_place_of_the_file(read):
    reading = read("scan.pdf", with_a_scan())
    view = next(view for view in reading.pages if view.picture)
    width, height = view.size
    bar = Region(view.number, 1, "", ((width // 2 + 2, int(height * 0.18), width, int(height * 0.28)),), 1.0)
    (box,) = marked(reading, 2, bar)
    assert ink(reading, 2, box) > 0.95
    assert marked(reading, 1, bar) == []


def test_the_pages_of_the_file_are_on_the_pages_of_the_model_and_back(read):
    reading = read("scan.pdf", with_a_scan())
    on = {view.number: [mark.number for mark in file_pages(reading.document, view)] for view in reading.pages}
    assert on == {1: [1], 2: [2], 3: [3]}
    together = read("text.pdf", lines_pdf(*FACTS))
    assert [mark.number for mark in file_pages(together.document, together.pages[0])] == [1, 2, 3]
    for each, pages in ((reading, (1, 2, 3)), (together, (1, 1, 1))):
        assert tuple(view_of(each.document, each.pages, number).number for number in (1, 2, 3)) == pages


def test_a_page_is_drawn_once_and_again_only_for_other_words(read, monkeypatch):
    reading, drawn = read("a.pdf", lines_pdf(*FACTS)), []
    real = originals.draw_original
    monkeypatch.setattr(originals, "draw_original", lambda *job: drawn.append(job[4]) or real(*job))
    place = region(reading, FACTS[0])
    for regions in ((), (), (place,), (place,), ()):
        reading.originals.draw(1, regions, reading.pages)
    assert len(drawn) == 2


def test_pages_that_are_asked_for_at_once_are_drawn_once(read, monkeypatch):
    reading, drawn = read("a.pdf", lines_pdf(*FACTS)), []
    real = originals.draw_original
    monkeypatch.setattr(originals, "draw_original", lambda *job: drawn.append(job) or real(*job))
    threads = [threading.Thread(target=reading.originals.draw, args=(1, (), reading.pages)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(drawn) == 1


def test_few_pictures_are_kept_and_the_oldest_goes(read, monkeypatch):
    monkeypatch.setattr(originals, "MOST_KEPT", 2)
    reading = read("a.pdf", lines_pdf(*FACTS))
    for number in (1, 2, 3):
        reading.originals.draw(number, (), reading.pages)
    assert [reading.originals.drawn(number) is not None for number in (1, 2, 3)] == [False, True, True]
    assert len(list(reading.folder.glob("original_*.png"))) == 2


def test_a_page_is_as_wide_as_a_screen_shows_it_and_in_colour(read):
    def draw(canvas):
        canvas.setFillColorRGB(1, 0, 0)
        canvas.rect(0, 0, 300, 300, fill=1, stroke=0)
        canvas.drawString(100, 700, "Red.")

    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    draw(canvas)
    canvas.save()
    reading = read("a.pdf", out.getvalue())
    reading.originals.draw(1, (), reading.pages)
    pixels = decode_png(reading.originals.drawn(1).image.read_bytes())
    assert pixels.shape[1] == originals.WIDTH
    assert tuple(pixels[-1, 0]) == (255, 0, 0)


def test_a_file_that_is_gone_is_an_error_that_says_so(read):
    reading = read("a.pdf", lines_pdf(*FACTS))
    reading.path.unlink()
    with pytest.raises(GlyphError, match="unreadable"):
        reading.originals.draw(1, (), reading.pages)


def test_a_page_that_takes_too_long_is_an_error(read):
    reading = read("a.pdf", lines_pdf(*FACTS))
    reading.originals._limits = Settings().documents.__class__(max_seconds=0)
    with pytest.raises(GlyphError, match="too_complex"):
        reading.originals.draw(1, (), reading.pages)


def test_a_document_that_is_closed_meanwhile_is_an_error(read):
    reading = read("a.pdf", lines_pdf(*FACTS))
    pages = reading.originals
    reading.cancel()
    assert reading.originals is None
    with pytest.raises(GlyphError, match="document_closed"):
        pages.draw(1, (), ())


def test_only_files_with_pages_that_can_be_drawn_have_originals(read):
    assert read("a.txt", b"Words.").originals is None


def test_a_text_without_end_is_not_looked_for(read):
    """It would be too long an argument for the child process."""
    reading = read("a.pdf", lines_pdf(*FACTS))
    place = region(reading, FACTS[0])
    endless = Region(place.page, place.line, "字" * 200_000, place.boxes, 1.0)
    assert marked(reading, 1, endless) == marked(reading, 1, place)
    assert reading.originals.is_complete(1, (endless,), reading.pages)
    assert np.all([len(text) < 200_000 for text in reading.originals.drawn(1).boxes])


def test_a_picture_that_a_browser_may_be_fetching_is_not_written_again(read):
    reading = read("a.pdf", lines_pdf(*FACTS))
    reading.originals.draw(1, (), reading.pages)
    image = reading.originals.drawn(1).image
    image.write_bytes(b"as it was")
    assert marked(reading, 1, region(reading, FACTS[0]))
    assert image.read_bytes() == b"as it was"
