"""Pages of a PDF as pictures: for the reader, and one for people with the places of what was quoted."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pypdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from glyph_demo.documents.rasters import MAX_SIDE, read_original, read_raster, write_original, write_rasters
from glyph_demo.errors import DocumentError
from tests.documents.test_pdf import raw_pdf
from tests.documents.uploads import pdf

CASES = Path(__file__).parents[1] / "cases"


def rasters(path, numbers):
    out = io.BytesIO()
    write_rasters(path, out, lambda: None, numbers)
    out.seek(0)
    return [read_raster(out) for _ in numbers]


def original(path, number=0, width=600, texts=()):
    out = io.BytesIO()
    write_original(path, out, number, width, texts)
    out.seek(0)
    return read_original(out)


def squares(*colours: tuple[float, float, float]) -> bytes:
    """Pages of 100 x 50 points; the left half of each has its colour."""

    def draw(canvas: Canvas) -> None:
        for colour in colours:
            canvas.setPageSize((100, 50))
            canvas.setFillColorRGB(*colour)
            canvas.rect(0, 0, 50, 50, stroke=0, fill=1)
            canvas.showPage()

    return pdf(draw)


def test_pages_have_colour_where_they_have_colour(save):
    red, gray = rasters(save("a.pdf", squares((1, 0, 0), (0.5, 0.5, 0.5))), [0, 1])
    assert red.shape == (100, 200, 3)
    assert red[50, 50].tolist() == [255, 0, 0]
    assert red[50, 150].tolist() == [255, 255, 255]
    assert gray.shape == (100, 200)
    assert red.dtype == gray.dtype == np.uint8


def test_only_the_pages_asked_for_come_and_in_that_order(save):
    path = save("a.pdf", squares((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    blue, red = rasters(path, [2, 0])
    assert blue[50, 50].tolist() == [0, 0, 255]
    assert red[50, 50].tolist() == [255, 0, 0]


def test_rows_whose_length_is_no_multiple_of_four_are_not_skewed(save):
    def draw(canvas: Canvas) -> None:
        canvas.setPageSize((50.5, 20))
        canvas.setFillColorRGB(1, 0, 0)
        canvas.rect(10, 0, 10, 20, stroke=0, fill=1)

    (page,) = rasters(save("a.pdf", pdf(draw)), [0])
    assert page.shape[1] == 101
    assert (page == page[0]).all()


def test_values_of_form_fields_are_drawn(save):
    def form(value: str) -> bytes:
        def draw(canvas: Canvas) -> None:
            canvas.acroForm.textfield(value=value, x=50, y=700, width=300, height=40, borderWidth=0)
            canvas.showPage()

        return pdf(draw)

    (filled,) = rasters(save("filled.pdf", form("WWWWWWWW")), [0])
    (empty,) = rasters(save("empty.pdf", form("")), [0])
    assert (filled.shape != empty.shape) or (filled != empty).sum() > 500


@pytest.mark.parametrize(
    "box", ["0 0 0 0", "0 0 -200 -300", "0 0 1000000000 1000000000", "0 0 1e30 1", "5 5 5.00001 5.00001"]
)
def test_a_page_of_a_hostile_size_is_clamped_or_an_error(save, box):
    path = save("a.pdf", raw_pdf(b"").replace(b"0 0 200 200", box.encode()))
    for task in ({"task": "page_images", "numbers": [0]}, {"task": "original", "number": 0, "width": 800, "texts": []}):
        function = "write_rasters" if task["task"] == "page_images" else "write_original"
        job = task | {"function": f"glyph_demo.documents.rasters:{function}", "path": str(path), "max_seconds": 20}
        command = [sys.executable, "-m", "glyph_demo.documents.worker", json.dumps(job | {"max_memory_mb": 900})]
        stream = io.BytesIO(subprocess.run(command, capture_output=True, check=False).stdout)
        try:
            page = read_raster(stream)
        except DocumentError:
            continue
        assert max(page.shape) <= MAX_SIDE


def child(path, task, **more):
    """What the child process writes, with 5 s of CPU time."""
    job = {"task": task, "path": str(path), "max_memory_mb": 900, "max_seconds": 5} | more
    command = [sys.executable, "-m", "glyph_demo.documents.worker", json.dumps(job)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout


@pytest.mark.parametrize(
    "content",
    [
        b"BT /F2 40 Tf 20 100 Td <91CD91CF> Tj ET",
        b"0 0 100 100 re f /A Do",
    ],
    ids=["a font that the file does not carry", "a form that contains itself"],
)
def test_pages_are_drawn_as_they_are_read(save, content):
    objects = (
        b"5 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 5 0 R>>>>/Length 11>>stream\n"
        b"/A Do /A Do\nendstream endobj\n6 0 obj<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H"
        b"/DescendantFonts[<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)"
        b"/Ordering(GB1)/Supplement 4>>/FontDescriptor<</Type/FontDescriptor/FontName/STSong-Light/Flags 4>>>>]>>endobj"
    )
    data = raw_pdf(content, objects).replace(b"/Font<<", b"/Font<</F2 6 0 R", 1)
    function = "glyph_demo.documents.rasters:write_rasters"
    drawn = child(save("a.pdf", data), "page_images", function=function, numbers=[0])
    page = read_raster(io.BytesIO(drawn))
    assert (page < 128).mean() > 0.001


def test_the_child_process_draws_a_page_for_people(save):
    path = save("a.pdf", pdf(lambda canvas: canvas.drawString(100, 700, "The fee is 45 crowns.")))
    job = {
        "task": "original",
        "function": "glyph_demo.documents.rasters:write_original",
        "path": str(path),
        "number": 0,
        "width": 595,
        "texts": ["45 crowns"],
        "max_seconds": 20,
        "max_memory_mb": 900,
    }
    command = [sys.executable, "-m", "glyph_demo.documents.worker", json.dumps(job)]
    page = read_original(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout))
    assert page.pixels.shape[1] == 595
    assert len(page.boxes[0]) == 1


def test_a_stream_that_breaks_off_is_an_error(save):
    out = io.BytesIO()
    write_original(save("a.pdf", squares((1, 0, 0))), out, 0, 100, ["x"])
    whole = out.getvalue()
    for length in (0, 5, 100, len(whole) - 1):
        with pytest.raises(DocumentError):
            read_original(io.BytesIO(whole[:length]))


def quote(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 12)
    canvas.drawString(100, 700, "The owner of the wharf pays the infor-")
    canvas.drawString(100, 680, "mation fee in spring.")
    canvas.drawString(100, 300, "Nothing else is due.")


def test_a_text_over_two_lines_has_two_boxes_where_its_ink_is(save):
    page = original(save("a.pdf", pdf(quote)), width=595, texts=["pays the INFORMATION  fee", "Nothing else is due."])
    first, second = page.boxes[0]
    assert first[1] < second[1]
    assert second[0] == pytest.approx(100 / 595, abs=0.01)
    assert first[0] > 200 / 595
    (whole,) = page.boxes[1]
    ink = page.pixels < 128
    height, width = ink.shape
    rows = slice(int(whole[1] * height) - 1, int(np.ceil(whole[3] * height)) + 1)
    columns = slice(int(whole[0] * width) - 1, int(np.ceil(whole[2] * width)) + 1)
    assert ink[rows, columns].sum() == ink[int(0.6 * height) :].sum() > 100


def test_a_text_that_the_page_does_not_have_has_no_box(save):
    page = original(save("a.pdf", pdf(quote)), texts=["Nothing like it", "", " -"])
    assert page.boxes == [[], [], []]


def test_a_text_that_stands_four_times_is_marked_four_times(save):
    page = original(save("a.pdf", pdf(quote)), texts=["in"])
    assert len(page.boxes[0]) == 4  # information, in, spring, Nothing


def test_boxes_of_a_turned_page_lie_on_the_page_as_it_is_seen(save):
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(lambda canvas: canvas.drawString(100, 700, "turned words"))))
    writer.pages[0].rotate(90)
    out = io.BytesIO()
    writer.write(out)
    page = original(save("a.pdf", out.getvalue()), width=842, texts=["turned words"])
    ((left, top, right, bottom),) = page.boxes[0]
    ink = np.argwhere(page.pixels < 128) / page.pixels.shape
    assert page.pixels.shape[1] > page.pixels.shape[0]
    assert (ink.min(0) >= np.array([top, left]) - 0.005).all()
    assert (ink.max(0) <= np.array([bottom, right]) + 0.005).all()


def test_ligatures_and_cells_of_a_table_are_found_as_they_were_read(save):
    def draw(canvas: Canvas) -> None:
        canvas.drawString(100, 700, "Sund")
        canvas.drawString(300, 700, "388")
        canvas.drawString(100, 600, "the office")

    page = original(save("a.pdf", pdf(draw)), texts=["Sund | 388", "o\ufb03ce"])
    assert len(page.boxes[0]) == 2
    assert len(page.boxes[1]) == 1


def test_a_page_for_people_is_as_wide_as_asked_but_no_side_passes_the_limit(save):
    path = save("a.pdf", squares((1, 0, 0)))
    assert original(path, width=333).pixels.shape[1] == 333
    assert max(original(path, width=10**6).pixels.shape) <= MAX_SIDE
