"""The outline that a PDF has of itself."""

import pypdf
import pytest
from pypdf.generic import NameObject

from glyph_demo.documents.model import Listed
from glyph_demo.documents.pdf_outline import MAX_ENTRIES
from tests.documents.uploads import lines_pdf, pdf, read


def outlined(titles):
    """A PDF with a page for every title and an entry for each, the second one below the first."""

    def draw(canvas):
        for number, title in enumerate(titles):
            canvas.drawString(50, 780, f"The text of part {number + 1}.")
            canvas.bookmarkPage(str(number))
            canvas.addOutlineEntry(title, str(number), level=int(number == 1))
            canvas.showPage()

    return pdf(draw)


def test_titles_come_with_their_pages_in_order(save):
    document = read(save("a.pdf", outlined(["1 The valley", "1.1 Its rivers", "2 第二章"])))
    assert document.outline == (Listed("1 The valley", 1), Listed("1.1 Its rivers", 2), Listed("2 第二章", 3))


def test_a_file_without_an_outline_has_none(save):
    assert read(save("a.pdf", lines_pdf("The valley", "Its rivers"))).outline == ()
    assert read(save("a.txt", b"# The valley\n")).outline == ()


def test_titles_are_one_line_of_what_can_be_seen(save):
    (first, second) = read(save("a.pdf", outlined(["The\r\n \x07valley\u202e ", "x" * 5000]))).outline
    assert first == Listed("The valley", 1)
    assert len(second.title) < 200


def test_an_outline_that_goes_round_ends(save, tmp_path):
    save("a.pdf", outlined(["One", "Two", "Three"]))
    writer = pypdf.PdfWriter(clone_from=tmp_path / "a.pdf")
    first = writer.root_object["/Outlines"]["/First"]
    first[NameObject("/Next")] = first.indirect_reference
    writer.write(tmp_path / "b.pdf")
    outline = read(tmp_path / "b.pdf").outline
    assert [listed.title for listed in outline][:2] == ["One", "Two"]
    assert len(outline) <= MAX_ENTRIES


@pytest.mark.parametrize("entry", [{"/Dest": "/Nowhere"}, {"/Dest": None}, {"/Title": None}])
def test_broken_entries_do_no_harm_to_the_others(save, tmp_path, entry):
    save("a.pdf", outlined(["One", "Below", "Three"]))
    writer = pypdf.PdfWriter(clone_from=tmp_path / "a.pdf")
    first = writer.root_object["/Outlines"]["/First"]
    for name, value in entry.items():
        del first[name]
        if value:
            first[NameObject(name)] = NameObject(value)
    writer.write(tmp_path / "b.pdf")
    document = read(tmp_path / "b.pdf")
    assert [listed.title for listed in document.outline] == ["Below", "Three"]
    assert "The text of part 3." in document.text
