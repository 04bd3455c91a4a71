"""A fault at a chosen moment of an engine's work: the real engine inside, and memory that runs out, or a card that
breaks down, around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import torch
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException
from torch.overrides import TorchFunctionMode

from glyph_demo.engines.base import AskOptions, Engine, OpenDocument, Turn
from glyph_demo.engines.events import Event, Token
from glyph_demo.rendering.page import Page
from glyph_demo.store import PageFeatures

STAGES = ("prepare", "encode", "append", "prefill", "decode")


class _Faults(TorchFunctionMode):
    """Raises at the operation that the fault counts down to; otherwise torch as it is."""

    def __init__(self, fault: Fault, stage: str) -> None:
        super().__init__()
        self._fault = fault
        self._stage = stage

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._fault.count(self._stage)
        return function(*args, **(kwargs or {}))


# What torch raises where there is no memory: on a card; for its products; for pinned memory; on a CPU of Linux; of
# Windows; in C++ below it. And what ONNX Runtime does, of which an error of its own class is the same to us.
NO_MEMORY: dict[str, Exception] = {
    "card": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "products": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "pinned": torch.AcceleratorError("CUDA error: out of memory"),
    "linux": RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
    "windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 33554432 bytes."),
    "c++": MemoryError("std::bad_alloc"),
    "onnx": RuntimeException(
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running MatMul node. "
        "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 268435456"
    ),
}
LOST_CARD = torch.AcceleratorError("CUDA error: unspecified launch failure")


class Fault:
    """An error comes `after` that many torch operations of a stage: once, or, `lasting`, at every one from then on.
    `happened` tells whether it did."""

    def __init__(self, stage: str, after: int, error: Exception = NO_MEMORY["card"], lasting: bool = False) -> None:
        self.stage = stage
        self.happened = False
        self._left = after
        self._error = error
        self._lasting = lasting

    def count(self, stage: str) -> None:
        if self.happened and self._lasting:
            raise self._error
        if stage == self.stage and not self.happened:
            self._left -= 1
            if self._left < 0:
                self.happened = True
                raise self._error


class FaultyEngine(Engine):
    def __init__(self, engine: Engine, fault: Fault) -> None:
        self._engine = engine
        self._fault = fault
        self.name = engine.name

    @property
    def identity(self) -> str:
        return self._engine.identity

    def encode(self, page: Page) -> PageFeatures:
        with _Faults(self._fault, "encode"):
            return self._engine.encode(page)

    def begin_encode(self, page: Page) -> Callable[[], PageFeatures]:
        with _Faults(self._fault, "prepare"):
            read = self._engine.begin_encode(page)

        def rest() -> PageFeatures:
            with _Faults(self._fault, "encode"):
                return read()

        return rest

    def open_document(self, features: Sequence[PageFeatures] = (), source: Any = None) -> Any:
        return _FaultyDocument(self._engine.open_document(features, source), self._fault)

    # Closing it does nothing: the engine serves other tests too.


class _FaultyDocument:
    def __init__(self, document: OpenDocument, fault: Fault) -> None:
        self._document = document
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._document, name)

    def append(self, features: PageFeatures) -> None:
        with _Faults(self._fault, "append"):
            self._document.append(features)

    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Iterator[Event]:
        stage = "prefill"
        with closing(self._document.answer(question, history, options)) as events:
            while True:
                with _Faults(self._fault, stage):
                    event = next(events, None)
                if event is None:
                    return
                if isinstance(event, Token):
                    stage = "decode"
                yield event
