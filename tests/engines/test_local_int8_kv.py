"""The local engine with keys and values in 8 bits."""

import pytest

from glyph_demo.decoding.layers import Int8Layer
from glyph_demo.engines.base import Turn
from glyph_demo.engines.events import Evidence, Finished
from tests.engines.local import SHORT, ask, opened, page, script

pytestmark = pytest.mark.usefixtures("one_thread")

INT8 = {"inference.kv": "int8"}


def kept(engine):
    document = opened(engine)
    return document._prefix._arena.layers[0]


@pytest.mark.parametrize(("kv", "small"), [("auto", False), ("16bit", False), ("int8", True)])
def test_only_a_setting_that_asks_for_them_has_8_bits(start, kv, small):
    engine = start({"inference.kv": kv})
    assert isinstance(kept(engine), Int8Layer) == small
    assert engine.decoder.int8 == small


def test_the_same_memory_holds_a_longer_document_and_an_answer_says_what_it_took(start):
    limit = {"inference.memory_limit_gb": 0.004}
    plain, small = (start({**limit, **changes}, kv_bytes=None) for changes in ({}, INT8))
    assert small.prefix_limit > 1.5 * plain.prefix_limit  # of heads of 16 float32, beside a layer's read out
    took = []
    for engine in (plain, small):
        (finished,) = (event for event in opened(engine).answer("What?", (), SHORT) if isinstance(event, Finished))
        took.append(finished.usage.kv_bytes)
    assert took[1] < 0.5 * took[0]


def test_evicted_documents_and_undone_turns_are_answered_as_before(start):
    roomy = start(INT8)
    expected = [ask(opened(roomy, [page(i), page(i + 5)]), "What is it?") for i in range(2)]
    engine = start(INT8, kv_bytes=256 * roomy.decoder.bytes_per_entry)
    documents = [opened(engine, [page(i), page(i + 5)]) for i in range(2)]
    for _ in range(2):
        for document, answer in zip(documents, expected, strict=True):
            assert ask(document, "What is it?") == answer
            ask(document, "And why?", (Turn("What is it?", answer),))
            assert ask(document, "What is it?") == answer
    assert not all(document._prefix.nbytes for document in documents)


def test_evidence_is_found_in_what_8_bits_stand_for(start):
    found = []
    for changes in ({}, INT8):
        engine = start(changes)
        script(engine, *"seen on a page")  # the same answer, whatever is attended to
        (evidence,) = (event for event in opened(engine, 2).answer("What?", (), SHORT) if isinstance(event, Evidence))
        found.append({heat.page: heat.values for heat in evidence.heat})
    plain, small = found
    assert plain.keys() == small.keys() == {1, 2}
    for number, values in plain.items():
        assert small[number] == pytest.approx(values, abs=0.1)
        assert small[number] != values
