"""DOCX: reading order, tables, lists, and archives that are no documents or mean harm."""

import io
from collections.abc import Callable

import docx
import pytest
from docx.document import Document as Word

from glyph_demo.settings import Documents
from tests.documents.docx_files import W, archive, p, package, relations, section
from tests.documents.uploads import read, refusal


def written(write: Callable[[Word], None]) -> bytes:
    document = docx.Document()
    write(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def numbered(number: int, level: int = 0) -> str:
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'


def test_headers_body_and_footers_come_in_reading_order_with_marks(save):
    def write(document: Word) -> None:
        document.sections[0].header.paragraphs[0].text = "Header"
        document.sections[0].footer.paragraphs[0].text = "Footer"
        document.add_heading("标题", 1)
        document.add_paragraph("First.")
        document.add_paragraph("")
        document.add_paragraph("Second.")

    document = read(save("a.docx", written(write)))
    assert document.kind == "docx"
    assert document.text == "Header\n标题\nFirst.\nSecond.\nFooter"
    assert [document.text[mark.start :].split("\n")[0] for mark in document.marks] == document.text.split("\n")
    assert {mark.kind for mark in document.marks} == {"paragraph"}


def test_table_rows_stay_on_their_lines_between_their_neighbours(save):
    def write(document: Word) -> None:
        document.add_paragraph("Before.")
        table = document.add_table(2, 3)
        for cell, text in zip(table._cells, ["Name", "City", "Sum", "Ada\nLovelace", "", "7"], strict=True):
            cell.text = text
        document.add_paragraph("After.")

    text = read(save("t.docx", written(write))).text
    assert text.split("\n") == ["Before.", "Name | City | Sum", "Ada Lovelace |  | 7", "After."]


def test_inner_tables_and_frames_of_one_cell(save):
    def write(document: Word) -> None:
        cell = document.add_table(1, 1).cell(0, 0)
        cell.text = "A frame"
        cell.add_paragraph("of two paragraphs")
        outer = document.add_table(1, 2)
        outer.cell(0, 0).text = "left"
        inner = outer.cell(0, 1).add_table(1, 2)
        inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"

    assert read(save("t.docx", written(write))).text.split("\n") == ["A frame", "of two paragraphs", "left | x | y"]


def test_list_styles_give_bullets_and_numbers(save):
    def write(document: Word) -> None:
        for style, text in [("List Bullet", "a"), ("List Number", "b"), ("List Number", "c"), ("Normal", "d")]:
            document.add_paragraph(text, style)

    assert read(save("l.docx", written(write))).text.split("\n") == ["• a", "1. b", "2. c", "d"]


def level(depth: int, style: str, text: str, start: int = 1) -> str:
    kind = f'<w:start w:val="{start}"/><w:numFmt w:val="{style}"/>'
    return f'<w:lvl w:ilvl="{depth}">{kind}<w:lvlText w:val="{text}"/></w:lvl>'


def test_numbers_run_by_level_restart_and_follow_their_format(save):
    formats = ["lowerLetter", "upperRoman", "chineseCountingThousand", "upperLetter", "lowerRoman"]
    abstract = [level(0, "decimal", "%1.") + level(1, "decimal", "%1.%2")]
    abstract += [level(0, style, "第%1章" if "chinese" in style else "(%1)", 12) for style in formats]
    numbering = "".join(
        f'<w:abstractNum w:abstractNumId="{number}">{levels}</w:abstractNum>' for number, levels in enumerate(abstract)
    )
    numbering += "".join(
        f'<w:num w:numId="{number + 1}"><w:abstractNumId w:val="{number}"/></w:num>' for number in range(len(abstract))
    )
    numbering += (
        '<w:num w:numId="9"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/>'
        "</w:lvlOverride></w:num>"
    )
    places = [(1, 0), (1, 1), (1, 1), (1, 0), (1, 1), (9, 0), (9, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0)]
    body = "".join(p("x", numbered(*place)) for place in places)
    text = read(save("n.docx", package(body, numbering=numbering))).text
    labels = [line.removesuffix(" x") for line in text.split("\n")]
    assert labels == ["1.", "1.1", "1.2", "2.", "2.1", "7.", "8.", "(l)", "(XII)", "第十二章", "(L)", "(xii)"]


def test_numbers_of_other_formats_and_of_levels_in_digits(save):
    legal = level(1, "decimal", "%1.%2").replace("</w:lvl>", "<w:isLgl/></w:lvl>")
    levels = level(0, "upperRoman", "Article %1", 4) + legal
    levels += level(2, "decimalZero", "%3") + level(3, "decimalEnclosedCircle", "%4")
    numbering = f'<w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>'
    numbering += '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    body = "".join(p("x", numbered(1, depth)) for depth in range(4))
    text = read(save("n.docx", package(body, numbering=numbering))).text
    assert text.split("\n") == ["Article IV x", "4.1 x", "01 x", "① x"]


def test_text_boxes_moves_and_tab_stops_are_read_once(save):
    box = "<w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent>"
    body = (
        p("stops", '<w:tabs><w:tab w:val="left" w:pos="1"/></w:tabs>')
        + "<w:p><w:r><w:t>before</w:t><mc:AlternateContent><mc:Choice>{box}</mc:Choice>"
        + f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent><w:t>after</w:t></w:r></w:p>"
        + "<w:p><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>"
        + "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        + "<w:moveTo><w:r><w:t>moved</w:t></w:r></w:moveTo><w:ins><w:r><w:tab/><w:t>new</w:t></w:r></w:ins></w:p>"
    )
    assert read(save("b.docx", package(body))).text.split("\n") == ["stops", "before", "box", "after", "moved\tnew"]


def test_footnotes_are_read_and_repeated_headers_once(save):
    note = '<w:footnote w:id="2"><w:p><w:r><w:footnoteRef/><w:t>note</w:t></w:r></w:p></w:footnote>'
    references = section(
        ("header1", "default"), ("header2", "first"), ("footer1", "default"), properties="<w:titlePg/>"
    )
    body = p("body", runs='<w:r><w:footnoteReference w:id="2"/></w:r>') + references
    data = package(body, header1=p("head"), header2=p("head"), footnotes=note, footer1=p("foot"))
    assert read(save("f.docx", data)).text.split("\n") == ["head", "body[1]", "[1] note", "foot"]


@pytest.mark.parametrize("main", ["word/document2.xml", "documents/text.xml", "document.xml"])
def test_other_main_parts(save, main):
    assert read(save("o.docx", package(p("body"), main=main))).text == "body"


def test_the_strict_namespace(save):
    equation = "<m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath>"
    data = package(p("body ", runs=equation) + section(("header1", "default")), strict=True, header1=p("head"))
    assert read(save("s.docx", data)).text == "head\nbody x=1"


def test_a_docx_is_known_by_its_content(save):
    assert read(save("renamed.txt", package(p("body")))).kind == "docx"
    assert refusal(save("text.docx", b"only text")) == "not_a_docx"
    sheet = {"_rels/.rels": relations(("r1", "officeDocument", "xl/workbook.xml")), "xl/workbook.xml": "<workbook/>"}
    assert refusal(save("sheet.docx", archive(sheet))) == "no_text", "a workbook by its content"
    assert refusal(save("plain.zip", archive({"a.txt": "a"}))) == "not_a_document"


def test_password_and_old_office_files(save):
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
    assert refusal(save("old.doc", ole)) == "not_a_document"
    assert refusal(save("locked.docx", ole + "EncryptedPackage".encode("utf-16-le"))) == "password"


def test_no_text(save):
    assert refusal(save("e.docx", written(lambda document: None))) == "no_text"


@pytest.mark.parametrize("share", [0.2, 0.9, 0.99])
def test_a_cut_off_docx_is_damaged(save, share):
    data = written(lambda document: document.add_paragraph("text"))
    assert refusal(save("cut.docx", data[: int(len(data) * share)])) == "damaged"


def test_broken_xml_is_damaged(save):
    assert refusal(save("x.docx", package("<w:p>"))) == "damaged"


def test_zip_bomb_is_refused_before_it_is_unpacked(save):
    data = package("<!--" + " " * (65 << 20) + "-->")
    assert len(data) < 1_000_000
    assert refusal(save("bomb.docx", data)) == "too_complex"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_dtds_are_refused(save, encoding):
    secret = save("secret.txt", b"secret")
    xml = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    xml += f'<w:document xmlns:w="{W}"><w:p><w:r><w:t>&e;</w:t></w:r></w:p></w:document>'
    files = {"_rels/.rels": relations(("r1", "officeDocument", "word/document.xml"))}
    data = archive(files | {"word/document.xml": xml.encode(encoding)})
    assert refusal(save("dtd.docx", data)) == "too_complex"


def test_deeply_nested_xml_ends(save):
    data = package("<w:p>" * 50_000 + "</w:p>" * 50_000)
    assert refusal(save("deep.docx", data)) == "too_complex"


def test_character_limit(save):
    path = save("a.docx", package(p("x" * 101)))
    assert refusal(path, Documents(max_characters=100)) == "too_many_characters"
