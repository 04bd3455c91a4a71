"""Pages: what they hold, where their lines stand, and that no text breaks them."""

import io
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from glyph_demo.documents.model import Document, PageImages
from glyph_demo.rendering import Page, Style, decode_png, encode_png, missing_characters, render
from glyph_demo.rendering.characters import DROPPED, character_classes
from glyph_demo.rendering.style import DEJAVU, STYLES

needs_raqm = pytest.mark.skipif(not features.check("raqm"), reason="Pillow has no Raqm here")
SMALL = replace(STYLES["glyph-zh"], width=200.0, height=120.0)
HOSTILE = [
    "\u202eright to left override\u202c and \u2067isolate\u2069",
    "שלום עולם (2024) مرحبا بالعالم 42 abc",
    "e\u0301\u0323\u0302 " + "a\u0335" * 50,
    "😀👩‍👩‍👧‍👦🇨🇳 1️⃣ \U0010ffff \ud800 lone \udfff",
    "\0\x01\x07\x1b[31m\x7f\x85 \u2028 \u2029",
    "กขค देवनागरी \U00020000\U0002a6df 豈 ﷽",
    "ﷺ" * 40,
    "\n" * 200,
    " \t\u3000 ",
    "\xad\u200b",
    "W" * 900,
    "，。！" * 300,
]


def pages_of(text: str, style: Style) -> list[Page]:
    return list(render(Document("name", "txt", text, ""), style))


def check(text: str, style: Style) -> list[Page]:
    """The promises of Page, for any text."""
    pages = pages_of(text, style)
    at = 0
    for index, page in enumerate(pages):
        assert page.index == index
        assert page.span[0] == at
        width, height = page.size
        assert page.pixels.dtype == np.uint8
        assert 0 < width <= style.page_pixels[0] + style.width_bucket
        assert 0 < height <= style.page_pixels[1]
        outside = page.pixels.reshape(height, width, -1).min(axis=2).copy()
        for line in page.lines:
            assert line.start == at
            assert line.end >= at
            at = line.end
            left, top, right, bottom = line.box
            assert 0 <= left <= right <= width
            assert 0 <= top <= bottom <= height
            outside[top:bottom, left:right] = 255
        assert page.span[1] == at
        assert (outside == 255).all(), "ink outside the boxes of the lines"
        if text:
            assert page.edges.shape == (page.span[1] - page.span[0], 2)
            assert (page.edges[:, 0] <= page.edges[:, 1]).all()
            assert page.edges.max(initial=0) <= width
    assert at == len(text)
    return pages


words = st.text(alphabet=st.sampled_from("abW .,的一，。（\n\t\u3000\xa0\xad\u0301שم😀ก"), max_size=300)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=200), words), st.sampled_from(["break", "mark"]))
@example("\n", "break")
@example(" ", "mark")
@example("a\n" * 31, "mark")
def test_every_character_stands_in_exactly_one_line(text, newline):
    check(text, replace(SMALL, newline=newline))


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=200), words))
def test_every_character_is_drawn_blank_dropped_or_reported_missing(text):
    """A character has width on its page, or is white space or invisible by rule; a box for it is in the report."""
    missing = missing_characters(text, SMALL)
    assert sum(missing.values()) <= len(text)
    assert all(text.count(character) == count for character, count in missing.items())
    classes = character_classes()
    for page in pages_of(text, SMALL):
        assert page.edges is not None or not text
        for offset in range(*page.span):
            character = text[offset]
            left, right = page.edges[offset - page.span[0]] if page.edges is not None else (0, 0)
            if character in missing:
                assert right > left or page.size[0] <= left
            if classes[ord(character)] == DROPPED:
                assert left == right


@pytest.mark.parametrize("style", [SMALL, STYLES["glyph-en"], STYLES["clear"], STYLES["pocket"]], ids=lambda s: s.name)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_become_pages(text, style):
    check(text, style)


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
def test_an_empty_text_gives_one_empty_page(style):
    (page,) = pages_of("", style)
    assert page.size == style.page_pixels
    assert (page.pixels == 255).all()
    assert page.lines == ()


def test_fifty_thousand_chinese_characters_fit_on_the_white_paper():
    pages = pages_of("阅读整页图像比逐字阅读文本更节省空间。\n" * 10 + "字" * 49_800, STYLES["whitepaper"])
    assert len(pages) == 1
    assert pages[0].size[0] <= 2048


def test_pages_are_cropped_right_and_the_last_one_below():
    pages = pages_of("short\n" * 100, STYLES["glyph-en"])
    assert [page.size[1] == 842 for page in pages] == [True, False]
    for page in pages:
        inked = np.flatnonzero((page.pixels < 250).any(axis=0))
        assert page.size[0] == inked[-1] + 1 + 10


def test_width_buckets_round_up_with_paper():
    plain = pages_of("short text", STYLES["glyph-en"])[0]
    padded = pages_of("short text", replace(STYLES["glyph-en"], width_bucket=28))[0]
    assert padded.size[0] % 28 == 0
    assert 0 <= padded.size[0] - plain.size[0] < 28
    assert (padded.pixels[:, : plain.size[0]] == plain.pixels).all()
    assert (padded.pixels[:, plain.size[0] :] == 255).all()


def test_newline_marks_are_red_and_only_they():
    (page,) = pages_of("one\ntwo", replace(STYLES["glyph-en"], newline="mark"))
    red = (page.pixels[..., 0] > 200) & (page.pixels[..., 1] < 100)
    left, _, right, _ = page.boxes(3, 4)[0]
    assert red.any()
    assert not red[:, :left].any()
    assert not red[:, right:].any()
    (plain,) = pages_of("one\ntwo", STYLES["glyph-en"])
    assert plain.pixels.ndim == 2


def test_the_box_of_a_word_holds_its_ink():
    text = "The quick brown fox\njumps over it"
    (page,) = pages_of(text, STYLES["glyph-en"])
    start = text.index("jumps")
    ((left, top, right, _),) = page.boxes(start, start + 5)
    assert (left, top) == (page.lines[1].box[0], page.lines[1].box[1])
    alone = pages_of("jumps", STYLES["glyph-en"])[0].lines[0].box
    assert abs((right - left) - (alone[2] - alone[0])) <= 2
    assert page.boxes(0, len(text))[0][2] <= page.size[0]
    assert len(page.boxes(0, len(text))) == 2


def test_a_missing_character_is_a_visible_box_and_is_counted():
    (page,) = pages_of("aกb", STYLES["glyph-en"])
    left, top, right, bottom = page.boxes(1, 2)[0]
    assert (page.pixels[top:bottom, left:right] < 128).any()
    assert missing_characters("aกbก\n的", STYLES["glyph-en"]) == {"ก": 2}


@needs_raqm
def test_right_to_left_words_are_drawn_from_the_right():
    alef_first, alef_last = (pages_of(text, STYLES["glyph-en"])[0].pixels for text in ("\u05d0\u05d5", "\u05d5\u05d0"))
    width = alef_first.shape[1]
    vav = 19  # the narrow letter comes first on the left when it is the last one read
    assert (alef_first[:, :vav] < 200).sum() < (alef_last[:, :vav] < 200).sum() or width < vav


@needs_raqm
def test_a_persian_word_keeps_the_letters_apart_that_its_writer_kept_apart():
    apart, joined = (pages_of(text, STYLES["glyph-en"])[0].pixels for text in ("می\u200cخواهم", "میخواهم"))
    assert apart.shape != joined.shape or (apart != joined).any()


@needs_raqm
def test_words_read_from_the_right_stand_where_the_whole_row_would_put_them(monkeypatch):
    text = '(עולם שלום) 12 34 מילה-מילה, "ציטוט" 3.14   סוף مرحبا بالعالم'
    (page,) = pages_of(text, STYLES["glyph-en"])
    monkeypatch.setattr("glyph_demo.rendering.shaping._SPACE", "\0")  # what no text has: a run is one word
    (whole,) = pages_of(text, STYLES["glyph-en"])
    assert page.size == whole.size
    assert (np.abs(page.pixels.astype(int) - whole.pixels) > 64).mean() < 0.001


def test_without_raqm_everything_but_shaping_works(monkeypatch):
    monkeypatch.setattr("glyph_demo.rendering.shaping._available", lambda: False)
    for text in HOSTILE:
        check(text, SMALL)


def test_pictures_pass_through_without_lines():
    pictures = [np.full((5, 4), value, np.uint8) for value in (0, 255)]

    def opened() -> Iterator[np.ndarray]:
        return iter(pictures)

    document = Document("scan", "pdf", "", "", images=PageImages((), opened))
    pages = list(render(document, STYLES["glyph-en"]))
    assert [page.size for page in pages] == [(4, 5), (4, 5)]
    assert all(page.lines == () and page.span == (0, 0) for page in pages)


def test_the_same_text_gives_the_same_digests_and_another_gives_others():
    one, same, other = (
        pages_of(text, STYLES["glyph-zh"])[0].digest for text in ("同样的文字", "同样的文字", "不同的文字")
    )
    assert one == same != other


def test_the_first_page_comes_before_the_rest_is_laid_out():
    text = "A line of quite ordinary English words, again and again. " * 40_000
    pages = render(Document("name", "txt", text, ""), STYLES["glyph-en"])
    next(pages)
    start = time.process_time()
    next(pages)
    assert time.process_time() - start < 0.25
    pages.close()


def test_png_files_hold_the_pixels_also_of_a_view():
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, shape, np.uint8) for shape in ((1, 1), (7, 5), (3, 4, 3), (842, 595))]
    for pixels in (*pictures, pictures[-1][::2, 3:9]):
        assert (np.asarray(Image.open(io.BytesIO(encode_png(pixels)))) == pixels).all()
        assert (decode_png(encode_png(pixels)) == pixels).all()


@pytest.mark.long
@pytest.mark.parametrize(
    "text", ["word and word again ", "中文的长文本，没有换行。", "line\n"], ids=["words", "chinese", "lines"]
)
def test_ten_megabytes_stream_in_bounded_time_and_memory(text):
    import tracemalloc

    text = (text * (10_000_000 // len(text)))[: 10_000_000 // (3 if text[0] == "中" else 1)]
    start = time.process_time()
    for count, _ in enumerate(render(Document("big", "txt", text, ""), STYLES["glyph-en"])):
        if count == 0:
            assert time.process_time() - start < 2
        if text[:4] == "line" and count == 500:
            break
    assert time.process_time() - start < 15
    tracemalloc.start()
    for count, page in enumerate(render(Document("big", "txt", text, ""), STYLES["glyph-en"])):
        del page
        if count == 30:
            break
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()


def test_a_font_given_by_path_is_the_one_drawn_with():
    default = pages_of("Sphinx", STYLES["glyph-zh"])[0].pixels
    dejavu = pages_of("Sphinx", replace(STYLES["glyph-zh"], fonts=(DEJAVU, *STYLES["glyph-zh"].fonts)))[0].pixels
    assert default.shape != dejavu.shape
