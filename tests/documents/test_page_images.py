"""PDFs without a text layer, read as pictures."""

import io

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from glyph_demo.documents.extraction import _rasters, recognise
from glyph_demo.errors import DocumentError
from glyph_demo.settings import Documents
from tests.documents.uploads import read, refusal, workers

IMAGES = Documents(page_images=True)


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


def test_the_error_offers_page_images(save):
    path = save("scan.pdf", scan((200, 100), (200, 100)))
    assert refusal(path) == "no_text_layer"
    with pytest.raises(DocumentError, match=r"2 page.*--page-images"):
        read(path)


def test_pages_come_at_144_dpi_in_gray(save):
    document = read(save("scan.pdf", scan((201, 100), (201, 100))), IMAGES)
    assert document.text == ""
    assert document.images
    assert document.images.count == 2
    first, second = document.images.open()
    assert first.shape == second.shape == (200, 402)
    assert first.dtype == np.uint8
    assert first.min() == 255
    assert second[:, :200].max() == 0
    assert second[:, 202:].min() == 255
    first[0, 0] = 1  # the caller owns the array


def test_no_side_passes_8192_pixels(save):
    document = read(save("wide.pdf", scan((14_000, 20))), IMAGES)
    assert document.images
    (page,) = document.images.open()
    assert 8000 < page.shape[1] <= 8192


def test_pages_can_be_read_again_and_left_early(save):
    document = read(save("scan.pdf", scan(*[(200, 100)] * 3)), IMAGES)
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
        list(_rasters(recognise(path.read_bytes(), ".pdf"), path, 1, Documents(max_seconds=0)))
    assert workers() == 0


def test_a_file_that_is_gone_is_an_error(save):
    path = save("scan.pdf", scan((200, 100)))
    document = read(path, IMAGES)
    path.unlink()
    assert document.images
    with pytest.raises(DocumentError):
        list(document.images.open())


def test_a_pdf_with_text_is_read_as_text_all_the_same(save):
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(50, 500, "words")
    canvas.save()
    document = read(save("text.pdf", out.getvalue()), IMAGES)
    assert document.text == "words"
    assert document.images is None
