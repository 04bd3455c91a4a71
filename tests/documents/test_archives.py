"""Types that are archives of XML: workbooks, presentations, e-books, OpenDocument texts."""

import io
import zipfile

import pytest

from glyph_demo.documents.cell_formats import shown
from glyph_demo.settings import Documents
from tests.documents.uploads import read, refusal

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
BOOK = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{OFFICE}"'
SLIDE = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:r="{OFFICE}"'
)


def lines(document):
    return [line for line in document.text.split("\n") if line]


def packed(parts, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, text in parts.items():
            archive.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else compression)
    return out.getvalue()


def relations(**targets):
    """Relationships by id; a target is (kind, path)."""
    inner = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{path}"/>' for key, (kind, path) in targets.items()
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )


def workbook(rows, sheets=None, strings=(), styles="", properties="", states=None):
    sheets = sheets or {"Ports": rows}
    states = states or {}
    parts = {
        "_rels/.rels": relations(a=("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {BOOK}>{properties}<sheets>"
        + "".join(f'<sheet name="{n}" r:id="s{i}" state="{states.get(n, "visible")}"/>' for i, n in enumerate(sheets))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            t=("sharedStrings", "sharedStrings.xml"),
            f=("styles", "/xl/styles.xml"),
            **{f"s{i}": ("worksheet", f"worksheets/sheet{i}.xml") for i in range(len(sheets))},
        ),
        "xl/sharedStrings.xml": f"<sst {BOOK}>{''.join(f'<si>{text}</si>' for text in strings)}</sst>",
        "xl/styles.xml": f"<styleSheet {BOOK}>{styles}</styleSheet>",
    }
    for i, text in enumerate(sheets.values()):
        parts[f"xl/worksheets/sheet{i}.xml"] = f"<worksheet {BOOK}>{text}</worksheet>"
    return packed(parts)


def sheet_rows(*rows):
    cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
    return "".join("<row>" + "".join(cell.format(text) for text in row) + "</row>" for row in rows)


def data(*rows):
    return f"<sheetData>{sheet_rows(*rows)}</sheetData>"


STRINGS = ["<t>port</t>", "<r><t>fa</t></r><r><t>re</t></r>", "<t>Elvik</t><rPh sb='0' eb='1'><t>エ</t></rPh>"]


def test_a_sheet_has_its_name_and_labelled_rows(save):
    rows = (
        '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
        '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><f>40+5</f><v>45</v></c></row>'
        '<row r="3"><c r="A3" t="str"><f>"Mor"</f><v>Morra</v></c><c r="B3" t="e"><v>#N/A</v></c>'
        '<c r="C3" t="b"><v>1</v></c></row></sheetData>'
    )
    document = read(save("ports.xlsx", workbook(rows, strings=STRINGS)))
    assert lines(document) == ["Ports", "port: Elvik; fare: 45.", "port: Morra; fare: #N/A; TRUE."]
    assert document.kind == "xlsx"
    assert not document.warnings


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.1 + 0.2, "", "0.3"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (0.25, "0%", "25%"),
        (0.1234, "0.0%", "12.3%"),
        (45446, "yyyy-mm-dd", "2024-06-03"),
        (45446.75, "d.m.yyyy hh:mm", "2024-06-03 18:00"),
        (0.75, "h:mm", "18:00"),
        (1.5, "[h]:mm", "36:00"),
        (45446, "mmm yyyy", "2024-06"),
        (45, '0 "crowns"', "45 crowns"),
        (45, '"Day "0', "Day 45"),
        (45, "[$kr-414] #,##0", "kr 45"),
        (-45, "#,##0;[Red](#,##0)", "(45)"),
        (-45, "0.0", "-45.0"),
        (0, '0;-0;"none"', "none"),
        (3.5, "# ?/?", "3.5"),
        (1e20, "General", "100000000000000000000"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (1e300, "yyyy-mm-dd", "#####"),
        (-5e9, "d.m.yyyy", "#####"),
        (45, ";;;", ""),
        (0, "0;-0;", ""),
        (-45, "0;", ""),
    ],
)
def test_a_number_is_read_as_its_cell_shows_it(value, code, text):
    assert shown(value, code) == text


def test_formats_of_a_workbook(save):
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="0.0&quot; m&quot;"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs>'
    )
    cells = '<c r="A1" s="1"><v>45446</v></c><c s="2"><v>7.5</v></c><c s="3"><v>0.5</v></c>'
    rows = f'<sheetData><row r="1">{cells}</row></sheetData>'
    assert lines(read(save("a.xlsx", workbook(rows, styles=styles)))) == ["Ports", "2024-06-03 | 7.5 m | 50%"]
    mac = workbook(rows, styles=styles, properties='<workbookPr date1904="1"/>')
    assert lines(read(save("a.xlsx", mac)))[1].startswith("2028-06-04")


def test_hidden_sheets_rows_and_columns_are_left_out_and_said(save):
    shown_sheet = (
        '<cols><col min="2" max="2" hidden="1"/></cols><sheetData>'
        + sheet_rows(["port", "secret", "fare"], ["Elvik", "x", "45"])
        + '<row hidden="1"><c t="inlineStr"><is><t>Morra</t></is></c></row></sheetData>'
    )
    sheets = {"Ports": shown_sheet, "Old": data(["Sund", "12"]), "Worse": data(["Varde", "1"])}
    document = read(save("a.xlsx", workbook("", sheets, states={"Old": "hidden", "Worse": "veryHidden"})))
    assert lines(document) == ["Ports", "port: Elvik; fare: 45."]
    said = " ".join(notice.en for notice in document.warnings)
    assert "2 hidden sheet(s) were left out: Old, Worse" in said
    assert "1 hidden row(s) and 1 hidden column(s)" in said


def test_merged_cells_gaps_and_two_tables_of_a_sheet(save):
    rows = (
        f"<sheetData>{sheet_rows(['Fares'], ['port', '', 'fare'], ['Elvik', '', '45'])}"
        '<row><c r="C4"><v>30</v></c></row>'
        f'<row r="6"/>{sheet_rows(["Crew"], ["name", "age"], ["Ole", "51"])}</sheetData>'
        '<mergeCells><mergeCell ref="A3:A4"/></mergeCells>'
    )
    assert lines(read(save("a.xlsx", workbook(rows)))) == [
        "Ports", "Fares", "port: Elvik; fare: 45.", "port: Elvik; fare: 30.", "Crew", "name: Ole; age: 51.",
    ]  # fmt: skip


def test_formulas_without_a_result_are_said(save):
    rows = '<sheetData><row r="1"><c r="A1"><f>1+1</f></c><c r="B1"><v>7</v></c></row></sheetData>'
    assert "1 formula(s)" in read(save("a.xlsx", workbook(rows))).warnings[0].en


def test_parts_that_a_program_names_in_its_own_way(save):
    with zipfile.ZipFile(io.BytesIO(workbook(data(["Elvik", "45"])))) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    upper = {name.replace("worksheets/sheet0", "Worksheets/Sheet0"): part for name, part in parts.items()}
    assert lines(read(save("a.xlsx", packed(upper)))) == ["Ports", "Elvik | 45"]
    back = {name.replace("/", "\\"): part for name, part in parts.items()}
    assert lines(read(save("a.xlsx", packed(back)))) == ["Ports", "Elvik | 45"]


def test_what_lies_over_the_cells_of_a_sheet(save):
    text = "<a:p><a:r><a:t>All fares are void.</a:t></a:r></a:p>"
    drawing = (
        f'<d:wsDr xmlns:d="d" {SLIDE}><d:twoCellAnchor><d:sp><d:txBody>{text}</d:txBody></d:sp></d:twoCellAnchor>'
        '<d:oneCellAnchor><d:pic><d:nvPicPr><d:cNvPr descr="a red crane"/></d:nvPicPr></d:pic></d:oneCellAnchor>'
        "<d:oneCellAnchor><d:pic/></d:oneCellAnchor></d:wsDr>"
    )
    extra = {
        "xl/worksheets/_rels/sheet0.xml.rels": relations(
            d=("drawing", "../drawings/drawing1.xml"), c=("comments", "../comments1.xml")
        ),
        "xl/drawings/drawing1.xml": drawing,
        "xl/comments1.xml": f"<comments {BOOK}><commentList><comment/></commentList></comments>",
    }
    with zipfile.ZipFile(io.BytesIO(workbook(data(["Elvik", "45"])))) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    document = read(save("a.xlsx", packed(parts | extra)))
    assert lines(document) == ["Ports", "Elvik | 45", "All fares are void.", "[picture: a red crane]"]
    assert [notice.en.partition(" w")[0].partition(" a")[0] for notice in document.warnings] == [
        "1 comment(s)",
        "1 picture(s)",
    ]


def test_hostile_workbooks(save):
    odd = '<sheetData><row r="1"><c s="0"><v>NaN</v></c><c><v>1e999</v></c><c><v>7</v></c></row></sheetData>'
    assert "NaN | 1e999 | 7" in read(save("odd.xlsx", workbook(odd))).text
    far = '<row r="1"><c r="XFD1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>2</v></c></row>'
    assert "2" in read(save("far.xlsx", workbook(f"<sheetData>{far}</sheetData>"))).text
    bomb = workbook(data(["x" * 1000] * 300) + " " * (140 << 20))
    assert len(bomb) < 1 << 20
    assert refusal(save("bomb.xlsx", bomb)) == "too_complex"
    merged = '<mergeCells><mergeCell ref="A1:A1048576"/></mergeCells>'
    many = workbook(data(["x" * 5000], *(["", f"y{n}"] for n in range(100))) + merged)
    assert refusal(save("merged.xlsx", many), Documents(max_characters=100_000)) == "too_many_characters"
    dtd = workbook('<!DOCTYPE x [<!ENTITY e "ha">]><sheetData/>')
    assert refusal(save("dtd.xlsx", dtd)) == "too_complex"
    assert refusal(save("cut.xlsx", workbook(data(["a", "b"]))[:-200])) in ("damaged", "not_a_xlsx", "not_a_document")
    assert refusal(save("deep.xlsx", workbook("<a>" * 200_000 + "</a>" * 200_000))) in ("no_text", "too_complex")
    assert refusal(save("named.xlsx", b"plain text")) == "not_a_xlsx"
    assert read(save("named.docx", workbook(data(["a", "b"])))).kind == "xlsx"


def shape(text, kind="", extra=""):
    placeholder = f'<p:ph type="{kind}"/>' if kind else ""
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" name="x"{extra}/><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr>'
        f"<p:txBody>{paragraphs}</p:txBody></p:sp>"
    )


def presentation(*slides, extra=None):
    order = [2, 1, *range(3, len(slides) + 1)][: len(slides)] if len(slides) > 1 else [1]
    ids = "".join(f'<p:sldId id="{256 + n}" r:id="s{n}"/>' for n in order)
    parts = {
        "_rels/.rels": relations(a=("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {SLIDE}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            **{f"s{n}": ("slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1)}
        ),
    }
    for number, (shapes, attributes) in zip(order, slides, strict=True):
        parts[f"ppt/slides/slide{number}.xml"] = (
            f"<p:sld {SLIDE}{attributes}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
    return packed(parts | (extra or {}))


def test_slides_are_parts_in_the_order_of_the_show_with_titles_first(save):
    first = shape("Fee is 45.\nFor all.", "body") + shape("Ferry", "title") + shape("3", "sldNum")
    group = f"<p:grpSp><p:nvGrpSpPr><p:cNvPr id='2'/></p:nvGrpSpPr>{shape('in a group')}</p:grpSp>"
    document = read(save("a.pptx", presentation((first, ""), (group + shape("gone", extra=' hidden="1"'), ""))))
    assert document.text == "Ferry\nFee is 45.\nFor all.\nin a group"
    assert [(mark.kind, mark.number) for mark in document.marks] == [("page", 1), ("page", 2)]
    assert document.kind == "pptx"


def test_tables_pictures_charts_and_notes_of_a_slide(save):
    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    rows = "".join(
        f"<a:tr>{''.join(cell.format(text) for text in row)}</a:tr>" for row in (["port", "fare"], ["Elvik", "45"])
    )
    frame = (
        "<p:graphicFrame><p:nvGraphicFramePr/><a:graphic><a:graphicData>{}</a:graphicData></a:graphic></p:graphicFrame>"
    )
    shapes = (
        frame.format(f"<a:tbl>{rows}</a:tbl>")
        + '<p:pic><p:nvPicPr><p:cNvPr id="4" descr="a red crane"/></p:nvPicPr></p:pic>'
        + frame.format('<c:chart xmlns:c="c" r:id="c1"/>')
    )
    points = "<c:{0}><c:x><c:pt idx='0'><c:v>{1}</c:v></c:pt></c:x></c:{0}>"
    chart = (
        f'<c:chartSpace xmlns:c="c" {SLIDE}><c:chart><c:title><a:p><a:r><a:t>Ships</a:t></a:r></a:p></c:title><c:ser>'
        + points.format("tx", "2024")
        + points.format("cat", "Sund")
        + points.format("val", "388")
        + "</c:ser></c:chart></c:chartSpace>"
    )
    notes = f"<p:notes {SLIDE}><p:cSld><p:spTree>{shape('Say hello.', 'body')}</p:spTree></p:cSld></p:notes>"
    extra = {
        "ppt/slides/_rels/slide1.xml.rels": relations(
            c1=("chart", "../charts/chart1.xml"), n=("notesSlide", "../notesSlides/n1.xml")
        ),
        "ppt/charts/chart1.xml": chart,
        "ppt/notesSlides/n1.xml": notes,
    }
    document = read(save("a.pptx", presentation((shapes, ""), extra=extra)))
    assert lines(document) == [
        "port | fare", "Elvik | 45", "[picture: a red crane]", "Ships", "Sund; 2024: 388.", "Notes: Say hello.",
    ]  # fmt: skip


def slide_table(*rows, properties=""):
    cell = "<a:tc{}><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    cells = [[(text, "") if isinstance(text, str) else text for text in row] for row in rows]
    inner = "".join("<a:tr>" + "".join(cell.format(span, text) for text, span in row) + "</a:tr>" for row in cells)
    table = f"<a:tbl><a:tblPr {properties}/>{inner}</a:tbl>"
    graphic = f"<a:graphic><a:graphicData>{table}</a:graphicData></a:graphic>"
    return f"<p:graphicFrame><p:nvGraphicFramePr/>{graphic}</p:graphicFrame>"


def test_tables_of_slides_keep_their_columns(save):
    merged = [("Elvik", ' rowSpan="2"'), "45"], [("STALE", ' vMerge="1"'), "30"]
    wide = [("closed", ' gridSpan="2"'), ("STALE", ' hMerge="1"')]
    names = slide_table(["port", "fare"], *merged, wide, properties='firstRow="1"')
    plain = slide_table(["Elvik", "45"], *merged)
    assert lines(read(save("a.pptx", presentation((names + plain, ""))))) == [
        "port: Elvik; fare: 45.", "port: Elvik; fare: 30.", "closed", "Elvik | 45", "Elvik | 45", "Elvik | 30",
    ]  # fmt: skip


def test_numbers_equations_and_symbols_of_slides(save):
    def item(text, number, level=0):
        return f'<a:p><a:pPr lvl="{level}">{number}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>'

    number, letter = '<a:buAutoNum type="arabicPeriod" startAt="3"/>', '<a:buAutoNum type="alphaLcParenR"/>'
    text = item("boil", number) + item("warm", letter, 1) + item("cold", letter, 1) + item("serve", number)
    text += item("", number) + item("rest", "") + item("again", number)
    math = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    half = "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f>"
    text += f'<a:p><a14:m xmlns:a14="x"><m:oMath xmlns:m="{math}">{half}</m:oMath></a14:m></a:p>'
    text += '<a:p><a:r><a:rPr><a:sym typeface="Wingdings"/></a:rPr><a:t>ü</a:t></a:r><a:r><a:t> paid</a:t></a:r></a:p>'
    slide = f"<p:sp><p:txBody>{text}</p:txBody></p:sp>"
    assert lines(read(save("a.pptx", presentation((slide, ""))))) == [
        "3. boil", "a) warm", "b) cold", "4. serve", "rest", "3. again", "a/b", "✓ paid",
    ]  # fmt: skip


def test_what_is_not_read_of_slides_is_said(save):
    picture = '<p:pic><p:nvPicPr><p:cNvPr id="4"/></p:nvPicPr></p:pic>'
    embedded = "<p:graphicFrame><p:nvGraphicFramePr/><a:graphic><p:oleObj/></a:graphic></p:graphicFrame>"
    extra = {
        "ppt/slides/_rels/slide1.xml.rels": relations(c=("comments", "../comments/c1.xml")),
        "ppt/comments/c1.xml": f"<p:cmLst {SLIDE}><p:cm><p:text>no</p:text></p:cm><p:cm/></p:cmLst>",
    }
    document = read(save("a.pptx", presentation((shape("one") + picture + embedded, ""), extra=extra)))
    assert document.text == "one"
    assert [notice.en.partition(".")[0] for notice in document.warnings] == [
        "2 comment(s) were left out",
        "1 embedded object(s) are not read",
        "1 picture(s) without a description are not read",
    ]


def test_hidden_slides_are_left_out_and_said(save):
    document = read(save("a.pptx", presentation((shape("one"), ""), (shape("two"), ' show="0"'))))
    assert document.text == "one"
    assert "1 hidden slide(s)" in document.warnings[0].en


def test_hostile_presentations(save):
    deep = "<p:grpSp>" * 50_000 + shape("deep") + "</p:grpSp>" * 50_000
    assert read(save("deep.pptx", presentation((deep, "")))).text == "deep"
    two = presentation((shape("a"), ""), (shape("b"), ""))
    assert refusal(save("many.pptx", two), Documents(max_pages=1)) == "too_many_slides"
    assert refusal(save("bomb.pptx", presentation((" " * (140 << 20), "")))) == "too_complex"
    assert refusal(save("dtd.pptx", presentation(('<!DOCTYPE x [<!ENTITY e "ha">]>', "")))) == "too_complex"
    assert refusal(save("named.pptx", b"plain text")) == "not_a_pptx"


def book(*chapters, extra=None):
    items = "".join(f'<item id="c{n}" href="text/c%20{n}.xhtml"/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in reversed(range(len(chapters))))
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OEBPS/a.opf"/></rootfiles></container>',
        "OEBPS/a.opf": "<package><metadata><title>The Ferry</title><creator>Ole Brandt</creator></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    parts |= {f"OEBPS/text/c {n}.xhtml": f"<html><body>{text}</body></html>" for n, text in enumerate(chapters)}
    return packed(parts | (extra or {}))


def test_a_book_is_read_in_its_order(save):
    document = read(save("a.epub", book("<h1>Two</h1><p>The fee is&#160;45.", "<h1>One</h1><script>9</script>")))
    assert lines(document) == ["The Ferry", "Ole Brandt", "One", "Two", "The fee is 45."]
    assert document.kind == "epub"


def test_the_contents_of_a_book_are_not_read_twice(save):
    package = (
        "<package><metadata/><manifest><item id='n' href='nav.xhtml' properties='nav'/><item id='c' href='c.xhtml'/>"
        "</manifest><spine><itemref idref='n'/><itemref idref='c'/></spine></package>"
    )
    pages = {
        "OEBPS/nav.xhtml": "<html><body><ol><li>One</ol></body></html>",
        "OEBPS/c.xhtml": "<html><body><h1>One</h1>",
    }
    assert read(save("a.epub", book(extra={"OEBPS/a.opf": package} | pages))).text == "One"


def test_encrypted_books_and_garbled_fonts(save):
    def encryption(method, path):
        return {
            "META-INF/encryption.xml": f'<encryption><EncryptedData><EncryptionMethod Algorithm="{method}"/>'
            f'<CipherData><CipherReference URI="{path}"/></CipherData></EncryptedData></encryption>'
        }

    aes = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/text/c%200.xhtml")
    assert refusal(save("a.epub", book("x", extra=aes))) == "password"
    font = encryption("http://www.idpf.org/2008/embedding", "OEBPS/a.otf")
    assert lines(read(save("a.epub", book("x", extra=font))))[-1] == "x"


def test_hostile_books(save):
    assert refusal(save("bomb.epub", book(" " * (140 << 20)))) == "too_complex"
    assert (
        refusal(save("long.epub", book("x" * 600, "x" * 600)), Documents(max_characters=1000)) == "too_many_characters"
    )
    assert refusal(save("named.epub", b"plain text")) == "not_a_epub"
    outside = {"META-INF/container.xml": '<c><r full-path="../../etc/passwd"/></c>'}
    assert refusal(save("out.epub", book("x", extra=outside))) == "damaged"


def odt(body, styles="", extra=None):
    names = 'xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:style="s" xmlns:draw="d"'
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {names}>"
            f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:text>{body}</office:text></office:body></office:document-content>",
            "META-INF/manifest.xml": "<manifest/>",
        }
        | (extra or {})
    )


def test_an_opendocument_text(save):
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        '<text:h>Ferry<text:s text:c="2"/>notes</text:h>'
        "<text:p>The <text:span>fee</text:span>\n  is 45.<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>In crowns.</text:p></text:note-body></text:note> For<text:line-break/>all.</text:p>"
        "<text:list><text:list-item><text:p>milk</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>Elvik</text:p></table:table-cell>"
        '<table:table-cell table:number-columns-repeated="2"><text:p>45</text:p></table:table-cell>'
        '<table:table-cell table:number-columns-repeated="1000"/></table:table-row></table:table>'
        '<text:p text:style-name="H">hidden</text:p>'
    )
    styles = '<style:style style:name="H"><style:text-properties text:display="none"/></style:style>'
    document = read(save("a.odt", odt(body, styles)))
    assert lines(document) == ["Ferry  notes", "The fee is 45. For", "all.", "In crowns.", "• milk", "Elvik | 45 | 45"]
    assert document.kind == "odt"


def test_comments_of_an_opendocument_text_are_said(save):
    body = "<text:p>a<office:annotation><text:p>no</text:p></office:annotation>b</text:p>"
    document = read(save("a.odt", odt(body)))
    assert document.text == "ab"
    assert "1 comment(s)" in document.warnings[0].en


def test_hostile_opendocument_texts(save):
    locked = {"META-INF/manifest.xml": "<manifest><file-entry><encryption-data/></file-entry></manifest>"}
    assert refusal(save("a.odt", odt("x", extra=locked))) == "password"
    assert refusal(save("a.odt", odt("<text:span>" * 50_000 + "</text:span>" * 50_000))) == "too_complex"
    assert refusal(save("a.odt", odt("", extra={"content.xml": " " * (140 << 20)}))) == "too_complex"
    assert refusal(save("a.odt", b"plain text")) == "not_a_odt"
