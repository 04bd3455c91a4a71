"""Lines of pages → paragraphs → sentences with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from glyph_demo.store import PageFeatures

Box = tuple[int, int, int, int]

_BULLET = re.compile(
    r"\s*(?:[-•·●▪–—*]\s|\(?\d{1,2}[.)、]\s?(?!\d)|[(（][一二三四五六七八九十\d]+[)）]|[一二三四五六七八九十]+、|#+ )"
)
_END = re.compile(
    r"[。！？!?]+[”’」』\"')）]*|(?<!\b[A-Z])(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bNo)(?<!\bSt)\.[\"'”’)]*(?=\s+[^a-z\s])|[；;](?=[\u3400-\u9fff])"
)
_TERMINAL = re.compile(r"[.。!！?？:：;；,，][\"'”’」』)）]*$")
_WIDE = re.compile("[\u2e80-\u9fff\uff00-\uffef]")
_MAX_SENTENCE = {True: 240, False: 600}  # characters, for text with and without wide ones; longer ones are cut
_MAX_HEADING = 60  # characters
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
    heading above it and the header of its table. `heading` says that it is such a line itself."""

    text: str
    lines: tuple[PageLine, ...]
    paragraph: int
    context: str = ""
    heading: bool = False


@dataclass(slots=True)
class _Paragraph:
    lines: list[PageLine] = field(default_factory=list)
    text: str = ""
    starts: list[int] = field(default_factory=list)  # offset of every line in text

    def add(self, line: PageLine) -> None:
        gap = _joint(self.text, line.text) if self.text else ""
        if gap is None:
            self.text, gap = self.text[:-1], ""
        self.starts.append(len(self.text) + len(gap))
        self.text += gap + line.text
        self.lines.append(line)

    def at(self, start: int, end: int) -> tuple[PageLine, ...]:
        """The lines that contain text[start:end]."""
        ends = [*self.starts[1:], len(self.text) + 1]
        return tuple(
            line
            for line, first, last in zip(self.lines, self.starts, ends, strict=True)
            if first < end and last > start
        )


def read_lines(pages: Sequence[PageFeatures]) -> list[PageLine]:
    return [
        PageLine(number, i, text, (int(box[0]), int(box[1]), int(box[2]), int(box[3])))
        for number, page in enumerate(pages, 1)
        for i, (text, box) in enumerate(zip(page.texts, page.arrays["boxes"], strict=True), 1)
    ]


def split_sentences(pages: Sequence[PageFeatures]) -> list[Sentence]:
    """The sentences of a document in reading order, across lines and pages. A line that is no sentence (a heading or a
    table row) makes an entry by itself and is context for what follows."""
    sentences: list[Sentence] = []
    heading, header, shorts, last = "", "", 0, ""
    headed: set[int] = set()
    for number, paragraph in enumerate(_paragraphs(read_lines(pages))):
        short = _is_short(paragraph)
        if shorts and not (short and ("|" in paragraph.text) == ("|" in last)):
            if shorts < _MIN_TABLE:
                heading = last
                headed.add(len(sentences) - 1)
            shorts = 0
        if short:
            shorts += 1
            last = paragraph.text
            if shorts == 1:
                header = last
            elif shorts == _MIN_TABLE:
                headed.add(len(sentences) - _MIN_TABLE + 1)
            context = f"{heading} {header}" if shorts > 1 else heading
            sentences.append(Sentence(last, tuple(paragraph.lines), number, context.strip()))
            continue
        for start, end in _spans(paragraph.text):
            lines = paragraph.at(start, end)
            sentences.append(Sentence(paragraph.text[start:end], lines, number, heading))
    return [replace(sentence, heading=i in headed) for i, sentence in enumerate(sentences)]


def _is_short(paragraph: _Paragraph) -> bool:
    """Whether a paragraph is a heading or a table row: one line that does not end as a sentence does."""
    return len(paragraph.lines) == 1 and (
        not _TERMINAL.search(paragraph.text) and (len(paragraph.text) <= _MAX_HEADING or "|" in paragraph.text)
    )


def _paragraphs(lines: list[PageLine]) -> Iterator[_Paragraph]:
    rights: dict[int, int] = {}
    for line in lines:
        rights[line.page] = max(rights.get(line.page, 0), line.box[2])
    margin = max(rights.values(), default=0)
    current = _Paragraph()
    for i, line in enumerate(lines):
        if current.lines and _begins(lines[i - 1], line, margin):
            yield current
            current = _Paragraph()
        current.add(line)
    if current.lines:
        yield current


def _begins(last: PageLine, line: PageLine, margin: int) -> bool:
    """Whether `line` begins a paragraph: it is a list item, has a gap above, or its first word would have fitted
    above."""
    height = last.box[3] - last.box[1]
    if _BULLET.match(line.text) or ("|" in line.text) > ("|" in last.text):
        return True
    if line.text[0].islower() and last.text[-1:] not in ".!?:;|" and "|" not in line.text:
        return False  # the line break is from the uploaded text
    if line.page == last.page:
        distance = line.box[1] - last.box[3]
        if distance > 0.9 * height:
            return True
        if distance < -height:  # the next column, whose margin is unknown
            return False
    word = 1 if _WIDE.match(line.text) else len(line.text.split(" ", 1)[0]) + 1
    width = (line.box[2] - line.box[0]) / max(1, len(line.text))
    return last.box[2] + word * width + 0.6 * height < margin


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
