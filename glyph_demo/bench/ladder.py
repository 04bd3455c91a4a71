"""`bench ladder`: a text of 50,000 characters from upload to answer, rung by rung. Each rung changes one thing. The
case is that of a published account of speeding up Glyph on one card with 24 GB.

Every rung is this engine with more of it switched on. Answers are sampled with the same seeds, so that all have the
same length. The last rung drafts from the answer itself, which shows the gain of an answer that quotes the document.
The clock starts once the text has been extracted."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

import torch

from glyph_demo.bench.asking import time_answer
from glyph_demo.bench.engines import Engines
from glyph_demo.bench.measure import device_name, forget_peak, now, peak_memory, tell, unit
from glyph_demo.bench.texts import chinese
from glyph_demo.documents.model import Document
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import GlyphError, Message
from glyph_demo.models.loader import default_device
from glyph_demo.models.vision import Runtime
from glyph_demo.rendering import render
from glyph_demo.rendering.page import Page
from glyph_demo.rendering.style import STYLES, Style
from glyph_demo.settings import Settings

log = logging.getLogger(__name__)

_FAST_VISION: dict[str, tuple[Runtime, ...]] = {"cpu": ("mixed", "onnx", "compiled"), "cuda": ("onnx", "compiled")}
_PARAGRAPH = 30  # sentences at most, so that 50,000 characters fit on one page of 2048x8192 pixels
_WARM_UP = 4  # tokens
_SIZES = 2  # page sizes for which a vision runtime is prepared


@dataclass(frozen=True)
class Rung:
    """`not_on_cpu` says why the rung is not measured on a CPU."""

    key: str
    name: Message
    precision: Literal["fp32", "fp16"] = "fp16"
    fast_vision: bool = True
    reuse: bool = True
    overlap: bool = True
    decode: Literal["eager", "auto"] = "auto"
    draft: bool = False
    not_on_cpu: Message | None = None


_PLAIN = {"fast_vision": False, "reuse": False, "overlap": False, "decode": "eager"}
RUNGS = (
    Rung("fp32", Message("FP32, eager, nothing kept", "FP32 逐步执行，不复用"), "fp32", **_PLAIN),  # type: ignore[arg-type]
    Rung(
        "fp16",
        Message("FP16", "FP16 半精度"),
        **_PLAIN,  # type: ignore[arg-type]
        not_on_cpu=Message("a CPU has no fast FP16 products", "CPU 没有快速的 FP16 乘法"),
    ),
    Rung("fast_vision", Message("fast vision", "视觉加速"), reuse=False, overlap=False, decode="eager"),
    Rung("kv_reuse", Message("features and KV kept", "复用特征与 KV"), overlap=False, decode="eager"),
    Rung(
        "async_io",
        Message("stages overlap", "各阶段异步重叠"),
        decode="eager",
        not_on_cpu=Message("drawing, reading and prefill share the same cores", "绘制、编码和预填充共用同样的核心"),
    ),
    Rung(
        "compiled_decode",
        Message("compiled decoding", "编译解码"),
        not_on_cpu=Message("there are no CUDA graphs on a CPU", "CPU 上没有 CUDA Graph"),
    ),
    Rung("speculation", Message("drafts from the document", "文档草稿推测解码"), draft=True),
)

# The account's figures: seconds from upload to answer, seconds of a later question, and GB of memory, for one image of
# 2048x8192 pixels on an RTX 4090D with 24 GB.
PUBLISHED: dict[str, dict[str, float | None]] = {
    "fp32": {"first": 6.8, "later": None, "gb": 21.3},
    "fp16": {"first": 4.2, "later": None, "gb": 13.2},
    "fast_vision": {"first": 2.9, "later": None, "gb": 12.8},
    "kv_reuse": {"first": 1.4, "later": 1.1, "gb": 12.8},
    "async_io": {"first": 2.2, "later": None, "gb": 12.5},
}


@dataclass(frozen=True)
class Scale:
    """The size of the case. `tall` is (width, height) in pixels of the one page that holds the whole text."""

    characters: int
    tall: tuple[int, int]
    tokens: int
    rounds: int


FULL = Scale(50_000, (2048, 8192), 128, 2)
SMALL = Scale(1_000, (448, 784), 8, 1)  # the same density of text; about two minutes for `random:mid` on two cores


def report_rung(found: dict[str, Any]) -> None:
    """Print one rung's result on stderr."""
    tell(line(found))


def run(
    settings: Settings, report: Callable[[dict[str, Any]], None] = report_rung, scale: Scale | None = None
) -> dict[str, Any]:
    """Measure all rungs with the text as one tall page (`whitepaper`) and as pages of 595x842 (`pages`), at the scale
    FULL on a CUDA device and SMALL elsewhere. `report` is called with the result of every rung as soon as there is one;
    it may raise to stop. `first` is the time from the text to the end of the first answer, `later` from the second
    question to the end of its answer, both in `unit`; `peak_bytes` is `peak_memory`. A rung that cannot be measured
    says why. `gain` is the first rung's time divided by the last one's. Raises EngineError."""
    device = default_device()
    scale = scale or (FULL if device.type == "cuda" else SMALL)
    text = chinese(Random(2024), scale.characters, _PARAGRAPH)
    tall = replace(STYLES["whitepaper"], width=float(scale.tall[0]), height=float(scale.tall[1]))
    cases = {"whitepaper": tall, "pages": STYLES["glyph-zh"]}
    quotable: dict[str, list[int]] = {}
    rungs: list[dict[str, Any]] = []
    engines = Engines()
    for rung in RUNGS:
        for found in _rung(settings, rung, cases, text, scale, device, quotable, engines):
            rungs.append(found)
            report(found)
    engines.close()
    return {
        "model": settings.model,
        "device": device_name(device),
        "unit": unit(device),
        "scale": {**asdict(scale), "full": scale == FULL},
        "rungs": rungs,
        "gain": {case: _gain([found for found in rungs if found["case"] == case]) for case in cases},
        "published": PUBLISHED,
    }


def line(found: dict[str, Any]) -> str:
    """One rung's result in a line of text."""
    place = f"{found['case']:11} {found['rung']:16}"
    if "unavailable" in found:
        return f"{place} not here: {found['unavailable']['en']}"
    memory = found["peak_bytes"] / 1e9
    return f"{place} first {found['first']:.2f}  later {found['later']:.2f}  {memory:.1f} GB"


def _rung(
    settings: Settings,
    rung: Rung,
    cases: dict[str, Style],
    text: str,
    scale: Scale,
    device: torch.device,
    quotable: dict[str, list[int]],
    engines: Engines,
) -> Iterator[dict[str, Any]]:
    """The results of one rung, one for each case. `quotable` holds, by case, the answers of the rung before, and is
    updated. A fast vision runtime stays with an engine: the rungs after the one that prepares it have it too."""

    def result(case: str, **figures: Any) -> dict[str, Any]:
        return {"rung": rung.key, "name": {"en": rung.name.en, "zh": rung.name.zh}, "case": case, **figures}

    if rung.not_on_cpu and device.type == "cpu":
        for case in cases:
            yield result(case, unavailable={"en": rung.not_on_cpu.en, "zh": rung.not_on_cpu.zh})
        return
    if device.type == "cpu":
        rung = replace(rung, precision="fp32", overlap=False)
    for case, style in cases.items():
        wanted = _of_rung(settings, rung)
        try:
            engine = engines.of(wanted)
            forget_peak(device)
            pages = list(render(Document("text", "txt", text, ""), style))  # also fills the glyph cache
            vision = _fast_vision(engine, pages, settings.cache_path / "models") if rung.fast_vision else "eager"
            measuring = _Measuring(engine, rung, text, style, scale, quotable.get(case, []), settings)
            measuring.warm_up(pages[0])
            # If there are several rounds, the first one captures graphs.
            rounds = [measuring.round() for _ in range(1 if rung.decode == "eager" else scale.rounds)]
            figures, quotable[case] = min(rounds, key=lambda found: found[0]["first"])
            memory = peak_memory(device)
            yield result(case, precision=rung.precision, vision=vision, pages=len(pages), **figures, peak_bytes=memory)
        except GlyphError as error:
            yield result(case, unavailable={"en": error.message.en, "zh": error.message.zh})
        except Exception as error:  # on an untried card one rung may fail without costing the others
            log.exception("ladder: %s, %s", rung.key, case)
            why = f"{type(error).__name__}: {error}"[:200]
            yield result(case, unavailable={"en": why, "zh": why})


def _of_rung(settings: Settings, rung: Rung) -> Settings:
    inference = replace(
        settings.inference, precision=rung.precision, vision="eager", decode=rung.decode, reuse_cache=False
    )
    return replace(settings, inference=inference)


def _fast_vision(engine: LocalEngine, pages: list[Page], folder: Path) -> str:
    """Prepare the first vision runtime that can read the commonest page sizes, and return its name."""
    sizes = Counter(engine.model.preprocessing.fitting_size(*page.pixels.shape[:2]) for page in pages).most_common(
        _SIZES
    )
    for runtime in _FAST_VISION[engine.model.transfer.device.type]:
        if not any(engine.model.prepare_vision(runtime, *size, folder) for size, _ in sizes):
            return runtime
    return "eager"


@dataclass
class _Measuring:
    """One rung on one case."""

    engine: LocalEngine
    rung: Rung
    text: str
    style: Style
    scale: Scale
    quotable: list[int]
    settings: Settings

    def warm_up(self, page: Page) -> None:
        """Read a page and decode a little, so that no rung pays for what libraries do once."""
        document = self.engine.open_document([self.engine.encode(page)])
        time_answer(document, [], _WARM_UP, self.engine.model.transfer.device)
        document.close()

    def round(self) -> tuple[dict[str, Any], list[int]]:
        """Ask two questions. Returns what they took, and the answers as token ids."""
        device = self.engine.model.transfer.device
        with self._read() as (document, read, parts):
            first = time_answer(document, [], self.scale.tokens, device)
            if self.rung.reuse:
                again, later = 0.0, time_answer(document, [first.turn], self.scale.tokens, device)
        if not self.rung.reuse:
            with self._read() as (document, again, _):
                later = time_answer(document, [first.turn], self.scale.tokens, device)
        return {
            "first": round(read + first.seconds, 4),
            "first_first_token": round(read + first.first_token, 4),
            "later": round(again + later.seconds, 4),
            "later_first_token": round(again + later.first_token, 4),
            "parts": {name: round(seconds, 4) for name, seconds in parts.items()},
            "document_tokens": document.tokens,
            "answer_tokens": [first.usage.output, later.usage.output],
            "drafted": first.usage.drafted + later.usage.drafted,
            "accepted": first.usage.accepted + later.usage.accepted,
        }, [*first.ids, *later.ids]

    @contextlib.contextmanager
    def _read(self) -> Iterator[tuple[LocalDocument, float, dict[str, float]]]:
        """Yield the prefilled document, the time that took, and the time of each stage."""
        with self._overlapping() if self.rung.overlap else self._one_by_one() as (document, seconds, parts):
            if self.rung.draft:
                document.hint_ids(self.quotable)
            yield document, seconds, parts

    @contextlib.contextmanager
    def _one_by_one(self) -> Iterator[tuple[LocalDocument, float, dict[str, float]]]:
        device = self.engine.model.transfer.device
        began = now(device)
        pages = list(render(Document("text", "txt", self.text, ""), self.style))
        drawn = now(device)
        features = [self.engine.encode(page) for page in pages]
        encoded = now(device)
        document = self.engine.open_document(features)
        ready = now(device)
        try:
            parts = {"render": drawn - began, "encode": encoded - drawn, "prefill": ready - encoded}
            yield document, ready - began, parts
        finally:
            document.close()

    @contextlib.contextmanager
    def _overlapping(self) -> Iterator[tuple[LocalDocument, float, dict[str, float]]]:
        """Read through a session, as the app does: drawing, encoding and prefill overlap. The time to extract the text
        from the file is not counted."""
        from glyph_demo.conversation.session import DocumentSession

        style = replace(self.settings.rendering, style=self.style.name)
        settings = _of_rung(replace(self.settings, rendering=style), self.rung)
        device = self.engine.model.transfer.device
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "text.txt"
            file.write_text(self.text, encoding="utf-8")
            session = DocumentSession(self.engine, settings)
            try:
                began = now(device)
                session.open(file)
                reading: Any = session.current
                reading.wait()
                parts = asdict(reading.timings)
                yield reading.handle, now(device) - began - parts.pop("extract"), parts
            finally:
                session.close()


def _gain(rungs: list[dict[str, Any]]) -> dict[str, float] | None:
    """The first rung's times divided by those of the last one that was measured."""
    measured = [found for found in rungs if "unavailable" not in found]
    if len(measured) < 2 or "unavailable" in rungs[0]:
        return None
    top, bottom = rungs[0], measured[-1]
    return {name: round(top[name] / bottom[name], 2) for name in ("first", "later", "later_first_token")}
