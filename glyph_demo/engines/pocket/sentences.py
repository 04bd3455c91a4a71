"""Lines of pages → paragraphs → sentences with their places."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from glyph_demo.engines.pocket.page_heads import page_heads
from glyph_demo.store import PageFeatures

Box = tuple[int, int, int, int]

_BULLET = re.compile(
    r"\s*(?:[-•·●▪–—*]\s|\(?\d{1,2}[.)、]\s?(?!\d)|[(（][一二三四五六七八九十\d]+[)）]|[一二三四五六七八九十]+、|#+ )"
)
_END = re.compile(
    r"[。！？!?]+[”’」』\"')）]*|(?<!\b[A-Z])(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bProf)(?<!\bNo)(?<!\bSt)(?<!\bFig)(?<!\bvs)\.[\"'”’)]*(?=\s+[^a-z\s])|[；;](?=[\u3400-\u9fff])"
)
_TERMINAL = re.compile(r"[.。!！?？:：;；,，][\"'”’」』)）]*$")
_WIDE = re.compile("[\u2e80-\u9fff\uff00-\uffef]")
_MAX_SENTENCE = {True: 240, False: 600}  # characters, for text with and without wide ones; longer ones are cut
_MAX_HEADING = 60  # characters
# A line that is a heading by its mark or its number.
_NUMBERED = re.compile(
    r"#|(?:第[〇零一二三四五六七八九十百\d]+[章节条]|[一二三四五六七八九十]+、)\s*[\u3400-\u9fff]{1,12}$"
)
# "4.2 Field functions", "4.2 概述"; "12.50 EUR" and "4.2 万元" are values.
_SECTION = re.compile(
    r"\d{1,2}(?:\.[1-9]\d?)+\.? (?:(?=.*[a-z]{3})[A-Z]|(?![万亿千百元米吨度年个名人])[\u3400-\u9fff])"
    r"[^|:：]{0,55}[^\s.,;:|，。；：-]"
)
_BAR = " | "  # between the cells of a row
_SAID_TWICE = re.compile(r"(\S.{8,}\S)\s+\1")  # a line drawn once more beside itself
# The value of a label: "Customer no. 2291", "Total: 10,500 crowns". A line with one is neither a heading nor the header
# of a table. A year alone may be part of a heading.
_VALUE = re.compile(r"(?<!\d)\d[\d.,/-]*\d(?!\d)(?<!\b(?:19|20)\d\d)|^[^:：.,!?，。！？]{1,30}[:：]\s*[^\s\"“「『]")
# A label at the left and its figure at the right, whatever is between.
_PAIR = re.compile(r"[^\W\d_][^\d.!?,\u2e80-\u9fff]{0,40}\d[^!?\u2e80-\u9fff]{0,30}")
_LEADERS = re.compile(r"[.·…‥]{3,}\s*[^.·…‥]{0,30}\d[^.·…‥]{0,15}$")
NARROW = 27  # line heights; the lines that the renderer breaks are 35 wide
_RUNNING = 3  # pages that a line stands on to be a running head
_MIN_TABLE = 3  # so many consecutive short lines make a table; fewer are headings


@dataclass(frozen=True, slots=True)
class PageLine:
    """A recognised line. `page` and `number` count from 1, `box` is (left, top, right, bottom) in pixels."""

    page: int
    number: int
    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Sentence:
    """`lines` are the lines it is on, `paragraph` is the number of its paragraph. `context` is what it depends on: the
    heading above it and the header of its table. `heading` says that it is such a line itself, `row` that it is a line
    of a table or a form, `running` that it is a head or a foot of the file's pages."""

    text: str
    lines: tuple[PageLine, ...]
    paragraph: int
    context: str = ""
    heading: bool = False
    row: bool = False
    running: bool = False


@dataclass(slots=True)
class _Paragraph:
    """It may be a whole book, so a line is added, and a sentence found, without going through it."""

    lines: list[PageLine] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # offset of every line in text
    bars: int = 0  # in text
    running: bool = False  # it is a head or a foot of the file's pages
    _parts: list[str] = field(default_factory=list)  # of text
    _length: int = 0
    _tail: str = ""  # the last two characters of text
    _unbarred: str = ""  # those of them behind the last bar

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, line: PageLine) -> None:
        gap = _joint(self._tail, line.text) if self._parts else ""
        if gap is None:
            self._parts[-1], self._tail, gap = self._parts[-1][:-1], self._tail[:-1], ""
            self._unbarred, self._length = self._unbarred[:-1], self._length - 1
        self.starts.append(self._length + len(gap))
        part = gap + line.text
        self._parts.append(part)
        self._length += len(part)
        *barred, behind = (self._unbarred + part).split(_BAR)
        self.bars += len(barred)
        self._tail, self._unbarred = (self._tail + part)[-2:], behind[-2:]
        self.lines.append(line)

    def at(self, start: int, end: int) -> tuple[PageLine, ...]:
        """The lines that contain text[start:end]."""
        return tuple(self.lines[max(0, bisect_right(self.starts, start) - 1) : bisect_left(self.starts, end)])


def read_lines(pages: Sequence[PageFeatures]) -> list[PageLine]:
    return [
        PageLine(number, i, _once(text), (int(box[0]), int(box[1]), int(box[2]), int(box[3])))
        for number, page in enumerate(pages, 1)
        for i, (text, box) in enumerate(zip(page.texts, page.arrays["boxes"], strict=True), 1)
    ]


def _once(text: str) -> str:
    twice = _SAID_TWICE.fullmatch(text)
    return twice[1] if twice else text


def split_sentences(pages: Sequence[PageFeatures]) -> list[Sentence]:
    """The sentences of a document in reading order, across lines and pages. A line that is no sentence (a heading or a
    table row) makes an entry by itself and is context for what follows."""
    sentences: list[Sentence] = []
    heading, header, last = "", "", ""
    shorts: list[int] = []  # short lines since the last text
    headed: set[int] = set()
    for number, paragraph in enumerate(_paragraphs(read_lines(pages))):
        if paragraph.running:
            sentences.append(Sentence(paragraph.text, tuple(paragraph.lines), number, row=True, running=True))
            continue
        short = _is_short(paragraph)
        if shorts and not (short and ("|" in paragraph.text) == ("|" in last)):
            if len(shorts) < _MIN_TABLE and not _holds_value(last):
                heading = last
                headed.add(shorts[-1])
            shorts.clear()
        if short:
            shorts.append(len(sentences))
            last = paragraph.text
            if len(shorts) == 1:
                header = "" if _holds_value(last) else last
            elif len(shorts) == _MIN_TABLE and header:
                headed.add(shorts[0])
            context = f"{heading} {header}" if len(shorts) > 1 else heading
            sentences.append(Sentence(last, tuple(paragraph.lines), number, context.strip(), row=True))
            continue
        text = paragraph.text
        for start, end in _spans(text):
            sentences.append(Sentence(text[start:end], paragraph.at(start, end), number, heading))
    heads = _running_heads(sentences)
    return [
        replace(
            sentence,
            heading=i in headed or _NUMBERED.match(sentence.text) is not None,
            running=sentence.running or (sentence.row and sentence.text in heads),
        )
        for i, sentence in enumerate(sentences)
    ]


def _running_heads(sentences: Sequence[Sentence]) -> set[str]:
    """Lines that the file has on its pages again and again: they name the document and say nothing. A value such as
    "Yes" stands several times on one page. A drawn page may hold two of the file's."""
    pages: dict[str, list[int]] = {}
    for each in sentences:
        if each.row and _BAR not in each.text and not _holds_value(each.text):
            pages.setdefault(each.text, []).append(each.lines[0].page)
    return {text for text, on in pages.items() if len(set(on)) >= _RUNNING and 2 * len(on) <= 3 * len(set(on))}


def _holds_value(text: str) -> bool:
    """Whether a short line gives a value to a label."""
    return _BAR not in text and _VALUE.search(text) is not None and _SECTION.fullmatch(text) is None


def _is_short(paragraph: _Paragraph) -> bool:
    """Whether a paragraph is a heading, a row or a label with its value: one line that does not end as a sentence."""
    text = paragraph.text
    brief = len(text) <= _MAX_HEADING or "|" in text or _holds_value(text)
    return len(paragraph.lines) == 1 and brief and not _TERMINAL.search(text)


def _paragraphs(lines: list[PageLine]) -> Iterator[_Paragraph]:
    """In reading order. Heads and feet of pages are paragraphs of their own, behind what goes on across them."""
    margin, bars = _margin(lines), 0  # bars in a whole row of the table: those of its first line
    heads = page_heads([line.text for line in lines])
    current, across = _Paragraph(), list[_Paragraph]()
    for i, line in enumerate(lines):
        if i in heads:
            across.append(_Paragraph(running=True))
            across[-1].add(line)
            continue
        if not current.lines or _begins(current, line, margin, bars, bool(across)):
            yield from [current] * bool(current.lines)
            yield from across
            if not current.bars:
                bars = line.text.count(_BAR)
            current, across = _Paragraph(), []
        current.add(line)
    yield from [current] * bool(current.lines)
    yield from across


def _margin(lines: list[PageLine]) -> float:
    """The x up to which lines run before they are broken; infinite where none is: all lines are narrow, and each begins
    as a sentence, a label or a name does."""
    if not lines:
        return 0.0
    height = median(line.box[3] - line.box[1] for line in lines)
    margin = max(line.box[2] for line in lines)
    narrow = margin - min(line.box[0] for line in lines) < NARROW * height
    full = margin - 2 * height
    if narrow and not any(_continues(last, line, full) for last, line in pairwise(lines)):
        return math.inf
    return margin


def _continues(last: PageLine, line: PageLine, full: float) -> bool:
    """Whether a line shows by its letters that it goes on with the sentence of the line before. Where there are no
    capitals, that one has to be long, up to `full` at least, and no label with its value."""
    if _WIDE.match(line.text):
        return last.box[2] >= full and last.text[-1] not in "。！？：；" and not _VALUE.search(last.text + line.text)
    return _goes_on(last.text, line.text)


def _goes_on(last: str, line: str) -> bool:
    """Whether a line begins in lower case after one that does not end, and they are no two labels with values."""
    return line[0].islower() and last[-1] not in ".!?:;|" and not (_holds_value(last) and _holds_value(line))


def _begins(current: _Paragraph, line: PageLine, margin: float, row: int, across: bool) -> bool:
    """Whether `line` begins a paragraph: it is a list item, a table's row of `row` bars, has a gap above, or its first
    word would have fitted above. `across` says that heads of pages are between, which hide a gap."""
    last = current.lines[-1]
    height = last.box[3] - last.box[1]
    if _BULLET.match(line.text):
        return True
    if _BAR in line.text and (not current.bars or current.bars + line.text.count(_BAR) > row):
        return True  # else it may be the rest of a row
    if _are_pairs(last.text, line.text):
        return True
    titled = len(current.lines) == 1 and _SECTION.fullmatch(last.text) is not None
    if _BAR not in line.text and _goes_on(last.text, line.text) and not titled:
        return False  # the line break is from the uploaded text
    if across:
        if _TERMINAL.search(last.text):
            return True
    elif line.page == last.page:
        distance = line.box[1] - last.box[3]
        if distance > 0.9 * height:
            return True
        if distance < -height:  # the next column, whose margin is unknown
            return False
    word = 1 if _WIDE.match(line.text) else len(line.text.split(" ", 1)[0]) + 1
    width = (line.box[2] - line.box[0]) / max(1, len(line.text))
    return last.box[2] + word * width + 0.6 * height < margin


def _are_pairs(last: str, line: str) -> bool:
    """Whether two lines are labels with figures at the margin, so that neither is a full line of text."""
    if _LEADERS.search(last) and _LEADERS.search(line):
        return True
    return bool(_PAIR.fullmatch(last) and _PAIR.fullmatch(line)) and not line[0].islower()


def _joint(text: str, following: str) -> str | None:
    """The text between two joined lines; None if a hyphen broke a word."""
    if _WIDE.match(text[-1:]) or _WIDE.match(following):
        return ""
    if text.endswith("-") and text[-2:-1].isalpha() and following[:1].islower():
        return None
    return " "


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the sentences of a paragraph."""
    start = 0
    longest = _MAX_SENTENCE[_WIDE.search(text) is not None]
    ends = [match.end() for match in _END.finditer(text)]
    for end in [*ends, len(text)]:
        while end - start > longest:
            cut = text.rfind(" ", start + 1, start + longest)
            cut = cut if cut > start else start + longest
            yield start, cut
            start = cut + (text[cut] == " ")
        while start < end and text[start] == " ":
            start += 1
        if end > start:
            yield start, end
        start = end
