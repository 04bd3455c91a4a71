"""Line and page breaks against the original engine, where it is installed, and by its rules."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import reference
from glyph_demo.bench.texts import chinese, mixed, needle, question_answering, story
from glyph_demo.rendering.fonts import UNITS, load_chain
from glyph_demo.rendering.layout import lay_out
from glyph_demo.rendering.style import DEJAVU, STYLES, Style, has_cjk

ENGLISH = replace(STYLES["glyph-en"], fonts=(DEJAVU,))
NASTY = "的一是，。！）“（ーっ々abcdefilmWM.,-'()    \t"


def rows_of(text: str, style: Style, advance: NDArray[np.int32] | None = None) -> list[list[str]]:
    """Pages of rows without white space and newline marks; empty rows at a page's end left out."""
    cjk = has_cjk(text)
    pages = []
    for page in lay_out(text, style, load_chain(style.chain(cjk)).advance if advance is None else advance, cjk):
        rows = [""] * (page.lead + len(page.starts) - 1)
        for code, row in zip(page.codepoint.tolist(), page.row.tolist(), strict=True):
            rows[page.lead + row] += chr(code)
        pages.append(_plain(rows))
    return pages


def original_rows(text: str, style: Style, mend: bool = True) -> list[list[str]]:
    pytest.importorskip("reportlab")
    lines: dict[int, list[str]] = {}
    paragraphs = reference.paragraphs(text, Path(DEJAVU.path), style, reference.recorder(lines, mend))
    reference.pdf(paragraphs, style)
    return [_plain(lines[number]) for number in sorted(lines)]


def _plain(rows: list[str]) -> list[str]:
    rows = ["".join(row.split()) for row in rows]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def original_advances(text: str) -> NDArray[np.int32]:
    """Advances as the original sees them with DejaVu Sans: the missing glyph's for every ideograph."""
    from reportlab.pdfbase.ttfonts import TTFont

    face = TTFont("advances", DEJAVU.path).face
    advance = load_chain((DEJAVU,)).advance.copy()
    for code in {ord(character) for character in text if character >= " "}:
        advance[code] = round(face.getCharWidth(code) * UNITS / 1000)
    return advance


def nasty_text(rng: random.Random) -> str:
    """Lines of every length with runs of spaces, long words, and characters that may not start a row."""
    lines = []
    alphabet = NASTY if rng.random() < 0.5 else NASTY[11:]
    for _ in range(rng.randint(1, 120)):
        words = ["".join(rng.choices(alphabet, k=rng.choice([1, 3, 6, 9, 30, 200]))) for _ in range(rng.randint(0, 9))]
        lines.append(rng.choice([" ", "  ", ""]).join(words))
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        *(make(random.Random(1), 20_000) for make in (story, question_answering, needle)),
        *(chinese(random.Random(2), 12_000, paragraph) for paragraph in (3, 400)),
        mixed(random.Random(3), 9_000),
    ],
    ids=["story", "question answering", "needle", "chinese in short lines", "chinese", "mixed"],
)
def test_every_row_breaks_where_the_original_breaks_it(text):
    pytest.importorskip("reportlab")
    assert rows_of(text, ENGLISH, original_advances(text)) == original_rows(text, ENGLISH)


@pytest.mark.slow
@pytest.mark.parametrize("newline", ["break", "mark"])
def test_nasty_texts_break_where_the_original_breaks_them(newline):
    pytest.importorskip("reportlab")
    rng = random.Random(4)
    for _ in range(12):
        text = nasty_text(rng)
        if not text.strip():
            continue
        style = replace(ENGLISH, newline=newline, height=rng.choice([842.0, 300.0, 132.0]))
        assert rows_of(text, style, original_advances(text)) == original_rows(text, style)


def test_rows_do_not_depend_on_where_the_layout_cuts_a_long_line(monkeypatch):
    for text in (needle(random.Random(5), 60_000), chinese(random.Random(5), 30_000, 10_000), "W" * 30_000):
        whole = rows_of(text, ENGLISH)
        monkeypatch.setattr("glyph_demo.rendering.layout.WINDOW", 7_001)
        assert rows_of(text, ENGLISH) == whole
        monkeypatch.undo()


def test_batches_do_not_depend_on_where_the_layout_cuts_the_text(monkeypatch):
    text = story(random.Random(6), 60_000).replace(". ", ".\n\n")
    whole = rows_of(text, ENGLISH)
    monkeypatch.setattr("glyph_demo.rendering.layout.WINDOW", 3_001)
    assert rows_of(text, ENGLISH) == whole


def test_runs_of_spaces_are_kept_and_other_white_space_collapses():
    advance = load_chain((DEJAVU,)).advance
    page = next(lay_out("a    b\t \u3000c", ENGLISH, advance, cjk=False))
    assert "".join(map(chr, page.codepoint.tolist())) == "a    b c"


def test_soft_hyphens_zero_width_characters_and_direction_marks_leave_no_glyph():
    advance = load_chain((DEJAVU,)).advance
    page = next(lay_out("co\xado\u200bp\u202e!\ufeff\u200d\ufe0f", ENGLISH, advance, cjk=False))
    assert "".join(map(chr, page.codepoint.tolist())) == "coop!"


def test_crlf_breaks_a_line_once():
    assert rows_of("one\r\ntwo\r\n\r\nthree", ENGLISH) == [["one", "two", "", "three"]]


def test_newline_marks_run_through_a_batch_and_stop_at_its_end():
    style = replace(ENGLISH, newline="mark")
    (rows,) = rows_of("\n".join(str(number) for number in range(31)), style)
    assert "".join(rows[:-1]) == "\\n".join(str(number) for number in range(30))
    assert rows[-1] == "30"


def test_an_unbroken_token_longer_than_a_row_is_cut_not_lost():
    rows = rows_of("x" * 1000, ENGLISH)[0]
    assert "".join(rows) == "x" * 1000
    assert len({len(row) for row in rows[:-1]}) == 1


def test_marks_without_advance_cannot_make_an_endless_row():
    pages = rows_of("e" + "\u0301" * 20_000, ENGLISH)
    assert max(len(row) for page in pages for row in page) <= 2048
