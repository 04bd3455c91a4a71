"""What a PDF holds beside the text of its pages, and which pages are pictures."""

import io
import random
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pypdf
import pytest
from PIL import Image, ImageDraw, ImageFont
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject
from reportlab.graphics.shapes import Drawing, PolyLine
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.garbled import is_garbled
from glyph_demo.documents.pdf import read_pdf
from glyph_demo.documents.problems import page_ranges, warning
from glyph_demo.errors import DocumentError
from tests.documents.test_pdf import raw_pdf
from tests.documents.uploads import lines_pdf, pdf, refusal

CASES = Path(__file__).parents[1] / "cases"
ENGLISH = """The harbour master keeps a book of all ships that come and go. In the spring of that year the council asked
for a new crane, because the old one could not lift the heavy blocks of stone from the quarry. The price was thought to
be high, and three members voted against it. The work began in May and was finished before the first storm of autumn."""


@pytest.fixture
def parse(tmp_path) -> Callable[[bytes], Parsed]:
    def parsed(data: bytes) -> Parsed:
        path = tmp_path / "a.pdf"
        path.write_bytes(data)
        return read_pdf(path, 1000, 10**6)

    return parsed


def case(name: str) -> Parsed:
    return read_pdf(CASES / name, 1000, 10**6)


@cache
def scan() -> ImageReader:
    """A page of printed lines as a picture."""
    picture = Image.new("L", (600, 840), 255)
    draw = ImageDraw.Draw(picture)
    for number in range(40):
        draw.text(
            (40, 30 + 20 * number), "The price agreed is 48,250 crowns for all of it.", 0, ImageFont.load_default(16)
        )
    return ImageReader(picture)


def paragraph(canvas: Canvas, text: str = ENGLISH, top: float = 780) -> None:
    lines = canvas.beginText(50, top)
    lines.textLines(text)
    canvas.drawText(lines)


def edited(data: bytes, edit: Callable[[pypdf.PdfWriter], object]) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    edit(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def note(kind: str, **values: object) -> DictionaryObject:
    rectangle = ArrayObject(NumberObject(number) for number in (10, 10, 30, 30))
    annotation = DictionaryObject({NameObject("/Subtype"): NameObject(kind), NameObject("/Rect"): rectangle})
    for key, value in values.items():
        annotation[NameObject(f"/{key}")] = TextStringObject(value) if isinstance(value, str) else value
    return annotation


def with_notes(*notes: DictionaryObject) -> bytes:
    def add(writer: pypdf.PdfWriter) -> None:
        writer.pages[0][NameObject("/Annots")] = ArrayObject(notes)

    return edited(lines_pdf("the page"), add)


# Which pages are pictures


def test_scanned_pages_between_pages_of_text_are_pictures():
    found = case("half-scan.pdf")
    assert found.pictures == [1, 3]
    assert found.warnings == {}


def test_names_of_glyphs_are_no_text_and_the_page_is_a_picture():
    found = case("glyph-names.pdf")
    assert found.pictures == [0]
    assert found.parts == [""]


def whole(canvas: Canvas) -> None:
    canvas.drawImage(scan(), 0, 0, 595, 842)


def stamped(canvas: Canvas) -> None:
    whole(canvas)
    canvas.drawString(60, 820, "Received by the archive of Norrby on 3 June 2024, file 12 of 40")
    canvas.drawString(250, 15, "NRB-0004471")
    canvas.saveState()
    canvas.translate(150, 200)
    canvas.rotate(55)
    canvas.setFont("Helvetica", 90)
    canvas.drawString(0, 0, "COPY ONLY")
    canvas.restoreState()


def footnoted(canvas: Canvas) -> None:
    """A long text at the foot, as archives of journals put it over every scan."""
    whole(canvas)
    terms = "This content was downloaded from an archive of journals on a day in June and is subject to its terms."
    for number in range(3):
        canvas.drawString(30, 40 - 12 * number, terms)


def strips(canvas: Canvas) -> None:
    for number in range(0, 842, 2):
        canvas.drawImage(scan(), 0, number, 595, 2)
    canvas.drawString(300, 10, "7")


def tiles(canvas: Canvas) -> None:
    for column in range(6):
        for row in range(8):
            canvas.drawImage(scan(), 100 * column, 105 * row, 100, 105)
    canvas.drawString(300, 10, "Page 7")


def within_a_form(canvas: Canvas) -> None:
    canvas.beginForm("scan")
    canvas.drawImage(scan(), 0, 0, 10, 10)
    canvas.endForm()
    canvas.saveState()
    canvas.scale(59.5, 84.2)
    canvas.doForm("scan")
    canvas.restoreState()
    canvas.drawString(300, 10, "Page 7")


def inline(canvas: Canvas) -> None:
    canvas.drawInlineImage(Image.new("L", (60, 84), 90), 0, 0, 595, 842)
    canvas.drawString(300, 10, "Page 7")


def below_some_lines(canvas: Canvas) -> None:
    """Much text above, a large picture below: the text is no text layer of that picture."""
    paragraph(canvas)
    canvas.drawImage(scan(), 20, 20, 555, 660)


def outlines(canvas: Canvas) -> None:
    """Letters as paths, with a page number."""
    for column in range(30):
        for row in range(30):
            path = canvas.beginPath()
            path.moveTo(50 + 15 * column, 100 + 20 * row)
            for step in range(1, 8):
                path.lineTo(50 + 15 * column + step, 100 + 20 * row + step % 3 * 4)
            path.close()
            canvas.drawPath(path, fill=1)
    canvas.drawString(300, 10, "7")


def shapes_alone(canvas: Canvas) -> None:
    canvas.rect(100, 100, 200, 200, fill=1)


@pytest.mark.parametrize(
    "draw",
    [whole, stamped, footnoted, strips, tiles, within_a_form, inline, below_some_lines, outlines, shapes_alone],
    ids=lambda draw: draw.__name__,
)
def test_a_page_that_is_a_picture_is_known_also_with_some_text_on_it(parse, draw):
    assert parse(pdf(draw)).pictures == [0]


def test_text_on_a_page_that_is_a_picture_is_kept(parse):
    assert "NRB-0004471" in parse(pdf(stamped)).parts[0]


def layered(canvas: Canvas) -> None:
    """A scan with the text layer of text recognition, which is invisible."""
    whole(canvas)
    layer = canvas.beginText(40, 800)
    layer.setTextRenderMode(3)
    layer.setLeading(20)
    layer.textLines("\n".join(ENGLISH.split("\n") * 8))
    canvas.drawText(layer)


def on_a_background(canvas: Canvas) -> None:
    whole(canvas)
    for number in range(8):
        paragraph(canvas, top=780 - 90 * number)


def with_a_logo(canvas: Canvas) -> None:
    canvas.drawImage(scan(), 400, 760, 100, 60)
    canvas.drawString(50, 700, "A short letter.")


def ruled(canvas: Canvas) -> None:
    canvas.grid([50 + 20 * number for number in range(20)], [100 + 20 * number for number in range(30)])
    canvas.drawString(55, 105, "12")


@pytest.mark.parametrize(
    "draw", [layered, on_a_background, with_a_logo, ruled, paragraph], ids=lambda draw: draw.__name__
)
def test_a_page_whose_text_is_right_is_read_from_its_text(parse, draw):
    found = parse(pdf(draw))
    assert found.pictures == []
    assert found.warnings == {}


def white_square(canvas: Canvas) -> None:
    canvas.setFillGray(1)
    canvas.rect(100, 100, 200, 200, stroke=0, fill=1)


@pytest.mark.parametrize("draw", [lambda canvas: canvas.showPage(), white_square], ids=["nothing", "white"])
def test_a_blank_page_is_no_picture_and_no_warning(parse, draw):
    found = parse(pdf(draw))
    assert (found.pictures, found.warnings) == ([], {})


def chart(canvas: Canvas) -> None:
    paragraph(canvas)
    drawing = Drawing(500, 300)
    drawing.add(PolyLine([place for x in range(0, 500, 10) for place in (x, (x * x) % 300)]))
    drawing.drawOn(canvas, 50, 50)


def photographs(canvas: Canvas) -> None:
    paragraph(canvas)
    canvas.drawImage(scan(), 50, 300, 300, 200)
    canvas.drawImage(scan(), 50, 50, 300, 200)
    canvas.drawImage(scan(), 500, 700, 50, 50)


def tiled_photograph(canvas: Canvas) -> None:
    paragraph(canvas)
    for number in range(40):
        canvas.drawImage(scan(), 50, 50 + 5 * number, 300, 5)


@pytest.mark.parametrize(
    ("draw", "count"), [(chart, 1), (photographs, 2), (tiled_photograph, 1)], ids=["chart", "photographs", "tiles"]
)
def test_figures_on_pages_of_text_are_counted_where_they_are_large(parse, draw, count):
    found = parse(pdf(draw))
    assert found.pictures == []
    assert found.warnings == {"figures": {"count": count, "pages": "1"}}


# Text that is none


def shifted(text: str, by: int) -> str:
    return "".join(letter if letter == "\n" else chr(ord(letter) + by) for letter in text)


def by_first_use(text: str) -> str:
    """Letters numbered as they come, from "!" on, as fonts that carry only the glyphs in use number them."""
    order = {letter: chr(33 + number) for number, letter in enumerate(dict.fromkeys(text.replace("\n", " ")))}
    return "".join(order.get(letter, letter) for letter in text)


@pytest.mark.parametrize(
    "text",
    [
        shifted(ENGLISH, -29),
        shifted(ENGLISH, -31),
        shifted(ENGLISH.upper(), 3),
        shifted(ENGLISH, 1),
        by_first_use(ENGLISH),
        "(cid:12)(cid:45)(cid:7) (cid:12)(cid:101)" * 9,
        "/C12/C45/C7/C101 /C12" * 20,
        "/g31/g2E\n/g21/g33/g2F" * 20,
        shifted(ENGLISH, 0xF000),
        "\ufffd\ufffd\ufffd \ufffd\ufffd",
        "Договор заключён сторонами в городе".encode("cp1251").decode("latin-1"),
        "合同由双方在本市签订，价格如下。合同由双方".encode("gbk").decode("latin-1"),
        ENGLISH + "\n" + shifted(ENGLISH, -29),
        shifted(ENGLISH, -29)[:60],
    ],
    ids=[
        *(
            "minus29",
            "minus31",
            "capitals",
            "plus1",
            "first-use",
            "cid",
            "C-names",
            "g-names",
            "private",
            "replacement",
        ),
        *("cyrillic", "chinese", "one-font-of-two", "short"),
    ],
)
def test_garbled_text_is_known(text):
    assert is_garbled(text)


NUMBERS = "\n".join(f"{n * 7919 % 9973:,}.{n % 90 + 10} | {n}% | ({n * 31}) | {n}/{n + 2}/2024" for n in range(40))
PARTS = "\n".join(f"KB-{n}-09 | X7R-{n}K | 0402 | R{n} | 10k | DIN 912 M{n}x16" for n in range(40))
CODE = Path(__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        ENGLISH.upper(),
        NUMBERS,
        PARTS,
        CODE,
        "",
        "7",
        "SWIFT: DNBANOKK\nBIC/IBAN NO93 8601 1117 947",
        "合同由双方在本市签订，价格如下。" * 20,
        "يلتزم الطرف الأول بدفع المبلغ المتفق عليه" * 9,
        "Стороны заключили договор о нижеследующем. " * 9,
        "Umowa została zawarta w dniu trzeciego czerwca w Łodzi, a następnie zmieniona przez obie strony. " * 4,
        "Mae pob person yn cael ei eni'n rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau. " * 4,
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi. " * 4,
        "Chapter one .......... 1\nChapter two .......... 14\n_____________\n==========\n***",
        "• one item\n\uf0b7 another item of the list\n\uf0b7 and a third one",
        "https://www.example.org/a/b?c=1&d=2\ninfo@example.org",
    ],
    ids=[
        *(
            "english",
            "capitals",
            "numbers",
            "parts",
            "code",
            "nothing",
            "digit",
            "bank",
            "chinese",
            "arabic",
            "russian",
        ),
        *("polish", "welsh", "vietnamese", "leaders", "bullets", "address"),
    ],
)
def test_text_of_all_kinds_is_no_garbage(text):
    assert not is_garbled(text)


def test_random_letters_and_long_lines_end(parse):
    chance = random.Random(1)
    assert is_garbled("".join(chance.choices("bcdfghjklmnpqrstvwxz", k=400_000)))


# Names of pages


def test_labels_of_pages_come_one_a_page():
    assert case("labels.pdf").labels == ["i", "ii", "1", "2"]


def test_labels_have_prefixes_letters_and_start_values(parse):
    def label(writer: pypdf.PdfWriter) -> None:
        writer.set_page_label(0, 1, "/A", prefix="App-")
        writer.set_page_label(2, 3, "/D", start=40)

    data = edited(lines_pdf("a", "b", "c", "d"), label)
    assert parse(data).labels == ["App-A", "App-B", "40", "41"]


def test_a_file_without_labels_has_none(parse):
    assert parse(lines_pdf("a", "b")).labels == ()


@pytest.mark.parametrize("tree", [b"7", b"<</Nums[0 7]>>", b"<</Kids[9 0 R]>>", b"<</Nums[(x) null]>>", b"[]"])
def test_broken_labels_are_none_or_one_a_page(parse, tree):
    data = raw_pdf(b"BT /F1 9 Tf 20 100 Td (kept) Tj ET", b"9 0 obj<</Kids[9 0 R]>>endobj")
    found = parse(data.replace(b"/Pages 2 0 R", b"/Pages 2 0 R/PageLabels " + tree))
    assert found.parts == ["kept"]
    assert len(found.labels) in (0, 1)


# Comments, files, layers, media


def test_comments_are_read_at_the_end_of_their_page(parse):
    data = with_notes(note("/Text", Contents="Ask Berg\rabout the fee"), note("/Highlight", Contents="too high"))
    assert parse(data).parts == ["the page\n[comment: Ask Berg about the fee]\n[comment: too high]"]


def test_what_is_no_comment_is_not_read_as_one(parse):
    hidden = note("/Text", Contents="hidden", F=NumberObject(2))
    drawn = note("/FreeText", Contents="drawn")
    empty = [
        note("/Link", Contents="a link"),
        note("/Popup", Contents="twice"),
        note("/Text"),
        note("/Ink", Contents=" "),
    ]
    assert "comment" not in parse(with_notes(hidden, drawn, *empty)).parts[0]


def test_attached_files_are_named(parse):
    assert case("portfolio.pdf").warnings["attached_files"] == {"count": 1, "names": "invoice.pdf"}

    def attach(writer: pypdf.PdfWriter) -> None:
        for number in range(7):
            writer.add_attachment(f"part\n{number}" + "x" * 90, b"data")

    values = parse(edited(lines_pdf("a"), attach)).warnings["attached_files"]
    assert values["count"] == 7
    names = values["names"].split(", ")
    assert [name[:6] for name in names] == ["part 0", "part 1", "part 2", "part 3", "part 4", "…"]
    assert max(map(len, names)) == 60


def test_files_attached_to_notes_and_pages_are_named(parse):
    def file(name: str) -> DictionaryObject:
        return DictionaryObject({NameObject("/F"): TextStringObject(name)})

    def associate(writer: pypdf.PdfWriter) -> None:
        writer.pages[0][NameObject("/AF")] = ArrayObject([file("data.csv")])
        writer.root_object[NameObject("/AF")] = ArrayObject([file("invoice.xml"), file("data.csv")])

    data = edited(with_notes(note("/FileAttachment", FS=file("plan.dwg"), Contents="the plan")), associate)
    found = parse(data)
    assert found.warnings == {"attached_files": {"count": 3, "names": "invoice.xml, data.csv, plan.dwg"}}
    assert found.parts == ["the page"]


def test_a_tree_of_attached_files_that_contains_itself_ends(parse):
    data = raw_pdf(b"BT /F1 9 Tf 20 100 Td (kept) Tj ET", b"9 0 obj<</Names[(a) 8 0 R]/Kids[9 0 R 9 0 R]>>endobj")
    found = parse(data.replace(b"/Pages 2 0 R", b"/Pages 2 0 R/Names<</EmbeddedFiles 9 0 R>>"))
    assert found.parts == ["kept"]
    assert found.warnings == {"attached_files": {"count": 1, "names": "?"}}


def layered_pdf(state: bytes) -> bytes:
    layers = b"/Pages 2 0 R/OCProperties<</OCGs[8 0 R 9 0 R]/D<<" + state + b">>>>"
    extra = b"8 0 obj<</Type/OCG/Name(Draft)>>endobj 9 0 obj<</Type/OCG/Name(Unused)>>endobj"
    data = raw_pdf(b"/OC /L BDC BT /F1 9 Tf 20 100 Td (kept) Tj ET EMC", extra).replace(b"/Pages 2 0 R", layers)
    return data.replace(b"/Resources<<", b"/Resources<</Properties<</L 8 0 R>>")


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (b"/OFF[8 0 R 9 0 R]", "Draft"),
        (b"/BaseState/OFF", "Draft"),
        (b"/BaseState/OFF/ON[8 0 R]", None),
        (b"/OFF[9 0 R]", None),
        (b"", None),
    ],
)
def test_layers_that_are_off_and_hold_something_are_named(parse, state, names):
    assert parse(layered_pdf(state)).warnings.get("hidden_layers") == (names and {"names": names})


def test_sound_and_video_are_named_by_page(parse):
    rendition = DictionaryObject({NameObject("/S"): NameObject("/Rendition")})
    for annotation in (note("/Sound"), note("/RichMedia", Contents="x"), note("/Screen", A=rendition), note("/3D")):
        found = parse(with_notes(annotation))
        assert (found.parts, found.warnings) == (["the page"], {"media": {"pages": "1"}})
    assert parse(with_notes(note("/Screen"))).warnings == {}


@pytest.mark.parametrize("array", [b"7", b"[9 0 R 4 null (x) 8 0 R]", b"9 0 R", b"<</A 1>>"])
def test_broken_annotations_do_no_harm(parse, array):
    data = raw_pdf(b"BT /F1 9 Tf 20 100 Td (kept) Tj ET", b"9 0 obj<</Subtype 7/Contents 9 0 R/F(x)/A 7>>endobj")
    assert parse(data.replace(b"/MediaBox", b"/Annots " + array + b"/MediaBox")).parts[0].startswith("kept")


# Forms in XML


def xfa(*packets: bytes, text: bytes = b"Please wait...") -> bytes:
    streams = b"".join(
        b"%d 0 obj<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream endobj\n" % (20 + number, len(data), data)
        for number, data in enumerate(map(zlib.compress, packets))
    )
    names = b" ".join(b"(packet) %d 0 R" % (20 + number) for number in range(len(packets)))
    entry = b"[" + names + b"]" if len(packets) > 1 else b"20 0 R"
    data = raw_pdf(b"BT /F1 9 Tf 20 100 Td (" + text + b") Tj ET", streams)
    return data.replace(b"/Pages 2 0 R", b"/Pages 2 0 R/AcroForm<</XFA " + entry + b">>")


DATA = b"""<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"><xfa:data><form><name>Ivo Lund</name>
<empty/><address><street> 4 Quay  Road</street></address></form></xfa:data><other>no value</other></xfa:datasets>"""
XDP = b'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">%s</xdp:xdp>'


@pytest.mark.parametrize(
    "packets",
    [(b"<xdp:xdp xmlns:xdp='x'>", b"<template/>", DATA, b"</xdp:xdp>"), (XDP % DATA,), (XDP % b"<template/>", DATA)],
    ids=["packets", "one-stream", "two"],
)
def test_values_of_a_form_in_xml_are_the_document(parse, packets):
    found = parse(xfa(*packets))
    assert found.parts == ["name: Ivo Lund\nstreet: 4 Quay Road"]
    assert found.warnings == {"xfa_form": {}}
    assert found.pictures == ()


def test_the_form_of_the_case_is_read_from_its_values():
    assert case("xfa.pdf").parts == ["name: Ivo Lund"]


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + DATA,
        ('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]>' + DATA.decode()).encode("utf-16"),
        DATA.replace(b"Ivo Lund", b"").replace(b" 4 Quay  Road", b""),
        DATA[:90],
        b"<a>" * 100_000,
    ],
    ids=["entity", "utf-16-entity", "nothing-filled-in", "cut", "deep"],
)
def test_a_form_in_xml_without_values_that_can_be_read_says_what_to_do(save, data):
    assert refusal(save("a.pdf", xfa(data))) == "xfa_form"


def test_a_form_in_xml_whose_pages_are_drawn_keeps_their_text(parse):
    text = b") Tj 0 15 Td (".join([b"a long text on the page itself"] * 60)
    found = parse(xfa(DATA, text=text).replace(b"0 0 200 200", b"0 0 300 1200"))
    assert "a long text" in found.parts[0]
    assert "xfa_form" not in found.warnings


# Words for people


def test_pages_are_named_in_short_ranges():
    assert page_ranges([3, 7, 8, 9]) == "3, 7–9"
    assert warning("media", pages=page_ranges([3, 7, 8, 9])).zh.startswith("第 3、7–9 页")
    assert page_ranges([1, 2]) == "1–2"
    assert page_ranges(range(1, 40, 2)) == "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, …"


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("pictures_left_out", {"pages": "3"}),
        ("read_as_images", {"pages": "3"}),
        ("unreadable_pages", {"pages": "3"}),
        ("figures", {"count": 2, "pages": "3"}),
        ("attached_files", {"count": 2, "names": "a, b"}),
        ("hidden_layers", {"names": "a"}),
        ("media", {"pages": "3"}),
        ("xfa_form", {}),
    ],
)
def test_every_warning_is_whole_in_both_languages(code, values):
    message = warning(code, **values)
    assert message.en.endswith(".")
    assert message.zh.endswith("。")
    assert "{" not in message.en + message.zh


def test_pages_that_cannot_be_parsed_are_named(parse):
    data = lines_pdf("first", "second", "third")
    broken = edited(data, lambda writer: writer.pages[1].update({NameObject("/Contents"): NumberObject(7)}))
    try:
        found = parse(broken)
    except DocumentError:
        pytest.fail("the other pages can be read")
    assert (found.parts[0], found.parts[2]) == ("first", "third")
