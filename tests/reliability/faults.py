"""A fault at a chosen moment of an engine's work: the real engine inside, and memory that runs out around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from glyph_demo.engines.base import AskOptions, Engine, Event, OpenDocument, Token, Turn
from glyph_demo.rendering.page import Page
from glyph_demo.store import PageFeatures

STAGES = ("encode", "append", "prefill", "decode")


class _OutOfMemory(TorchFunctionMode):
    """Raises at the operation that the fault counts down to; otherwise torch as it is."""

    def __init__(self, fault: Fault, stage: str) -> None:
        super().__init__()
        self._fault = fault
        self._stage = stage

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._fault.count(self._stage)
        return function(*args, **(kwargs or {}))


class Fault:
    """Memory runs out once, `after` that many torch operations of a stage. `happened` tells whether it did."""

    def __init__(self, stage: str, after: int) -> None:
        self.stage = stage
        self.happened = False
        self._left = after

    def count(self, stage: str) -> None:
        if stage == self.stage and not self.happened:
            self._left -= 1
            if self._left < 0:
                self.happened = True
                raise torch.OutOfMemoryError("CUDA out of memory (a test)")


class FaultyEngine:
    def __init__(self, engine: Engine, fault: Fault) -> None:
        self._engine = engine
        self._fault = fault
        self.name = engine.name

    @property
    def identity(self) -> str:
        return self._engine.identity

    def encode(self, page: Page) -> PageFeatures:
        with _OutOfMemory(self._fault, "encode"):
            return self._engine.encode(page)

    def open(self, features: Sequence[PageFeatures] = ()) -> OpenDocument:
        return _FaultyDocument(self._engine.open(features), self._fault)

    def close(self) -> None:
        pass  # the engine serves other tests too


class _FaultyDocument:
    def __init__(self, document: OpenDocument, fault: Fault) -> None:
        self._document = document
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._document, name)

    def append(self, features: PageFeatures) -> None:
        with _OutOfMemory(self._fault, "append"):
            self._document.append(features)

    def ask(self, question: str, history: Sequence[Turn], options: AskOptions) -> Iterator[Event]:
        stage = "prefill"
        with closing(self._document.ask(question, history, options)) as events:  # type: ignore[type-var]
            while True:
                with _OutOfMemory(self._fault, stage):
                    event = next(events, None)
                if event is None:
                    return
                if isinstance(event, Token):
                    stage = "decode"
                yield event
