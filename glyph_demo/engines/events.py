"""The events of an answer. They are all that passes from an engine to a front end, which translates them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from glyph_demo.errors import Message

Stage = Literal["load", "extract", "render", "encode", "prefill", "decode", "answer", "evidence"]
Reason = Literal["stop", "length", "stopped", "not_found", "repetition"]
SECOND_DIGITS = 4  # decimals of the seconds in reports: tenths of a millisecond


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of a stage (pages, tokens, bytes); total is None while it is unknown. `more` is a remark
    for people, such as how long it will take. `what` names steps where they are counted instead of such units."""

    stage: Stage
    done: int
    total: int | None = None
    more: Message | None = None
    what: Message | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of the answer's text."""

    text: str


class FilePage(NamedTuple):
    """A page of the user's file: its number, from 1, and the file's own name of it, such as "iv", if it has one."""

    number: int
    label: str = ""

    @property
    def name(self) -> Message:
        """For people."""
        en, zh = f"page {self.number}", f"第 {self.number} 页"
        if self.label in ("", str(self.number)):
            return Message(en, zh)
        return Message(f"{en} (labelled {self.label})", f"{zh}（页码 {self.label}）")


Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels, the last two exclusive


@dataclass(frozen=True, slots=True)
class Region:
    """A place that supports an answer. `page` and `line` count from 1, on the pages that the model saw; `file_page` is
    where that comes from, None in a file without pages. `digest` is that of the page, which tells whether the pages
    have been drawn in another way since; engines leave it empty."""

    page: int
    line: int
    text: str
    boxes: tuple[Box, ...]
    score: float
    file_page: FilePage | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    """An answer's attention over a page (`page` counts from 1): `rows` by `columns` equal cells, row by row. `values`
    are 0 to 1, scaled so that the cell with the most attention on any page is 1. `digest` is as in Region."""

    page: int
    rows: int
    columns: int
    values: tuple[float, ...]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an answer comes from: places, best first, and maps of the pages with the most attention, most first. With
    `ranked` the first passage that the answer quotes is the best one, and the others are there to look further."""

    regions: tuple[Region, ...]
    heat: tuple[Heat, ...] = ()
    ranked: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer: all prompt tokens, those of them found in the KV cache, generated tokens; tokens
    drafted from the document's text, and those of them that were accepted. `kv_bytes` is the size of the keys and
    values of prompt and answer."""

    input: int = 0
    cached: int = 0
    output: int = 0
    drafted: int = 0
    accepted: int = 0
    kv_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of one turn: from the question to the end of prefill, from the question to the first piece of the answer,
    spent in decoding, and from the question to the end."""

    prefill: float = 0.0
    first_token: float = 0.0
    decode: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    usage: Usage
    timings: Timings
    reason: Reason


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for people beside the answer, such as a change of precision."""

    message: Message


Event = Progress | Thinking | Token | Evidence | Notice | Finished
Events = Generator[Event, None, None]


def quote(region: Region) -> dict[str, Any]:
    """A place, as reports show it."""
    return {
        "page": region.page,
        "line": region.line,
        "text": region.text,
        "file_page": as_json(region.file_page),
    }


def as_json(page: FilePage | None) -> dict[str, Any] | None:
    """A page of a file, as reports show it."""
    return None if page is None else page._asdict()


def round_seconds(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds by name, as reports show them."""
    return {name: round(value, SECOND_DIGITS) for name, value in seconds.items()}
