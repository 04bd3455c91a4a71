"""The interface of an engine: it encodes pages, opens documents made of them, and answers questions with events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from glyph_demo.engines.events import Box, Events, FilePage, Progress, Region
from glyph_demo.engines.registry import EngineKind, engine_kind
from glyph_demo.errors import EngineError
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Inference
from glyph_demo.store import FeatureStore, OnDevice, PageFeatures


@dataclass(frozen=True, slots=True)
class AskOptions:
    """Options of one question. Temperature 0 is greedy decoding. The defaults are those of Glyph's published clients:
    its script decodes greedily with a repetition penalty, its demo samples with `top_p`. `top_k` 0 keeps all tokens.
    Thinking ends after `thinking_tokens` tokens, or by itself if that is 0. The answer, but not the thinking, ends at
    the first text of `stop` that it contains. `places` are as in Turn. Engines ignore options they have no use for."""

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
        """The options that the settings describe."""
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
    """A question and its answer as people saw them. The document's last pages are placed among the words of the
    questions: `places` are the character offsets of this question before which the next of them go, in order over all
    turns. All other pages come before the first question."""

    question: str
    answer: str
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the document. `page` counts from 1, on the pages that the model saw; `file_page` is as in Region."""

    text: str
    page: int
    file_page: FilePage | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What a document is, in its own words: its `title` and the beginning of its text, `lead`, each empty if there is
    none; its `headings` in order; `questions` that it answers. All texts are one line each, without control characters.
    They are the upload's: whoever shows them escapes them."""

    title: str
    headings: tuple[Heading, ...]
    lead: str
    questions: tuple[str, ...] = ()


class TooLong(EngineError):
    """The document does not fit the context. `pages` is how many of its first pages would; 0 for a text document."""

    def __init__(self, pages: int, en: str, zh: str) -> None:
        super().__init__("context_full", en, zh)
        self.pages = pages


class FeatureSource(Protocol):
    """Where an engine gets the features of a page again after it has dropped them. Pages count from 0, in the order in
    which they were appended."""

    def digest(self, page: int) -> str:
        """The hash of a page's pixels."""
        ...

    def reload(self, page: int) -> PageFeatures:
        """The features of a page, from the store or else encoded again."""
        ...

    def cache_on_device(self, page: int, features: OnDevice) -> None:
        """Keep features on the engine's device, within the store's budget for it."""
        ...

    def update(self, page: int, features: PageFeatures) -> None:
        """Put a page's features into the store in place of those that it has: an engine has added to them."""
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

    def knows(self, page: Page) -> bool:
        """Whether the engine can do without the features of the next page, as it has kept what it made of them. Asked
        ahead of `append` or `append_known`, once for every page, in order, on any thread."""
        return False

    def append_known(self, page: Page) -> None:
        """`append` a page that the document knows. Should that be gone meanwhile, the features come from the source."""
        raise NotImplementedError

    @abstractmethod
    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        """Yield events, `Finished` last. `history` holds the turns before this question and is the only record of
        them: an engine rolls back any state beyond it. Closing the generator stops the work within one decode step
        and leaves the document ready for the next question."""

    def hold_pages(self) -> None:
        """Do not prefill pages before the first question, whose `places` say where they go."""

    def hint_text(self, text: str) -> None:
        """Give the text that the pages were drawn from. Answers that quote it may be faster; no answer changes."""

    def overview(self) -> Overview | None:
        """What the document is, after `hint_text`; None from an engine that cannot tell. It may take a second or wait
        for work in the background, so that it is no part of reading or answering. Any thread may call it."""
        return None

    def hint_file_pages(self, find: Callable[[int, Box], FilePage | None]) -> None:
        """Give the function that finds the file's page of a place (page from 1, box), for an engine that names places
        in its answers."""

    def read_lines(self) -> tuple[Region, ...] | None:
        """The lines that the engine has read from its pages, in order; None for an engine that makes no text of
        them."""
        return None

    def compression(self, text: str) -> float | None:
        """Text tokens per visual token, where `text` is what the pages show; None for an engine that does not compress
        and for empty text."""
        return None

    def abandon(self) -> None:
        """Have an `append` on another thread end within one step of the engine: nobody will ask this document."""

    def close(self) -> None:
        """Free memory, after an answer that is being written has ended."""


class Engine(ABC):
    """`name` is the engine's name in the registry. For people, `label` names its model and `precision` what that
    computes in, "" where there is no such thing or it is not known yet; `device` is where: a card, a server or CPU.
    `loading` is the progress while the engine is still being loaded."""

    name: str
    label: str = ""
    precision: str = ""
    device: str = "CPU"
    loading: Progress | None = None

    @property
    def kind(self) -> EngineKind:
        return engine_kind(self.name)

    @property
    def page_style(self) -> str:
        """The style that `auto` means, as in EngineKind: an engine may have one for each of its models."""
        return self.kind.page_style

    @property
    def answers_partial_reading(self) -> bool:
        """Whether its documents answer while pages are still appended, from those that there are, in so little time
        that a question may be tried again and again. It is then told `max_new_tokens` 0, and gives what it finds in the
        document without a language model. Other engines are asked once all pages are read."""
        return False

    @property
    @abstractmethod
    def identity(self) -> str:
        """Names model and precision. Together with a page's digest it is the key of the page's features."""

    @abstractmethod
    def encode(self, page: Page) -> PageFeatures:
        """Encode one page's pixels, uint8 (H, W) or (H, W, 3). The page's lines and span must not be used."""

    def begin_encode(self, page: Page) -> Callable[[], PageFeatures]:
        """Do the part of `encode` that can overlap with encoding the previous page. Returns a function that does the
        rest, which may be called from another thread."""
        return partial(self.encode, page)

    @abstractmethod
    def open_document(self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None) -> OpenDocument:
        """A document of these pages; more may be appended. With a `source` the engine may drop features. Raises
        TooLong."""

    def open_text(self, text: str) -> OpenDocument:
        """A document given as text tokens instead of pages, to compare with. Raises TooLong, and EngineError
        `no_text_way` from an engine that answers from pages only."""
        raise EngineError(
            "no_text_way",
            f"The engine {self.name} answers from pages only. To give a model the text instead, choose one such "
            "as Glyph under Settings → Model (on the command line: --engine local).",
            f"{self.name} 引擎只根据页面回答。如需把文字作为词元交给模型，请在“设置 → 模型”中"
            "选择 Glyph 等模型（命令行：--engine local）。",
        )

    def unknown_characters(self, text: str) -> dict[str, int]:
        """How often each character of `text` occurs that the engine cannot read from a page; empty for an engine that
        reads everything."""
        return {}

    def attach_store(self, store: FeatureStore) -> None:
        """Tell the engine which store keeps features on its device, so that it can reclaim that memory, and where to
        keep what it computes from them."""

    def capacity(self) -> int | None:
        """How many A4 pages in the style that `auto` means one document can have; None if there is no limit or it is
        not yet known."""
        return None

    def set_batching(self, most: int, wait: float) -> None:
        """Batch the decode steps of up to `most` answers; a step waits at most `wait` seconds for late ones. Does
        nothing in an engine that answers one question at a time."""

    def ready(self) -> bool:
        """Whether the engine is loaded. Raises EngineError if loading failed."""
        return True

    def stop_loading(self) -> None:
        """End the load as soon as that can be: whoever waits for the engine gets EngineError `load_stopped`."""

    def close(self) -> None:
        """Free memory. The engine's documents must not be used afterwards."""
