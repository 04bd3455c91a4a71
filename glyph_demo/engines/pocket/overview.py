"""What a document is, in its own words: title, outline and first sentences, from lines with their boxes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from glyph_demo.engines.base import Heading, Overview
from glyph_demo.engines.events import FilePage
from glyph_demo.engines.pocket.matching import is_wide
from glyph_demo.engines.pocket.outline import clean, is_heading, title_of
from glyph_demo.engines.pocket.sentences import PageLine, Sentence

MAX_HEADINGS = 100
MAX_TITLE = 150  # characters
MAX_LEAD = {True: 120, False: 240}  # characters of a text with and without Chinese ones
_WHOLE = re.compile(r"[.!?。！？…][\"'”’」』)）]*$")
_LETTERS = re.compile(r"(?:[^\W\d_].*?){6}")  # so many in a sentence
MARKED = 20  # sentences among which a title that is marked as one is looked for
_MARKED = re.compile(r"# \s*\S")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_CELLS = re.compile(r" \| |:.*;.*:|^[\w ]{1,20}: \S+$")  # a row, or a label with its value
_NUMBERED = re.compile(r"(?:\d{1,2}\.?|\d{1,2}(?:\.\d{1,2})+|[IVX]{1,4}\.)\s+[A-Z\u3400-\u9fff][^|:：]{2,58}")
_BOUNDS = {True: "，、；。", False: " "}  # where a text with or without Chinese characters may be cut


def overview_of(sentences: Sequence[Sentence], file_page: Callable[[PageLine], FilePage | None]) -> Overview | None:
    """The overview of a document of these sentences, without questions; None for one without text. `file_page` finds
    the file's page of a line. Without a line that is a title by its place, a short first line is, unless it is a
    sentence."""
    if not any(one_line(sentence.text) for sentence in sentences):
        return None
    title = _title_of(sentences)
    headings = [i for i in range(len(sentences)) if i != title and _is_heading(sentences, i)]
    return Overview(
        title="" if title is None else _shown(sentences[title].text).rstrip(",;:，；："),
        headings=tuple(_heading(sentences[i], file_page) for i in headings[:MAX_HEADINGS]),
        lead=_lead([sentence for i, sentence in enumerate(sentences) if i != title], {sentences[i] for i in headings}),
    )


def _title_of(sentences: Sequence[Sentence]) -> int | None:
    """A line that is marked as the title, else the first line if it may be one, else what stands alone near it."""
    marked = next((i for i, sentence in enumerate(sentences[:MARKED]) if _MARKED.match(sentence.text)), None)
    if marked is not None:
        return marked
    return 0 if _may_be_title(one_line(sentences[0].text)) else title_of(sentences)


def _may_be_title(text: str) -> bool:
    return 0 < len(text) <= MAX_TITLE and not _CELLS.search(text) and not _WHOLE.search(text)


def _is_heading(sentences: Sequence[Sentence], i: int) -> bool:
    """Whether a sentence is a heading by its place or by a number, where it is no item of a list."""
    if is_heading(sentences[i]):
        text = clean(sentences[i].text)
        return 2 * sum(map(str.isalpha, text)) > len(text)
    if not _is_numbered(sentences[i]) or not 0 < i < len(sentences) - 1:
        return False
    return not any(_is_numbered(sentences[j]) for j in (i - 1, i + 1))


def _is_numbered(sentence: Sentence) -> bool:
    return sentence.row and _NUMBERED.fullmatch(sentence.text) is not None


def one_line(text: str) -> str:
    """`text` without line breaks and without characters that cannot be seen."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable()).strip()


def _shown(line: str) -> str:
    """A title or a heading without the marks of its file's type."""
    return _cut(one_line(clean(_LINK.sub(r"\1", line)).replace("**", "")), MAX_TITLE)


def _heading(sentence: Sentence, file_page: Callable[[PageLine], FilePage | None]) -> Heading:
    line = sentence.lines[0]
    return Heading(_shown(sentence.text), line.page, file_page(line))


def _lead(sentences: Sequence[Sentence], headings: set[Sentence]) -> str:
    """The first whole sentences up to a heading, as far as there is room; the first line where there are none."""
    whole = (i for i, sentence in enumerate(sentences) if sentence not in headings and _is_whole(sentence))
    first = next(whole, None)
    if first is None:
        return next((_cut(text, MAX_LEAD[is_wide(text)]) for s in sentences if (text := one_line(s.text))), "")
    text = one_line(sentences[first].text)
    most = MAX_LEAD[is_wide(text)]
    lead = _cut(text, most)
    for sentence in sentences[first + 1 :]:
        joined = f"{lead}{'' if is_wide(lead) else ' '}{one_line(sentence.text)}"
        if sentence in headings or not _is_whole(sentence) or len(joined) > most:
            break
        lead = joined
    return lead


def _is_whole(sentence: Sentence) -> bool:
    return not sentence.row and _WHOLE.search(sentence.text) is not None and _LETTERS.search(sentence.text) is not None


def _cut(text: str, most: int) -> str:
    """`text`, or its beginning up to a word's end with "…"."""
    if len(text) <= most:
        return text
    end = max(text.rfind(bound, most // 2, most) for bound in _BOUNDS[is_wide(text)])
    return text[: end if end > 0 else most - 1].rstrip(" ，、；,;") + "…"
