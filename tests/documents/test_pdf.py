"""PDF: text by page, paragraphs, tables, and everything that can be wrong with a PDF."""

import io
import random
import zlib

import pypdf
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, SimpleDocTemplate, Table

from glyph_demo.documents.reflow import Line, reflow
from glyph_demo.settings import Documents
from tests.documents.uploads import lines_pdf, read, refusal

BODY = getSampleStyleSheet()["BodyText"]
ZH = "深度学习是机器学习的一个分支，它使用多层神经网络来学习数据的表示。近年来，深度学习取得了显著的进展。"


def prose(seed: int, count: int) -> list[str]:
    chance = random.Random(seed)
    words = ["the", "retrieval", "of", "long", "information", "needs", "careful", "attention", "state-of-the-art", "a"]
    return [" ".join(chance.choices(words, k=chance.randint(8, 120))).capitalize() + "." for _ in range(count)]


def two_columns(paragraphs: list[str], alignment: int) -> bytes:
    out = io.BytesIO()
    style = ParagraphStyle("column", parent=BODY, fontSize=9, leading=11, alignment=alignment)
    document = BaseDocTemplate(out, pagesize=A4)
    document.addPageTemplates(PageTemplate(frames=[Frame(40, 40, 250, 760), Frame(305, 40, 250, 760)]))
    document.build([Paragraph(text, style) for text in paragraphs])
    return out.getvalue()


def encrypted(data: bytes, user: str, algorithm: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user_password=user, owner_password="owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def raw_pdf(content: bytes, extra: bytes = b"", stream_keys: bytes = b"") -> bytes:
    """A one-page PDF with this content stream, without a cross-reference table: readers rebuild it."""
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</XObject<</A 5 0 R>>"
        b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n4 0 obj<</Length %d%s>>stream\n%s\n"
        b"endstream endobj\n%s\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%%%EOF"
        % (len(content), stream_keys, content, extra)
    )


def test_every_page_has_a_mark_where_its_text_begins(save):
    document = read(save("a.pdf", lines_pdf("first page", "second page", "third page")))
    assert document.kind == "pdf"
    assert document.text == "first page\nsecond page\nthird page"
    assert [(mark.kind, mark.number) for mark in document.marks] == [("page", 1), ("page", 2), ("page", 3)]
    assert [document.text[mark.start :].split()[0] for mark in document.marks] == ["first", "second", "third"]


@pytest.mark.parametrize("alignment", [0, 4], ids=["ragged", "justified"])
def test_two_columns_come_back_as_their_paragraphs(save, alignment):
    """No character is lost. A paragraph is cut where a page ends; of the others, at least 97 % come back whole."""
    paragraphs = prose(1, 80)
    document = read(save("columns.pdf", two_columns(paragraphs, alignment)))
    assert "".join(document.text.split()) == "".join("".join(paragraphs).split())
    missing = set(paragraphs) - set(document.text.split("\n"))
    assert len(missing) - (len(document.marks) - 1) <= 0.03 * len(paragraphs)


def test_chinese_lines_are_joined_without_spaces(save):
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    style = ParagraphStyle("zh", fontName="STSong-Light", fontSize=10, leading=14, wordWrap="CJK", firstLineIndent=20)
    out = io.BytesIO()
    SimpleDocTemplate(out).build([Paragraph("第一章 引言", style), Paragraph(ZH * 3, style), Paragraph(ZH, style)])
    assert read(save("zh.pdf", out.getvalue())).text == f"第一章 引言\n{ZH * 3}\n{ZH}"


def test_table_rows_stay_on_their_lines(save):
    rows = [["Name", "City", "Revenue 2024"], ["Beta Corporation", "Paris", "71375"], ["Gamma", "New York", "9.1 %"]]
    out = io.BytesIO()
    SimpleDocTemplate(out).build([Paragraph("Before.", BODY), Table(rows), Paragraph("After.", BODY)])
    assert read(save("t.pdf", out.getvalue())).text.split("\n") == ["Before.", *map(" | ".join, rows), "After."]


def page_lines(*texts: str) -> list[Line]:
    return [Line(text, 50, 700 - 12 * number, 10) for number, text in enumerate(texts)]


def test_hyphen_goes_when_the_document_has_the_whole_word():
    lines = page_lines("a line that is wide enough for infor-", "mation and then goes on for a well-", "known end.")
    joined = "a line that is wide enough for information and then goes on for a well-known end."
    assert reflow(lines, frozenset({"information"})) == joined
    soft = page_lines("a line that is wide enough for infor\u00ad", "mation.")
    assert reflow(soft, frozenset()) == "a line that is wide enough for information."


@pytest.mark.parametrize(
    ("end", "beginning"),
    [("KB-", "4471"), ("XR-", "B77"), ("2020-", "2021"), ("2020–", "2021"), ("12/", "2024"), ("R2D-", "x9")],
)
def test_codes_and_ranges_over_a_line_end_stay_whole(end, beginning):
    lines = page_lines(f"a line that is wide enough for the code {end}", f"{beginning} of a part.")
    assert reflow(lines, frozenset()) == f"a line that is wide enough for the code {end}{beginning} of a part."


@pytest.mark.parametrize("leader", ["......................", ". . . . . . . . . . .", "……………"])
def test_lines_of_a_table_of_contents_stay_lines(leader):
    lines = page_lines(f"Of the harbour {leader} 17", f"Of the ferries {leader} 23")
    assert reflow(lines, frozenset()).count("\n") == 1


def test_list_items_headings_and_other_sizes_keep_their_lines():
    lines = page_lines("Items of a list, the first line is a full one", "- one item", "2. another item", "三、又一项")
    assert reflow(lines, frozenset()).count("\n") == 3
    heading = [
        Line("A heading as wide as the text is", 50, 700, 14),
        Line("The text that stands below it", 50, 688, 10),
    ]
    assert reflow(heading, frozenset()).count("\n") == 1


def test_a_pdf_is_known_by_its_content(save):
    data = lines_pdf("first page")
    assert read(save("renamed.txt", data)).kind == "pdf"
    assert read(save("mail-header.pdf", b"X-Junk: 1\n\n" + data)).kind == "pdf"
    assert read(save("about.txt", b"A PDF begins with %PDF-1.7.")).kind == "txt"
    assert refusal(save("text.pdf", b"only text")) == "not_a_pdf"


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_a_user_password_is_asked_for_and_an_owner_password_is_not(save, algorithm):
    data = lines_pdf("first page")
    assert refusal(save("locked.pdf", encrypted(data, "secret", algorithm))) == "password"
    assert read(save("owner.pdf", encrypted(data, "", algorithm))).text == "first page"


def test_no_pages(save):
    out = io.BytesIO()
    pypdf.PdfWriter().write(out)
    assert refusal(save("none.pdf", out.getvalue())) == "no_pages"


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.8])
def test_a_cut_off_pdf_is_damaged(save, share):
    data = two_columns(prose(2, 60), 4)
    assert refusal(save("cut.pdf", data[: int(len(data) * share)])) == "damaged"


@pytest.mark.slow
def test_random_damage_gives_a_document_or_an_error(save):
    data = bytearray(lines_pdf(*prose(3, 3)))
    chance = random.Random(4)
    for number in range(3):
        broken = bytearray(data)
        for _ in range(30):
            broken[chance.randrange(len(data))] = chance.randrange(256)
        path = save(f"{number}.pdf", bytes(broken))
        try:
            read(path)
        except Exception:
            refusal(path)


def test_blank_pages_have_marks_and_no_warning(save):
    document = read(save("mixed.pdf", lines_pdf("first page", "", "third page", "")))
    assert document.text == "first page\n\nthird page\n"
    assert [mark.start for mark in document.marks] == [0, 11, 12, 23]
    assert document.warnings == ()


def test_page_and_character_limits(save):
    path = save("a.pdf", lines_pdf("first page", "second page", "third page"))
    assert refusal(path, Documents(max_pages=2)) == "too_many_pages"
    assert refusal(path, Documents(max_characters=20)) == "too_many_characters"


def test_flate_bomb_is_refused(save):
    data = raw_pdf(zlib.compress(b"BT /F1 9 Tf (a) Tj ET\n" * 10_000_000, 9), stream_keys=b"/Filter/FlateDecode")
    assert len(data) < 1_000_000
    assert refusal(save("bomb.pdf", data)) == "too_complex"


def test_forms_that_contain_themselves_end(save):
    form = b"5 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 5 0 R>>>>/Length 11>>stream\n"
    form += b"/A Do /A Do\nendstream endobj"
    path = save("loop.pdf", raw_pdf(b"BT /F1 9 Tf 20 100 Td (kept) Tj ET /A Do", form))
    assert read(path, Documents(max_seconds=5)).text == "kept"


def test_a_page_tree_that_contains_itself_ends(save):
    data = raw_pdf(b"").replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]")
    assert refusal(save("tree.pdf", data), Documents(max_seconds=5)) == "damaged"


def test_original_file_is_untouched(save, tmp_path):
    data = lines_pdf("first page")
    read(save("a.pdf", data))
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_bytes() == data
