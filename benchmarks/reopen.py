"""`benchmarks reopen`: a document and its conversation opened again in a new process, with and without the keys and
values that are kept on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from glyph_demo.bench.measure import PAGE, tell
from glyph_demo.settings import Settings, merge

ROOT = Path(__file__).parents[1]
PAGES = 22  # of 595x842 hold 50,000 Chinese characters of prose
TOKENS = 16  # of an answer
QUESTIONS = ("What does the document say of the weather, and on which page does it say so?", "And why?")
GIBIBYTE = 1 << 30
# What each process finds on disk: page features in every case.
RUNS = {
    "first": "nothing; it reads, encodes and computes, and keeps",
    "reopened": "keys and values, and files in the system's memory",
    "reopened_cold": "keys and values, and no file in the system's memory",
    "without": "page features only, so that all is computed",
}


def run(settings: Settings, pages: int = PAGES, size: tuple[int, int] = PAGE) -> dict[str, Any]:
    """Open `pages` pages of noise of `size` (height, width), ask a question, and then, in a process for each of RUNS,
    open them again and ask the next. `cpu` and `clock` are seconds, loading left out: `open` until the document is
    ready, `first_token` from the question on. `share` is what opening and the first token take of the CPU seconds that
    computing them takes. Raises CalledProcessError."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        worker = partial(_in_a_process, replace(settings, cache_dir=folder), pages, size)
        said = worker(())
        found["first"] = said
        history = [QUESTIONS[0], said["answer"]]
        found["reopened"] = worker(history)
        if _drop(Path(folder)):
            found["reopened_cold"] = worker(history)
        found["without"] = worker(history, kv_mb=0)
    answers = {name: one.pop("answer") for name, one in found.items() if name != "first"}
    found["first"].pop("answer")
    spent = {name: one["open"]["cpu"] + one["first_token"]["cpu"] for name, one in found.items()}
    same = len(set(answers.values())) == 1
    shares = {name: round(spent[name] / spent["without"], 4) for name in answers}
    return {"pages": pages, "runs": RUNS, **found, "share": shares, "same_answers": same}


def _in_a_process(
    settings: Settings, pages: int, size: tuple[int, int], history: Sequence[str], kv_mb: int = 1 << 16
) -> dict[str, Any]:
    flat: dict[str, Any] = {"store.kv_mb": kv_mb}
    for name, value in asdict(settings).items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    what = json.dumps([flat | {"store.kv_mb": kv_mb}, pages, size, list(history)])
    command = [sys.executable, "-m", "benchmarks.reopen", what]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    tell(f"ready after {result['open']}, first token after {result['first_token']}")
    return result


def _drop(folder: Path) -> bool:
    """Have the system forget the files that it holds in memory; False where it cannot be told to."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in filter(Path.is_file, folder.rglob("*")):
        with path.open("rb") as file:
            os.fsync(file.fileno())  # what is not written yet cannot be forgotten
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def _open_and_ask(flat: dict[str, Any], pages: int, size: Sequence[int], history: Sequence[str]) -> dict[str, Any]:
    import numpy as np
    import torch

    from glyph_demo.bench.measure import device_name, now
    from glyph_demo.conversation.features import DocumentFeatures
    from glyph_demo.conversation.session import open_store
    from glyph_demo.engines.base import AskOptions, Turn
    from glyph_demo.engines.events import Finished, Thinking, Token
    from glyph_demo.engines.local.engine import LocalEngine
    from glyph_demo.rendering.page import Page

    settings = merge(Settings(), flat)
    engine = LocalEngine(settings)
    device = engine.model.transfer.device
    store = open_store(settings)
    engine.attach_store(store)
    draw = np.random.default_rng(0)
    pictures = [Page(i, draw.integers(0, 256, tuple(size), dtype=np.uint8)) for i in range(pages)]

    def clocks() -> tuple[float, float]:
        now(device)
        return time.process_time(), time.perf_counter()

    def since(began: tuple[float, float]) -> dict[str, float]:
        ended = clocks()
        return {"cpu": round(ended[0] - began[0], 3), "clock": round(ended[1] - began[1], 3)}

    began = clocks()
    source = DocumentFeatures(engine, store, settings.cache_path)
    document = engine.open_document(source=source)
    for page in pictures:
        fetched = source.begin_fetch(page, reuse=True, known=document.knows(page))()
        if fetched.known is None:
            document.append(fetched.features)
        else:
            document.append_known(page)
        source.keep(fetched)
    ready = since(began)
    turns = [Turn(history[0], history[1])] if history else []
    options = AskOptions(TOKENS, repetition_penalty=1.0, thinking=False)
    began, first, answer, usage = clocks(), None, "", None
    for event in document.answer(QUESTIONS[len(turns)], turns, options):
        if isinstance(event, (Token, Thinking)):
            first = first or since(began)
        if isinstance(event, Token):
            answer += event.text
        elif isinstance(event, Finished):
            usage = event.usage
    result = {
        "model": engine.label,
        "device": device_name(device),
        "document_tokens": document.tokens,
        "open": ready,
        "first_token": first or since(began),
        "cached": usage.cached if usage else 0,
        "threads": torch.get_num_threads(),
        "answer": answer,
    }
    document.close()
    engine.close()
    return result | {"kept_bytes": store.kv.nbytes if store.kv else 0}


if __name__ == "__main__":
    print(json.dumps(_open_and_ask(*json.loads(sys.argv[1]))))
