"""DOCX: pictures, charts, diagrams, and files inside the file."""

import pytest

from tests.documents.docx_files import NAMESPACES, p, package, row, section, t
from tests.documents.uploads import read


def drawing(content: str, properties: str = "", extension: str = "") -> str:
    graphic = f"<a:graphic><a:graphicData>{content}</a:graphicData></a:graphic>"
    inline = f"<wp:inline><wp:docPr {properties}>{extension}</wp:docPr>{graphic}</wp:inline>"
    return f"<w:r><w:drawing>{inline}</w:drawing></w:r>"


def picture(properties: str = "") -> str:
    return f"<pic:pic><pic:nvPicPr><pic:cNvPr {properties}/></pic:nvPicPr></pic:pic>"


def warned(document) -> list[str]:
    """The first sentences of the warnings, which exist in both languages."""
    assert all(message.zh.endswith("。") and "{" not in message.zh for message in document.warnings)
    return [message.en.partition(". ")[0] for message in document.warnings]


def test_pictures_are_named_where_they_stand_or_counted(save):
    old = '<w:r><w:pict><v:shape {}><v:imagedata r:id="x"/></v:shape></w:pict></w:r>'
    runs = drawing(picture(), 'descr="a red door"') + drawing(picture(), 'title="Plan"') + old.format('alt="a map"')
    runs += drawing(picture('descr="one"') + picture('descr="two"') + picture()) + drawing(picture()) + old.format("")
    document = read(save("a.docx", package(p("See", runs=runs + t(" here.")))))
    names = ("a red door", "Plan", "a map", "one", "two")
    assert document.text == "See " + " ".join(f"[picture: {name}]" for name in names) + " here."
    assert warned(document) == ["3 picture(s) without a description are not read"]


def test_pictures_that_nobody_sees_do_not_count(save):
    mark = '<adec:decorative xmlns:adec="http://schemas.microsoft.com/office/drawing/2017/decorative" val="1"/>'
    decorative = drawing(picture(), extension=f"<a:extLst><a:ext>{mark}</a:ext></a:extLst>")
    hidden = drawing(picture('descr="HIDDEN"'), 'hidden="1"')
    document = read(save("a.docx", package(p("x", runs=decorative + hidden))))
    assert (document.text, document.warnings) == ("x", ())


def title(text: str) -> str:
    return f"<c:title><c:tx><c:rich><a:p><a:r><a:t>{text}</a:t></a:r></a:p></c:rich></c:tx></c:title>"


def stored(name: str, *values: str) -> str:
    """A part of a series, its last point first."""
    points = [f'<c:pt idx="{place}"><c:v>{text}</c:v></c:pt>' for place, text in enumerate(values)]
    return f"<c:{name}><c:strRef><c:strCache>{''.join(reversed(points))}</c:strCache></c:strRef></c:{name}>"


SERIES = stored("tx", "Tolm") + stored("cat", "2023", "2024") + stored("val", "4", "5")
SCATTER = stored("xVal", "1.5") + stored("yVal", "7")
CHART = (
    f"<c:chartSpace {NAMESPACES}><c:chart>{title('Visitors')}<c:plotArea><c:barChart><c:ser>{SERIES}</c:ser>"
    f"<c:ser>{SCATTER}</c:ser></c:barChart><c:valAx>{title('thousands')}</c:valAx></c:plotArea></c:chart></c:chartSpace>"
)


def test_charts_are_lines_of_their_series(save):
    runs = drawing('<c:chart r:id="chart1.xml"/>')
    data = package(p("Before", runs=runs) + p("After"), others={"chart1.xml": ("chart", CHART)})
    assert read(save("a.docx", data)).text.split("\n") == [
        "Before",
        "Visitors",
        "thousands",
        "Tolm | 2023: 4 | 2024: 5",
        "1.5: 7",
        "After",
    ]


def test_names_in_levels_are_those_nearest_the_axis(save):
    levels = "".join(f'<c:lvl><c:pt idx="0"><c:v>{name}</c:v></c:pt></c:lvl>' for name in ("May", "2024"))
    names = f"<c:cat><c:multiLvlStrRef><c:multiLvlStrCache>{levels}</c:multiLvlStrCache></c:multiLvlStrRef></c:cat>"
    series = f"<c:ser>{stored('tx', 'Tolm')}{names}{stored('val', '4')}</c:ser>"
    chart = f"<c:chartSpace {NAMESPACES}><c:chart><c:plotArea>{series}</c:plotArea></c:chart></c:chartSpace>"
    data = package(p("x", runs=drawing('<c:chart r:id="c.xml"/>')), others={"c.xml": ("chart", chart)})
    assert read(save("a.docx", data)).text == "x\nTolm | May: 4"


def test_charts_of_later_versions(save):
    cx = 'xmlns:cx="http://schemas.microsoft.com/office/drawing/2014/chartex"'
    kinds = '<cx:strDim><cx:lvl><cx:pt idx="0">Rent</cx:pt></cx:lvl></cx:strDim>'
    kinds += '<cx:numDim><cx:lvl><cx:pt idx="0">900</cx:pt></cx:lvl></cx:numDim>'
    series = "<cx:series><cx:tx><cx:txData><cx:v>Costs</cx:v></cx:txData></cx:tx><cx:dataId val='0'/></cx:series>"
    chart = (
        f"<cx:chartSpace {cx}><cx:chartData><cx:data id='0'>{kinds}</cx:data></cx:chartData>{series}</cx:chartSpace>"
    )
    runs = drawing(f'<cx:chart {cx} r:id="c.xml"/>')
    alternatives = f"<mc:AlternateContent><mc:Choice>{runs}</mc:Choice><mc:Fallback>{drawing(picture())}</mc:Fallback>"
    data = package(p("x", runs=f"{alternatives}</mc:AlternateContent>"), others={"c.xml": ("chartEx", chart)})
    document = read(save("a.docx", data))
    assert (document.text, document.warnings) == ("x\nCosts | Rent: 900", ())


def point(name: str, text: str = "", kind: str = "node") -> str:
    return f'<dgm:pt modelId="{name}" type="{kind}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'


def link(source: str, target: str, order: int) -> str:
    return f'<dgm:cxn srcId="{source}" destId="{target}" srcOrd="{order}"/>'


def test_diagrams_give_their_texts_in_order(save):
    points = [
        point("0", kind="doc"),
        point("2", "Second"),
        point("1", "First"),
        point("3", "Below"),
        point("4", "NO", "pres"),
    ]
    links = [link("0", "1", 0), link("0", "2", 1), link("1", "3", 0), link("3", "1", 0)]
    model = f"<dgm:dataModel {NAMESPACES}>{''.join(points + links)}</dgm:dataModel>"
    runs = drawing('<dgm:relIds r:dm="data1.xml"/>')
    data = package(p("x", runs=runs), others={"data1.xml": ("diagramData", model)})
    assert read(save("a.docx", data)).text.split("\n") == ["x", "First", "Below", "Second"]


def test_embedded_files_and_controls_are_named(save):
    ole = (
        '<w:r><w:object><v:shape><v:imagedata r:id="x"/></v:shape><o:OLEObject ProgID="{}" r:id="{}"/></w:object></w:r>'
    )
    runs = ole.format("Excel.Sheet.12", "costs.xlsx") + ole.format("Equation.3", "oleObject1.bin")
    runs += "<w:r><w:object><v:shape/><w:control/></w:object></w:r>"
    others = {"costs.xlsx": ("package", b"x"), "oleObject1.bin": ("oleObject", b"x")}
    assert warned(read(save("a.docx", package(p("x", runs=runs), others=others)))) == [
        "1 ActiveX control(s) are not read",
        "2 embedded file(s) are not read: costs.xlsx, Equation.3",
    ]


def chunk(name: str) -> str:
    return f'<w:altChunk r:id="{name}"/>'


MAIL = b"""MIME-Version: 1.0
Content-Type: multipart/related; boundary="b"

--b
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

<html><body><p>caf=C3=A9</p></body></html>
--b--
"""


@pytest.mark.parametrize(
    ("name", "data", "shown"),
    [
        (
            "a.html",
            b"<head><title>NO</title><style>NO</style></head><p>one<br>two</p><script>NO</script>",
            ["one", "two"],
        ),
        (
            "a.htm",
            b"<table><tr><td><p>a</p></td><th>b&amp;c</th></tr><tr><td></td><td>d</td></tr></table>",
            ["a | b&c", "d"],
        ),
        ("a.dat", b"<!DOCTYPE html><HTML><body>old</body>", ["old"]),
        ("a.txt", "eins\r\nzwölf".encode("utf-8-sig"), ["eins", "zwölf"]),
        ("a.mht", MAIL, ["café"]),
        ("a.rtf", b"{\\rtf1 3 \\u215 ? 10{\\super 6}\\par end}", ["3 × 10^6", "end"]),
        ("b.html", b"<table><tr><th>port<th>fare<tr><td>Elvik<td>45</table><p hidden>OUT", ["port: Elvik; fare: 45."]),
        ("c.html", b'<meta charset="koi8-r"><ol><li>' + "Плата".encode("koi8_r") + b"</ol>", ["1. Плата"]),
        ("a.docx", package(p("inner") + section(("header1", "default")), header1=p("NO")), ["inner"]),
    ],
)
def test_inserted_documents_are_read(save, name, data, shown):
    body = p("before") + chunk(name) + p("after")
    document = read(save("a.docx", package(body, others={name: ("aFChunk", data)})))
    assert [line.strip() for line in document.text.split("\n")] == [
        "before",
        *(line.strip() for line in shown),
        "after",
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", b"PK\x03\x04broken"),
        ("a.mht", b"Content-Type: image/png\n\nx"),
        ("a.bin", bytes(range(256))),
    ],
)
def test_inserted_documents_that_cannot_be_read_are_counted(save, name, data):
    document = read(save("a.docx", package(p("x") + chunk(name), others={name: ("aFChunk", data)})))
    assert document.text == "x"
    assert warned(document) == ["1 inserted document(s) could not be read"]


def test_documents_inside_documents_end(save):
    data = package(p("deepest"))
    for depth in range(5):
        data = package(p(str(depth)) + chunk("a.docx"), others={"a.docx": ("aFChunk", data)})
    document = read(save("a.docx", data))
    assert document.text.split("\n") == ["4", "3", "2", "1"]
    assert warned(document) == ["1 inserted document(s) could not be read"]


def test_drawings_in_cells_and_parts_that_are_missing(save):
    cell = p("x", runs=drawing('<c:chart r:id="gone.xml"/>') + drawing(picture(), 'descr="door"'))
    document = read(save("a.docx", package(f"<w:tbl>{row(f'<w:tc>{cell}</w:tc>', 'y')}</w:tbl>" + chunk("gone.docx"))))
    assert document.text == "x [picture: door] | y"
    assert warned(document)[0].startswith("2 part(s) of the file are missing")
