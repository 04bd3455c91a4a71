"""Promise 1 for the local engine: whatever documents and conversations do, greedy answers are those of transformers'
`generate` run from scratch."""

import contextlib
import functools
import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Token
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.models.family import mrope_positions
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore
from tests.checkpoints import SHAPES
from tests.engines.local import Shadow, ask, opened, page, read
from tests.engines.original import Original

pytestmark = pytest.mark.usefixtures("one_thread")

# Three models of each family, by shape, and how many seeds their conversations have.
FAMILIES = {
    "glm4v": {"wide": "glm4v", "grouped": "glm46v", "deep": "glm4v"},
    "glmga": dict.fromkeys(SHAPES, "glmga"),
    "glm_ocr": dict.fromkeys(SHAPES, "glm_ocr"),
    "qwen3_vl": dict.fromkeys(SHAPES, "qwen3_vl"),
}
SEEDS = {"glm4v": 30, "glmga": 3, "glm_ocr": 6, "qwen3_vl": 15}
STEPS = 12
MAX_TOKENS = 6
SIZES = [(112, 112), (60, 230), (200, 84), (140, 140)]
PLAIN = AskOptions(max_new_tokens=MAX_TOKENS, repetition_penalty=1.0)


@pytest.fixture(scope="module")
def models(checkpoint_of):
    """A function that gives a family's models by shape: folder and original."""

    @functools.cache
    def of_family(family: str) -> dict[str, tuple[Path, Original]]:
        folders = {shape: checkpoint_of(shape, kind) for shape, kind in FAMILIES[family].items()}
        return {shape: (folder, Original(folder)) for shape, folder in folders.items()}

    return of_family


def start(folder: Path, cache: Path, kv_bytes: int = 1 << 26) -> LocalEngine:
    return LocalEngine(replace(Settings(), model=str(folder), cache_dir=str(cache)), kv_bytes=kv_bytes)


class Script:
    """One seeded conversation over three documents with memory for about two of them."""

    def __init__(self, seed: int, folder: Path, original: Original, cache: Path) -> None:
        self.random = random.Random(seed)
        self.folder, self.original, self.cache = folder, original, cache
        self.seed = seed * 1000
        self.shadows = [Shadow([self.page() for _ in range(self.random.randint(1, 2))]) for _ in range(3)]
        self.shadows[1].pages[0] = self.shadows[0].pages[0]  # two documents that begin alike
        self.answers = self.evictions = self.from_disk = 0
        self.begin()

    def page(self) -> Page:
        self.seed += 1
        return page(self.seed, *self.random.choice(SIZES))

    def begin(self) -> None:
        """Start the program, for the first time or again."""
        probe = start(self.folder, self.cache)
        self.engine = start(self.folder, self.cache, kv_bytes=512 * probe.decoder.bytes_per_entry)
        self.store = FeatureStore(self.cache / "features", 1 << 16, 1 << 24)
        self.from_disk += len(self.store._disk)
        self.documents: list[LocalDocument] = []
        for shadow in self.shadows:
            self.documents.append(self.engine.open_document([read(self.engine, self.store, p) for p in shadow.pages]))
            shadow.ids = [self.original.tokenizer.encode(turn.answer) for turn in shadow.turns]

    def run(self) -> None:
        kinds = ["ask"] * 6 + ["stop", "stop", "undo", "edit", "append", "anew", "quiet"]
        for step in range(STEPS):
            if step == STEPS // 2 and self.seed % 3000 < 1000:
                self.begin()
            now = self.random.randrange(3)
            shadow, document, kind = self.shadows[now], self.documents[now], self.random.choice(kinds)
            if kind == "append" and len(shadow.pages) < 3:
                shadow.pages.append(self.page())
                document.append(read(self.engine, self.store, shadow.pages[-1]))
            elif kind in ("undo", "edit") and shadow.turns:
                keep = self.random.randrange(len(shadow.turns))
                del shadow.turns[keep:], shadow.ids[keep:]
            if kind not in ("append", "undo") and len(shadow.turns) < 4:
                self.answer(kind, shadow, document)
            assert self.engine.nbytes <= self.engine.pool.budget

    def answer(self, kind: str, shadow: Shadow, document: LocalDocument) -> None:
        question = "".join(self.random.choice("abc 中?") for _ in range(self.random.randint(1, 9))).strip() or "why"
        penalty = self.random.choice([1.0, 1.1])
        options = replace(PLAIN, repetition_penalty=penalty, reuse_kv=kind != "anew", thinking=kind != "quiet")
        asked = [(turn.question, ids) for turn, ids in zip(shadow.turns, shadow.ids, strict=True)]
        expected = self.original.answer(shadow.pages, asked, question, options)
        others = [d for d in self.documents if d is not document and d._prefix.nbytes]
        pieces = self.pieces(document, question, shadow, options, kind == "stop")
        self.evictions += sum(not d._prefix.nbytes for d in others)
        self.answers += 1
        if not pieces:
            assert kind == "stop" or not self.original.shown(expected)
            return
        said = "".join(pieces)
        ids = list(document.answer_ids(said))
        assert ids == expected[: len(ids)]
        assert kind == "stop" or len(ids) == len(expected)
        # A document knows answers by their text: of two that have the same in other tokens, such as parts of
        # characters, it knows the last.
        alike = (i for i, turn in enumerate(shadow.turns) if turn.answer == said and shadow.ids[i] != ids)
        keep = next(alike, len(shadow.turns))
        del shadow.turns[keep:], shadow.ids[keep:]
        shadow.turns.append(Turn(question, said))
        shadow.ids.append(ids)

    def pieces(
        self, document: LocalDocument, question: str, shadow: Shadow, options: AskOptions, stop: bool
    ) -> list[str]:
        most = self.random.randint(1, 4) if stop else None
        with contextlib.closing(document.answer(question, tuple(shadow.turns), options)) as events:
            tokens = (event.text for event in events if isinstance(event, Token))
            return list(itertools.islice(tokens, most))


@pytest.mark.parametrize(("family", "first"), [(f, first) for f in FAMILIES for first in range(0, SEEDS[f], 3)])
def test_conversations_over_interleaved_documents_answer_as_if_computed_from_scratch(family, first, models, tmp_path):
    made = models(family).items()
    scripts = [Script(first + i, *model, tmp_path / shape) for i, (shape, model) in enumerate(made)]
    for script in scripts:
        script.run()
        assert script.answers >= 3
    assert sum(script.evictions for script in scripts) >= 1
    assert sum(script.from_disk for script in scripts) >= 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 2, 12])
def test_pages_of_different_sizes(count, shape, family, models, tmp_path):
    folder, original = models(family)[shape]
    pages = [page(i, 84 + 23 * (i % 5), 300 - 31 * (i % 7)) for i in range(count)]
    engine = start(folder, tmp_path)
    document = opened(engine, pages)
    turns: list[Turn] = []
    asked: list[tuple[str, list[int]]] = []
    for question in ("What is it?", "第二个问题", "why"):
        expected = original.answer(pages, asked, question, PLAIN)
        answer = ask(document, question, tuple(turns), PLAIN)
        assert list(document.answer_ids(answer)) == expected
        turns.append(Turn(question, answer))
        asked.append((question, expected))


def test_what_another_document_leaves_behind_changes_nothing(models, tmp_path):
    """`rope_deltas` on the model is how transformers mixes two documents up."""
    folder, original = models("glm4v")["wide"]
    engine = start(folder, tmp_path)
    long, short = [page(i, 200, 84) for i in range(3)], [page(9, 60, 230)]
    first, second = (opened(engine, pages) for pages in (long, short))
    for document, pages in ((first, long), (second, short), (first, long)):
        engine.model.model.model.rope_deltas = None
        answer = ask(document, "one", (), PLAIN)
        assert list(document.answer_ids(answer)) == original.answer(pages, [], "one", PLAIN)


def _two_axes(rows: int, columns: int, before: int = 1, after: int = 1) -> torch.Tensor:
    positions = mrope_positions(rows, columns, before, after)
    return torch.stack([positions[0], positions[2], positions[1]])


# What may be done wrongly to what Qwen3-VL's language model is given: embeddings (n, (1 + deep) * hidden).
WRONG = {
    "no deep features": lambda parts: parts[:1],
    "no deep features for the last layer": lambda parts: parts[:-1],
    "deep features one layer late": lambda parts: [parts[0], torch.zeros_like(parts[0]), *parts[1:]],
    "deep features in another order": lambda parts: [parts[0], *parts[:0:-1]],
    "rows and columns exchanged": lambda parts: parts,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_qwen3vl_given_pages_wrongly_answers_otherwise_than_the_original(wrong, models, tmp_path, monkeypatch):
    folder, original = models("qwen3_vl")["deep"]
    engine = start(folder, tmp_path)
    extend, hidden = engine.decoder.extend, engine.decoder.config.hidden_size

    def wrongly(arena, embeds, positions):
        parts = list(embeds.split(hidden, dim=-1))
        return extend(arena, torch.cat(WRONG[wrong](parts) if parts[1:] else parts, dim=-1), positions)

    monkeypatch.setattr(engine.decoder, "extend", wrongly)
    if wrong == "rows and columns exchanged":
        monkeypatch.setattr(engine.model, "positions", _two_axes)
    pages = [page(i, 200, 84) for i in range(3)]
    document, same = opened(engine, pages), []
    for question in ("one", "two 二", "why?"):
        answer = ask(document, question, (), PLAIN)
        same.append(list(document.answer_ids(answer)) == original.answer(pages, [], question, PLAIN))
    assert not all(same)
