"""What an upload becomes: text with marks, and the images of those pages that are read as they look."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from glyph_demo.errors import Message

if TYPE_CHECKING:  # the child process that parses uploads starts without NumPy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text where a page or a paragraph of the upload begins. `label` is the file's own name of a page,
    such as "iv"; empty if it has none. The last `notes` characters of its text are not on the page itself."""

    kind: Literal["page", "paragraph"]
    number: int  # from 1
    start: int  # character offset in Document.text
    label: str = ""
    notes: int = 0


class Listed(NamedTuple):
    """A heading that the file lists in its outline, and the number of its page."""

    title: str
    page: int


@dataclass(frozen=True, slots=True)
class PageImages:
    """The pages of an upload that are read as they look, by number from 1, in order; no numbers are for pages that came
    without a file. `open` starts a fresh pass over their pixels: one (H, W) or (H, W, 3) uint8 array a page."""

    numbers: Sequence[int]
    open: Callable[[], Iterator[NDArray[np.uint8]]]


class Stretch(NamedTuple):
    """A part of the text, `start` to `end`, that is drawn as pages, or the page `picture` that is read as it looks;
    then the part is what the file has as its text."""

    start: int
    end: int
    picture: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """Extracted text with marks. `kind` is the name of its type in lower case (`file_types`). `digest` is the SHA-256
    of the uploaded bytes, in hex. `outline` is the file's own, empty if it has none."""

    name: str
    kind: str
    text: str
    digest: str
    marks: tuple[Mark, ...] = ()
    warnings: tuple[Message, ...] = ()
    images: PageImages | None = field(default=None, compare=False)
    outline: tuple[Listed, ...] = ()

    def stretches(self) -> Iterator[Stretch]:
        """The document in reading order. Text is one stretch as far as no picture comes between; one without a visible
        character is left out."""
        pictures = self.images.numbers if self.images else ()
        start = 0
        for number in pictures:
            first, end = self.part(number)
            if self.text[start:first].strip():
                yield Stretch(start, first)
            notes = self.marks[number - 1].notes
            yield Stretch(first, end - notes, number)
            start = end - notes if notes else min(end + 1, len(self.text))  # a line end is between pages
        if self.text[start:].strip() or not pictures:
            yield Stretch(start, len(self.text))

    def pages_of(self, start: int, end: int) -> tuple[Mark, ...]:
        """The pages of the file that the text from `start` to `end` is on; none for a file without pages."""
        if not self.marks or self.marks[0].kind != "page":
            return ()
        first, after = (bisect_right(self.marks, at, key=attrgetter("start")) for at in (start, max(start, end - 1)))
        return self.marks[max(0, first - 1) : max(1, after)]

    def part(self, number: int) -> tuple[int, int]:
        """Where the text of a page begins and ends."""
        after = self.marks[number].start - 1 if number < len(self.marks) else len(self.text)
        return self.marks[number - 1].start, after
