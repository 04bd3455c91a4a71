"""Pages of a PDF that are read from their image."""

import io

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from glyph_demo.documents.extraction import _rasters, recognise
from glyph_demo.documents.problems import page_ranges
from glyph_demo.errors import DocumentError
from glyph_demo.rendering import render, resolve_style
from glyph_demo.settings import Documents, Rendering
from tests.documents.uploads import lines_pdf, read, refusal, workers

NEVER = Documents(page_images="never")
ALWAYS = Documents(page_images="always")


def scan(*sizes: tuple[float, float]) -> bytes:
    """Pages of these sizes in points; the left half of page n is black, but for page 0, which is white."""
    out = io.BytesIO()
    canvas = Canvas(out)
    for number, (width, height) in enumerate(sizes):
        canvas.setPageSize((width, height))
        if number:
            canvas.drawImage(ImageReader(Image.new("L", (4, 4), 0)), 0, 0, width / 2, height)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def mixed() -> bytes:
    """Text, a picture, text, two pictures; a wall of black stands for a scanned page."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(200, 100))
    for page in ("first words", "", "more words", "", ""):
        if page:
            canvas.drawString(20, 50, page)
        else:
            canvas.drawImage(ImageReader(Image.new("L", (4, 4), 0)), 0, 0, 200, 100)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def test_the_error_says_how_to_read_pictures(save):
    path = save("scan.pdf", scan((200, 100), (200, 100)))
    assert refusal(path, NEVER) == "no_text_layer"
    with pytest.raises(DocumentError, match=r"2 page.*--page-images auto"):
        read(path, NEVER)


def test_each_page_is_read_from_its_text_or_from_its_image(save):
    document = read(save("mixed.pdf", mixed()))
    assert document.text.split() == ["first", "words", "more", "words"]
    assert document.images
    assert list(document.images.numbers) == [2, 4, 5]
    assert [warning.en for warning in document.warnings] == [
        "Page(s) 2, 4–5 are read from their image, because their text is missing or cannot be relied on."
    ]
    pages = list(render(document, resolve_style(Rendering(), document.text)))
    assert [page.picture for page in pages] == [0, 2, 0, 4, 5]
    assert [page.index for page in pages] == [0, 1, 2, 3, 4]
    assert [document.text[slice(*page.span)].strip() for page in pages] == ["first words", "", "more words", "", ""]
    (line,) = pages[2].lines
    assert document.text[line.start : line.end].strip() == "more words"


def test_a_page_has_the_same_pixels_wherever_its_text_is(save):
    alone = read(save("alone.pdf", lines_pdf("more words")))
    among = read(save("mixed.pdf", mixed()))
    drawn = [list(render(document, resolve_style(Rendering(), document.text))) for document in (alone, among)]
    assert drawn[0][0].digest == drawn[1][2].digest


def test_pictures_can_be_left_out_and_that_is_said(save):
    document = read(save("mixed.pdf", mixed()), NEVER)
    assert document.images is None
    (warning,) = document.warnings
    assert warning.en.startswith("Page(s) 2, 4–5 are pictures without text and are left out.")
    assert len(list(render(document, resolve_style(Rendering(), document.text)))) == 1


def test_all_pages_can_be_read_as_they_look(save):
    document = read(save("mixed.pdf", mixed()), ALWAYS)
    pages = list(render(document, resolve_style(Rendering(), document.text)))
    assert [page.picture for page in pages] == [1, 2, 3, 4, 5]
    assert document.text[slice(*pages[0].span)].strip() == "first words"
    assert document.warnings == ()


def test_long_lists_of_pages_are_cut():
    assert page_ranges([1, 2, 3, 7, 9, 10]) == "1–3, 7, 9–10"
    assert page_ranges(range(1, 100, 2)).endswith("19, …")


def test_pages_come_at_144_dpi_in_gray(save):
    document = read(save("scan.pdf", scan((201, 100), (201, 100))), ALWAYS)
    assert document.text.strip() == ""
    assert document.images
    assert list(document.images.numbers) == [1, 2]
    first, second = document.images.open()
    assert first.shape == second.shape == (200, 402)
    assert first.dtype == np.uint8
    assert first.min() == 255
    assert second[:, :200].max() == 0
    assert second[:, 202:].min() == 255
    first[0, 0] = 1  # the caller owns the array


def test_no_side_passes_8192_pixels(save):
    document = read(save("wide.pdf", scan((14_000, 20))), ALWAYS)
    assert document.images
    (page,) = document.images.open()
    assert 8000 < page.shape[1] <= 8192


def test_pages_can_be_read_again_and_left_early(save):
    document = read(save("scan.pdf", scan(*[(200, 100)] * 3)), ALWAYS)
    assert document.images
    pages = document.images.open()
    next(pages)
    assert workers() == 1
    pages.close()
    assert workers() == 0
    assert len(list(document.images.open())) == 3


def test_a_page_that_takes_too_long_is_given_up(save):
    path = save("scan.pdf", scan((200, 100)))
    with pytest.raises(DocumentError):
        list(_rasters(recognise(path.read_bytes(), ".pdf"), path, [1], Documents(max_seconds=0)))
    assert workers() == 0


def test_a_file_that_is_gone_is_an_error(save):
    path = save("scan.pdf", scan((200, 100)))
    document = read(path, ALWAYS)
    path.unlink()
    assert document.images
    with pytest.raises(DocumentError):
        list(document.images.open())


def test_a_pdf_with_text_is_read_as_text_all_the_same(save):
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(50, 500, "words")
    canvas.save()
    document = read(save("text.pdf", out.getvalue()))
    assert document.text == "words"
    assert document.images is None
