"""The events that an engine answers with. Front ends translate events; nothing else crosses from engine to front
end."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from glyph_demo.errors import Message

Stage = Literal["load", "extract", "render", "encode", "prefill", "decode", "answer", "evidence"]
Reason = Literal["stop", "length", "stopped", "not_found", "repetition"]


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units of a stage (pages, tokens, bytes); total is None while it is unknown. `more` is what else
    there is to say, such as how long it will take."""

    stage: Stage
    done: int
    total: int | None = None
    more: Message | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Region:
    """A place an answer rests on. `page` and `line` count from 1; `box` is (left, top, right, bottom) in pixels."""

    page: int
    line: int
    text: str
    boxes: tuple[tuple[int, int, int, int], ...]
    score: float


@dataclass(frozen=True, slots=True)
class Heat:
    """How much an answer looked at each part of a page: `rows` times `columns` cells that cover it evenly, row by row.
    `values` are 0 to 1, where 1 is the cell looked at most on any page."""

    page: int
    rows: int
    columns: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an answer comes from: places, best first, and the pages looked at most, most first."""

    regions: tuple[Region, ...]
    heat: tuple[Heat, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer: prompt tokens in all, those of them found in the KV cache, tokens generated; tokens
    drafted from the document's text, and those of them that were right. `kv_bytes` is what the keys and values of
    prompt and answer take."""

    input: int = 0
    cached: int = 0
    output: int = 0
    drafted: int = 0
    accepted: int = 0
    kv_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of one turn, counted from the question: until the prompt was computed, until the first piece of the
    answer, spent generating, and until the end."""

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
    """Something to tell people beside the answer, such as a change of precision."""

    message: Message


Event = Progress | Thinking | Token | Evidence | Notice | Finished
Events = Generator[Event, None, None]
