"""A program that keeps keys and values in a folder, to be started there again. `python -m tests.engines.restarts` with
a JSON object starts it in a process of its own: it opens pages, asks, and prints what it said and computed."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import torch

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.engines.local.rates import Rates
from glyph_demo.kv_files import KVFiles
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings, merge
from glyph_demo.store import FeatureStore, OnDevice, PageFeatures
from tests.answers import joined
from tests.engines.local import page, read

ROOT = Path(__file__).parents[2]
OPTIONS = AskOptions(max_new_tokens=6, repetition_penalty=1.0, thinking=False)
BUDGET = 1 << 26


class Pages:
    """A document's pages, from the store or encoded; see `engines.base.FeatureSource`."""

    def __init__(self, engine: LocalEngine, store: FeatureStore, pages: list[Page]) -> None:
        self._engine, self._store, self._pages = engine, store, pages

    def digest(self, page: int) -> str:
        return self._pages[page].digest

    def reload(self, page: int) -> PageFeatures:
        return read(self._engine, self._store, self._pages[page])

    def cache_on_device(self, page: int, features: OnDevice) -> None: ...

    def update(self, page: int, features: PageFeatures) -> None: ...


class Program:
    """`computed` counts tokens that went through the model, `taken` those that came from the folder."""

    def __init__(self, model: Path, folder: Path, *, tokens: int = 0, precision=None, limit=BUDGET, **settings):
        made = merge(Settings(model=str(model), cache_dir=str(folder)), settings)
        self.engine = LocalEngine(made, precision=precision, kv_bytes=BUDGET)
        if tokens:  # there is room for
            kv_bytes = tokens * self.engine.decoder.bytes_per_entry
            self.engine = LocalEngine(made, precision=precision, kv_bytes=kv_bytes)
        self.store = FeatureStore(None, 1 << 24, 0, kv=KVFiles(folder / "kv", limit))
        self.engine.attach_store(self.store)
        self.computed = self.taken = 0
        extend, take = self.engine.decoder.extend, self.engine.keeper.take

        def counted(arena, embeds, positions):
            self.computed += len(embeds)
            return extend(arena, embeds, positions)

        def took(link, *where):
            taken = take(link, *where)
            self.taken += link.tokens * taken
            return taken

        self.engine.decoder.extend, self.engine.keeper.take = counted, took

    def open(self, pages: Sequence[Page]) -> LocalDocument:
        document = self.engine.open_document(source=Pages(self.engine, self.store, []))
        for each in pages:
            self.append(document, each)
        return document

    def append(self, document: LocalDocument, page: Page) -> None:
        document._source._pages.append(page)
        document.append(read(self.engine, self.store, page))

    def ask(self, document, question, history=(), options=OPTIONS) -> tuple[Turn, list[int]]:
        answer = joined(document.answer(question, tuple(history), options))
        return Turn(question, answer), list(document.answer_ids(answer))

    def close(self) -> None:
        self.engine.keeper.flush()
        self.engine.close()


def always_read():
    """Keys and values come from the disk even where computing them is faster, as it may be with a tiny model."""
    return mock.patch.object(Rates, "pays", True)


def in_a_process(**what) -> dict:
    """`model`, `folder`, `seeds` of pages, `questions`, and settings."""
    command = [sys.executable, "-m", "tests.engines.restarts", json.dumps(what)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def main(model: str, folder: str, seeds: list[int], questions: list[str], **settings) -> dict:
    torch.set_num_threads(1)
    program = Program(Path(model), Path(folder), **settings)
    document = program.open([page(seed) for seed in seeds])
    opened, said, turns = program.computed, [], []
    for question in questions:
        turn, ids = program.ask(document, question, turns)
        turns.append(turn)
        said.append(ids)
    found = {"said": said, "opened": opened, "computed": program.computed, "taken": program.taken}
    document.close()
    program.close()
    return found


if __name__ == "__main__":
    with always_read():
        print(json.dumps(main(**json.loads(sys.argv[1]))))
