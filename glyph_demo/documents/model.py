"""What an upload becomes: text with marks, or page images where there is no text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from glyph_demo.errors import Message

if TYPE_CHECKING:  # the child process that parses uploads starts without NumPy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text where a page or a paragraph of the upload begins."""

    kind: Literal["page", "paragraph"]
    number: int  # from 1
    start: int  # character offset in Document.text


@dataclass(frozen=True, slots=True)
class PageImages:
    """Pages of an upload that are pictures already. `open` starts a fresh pass over them: one (H, W) or (H, W, 3)
    uint8 array a page, in order."""

    count: int
    open: Callable[[], Iterator[NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True)
class Document:
    """Extracted text with marks. `kind` is the name of its type in lower case (`file_types`). `digest` is the SHA-256
    of the uploaded bytes, in hex."""

    name: str
    kind: str
    text: str
    digest: str
    marks: tuple[Mark, ...] = ()
    warnings: tuple[Message, ...] = ()
    images: PageImages | None = field(default=None, compare=False)
