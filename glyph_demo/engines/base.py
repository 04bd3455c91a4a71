"""What an engine is: it reads pages, opens documents of them, and answers questions about those with events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from glyph_demo.engines.events import Events, Progress
from glyph_demo.engines.registry import EngineKind, engine_kind
from glyph_demo.errors import EngineError
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Inference
from glyph_demo.store import FeatureStore, OnDevice, PageFeatures


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


class FeatureSource(Protocol):
    """Where an engine gets the features of a document's pages from once it has let go of them. Pages count from 0, in
    the order they were appended."""

    def reload(self, page: int) -> PageFeatures:
        """The features of a page: kept ones, else read from its pixels again."""
        ...

    def cache_on_device(self, page: int, features: OnDevice) -> None:
        """Keep features that are on the engine's device, as far as the budget for them allows."""
        ...


class OpenDocument(ABC):
    """An engine's hold on one document, from `Engine.open_document` until `close`."""

    @property
    def tokens(self) -> int | None:
        """Tokens that the document takes of the model's context; None for an engine that counts none."""
        return None

    @abstractmethod
    def append(self, features: PageFeatures) -> None:
        """Add the next page. An engine may prefill it while the page after it is being encoded."""

    @abstractmethod
    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        """Yield events, `Finished` last. `history` holds the turns before this question, and is the only record of
        them: an engine rolls back what it has computed beyond it. Closing the generator stops the work within one
        decode step and leaves the document ready for the next question."""

    def hold_pages(self) -> None:
        """Do not prefill pages before the first question, which says where among its words they are."""

    def hint_text(self, text: str) -> None:
        """Give the text that the pages were drawn from. Answers that quote it may come sooner; no answer changes."""

    def compression(self, text: str) -> float | None:
        """Text tokens per visual token, `text` being what the pages show; None for an engine that compresses nothing
        and for no text."""
        return None

    def close(self) -> None:
        """Give memory back. An answer that is being written may end first."""


class Engine(ABC):
    """`name` is that of its kind in the registry, and `label` names its model for people. `loading` tells how far an
    engine is that is still being loaded."""

    name: str
    label: str = ""
    loading: Progress | None = None

    @property
    def kind(self) -> EngineKind:
        return engine_kind(self.name)

    @property
    @abstractmethod
    def identity(self) -> str:
        """Model and precision: together with a page's digest it is the key of the page's features."""

    @abstractmethod
    def encode(self, page: Page) -> PageFeatures:
        """Read one page's pixels. The page's lines and span must not be looked at."""

    def begin_encode(self, page: Page) -> Callable[[], PageFeatures]:
        """Do what can be done of `encode` while the engine still reads the page before. Returns a function that does
        the rest, which may be called from another thread."""
        return partial(self.encode, page)

    @abstractmethod
    def open_document(self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None) -> OpenDocument:
        """A document of these pages; more may be appended. With a `source` the engine need not hold on to features."""

    def open_text(self, text: str) -> OpenDocument:
        """A document given as text tokens instead of pages: what reading pages is compared with. Raises TooLong, and
        EngineError `no_text_way` from an engine that answers from pages only."""
        raise EngineError(
            "no_text_way",
            f"The engine {self.name} answers from pages only. To give a model the text instead, use --engine local.",
            f"{self.name} 引擎只根据页面回答。如需把文字作为词元交给模型，请使用 --engine local。",
        )

    def attach_store(self, store: FeatureStore) -> None:
        """Know which store keeps features on the engine's device, so that it can have the memory back."""

    def capacity(self) -> int | None:
        """How many pages of 595x842 one document can have; None for an engine that counts none, or not yet."""
        return None

    def set_batching(self, most: int, wait: float) -> None:
        """Let up to `most` answers take their steps together, each waiting at most `wait` seconds for one that is late.
        Nothing for an engine that answers one after another."""

    def ready(self) -> bool:
        """Whether the engine is loaded. Raises the EngineError if it cannot be had."""
        return True

    def close(self) -> None:
        """Give memory back. No document of it may be used afterwards."""
