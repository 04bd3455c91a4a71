"""Keys and values that survive a restart: whatever was kept, by whom and where it ended, greedy answers are those of
transformers' `generate` run from scratch."""

import hashlib
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glyph_demo.conversation.session import DocumentSession
from glyph_demo.decoding import kept
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.kv_files import KVFiles
from glyph_demo.rendering.page import Page
from glyph_demo.settings import merge
from glyph_demo.store import FeatureStore
from tests.answers import joined
from tests.checkpoints import make_checkpoint
from tests.engines.local import Shadow, page
from tests.engines.original import Original
from tests.engines.restarts import BUDGET, OPTIONS, Program, always_read, in_a_process

MODELS = [("wide", "glm4v"), ("grouped", "glm46v"), ("deep", "glm4v")]
SIZES = [(112, 112), (60, 230), (200, 84), (140, 140)]
STEPS = 9
LONG = "A question of more tokens than a block behind the prefix has, so that it is kept as well: why is that? "


@pytest.fixture(autouse=True)
def _all_read(one_thread):
    with always_read():
        yield


@pytest.fixture(scope="module")
def models(checkpoint_of):
    folders = {shape: checkpoint_of(shape, kind) for shape, kind in MODELS}
    return {shape: (folder, Original(folder)) for shape, folder in folders.items()}


class Script:
    """One seeded conversation over two documents that begin alike, with memory for one and a half of them, by a program
    that is started again and again, and now and then by a second one beside it."""

    def __init__(self, seed: int, model: Path, original: Original, folder: Path) -> None:
        self.random = random.Random(seed)
        self.model, self.original, self.folder = model, original, folder
        self.seed = 1000 * seed
        first = self.page()
        self.shadows = [Shadow([first, self.page()]), Shadow([first, self.page(), self.page()])]
        self.taken = self.answers = 0
        self.program = self.start()

    def page(self) -> Page:
        self.seed += 1
        return page(self.seed, *self.random.choice(SIZES))

    def start(self) -> Program:
        program = Program(self.model, self.folder, tokens=900)
        self.documents: list[LocalDocument] = [program.open(shadow.pages) for shadow in self.shadows]
        for shadow in self.shadows:
            self.forget_ids(shadow)
        return program

    def forget_ids(self, shadow: Shadow) -> None:
        """A document that is opened anew has its answers as text."""
        shadow.ids = [self.original.tokenizer.encode(turn.answer) for turn in shadow.turns]

    def restart(self) -> None:
        self.taken += self.program.taken
        self.program.close()
        self.program = self.start()

    def run(self) -> None:
        kinds = ["ask"] * 4 + ["restart"] * 3 + ["edit", "append", "evict", "return", "beside"]
        steps = ["ask", *self.random.choices(kinds, k=STEPS), "restart", "ask"]
        for kind in steps:
            now = self.random.randrange(2)
            shadow = self.shadows[now]
            if kind == "restart":
                self.restart()
            elif kind == "append" and len(shadow.pages) < 4:
                shadow.pages.append(self.page())
                self.program.append(self.documents[now], shadow.pages[-1])
            elif kind == "evict":
                self.program.engine.keeper.flush()
                self.program.engine.pool.release()
            elif kind == "return":
                self.documents[now].close()
                self.documents[now] = self.program.open(shadow.pages)
                self.forget_ids(shadow)
            elif kind == "beside":
                self.beside(shadow)
                continue
            elif kind == "edit" and shadow.turns:
                keep = self.random.randrange(len(shadow.turns))
                del shadow.turns[keep:], shadow.ids[keep:]
            self.ask(self.program, self.documents[now], shadow)
        self.taken += self.program.taken
        self.program.close()

    def beside(self, shadow: Shadow) -> None:
        """Another program in the same folder opens the document and asks, while this one goes on."""
        other = Program(self.model, self.folder)
        self.ask(other, other.open(shadow.pages), Shadow(shadow.pages))
        self.taken += other.taken
        other.close()

    def ask(self, program: Program, document: LocalDocument, shadow: Shadow) -> None:
        if len(shadow.turns) == 3:
            del shadow.turns[1:], shadow.ids[1:]
        question = LONG + "".join(self.random.choice("abc 中") for _ in range(self.random.randint(1, 9))) + "?"
        asked = [(turn.question, ids) for turn, ids in zip(shadow.turns, shadow.ids, strict=True)]
        expected = self.original.answer(shadow.pages, asked, question, OPTIONS)
        turn, ids = program.ask(document, question, shadow.turns)
        assert ids == (expected if turn.answer else [])
        assert turn.answer or not self.original.shown(expected)
        self.answers += 1
        if turn.answer:
            shadow.turns.append(turn)
            shadow.ids.append(ids)


LONGER = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=LONGER) for first in range(3, 30, 3))])
def test_documents_that_are_opened_again_and_again_answer_as_if_computed_from_scratch(first, models, tmp_path):
    for i, (shape, _) in enumerate(MODELS):
        script = Script(first + i, *models[shape], tmp_path / shape)
        script.run()
        assert script.answers >= 8
        assert script.taken > 500, "much of it came from the disk"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_new_process_computes_only_what_follows_the_document_and_the_conversation(models, tmp_path):
    folder, original = models["wide"]
    what = {"model": str(folder), "folder": str(tmp_path), "seeds": [1, 2, 3, 4], "questions": [LONG, "And why?"]}
    first, second = in_a_process(**what), in_a_process(**what)
    more = in_a_process(**what | {"seeds": [1, 2, 3, 5]})
    whole = first["opened"]
    assert (first["taken"], second["opened"]) == (0, 0), "all of the document came from the first one's files"
    assert second["said"] == first["said"]
    assert second["computed"] < first["computed"] - whole, "and of the conversation its beginning"
    assert 0 < more["opened"] < whole / 3, "a document that begins alike computes its own last page"
    for said, seeds in ((first, (1, 2, 3, 4)), (more, (1, 2, 3, 5))):
        asked = []
        for question, ids in zip(what["questions"], said["said"], strict=True):
            assert original.answer(list(map(page, seeds)), asked, question, OPTIONS) == ids
            asked.append((question, ids))


def taken_and_said(model: Path, folder: Path, seeds, **how) -> tuple[int, list[int]]:
    """Tokens that came from the disk, and the answer's."""
    program = Program(model, folder, **how)
    document = program.open(list(map(page, seeds)))
    _, ids = program.ask(document, "why")
    program.close()
    return program.taken, ids


@pytest.fixture
def model(models):
    return models["wide"][0]


HEAD, PAGE = 4, 18  # tokens before the pages, and of a page
OTHERS = {(1, 2, 3): 3, (2, 1, 3): 0, (1, 3, 2): 1, (1, 9, 3): 1, (9, 2, 3): 0, (1, 2): 2, (1, 2, 3, 4): 3}


def opened_behind(model: Path, folder: Path, others) -> tuple[dict, set]:
    """The pages that each document takes when it is opened behind (1, 2, 3), and those that answer wrongly then."""
    taken, wrong = {}, set()
    for seeds in others:
        shared = folder / f"shared {seeds}"
        taken_and_said(model, shared, (1, 2, 3))
        tokens, said = taken_and_said(model, shared, seeds)
        taken[seeds] = tokens // PAGE
        if said != taken_and_said(model, folder / "alone", seeds, limit=0)[1]:
            wrong.add(seeds)
    return taken, wrong


def test_documents_share_the_pages_that_they_begin_with_and_nothing_else(model, tmp_path):
    assert opened_behind(model, tmp_path, OTHERS) == (OTHERS, set())


def in_two_precisions(model: Path, folder: Path) -> list[tuple[int, bool]]:
    """Tokens that the second one takes of what the first one computed, and whether it answers as if alone."""
    found = []
    for first, second in ((torch.float16, torch.bfloat16), (torch.bfloat16, torch.float16)):
        taken_and_said(model, folder / str(first), (1, 2, 3), precision=first)
        taken, said = taken_and_said(model, folder / str(first), (1, 2, 3), precision=second)
        alone = taken_and_said(model, folder / "alone", (1, 2, 3), precision=second, limit=0)[1]
        found.append((taken, said == alone))
    return found


def test_what_one_precision_computed_is_nothing_to_another(model, tmp_path):
    assert in_two_precisions(model, tmp_path) == [(0, True), (0, True)]


def test_keys_and_values_in_8_bits_and_in_16_are_apart_and_both_come_back(model, tmp_path):
    said = {}
    for kv in ("16bit", "int8"):
        taken, said[kv] = taken_and_said(model, tmp_path, (1, 2, 3), **{"inference.kv": kv})
        assert taken == 0
    for kv in ("16bit", "int8"):
        assert taken_and_said(model, tmp_path, (1, 2, 3), **{"inference.kv": kv}) == (HEAD + 3 * PAGE, said[kv])


def test_other_weights_in_a_folder_of_the_same_name_are_another_model(tmp_path):
    folder, cache = tmp_path / "model", tmp_path / "cache"
    taken_and_said(make_checkpoint(folder, seed=1), cache, (1, 2, 3))
    shutil.rmtree(folder)
    make_checkpoint(folder, seed=2)
    taken, said = taken_and_said(folder, cache, (1, 2, 3))
    assert (taken, said) == (0, taken_and_said(folder, tmp_path / "alone", (1, 2, 3))[1])


def chained_by(facts, patch) -> None:
    """Have links be known by nothing but these facts."""
    link = kept._link

    def mutant(root, before, segments, whole=True):
        known = repr(facts(root, before, segments)).encode()
        return replace(link(root, before, segments, whole), facts=known, key=hashlib.sha256(known).hexdigest())

    patch.setattr(kept, "_link", mutant)


IGNORING = {
    "a page": lambda root, before, segments: (root, parent(before), [len(segment.ids) for segment in segments]),
    "what comes before": lambda root, before, segments: (root, [segment.facts for segment in segments]),
    "the order of pages": lambda root, before, segments: (root, sorted(all_facts(before, segments))),
}


def parent(before):
    return before[-1].key if before else ""


def all_facts(before, segments):
    return [segment.facts for link in before for segment in link.segments] + [segment.facts for segment in segments]


@pytest.mark.parametrize(
    ("what", "noticed"), zip(IGNORING, [(1, 9, 3), (9, 2, 3), (2, 1, 3)], strict=True), ids=list(IGNORING)
)
def test_a_chain_that_ignores_something_gives_wrong_answers(what, noticed, model, tmp_path, monkeypatch):
    chained_by(IGNORING[what], monkeypatch)
    assert opened_behind(model, tmp_path, [noticed])[1]


def test_a_chain_that_ignores_the_precision_gives_wrong_answers(model, tmp_path, monkeypatch):
    chained_by(lambda root, before, segments: (parent(before), [segment.facts for segment in segments]), monkeypatch)
    assert not all(right for _, right in in_two_precisions(model, tmp_path))


def test_a_damaged_page_is_computed_again_and_those_behind_it_are_not(model, tmp_path):
    _, said = taken_and_said(model, tmp_path, (1, 2, 3, 4))
    files = sorted((tmp_path / "kv").glob("*.kv"), key=lambda path: path.stat().st_mtime)
    content = bytearray(files[1].read_bytes())
    content[-1] ^= 1
    files[1].write_bytes(content)
    assert taken_and_said(model, tmp_path, (1, 2, 3, 4)) == (HEAD + 3 * PAGE, said)
    assert taken_and_said(model, tmp_path, (1, 2, 3, 4)) == (HEAD + 4 * PAGE, said), "and kept again"


def test_what_is_rolled_back_while_it_is_copied_is_not_kept(model, tmp_path):
    program = Program(model, tmp_path)
    document, copied = program.open([]), program.engine.keeper._copied

    def rolled_back(parts):
        copy = copied(parts)
        document._prefix.release()
        return copy

    program.engine.keeper._copied = rolled_back
    program.append(document, page(1))
    program.engine.keeper.flush()
    assert program.store.kv.nbytes == 0
    program.engine.keeper._copied = copied
    _, said = program.ask(document, "why")
    program.close()
    assert taken_and_said(model, tmp_path, (1,)) == (HEAD + PAGE, said), "it was kept when it was there again"


def test_a_document_longer_than_the_budget_keeps_its_beginning(model, tmp_path):
    program = Program(model, tmp_path / "probe")
    program.ask(program.open([page(1)]), "why")
    program.close()
    size = program.store.kv.nbytes
    small = {"limit": 2 * size + size // 2}
    _, said = taken_and_said(model, tmp_path, (1, 2, 3, 4), **small)
    assert taken_and_said(model, tmp_path, (1, 2, 3, 4), **small) == (HEAD + 2 * PAGE, said)


def test_without_reuse_nothing_is_kept_and_nothing_taken(model, tmp_path):
    anew = replace(OPTIONS, reuse_kv=False)
    program = Program(model, tmp_path)
    document = program.open([page(1), page(2)])
    taken, said = program.taken, program.ask(document, LONG, (), anew)
    kept_of_pages = program.store.kv.nbytes
    assert program.ask(document, LONG, (), anew) == said
    program.engine.keeper.flush()
    assert (program.taken, program.store.kv.nbytes) == (taken, kept_of_pages)
    program.close()


def test_text_given_as_tokens_comes_back_too(model, tmp_path):
    text = "A line of the document, and one more word. " * 40
    said = []
    for _ in range(2):
        program = Program(model, tmp_path)
        said.append(program.ask(program.engine.open_text(text), "why"))
        taken = program.taken
        program.close()
    assert said[0] == said[1]
    assert taken > len(text) // 2


def test_what_the_pool_had_no_room_for_comes_back_without_being_computed(model, tmp_path):
    program = Program(model, tmp_path, tokens=180)
    pages = [[page(number) for number in range(first, first + 4)] for first in (0, 10, 20)]
    documents, said = [], []
    for each in pages:
        documents.append(program.open(each))
        said.append(program.ask(documents[-1], "why"))
        program.engine.keeper.flush()
    assert not documents[0]._prefix.nbytes, "evicted"
    before = program.computed
    assert program.ask(documents[0], "why") == said[0]
    assert program.computed - before < 2 * PAGE, "the question only"
    program.close()


def test_a_page_that_is_known_is_not_encoded_until_its_features_are_needed(local_settings, tmp_path):
    settings = merge(local_settings, {"rendering.dpi": 40})
    path = tmp_path / "story.txt"
    path.write_text("Story of a page. " * 1200)
    said, encoded = [], []
    for _ in range(2):
        engine = LocalEngine(settings, kv_bytes=1 << 26)
        begin, encode = engine.begin_encode, engine.encode
        engine.begin_encode = lambda page, begin=begin: encoded.append(page.digest) or begin(page)
        engine.encode = lambda page, encode=encode: encoded.append(page.digest) or encode(page)
        store = FeatureStore(None, 0, 0, kv=KVFiles(tmp_path / "kv", BUDGET))  # features are kept nowhere
        session = DocumentSession(engine, settings, store)
        session.open(path)
        said.append(joined(session.ask("What is it?", OPTIONS)))
        pages, shown = len(session.current.pages), session.current.kept()
        engine.keeper.flush()
        if len(said) == 1:
            assert (len(encoded), shown) == (pages, "nowhere")
            encoded.clear()
            session.close()
            engine.close()
    assert pages > 1
    assert (encoded, shown) == ([], "disk")
    store.kv.clear()
    engine.pool.release()
    session.undo()
    said.append(joined(session.ask("What is it?", OPTIONS)))
    assert len(encoded) == pages, "from their pictures, once the keys and values are gone everywhere"
    assert said[0] == said[1] == said[2] != ""
    session.close()
    engine.close()
