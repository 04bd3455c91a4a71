"""The one protocol every engine speaks, and the typed events it yields. Front ends translate events; nothing else
crosses this line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, runtime_checkable

from glyph_demo.errors import EngineError, Message
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Inference
from glyph_demo.store import FeatureStore, PageFeatures

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


@dataclass(frozen=True, slots=True)
class AskOptions:
    """What may differ from question to question. Temperature 0 is greedy. The defaults are those of Glyph's published
    clients: its script decodes greedily with a repetition penalty, its demo samples with `top_p`. `top_k` 0 leaves all
    tokens in. `thinking_tokens` ends the thinking after so many tokens, 0 never. The answer ends with the first of the
    texts in `stop` that it holds, thinking aside. `places` are as in Turn. Engines without a use for an option leave
    it."""

    max_new_tokens: int = 512
    temperature: float = 0.0
    reuse_kv: bool = True
    seed: int = 0
    top_p: float = 0.85
    top_k: int = 0
    repetition_penalty: float = 1.1
    thinking: bool = True
    thinking_tokens: int = 0
    stop: tuple[str, ...] = ()
    places: tuple[int, ...] = ()

    @classmethod
    def of(cls, inference: Inference) -> AskOptions:
        """What the settings ask for."""
        return cls(
            max_new_tokens=inference.max_new_tokens,
            temperature=inference.temperature,
            reuse_kv=inference.reuse_cache,
            top_p=inference.top_p,
            top_k=inference.top_k,
            repetition_penalty=inference.repetition_penalty,
            thinking=inference.thinking,
            thinking_tokens=inference.thinking_tokens,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer as people saw them. `places` are the characters of the question before which the
    document's last pages stand, in order, over all turns; other pages stand before the first question."""

    question: str
    answer: str
    places: tuple[int, ...] = ()


class TooLong(EngineError):
    """The document does not fit the context. `pages` is how many of its first pages do; 0 for a text document."""

    def __init__(self, pages: int, en: str, zh: str) -> None:
        super().__init__("context_full", en, zh)
        self.pages = pages


class OpenDocument(Protocol):
    """An engine's hold on one document, from `Engine.open` until `close`."""

    @property
    def tokens(self) -> int | None:
        """Tokens that the document takes of the model's context; None for an engine that counts none."""
        ...

    def append(self, features: PageFeatures) -> None:
        """Add the next page, so that an engine may prefill it while the page after it is being encoded."""
        ...

    def ask(self, question: str, history: Sequence[Turn], options: AskOptions) -> Iterator[Event]:
        """Yield events, `Finished` last. `history` holds the turns that still count: fewer than last time means that
        turns were undone, and the engine rolls back to them. Closing the iterator stops the work within one decode
        step and leaves the document ready for the next question."""
        ...

    def hint(self, text: str) -> None:
        """Give the text the pages were drawn from. Answers that quote it may come sooner; no answer changes."""
        ...

    def compression(self, text: str) -> float | None:
        """Text tokens per visual token, `text` being what the pages show; None for an engine that compresses nothing
        and for no text."""
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    """`identity` names model and precision: together with a page's digest it is the key of the page's features."""

    name: str

    @property
    def identity(self) -> str: ...

    def encode(self, page: Page) -> PageFeatures:
        """Read one page's pixels. The page's lines and span must not be looked at."""
        ...

    def open(self, features: Sequence[PageFeatures] = ()) -> OpenDocument:
        """A document of these pages; more may be appended."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class TextEngine(Protocol):
    """An engine that can also be given the document's text as tokens: what reading pages is compared with."""

    def open_text(self, text: str) -> OpenDocument:
        """Raises TooLong."""
        ...


def prepare(engine: Engine, page: Page) -> Callable[[], PageFeatures]:
    """What can be done of `encode` while the engine still reads the page before, done; what it returns does the rest.
    May be called from another thread than that."""
    begin: Callable[[Page], Callable[[], PageFeatures]] | None = getattr(engine, "prepare", None)
    return begin(page) if begin else partial(engine.encode, page)


def attach(engine: Engine, store: FeatureStore) -> None:
    """Tell an engine whose device has memory of its own which store keeps its features, so that it can have the memory
    back."""
    take: Callable[[FeatureStore], None] | None = getattr(engine, "attach", None)
    if take:
        take(store)


def hold(document: OpenDocument) -> None:
    """Tell an empty document that questions will have places for its pages, so that it need not prefill them before."""
    begin: Callable[[], None] | None = getattr(document, "hold", None)
    if begin:
        begin()


def capacity(engine: Engine) -> int | None:
    """How many pages of 595x842 one document can have; None for an engine that counts none, or not yet."""
    count = getattr(engine, "capacity", None)
    return count() if count else None


def share(engine: Engine, most: int, wait: float) -> None:
    """Have up to `most` answers take their steps together from now on, each waiting at most `wait` seconds for one that
    is late; nothing for an engine that answers one after another."""
    change = getattr(engine, "share", None)
    if change:
        change(most, wait)


def text_engine(engine: Engine) -> TextEngine:
    """The engine, if it can be given text. Raises EngineError `no_text_way`."""
    if not isinstance(engine, TextEngine):
        raise EngineError(
            "no_text_way",
            f"The engine {engine.name} answers from pages only. To give a model the text instead, use --engine local.",
            f"{engine.name} 引擎只根据页面回答。如需把文字作为词元交给模型，请使用 --engine local。",
        )
    return engine
