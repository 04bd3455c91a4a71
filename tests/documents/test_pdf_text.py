"""PDF: the text as people see it, in kinds of files that programs make and readers get wrong."""

import io
import re
from pathlib import Path

import pypdf
import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from glyph_demo.documents.bidi import logical
from tests.documents.uploads import lines_pdf, pdf, read

CASES = Path(__file__).parents[1] / "cases"
FONTS = Path(__file__).parents[2] / "glyph_demo" / "assets" / "fonts"
HELVETICA = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"


def raw_page(
    content: bytes, resources: bytes = b"", page: bytes = b"", root: bytes = b"", objects: bytes = b""
) -> bytes:
    """A one-page PDF. `objects` begin at number 5; readers rebuild the table of objects."""
    return (
        b"%%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R%s>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R%s/Resources<<%s%s>>>>endobj\n"
        b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n%s\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%%%EOF"
        % (root, page, HELVETICA, resources, len(content), content, objects)
    )


def shown(x: float, y: float, text: str, size: int = 12, before: str = "") -> bytes:
    return f"BT /F1 {size} Tf 1 0 0 1 {x} {y} Tm {before} ({text}) Tj ET\n".encode("latin-1")


def stream(number: int, content: bytes, keys: bytes = b"") -> bytes:
    return b"%d 0 obj<<%s/Length %d>>stream\n%s\nendstream endobj\n" % (number, keys, len(content), content)


def form(number: int, content: bytes, keys: bytes = b"") -> bytes:
    box = b"" if b"/BBox" in keys else b"/BBox[0 0 600 800]"
    return stream(number, content, b"/Type/XObject/Subtype/Form/Resources<<%s>>%s%s" % (HELVETICA, box, keys))


@pytest.fixture
def text(save):
    def text(data: bytes) -> str:
        return read(save("a.pdf", data)).text

    return text


@pytest.mark.parametrize(
    ("name", "there", "missing"),
    [
        ("order", ["Order number 40718\n"], ["4071840718"]),
        ("cells", ["Sund | 388 | 41,075 | 150", "The ferry costs 45 crowns."], []),
        ("printed-page", ["45 crowns", "3 × 10^6 m^3 of water", "1st June", "Sund | 388 | 41,075 | 150"], []),
        ("turned", ["Sund | 388 | 41,075", "Elvik | 214 | 18,400"], []),
        ("hebrew", ["שכר הדירה הוא 4200 שקלים לחודש"], []),
        ("vertical", ["总造价为八千二百元"], []),
        ("actualtext", ["The price of the wheat is 7,300 crowns."], ["#"]),
        ("layer", ["The fee is 400 crowns."], ["250"]),
        ("form", ["Applicant | Rosalind Achterberg", "Goods | Goat cheese and honey", "[x]", "Day | Saturday"], []),
        ("cid-japanese", ["価格は三百六十万円です。"], []),
        ("cid-chinese", ["设备总价为三十六万元，十一月验收。"], []),
    ],
)
def test_files_that_were_read_wrong_are_read_right(name, there, missing):
    found = read(CASES / f"{name}.pdf").text
    assert not [part for part in there if part not in found]
    assert not [part for part in missing if part in found]


# Spaces and cells


def test_words_are_told_apart_by_the_gaps_between_their_letters(text):
    """As browsers save a page: each letter is placed on its own, and none is a space."""

    def draw(canvas: Canvas) -> None:
        x = 60.0
        for letter in "The fee of 45 crowns is due":
            if letter != " ":
                canvas.drawString(x, 700, letter)
            x += canvas.stringWidth(letter, "Helvetica", 12)

    assert text(pdf(draw)) == "The fee of 45 crowns is due"


def test_a_piece_that_is_only_a_space_parts_two_words(text):
    content = b"BT /F1 12 Tf 60 700 Td (fee) Tj ( ) Tj (of) Tj ( ) Tj (45) Tj ET"
    assert text(raw_page(content)) == "fee of 45"


def test_letters_that_are_spaced_out_are_one_word(text):
    assert text(raw_page(shown(60, 700, "TOTAL COSTS", before="5 Tc"))) == "TOTAL COSTS"


def test_kerning_parts_no_word(text):
    assert text(raw_page(b"BT /F1 40 Tf 60 700 Td [(W)40(A)70(V)-60(E)80(S)] TJ ET")) == "WAVES"


def test_numbers_of_a_row_drawn_in_one_go_are_cells(text):
    content = b"BT /F1 12 Tf 60 700 Td [(Sund)-6000(388)-5000(41,075)-4000(150)] TJ ET"
    assert text(raw_page(content)) == "Sund | 388 | 41,075 | 150"


def test_a_row_drawn_from_its_right_end_is_in_order(text):
    cells = [(300, "41,075"), (200, "388"), (60, "Sund")]
    assert text(raw_page(b"".join(shown(x, 700, cell) for x, cell in cells))) == "Sund | 388 | 41,075"


def test_a_table_drawn_column_by_column_has_its_rows(text):
    rows = [["Harbour", "Ships", "Cargo"], ["Elvik", "214", "18,400"], ["Morra", "97", "6,250"], ["Sund", "388", "41"]]
    drawn = b"".join(shown(60 + 100 * x, 700 - 18 * y, rows[y][x]) for x in range(3) for y in range(4))
    found = text(raw_page(shown(60, 730, "Harbours of the coast") + drawn + shown(60, 600, "Below it stands a line.")))
    assert found.split("\n") == ["Harbours of the coast", *map(" | ".join, rows), "Below it stands a line."]


def test_rows_that_nothing_parts_but_spaces_stay_rows(text):
    rows = ["Elvik 214 18,400 96 1,021", "Morra 97 16,250 41 2,340", "Sund 388 41,075 150 9,771"]
    found = text(raw_page(b"".join(shown(60, 700 - 14 * at, row) for at, row in enumerate(rows))))
    assert found.split("\n") == rows


@pytest.mark.parametrize("matrix", ["0 1 -1 0", "-1 0 0 -1", "0 -1 1 0"])
@pytest.mark.parametrize("rotate", [0, 90])
def test_rows_stay_rows_however_they_are_turned(text, matrix, rotate):
    cells = [
        (0, 0, "Elvik"),
        (80, 0, "214"),
        (160, 0, "18,400"),
        (0, -20, "Sund"),
        (80, -20, "388"),
        (160, -20, "41,075"),
    ]
    content = f"q {matrix} 300 400 cm\n".encode() + b"".join(shown(*cell) for cell in cells) + b"Q"
    found = text(raw_page(content, page=b"/Rotate %d" % rotate))
    assert found == "Elvik | 214 | 18,400\nSund | 388 | 41,075"


def test_text_with_a_negative_font_size_is_not_backwards(text):
    content = b"BT /F1 -12 Tf -1 0 0 -1 60 700 Tm (Order 40718 of May) Tj ET"
    assert text(raw_page(content)) == "Order 40718 of May"


# Raised and lowered


@pytest.mark.parametrize(
    ("base", "raised", "rest", "expected"),
    [
        ("rebuilt in 1968", "12", " by Lie", "rebuilt in 1968^12 by Lie"),
        ("about 10", "-3", " m", "about 10^-3 m"),
        ("on the 21", "st", " of May", "on the 21st of May"),
        ("a cube of x", "n+1", " units", "a cube of x^(n+1) units"),
        ("paid 250", "(2)", " crowns", "paid 250^(2) crowns"),
        ("paid 250", "[3]", " crowns", "paid 250^[3] crowns"),
        ("a half is 12", ".5", " of it", "a half is 12^.5 of it"),
    ],
)
def test_raised_digits_are_no_part_of_a_number(text, base, raised, rest, expected):
    content = f"BT /F1 12 Tf 60 700 Td ({base}) Tj 8 Tf 5 Ts ({raised}) Tj /F1 12 Tf 0 Ts ({rest}) Tj ET"
    content = content.replace(") Tj 8 Tf", ") Tj /F1 8 Tf")
    assert text(raw_page(content.encode())) == expected


def test_the_lower_bound_of_a_value_is_no_part_of_the_upper(text):
    content = b"BT /F1 12 Tf 60 700 Td (1.5) Tj /F1 7 Tf 5 Ts (+0.2) Tj -3 Ts (-0.1) Tj /F1 12 Tf 0 Ts ( m) Tj ET"
    assert text(raw_page(content)) == "1.5^+0.2_-0.1 m"


def test_lines_beside_a_large_initial_are_no_raised_marks(text):
    lines = shown(80, 700, "he harbour was built in 1872 by the town,") + shown(
        80, 685, "and the ferries leave on Monday."
    )
    found = text(raw_page(shown(50, 680, "T", 40) + lines + shown(50, 665, "They come back.")))
    assert "built in 1872 by the town, and the ferries leave on Monday. They come back." in found.replace("\n", " ")


def test_lowered_digits_stay_with_their_letters(text):
    content = b"BT /F1 12 Tf 60 700 Td (of H) Tj /F1 8 Tf -3 Ts (2) Tj /F1 12 Tf 0 Ts (O and log) Tj ET"
    assert text(raw_page(content)) == "of H2O and log"


def test_a_note_begins_with_its_mark_and_a_space(text):
    content = b"BT /F1 6 Tf 4 Ts 60 100 Td (12) Tj /F1 9 Tf 0 Ts (See the report.) Tj ET"
    assert text(raw_page(content)) == "12 See the report."


# Drawn twice, and what nobody sees


@pytest.mark.parametrize(("dx", "dy"), [(0.3, 0), (0.2, 0.2), (1.0, -1.0)])
def test_fake_bold_and_shadows_are_read_once(text, dx, dy):
    bold = b"".join(shown(60 + dx * n, 700 + dy * n, "Balloon 40718", 16) for n in range(3))
    assert text(raw_page(bold + shown(60, 600, "Balloon"))) == "Balloon 40718\nBalloon"


def test_fake_bold_that_comes_after_other_text_is_read_once(text):
    content = (
        shown(60, 700, "Fee 45") + shown(60, 650, "Rent 90") + shown(60.3, 700, "Fee 45") + shown(60.3, 650, "Rent 90")
    )
    assert text(raw_page(content)) == "Fee 45\nRent 90"


@pytest.mark.parametrize(
    "hidden",
    [
        shown(60, 600, "lowest price 99", before="3 Tr"),
        b"1 1 1 rg\n" + shown(60, 600, "lowest price 99"),
        b"1 g\n" + shown(60, 600, "lowest price 99"),
        shown(60, 600, "lowest price 99", size=1),
        shown(60, 900, "lowest price 99"),
        shown(-300, 600, "lowest price 99"),
    ],
    ids=["invisible", "white", "white gray", "tiny", "above", "beside"],
)
def test_what_nobody_sees_is_no_text(text, hidden):
    assert text(raw_page(shown(60, 700, "The price is 400.") + hidden)) == "The price is 400."


PICTURE = stream(5, b"\x80", b"/Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray")
BAR = b"0 g 40 590 300 30 re f\n"


@pytest.mark.parametrize(
    ("hidden", "objects"),
    [
        (shown(60, 600, "lowest price 99") + BAR, b""),
        (shown(60, 600, "lowest price 99") + b"q 300 0 0 30 40 590 cm /X Do Q\n", PICTURE),
        (b"/X Do\n", form(5, shown(60, 600, "lowest price 99") + BAR)),
    ],
    ids=["a bar", "a picture", "a bar in a form"],
)
def test_text_under_what_is_drawn_later_is_no_text(text, hidden, objects):
    data = raw_page(shown(60, 700, "The price is 400.") + hidden, b"/XObject<</X 5 0 R>>", objects=objects)
    assert text(data) == "The price is 400."


@pytest.mark.parametrize(
    "later",
    [b"q /G gs 1 1 0 rg 40 590 300 30 re f Q\n", b"0 g 40 590 300 30 re S\n", b"0 g 60 603 100 1 re f\n"],
    ids=["marked", "in a box", "struck out"],
)
def test_text_that_shows_through_what_is_drawn_later_is_text(text, later):
    data = raw_page(shown(60, 600, "price 99") + later, b"/ExtGState<</G<</BM/Multiply>>>>")
    assert text(data) == "price 99"


def test_text_outside_the_crop_box_is_no_text(text):
    content = shown(60, 700, "The price is 400.") + shown(60, 100, "OLD 250")
    assert text(raw_page(content, page=b"/CropBox[0 300 600 800]")) == "The price is 400."


def test_white_text_on_a_dark_ground_is_text(text):
    content = (
        b"0 0 0.4 rg 50 690 300 30 re f 1 g\n" + shown(60, 700, "Ships | 388") + b"0 g\n" + shown(60, 600, "below")
    )
    assert text(raw_page(content)) == "Ships | 388\nbelow"


def test_the_recognised_text_of_a_scan_is_text(text):
    picture = stream(
        5, b"\xff" * 100, b"/Type/XObject/Subtype/Image/Width 10/Height 10/BitsPerComponent 8/ColorSpace/DeviceGray"
    )
    content = (
        b"q 600 0 0 800 0 0 cm /Im Do Q\n" + shown(60, 700, "The price is 400.", before="3 Tr") + shown(60, 30, "7")
    )
    assert text(raw_page(content, b"/XObject<</Im 5 0 R>>", objects=picture)).split("\n")[0] == "The price is 400."


# Layers

OFF = b"/OCProperties<</OCGs[6 0 R 7 0 R]/D<</OFF[6 0 R]>>>>"
ALL_OFF_BUT_ONE = b"/OCProperties<</OCGs[6 0 R 7 0 R]/D<</BaseState/OFF/ON[7 0 R]>>>>"
TWO = b"/Properties<</P 6 0 R/Q 7 0 R>>"
MEMBERS = b"/Properties<</P 8 0 R>>"
GROUPS = b"6 0 obj<</Type/OCG/Name(old)>>endobj\n7 0 obj<</Type/OCG/Name(old)>>endobj\n"
NEW, OLD = shown(60, 700, "The fee is 400."), shown(60, 600, "The fee is 250.")


def layer(name: bytes, content: bytes) -> bytes:
    return b"/OC /%s BDC\n%s EMC\n" % (name, content)


@pytest.mark.parametrize(
    ("content", "resources", "root", "objects"),
    [
        (layer(b"P", OLD) + layer(b"Q", NEW), TWO, OFF, b""),
        (layer(b"P", OLD) + layer(b"Q", NEW), TWO, ALL_OFF_BUT_ONE, b""),
        (NEW + layer(b"P", b"/Fm Do"), TWO + b"/XObject<</Fm 8 0 R>>", OFF, form(8, OLD)),
        (NEW + b"/Fm Do", b"/XObject<</Fm 8 0 R>>", OFF, form(8, OLD, b"/OC 6 0 R")),
        (NEW + layer(b"P", OLD), MEMBERS, OFF, b"8 0 obj<</Type/OCMD/OCGs[6 0 R 7 0 R]/P/AllOn>>endobj\n"),
        (NEW + layer(b"P", OLD), MEMBERS, OFF, b"8 0 obj<</Type/OCMD/OCGs 6 0 R>>endobj\n"),
        (NEW + layer(b"P", OLD), MEMBERS, OFF, b"8 0 obj<</Type/OCMD/VE[/Not 7 0 R]>>endobj\n"),
        (NEW + layer(b"P", shown(60, 700, "The fee is 250.")), TWO, OFF, b""),
    ],
    ids=["off", "all off but one", "around a form", "a form's own", "all on", "one group", "not", "over other text"],
)
def test_text_of_a_layer_that_is_off_is_no_text(text, content, resources, root, objects):
    assert text(raw_page(content, resources, root=root, objects=GROUPS + objects)) == "The fee is 400."


def test_a_layer_for_print_only_is_no_text(text):
    group = b"6 0 obj<</Type/OCG/Name(print)/Usage<</View<</ViewState/OFF>>/Print<</PrintState/ON>>>>>>endobj\n"
    root = b"/OCProperties<</OCGs[6 0 R]/D<</AS[<</Event/View/Category[/View]/OCGs[6 0 R]>>]>>>>"
    data = raw_page(NEW + layer(b"P", OLD), b"/Properties<</P 6 0 R>>", root=root, objects=group)
    assert text(data) == "The fee is 400."


# Form fields and annotations


def annotated(content: bytes, *annotations: bytes, objects: bytes = b"") -> bytes:
    """Their objects begin at number 20, `objects` at 5."""
    numbers = range(20, 20 + len(annotations))
    everything = b" ".join(b"%d 0 R" % number for number in numbers)
    return raw_page(
        content,
        page=b"/Annots[%s]" % everything,
        root=b"/AcroForm<</Fields[%s]/DA(/F1 10 Tf)>>" % everything,
        objects=objects + b"".join(b"%d 0 obj<</Type/Annot%s>>endobj\n" % each for each in enumerate(annotations, 20)),
    )


def field(rect: bytes, value: bytes, keys: bytes = b"") -> bytes:
    return b"/Subtype/Widget/FT/Tx/T(f%s)/Rect[%s]/V(%s)%s" % (rect, rect, value, keys)


def test_values_without_an_appearance_are_text_at_their_place(text):
    content = shown(60, 700, "Name") + shown(60, 660, "Town") + shown(60, 620, "Signed by hand")
    data = annotated(content, field(b"150 655 300 675", b"Elvik"), field(b"150 695 300 715", b"Ole Brandt"))
    assert text(data) == "Name | Ole Brandt\nTown | Elvik\nSigned by hand"


def test_a_value_over_its_dots_is_one_piece(text):
    content = shown(60, 700, "Name: ............................ Town: .................")
    data = annotated(content, field(b"100 695 185 715", b"Ole Brandt"))
    assert text(data).startswith("Name: Ole Brandt")


def test_the_lines_of_a_high_field_are_lines(text):
    data = annotated(shown(60, 700, "Goods"), field(b"150 600 400 712", b"Cheese\\rHoney", b"/Ff 4096"))
    assert text(data) == "Goods | Cheese\nHoney"


def test_the_lines_of_a_field_keep_their_order(text):
    fields = field(b"150 600 400 706", b"Cheese\\rHoney\\nSalt", b"/Ff 4096"), field(b"150 560 400 580", b"Elvik")
    found = text(annotated(shown(60, 692, "Goods") + shown(60, 565, "Town"), *fields))
    assert found == "Goods | Cheese\nHoney\nSalt\nTown | Elvik"


def test_passwords_and_hidden_fields_are_no_text(text):
    data = annotated(
        shown(60, 700, "Code"),
        field(b"150 695 300 715", b"s3cret", b"/Ff 8192"),
        field(b"150 655 300 675", b"unseen", b"/F 2"),
        field(b"150 615 300 635", b"printed", b"/F 36"),
    )
    assert text(data) == "Code"


def test_boxes_say_whether_they_are_ticked(text):
    box = b"/Subtype/Widget/FT/Btn/T(%s)/Rect[60 %d 72 %d]/AS/%s/AP<</N<</Yes 5 0 R/Off 5 0 R>>>>/V/%s"
    boxes = [box % (b"a", 698, 710, b"Yes", b"Yes"), box % (b"b", 658, 670, b"Off", b"Off")]
    content = shown(80, 700, "Power is needed") + shown(80, 660, "Water is needed")
    assert text(annotated(content, *boxes, objects=form(5, b""))) == "[x] Power is needed\n[ ] Water is needed"


@pytest.mark.parametrize("appearance", [b"", b"/AP<</N 5 0 R>>"], ids=["contents only", "drawn"])
def test_text_typed_onto_a_page_is_text_at_its_place(text, appearance):
    note = b"/Subtype/FreeText/Rect[300 655 500 675]/DA(/F1 10 Tf)/Contents(Not paid)/F 4" + appearance
    drawn = stream(
        5, shown(2, 4, "Not paid", 10), b"/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<<%s>>" % HELVETICA
    )
    content = shown(60, 700, "Rent of May") + shown(60, 660, "Rent of June") + shown(60, 620, "Rent of July")
    assert text(annotated(content, note, objects=drawn)) == "Rent of May\nRent of June | Not paid\nRent of July"


def test_an_annotation_for_print_only_is_no_text(text):
    note = b"/Subtype/Stamp/Rect[300 655 500 675]/F 36/AP<</N 5 0 R>>"
    drawn = stream(
        5, shown(2, 4, "DRAFT", 10), b"/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<<%s>>" % HELVETICA
    )
    assert text(annotated(shown(60, 700, "Rent"), note, objects=drawn)) == "Rent"


# Replacement text


@pytest.mark.parametrize(
    ("mark", "resources"),
    [
        (b"/Span<</ActualText<FEFF0037002C003300300030>>>BDC", b""),
        (b"/Span /P BDC", b"/Properties<</P<</ActualText(7,300)>>>>"),
    ],
    ids=["utf-16", "named"],
)
def test_actual_text_stands_for_what_is_drawn(text, mark, resources):
    content = b"BT /F1 14 Tf 60 760 Td (costs ) Tj %s (####) Tj EMC ( crowns) Tj ET" % mark
    assert text(raw_page(content, resources)) == "costs 7,300 crowns"


# Scripts


def hebrew(*drawn: tuple[float, float, str]) -> bytes:
    """Each text from left to right as it is seen."""
    pdfmetrics.registerFont(TTFont("DejaVu", FONTS / "DejaVuSans.ttf"))

    def draw(canvas: Canvas) -> None:
        canvas.setFont("DejaVu", 13)
        for x, y, seen in drawn:
            canvas.drawString(x, y, seen)

    return pdf(draw)


@pytest.mark.parametrize(
    "line",
    [
        "המחיר הוא 1,250.50 שקלים",
        "נפתח ב-31/05/2024 בבוקר",
        "הנחה של 15% בלבד",
        "חברת Ole Brandt Ltd זכתה",
        "סכום (כולל מס) 80",
    ],
)
def test_right_to_left_lines_are_in_reading_order(text, line):
    assert text(hebrew((100, 700, as_seen(line)))) == line


def as_seen(line: str) -> str:
    """A line of Hebrew, numbers and Latin words as it is drawn."""
    parts = re.split(r"([A-Za-z][A-Za-z ]*[A-Za-z]|\d[\d.,/]*\d%?)", line)
    swapped = str.maketrans("()", ")(")
    return "".join(part if at % 2 else part[::-1].translate(swapped) for at, part in reversed(list(enumerate(parts))))


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("The word םולש (peace) is old", "The word שלום (peace) is old"),
        ("The word םולש )peace) is old", "The word שלום (peace) is old"),
        ("הנידמה רקבמ קוחל )4()ב(15 ףיעס", "סעיף 15(ב)(4) לחוק מבקר המדינה"),
        ("ضفخ (%15) رعسلا", "السعر (15%) خفض"),
        ("،", "،"),
    ],
)
def test_brackets_and_signs_of_lines_with_letters_written_leftwards(seen, read):
    """pdfium mirrors some brackets; in Arabic a sign behind a number stands left of it."""
    assert logical(seen) == read


def test_a_right_to_left_line_drawn_word_by_word_keeps_its_order(text):
    drawn = [(200.0, 700.0, "רכש"), (160.0, 700.0, "4200"), (100.0, 700.0, "םילקש")]
    assert text(hebrew(*drawn)).replace(" | ", " ") == "שכר 4200 שקלים"


@pytest.mark.parametrize("order", [1, -1], ids=["from the right", "from the left"])
def test_columns_of_vertical_text_are_lines_from_right_to_left(text, order):
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    columns = [(500, "桥梁工程由河东县修建"), (470, "总造价为八千二百元")]

    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 14)
        for x, column in columns[::order]:
            for at, letter in enumerate(column):
                canvas.drawString(x, 780 - 18 * at, letter)

    assert text(pdf(draw)).replace("\n", "") == "桥梁工程由河东县修建总造价为八千二百元"


def cid_page(cmap: str, ordering: str, codes: bytes, at: bytes = b"60 700") -> bytes:
    font = (
        b"5 0 obj<</Type/Font/Subtype/Type0/BaseFont/Any/Encoding/%s/DescendantFonts[6 0 R]>>endobj\n"
        b"6 0 obj<</Type/Font/Subtype/CIDFontType0/BaseFont/Any/DW 1000"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(%s)/Supplement 2>>/FontDescriptor 7 0 R>>endobj\n"
        b"7 0 obj<</Type/FontDescriptor/FontName/Any/Flags 4/FontBBox[0 -200 1000 900]/Ascent 880/Descent -120"
        b"/ItalicAngle 0/CapHeight 700/StemV 80>>endobj\n"
    ) % (cmap.encode(), ordering.encode())
    content = b"BT /C 14 Tf %s Td <%s> Tj ET" % (at, codes.hex().encode())
    return raw_page(content, objects=font).replace(b"/Font<<", b"/Font<</C 5 0 R", 1)


JAPANESE, SIMPLIFIED, TRADITIONAL, KOREAN = (
    "価格は三百六十万円です",
    "设备总价为三十六万元",
    "設備總價為三十六萬元",
    "설비가격은삼백만원이다",
)


@pytest.mark.parametrize(
    ("cmap", "ordering", "codec", "line"),
    [
        ("90ms-RKSJ-H", "Japan1", "cp932", JAPANESE),
        ("90msp-RKSJ-H", "Japan1", "cp932", JAPANESE),
        ("90ms-RKSJ-V", "Japan1", "cp932", JAPANESE),
        ("EUC-H", "Japan1", "euc_jp", JAPANESE),
        ("UniJIS-UCS2-H", "Japan1", "utf-16-be", JAPANESE),
        ("UniJIS-UTF16-H", "Japan1", "utf-16-be", JAPANESE),
        ("GBK-EUC-H", "GB1", "gbk", SIMPLIFIED),
        ("GBKp-EUC-H", "GB1", "gbk", SIMPLIFIED),
        ("GB-EUC-H", "GB1", "gb2312", SIMPLIFIED),
        ("GBK2K-H", "GB1", "gb18030", SIMPLIFIED),
        ("UniGB-UCS2-H", "GB1", "utf-16-be", SIMPLIFIED),
        ("UniGB-UTF16-H", "GB1", "utf-16-be", SIMPLIFIED),
        ("ETen-B5-H", "CNS1", "big5", TRADITIONAL),
        ("B5pc-H", "CNS1", "big5", TRADITIONAL),
        ("HKscs-B5-H", "CNS1", "big5hkscs", TRADITIONAL),
        ("UniCNS-UCS2-H", "CNS1", "utf-16-be", TRADITIONAL),
        ("UniCNS-UTF16-H", "CNS1", "utf-16-be", TRADITIONAL),
        ("KSCms-UHC-H", "Korea1", "cp949", KOREAN),
        ("KSC-EUC-H", "Korea1", "euc_kr", KOREAN),
        ("UniKS-UCS2-H", "Korea1", "utf-16-be", KOREAN),
        ("UniKS-UTF16-H", "Korea1", "utf-16-be", KOREAN),
    ],
)
def test_fonts_with_a_predefined_encoding_are_decoded(text, cmap, ordering, codec, line):
    assert text(cid_page(cmap, ordering, line.encode(codec))) == line


def test_jis_codes_are_decoded(text):
    codes = JAPANESE.encode("iso2022_jp").replace(b"\x1b$B", b"").replace(b"\x1b(B", b"")
    assert text(cid_page("H", "Japan1", codes)) == JAPANESE


def test_glyph_numbers_of_a_known_collection_are_decoded(text):
    """CIDs 34 to 36 of Adobe-GB1 are the letters A to C, 4559 is 中 (Adobe Technical Note 5079)."""
    assert text(cid_page("Identity-H", "GB1", bytes.fromhex("0022 0023 0024 11cf".replace(" ", "")))) == "ABC中"


def test_a_page_of_glyphs_without_letters_is_read_from_its_image(save):
    page = cid_page("Identity-H", "Identity", bytes.fromhex("0013 0024 0057 0048".replace(" ", "")))
    document = read(save("a.pdf", page))
    assert document.text == ""
    assert list(document.images.numbers) == [1]


# Files


def test_a_file_without_its_end_is_read(text):
    data = raw_page(shown(60, 700, "The price is 400."))
    assert text(data[: data.index(b"trailer")] + b"trailer<</Root 1 0 R>>\n") == "The price is 400."


def test_a_file_whose_owner_password_is_empty_opens(text):
    """The padding of passwords (ISO 32000-1, algorithm 2) is what an empty one is made of."""
    padding = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a").decode("latin-1")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(lines_pdf("The price is 400.")))
    writer.encrypt(user_password="user", owner_password=padding, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    assert text(out.getvalue()) == "The price is 400."


def test_a_label_with_its_value_is_no_row_of_a_table(save):
    def draw(canvas):
        for row, (label, value) in enumerate([("Name:", "Tobias Wrenfield"), ("Berth", "8.4 m"), ("港口：", "昆茅斯")]):
            canvas.setFont("STSong-Light" if label[0] > "\u3000" else "Helvetica", 12)
            canvas.drawString(72, 700 - 20 * row, label)
            canvas.drawString(250, 700 - 20 * row, value)

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    lines = read(save("a.pdf", pdf(draw))).text.splitlines()
    assert lines == ["Name: Tobias Wrenfield", "Berth | 8.4 m", "港口： 昆茅斯"]


def test_a_page_without_an_area_does_not_lose_the_others(save):
    data = raw_page(shown(60, 700, "The price is 400."))
    data = data.replace(b"/Kids[3 0 R]/Count 1", b"/Kids[3 0 R 9 0 R]/Count 2")
    data = data.replace(
        b"trailer", b"9 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/CropBox[20 20 30 30]>>endobj\ntrailer"
    )
    document = read(save("a.pdf", data))
    assert document.text.strip() == "The price is 400."
    assert document.warnings[0].en.startswith("Page(s) 2 ")
