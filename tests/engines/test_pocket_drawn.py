"""Pages that this app drew are read back exactly, from their pixels alone; a line that is not as drawn is not."""

import random

import numpy as np
import pytest

from glyph_demo.bench.texts import chinese, mixed, needle, question_answering, story
from glyph_demo.documents.model import Document
from glyph_demo.engines.pocket.drawn import DrawnReader
from glyph_demo.engines.pocket.lookalikes import spell
from glyph_demo.rendering import render, resolve_style
from glyph_demo.settings import Rendering
from tests.engines.drawing import CHINESE, ENGLISH, draw

STYLE = resolve_style(Rendering(), "", "pocket")
SIGNS = """7 ‰ of 18 500; ₹ 480, ¼ ton, 50 µg, x² ≤ 3·10⁶, P ⊆ NP → ∞, 45 €, §12, ﬁne — “quoted” ‘single’…
Łódź, żółć, Příliš žluťoučký kůň, naïve café, Ångström, Ísland, Tiếng
AVATAR Tóth Wýse fjord office ffi "f" (j) [i] l1I| r'n ,. :; f) f]
Плата составляет 18 500 рублей в год. САМ ОН СРОК НЕ НАРУШАЛ.
Η τιμή είναι 45 ευρώ. ΑΒΓ ΟΧΙ. The word car is Latin."""
OTHERS = """價格是三百六十萬元，廠長是劉志遠。
日本語のテキスト、カタカナ、ひらがな。ＡＢＣ１２３
龘靐齉爩鱻麤 are rare; 橄榄 and ①②③ are not."""
TEXTS = {
    "english": ENGLISH,
    "chinese": CHINESE,
    "signs": SIGNS,
    "other scripts": OTHERS,
    "story": story(random.Random(1), 9000),
    "questions": question_answering(random.Random(2), 9000),
    "chinese book": chinese(random.Random(3), 9000, 300),
    "mixed": mixed(random.Random(5), 9000),
    "needle": needle(random.Random(4), 9000),
}


@pytest.fixture(scope="module")
def reader():
    return DrawnReader(STYLE)


def no_guess(box):
    return ""


def drawn(text):
    return render(Document("a", "txt", text, ""), STYLE)


def shown(page):
    """What is to be seen of each line: white space of all kinds is one blank."""
    return [" ".join(line.text.split()) for line in page.lines if line.box[2] > line.box[0]]


@pytest.mark.parametrize("name", TEXTS)
def test_every_line_is_read_exactly(reader, name):
    for page in drawn(TEXTS[name]):
        lines = reader.read(page.pixels, lambda box: TEXTS[name])
        assert [line.text and " ".join(line.text.split()) for line in lines] == shown(page)
        for line, box in zip(lines, [line.box for line in page.lines if line.box[2] > line.box[0]], strict=True):
            assert line.box[0] <= box[0] + 1
            assert line.box[2] >= box[2] - 1
            assert line.box[1] <= box[3]
            assert line.box[3] >= box[1]


def test_a_pixel_that_is_not_drawn_leaves_its_line_unread(reader):
    (page,) = drawn("One line of text.\nAnother line of text.\nA third one.\nAnd a fourth.")
    pixels = page.pixels.copy()
    left, top, right, bottom = page.lines[1].box
    row, column = np.argwhere(pixels[top:bottom, left:right] < 128)[5]
    pixels[top + row, left + column] += 40
    texts = [line.text for line in reader.read(pixels, no_guess)]
    assert texts == ["One line of text.", None, "A third one.", "And a fourth."]


def test_a_character_that_no_font_has_is_read_as_such(reader):
    (page,) = drawn("Dogs: \U0001f6ab are\nnot allowed.")
    assert [line.text for line in reader.read(page.pixels, no_guess)] == ["Dogs: \ufffd are", "not allowed."]


def test_a_rare_character_is_guessed_once_from_the_pixels_around_it():
    text = "第一行有很多常用字。\n" + "这一行也有很多常用字。橄榄和更多常用字。\n" * 9
    (page,) = drawn(text)
    asked = []

    def guess(box):
        asked.append(box)
        return "橄榄"

    assert [line.text for line in DrawnReader(STYLE).read(page.pixels, guess)] == text.split("\n")[:-1]
    ((left, _, right, _),) = asked
    begin, _, end, _ = page.boxes(text.index("橄"), text.index("橄") + 1)[0]
    assert left <= begin < end <= right, "it shows the character"
    assert right - left < 6 * STYLE.pixel_size, "and little else"


def test_pages_that_were_not_drawn_so_are_left_to_others(reader):
    (page,) = draw(ENGLISH, "clear")
    assert reader.read(page.pixels, no_guess) is None
    (page,) = drawn(ENGLISH)
    assert reader.read(255 - page.pixels, no_guess) is None
    assert reader.read(np.roll(page.pixels, 1, axis=0), no_guess) is None
    assert reader.read(np.full((800, 500), 255, np.uint8), no_guess) is None
    assert not DrawnReader(resolve_style(Rendering(), "", "glyph-en")).possible, "its lines touch"


def test_letters_that_look_alike_are_told_by_their_word():
    latin_a, cyrillic_a, greek_a = "A", "\u0410", "\u0391"
    alike = latin_a + cyrillic_a + greek_a
    assert spell([alike, "B", " ", alike]) == f"{latin_a}B {latin_a}"
    assert spell([alike, "\u0416", " ", alike]) == f"{cyrillic_a}\u0416 {cyrillic_a}", "a word of a Cyrillic line"
    assert spell(["\u0416", " ", alike, "R"]) == f"\u0416 {latin_a}R", "a word with a letter that is only Latin"
