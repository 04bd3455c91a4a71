"""The local engine as the application uses it: events, limits, memory, and what it does when numbers overflow."""

import contextlib
import string
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file, save_file

from glyph_demo.decoding.products import use_even_products, use_plain_products
from glyph_demo.engines.base import AskOptions, TooLong, Turn
from glyph_demo.engines.events import Notice, Progress, Thinking, Token
from glyph_demo.engines.local.engine import IN_BFLOAT16, NOISE
from glyph_demo.errors import EngineError
from glyph_demo.store import FeatureStore
from tests.answers import joined
from tests.checkpoints import make_checkpoint
from tests.engines.local import SHORT, ask, opened, page, read, script

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def engine(start):
    return start()


@pytest.fixture
def document(engine):
    return opened(engine)


def test_thinking_comes_apart_from_the_answer_and_history_drops_it(engine, document):
    script(engine, "<think>Page one.</think><answer>A page.</answer>")
    events = list(document.answer("What?", (), AskOptions(max_new_tokens=100)))
    assert (joined(events, Thinking), joined(events)) == ("Page one.", "A page.")
    finished = events[-1]
    assert finished.reason == "stop"
    assert list(document.answer_ids("A page.")) == engine.model.tokenizer.encode("A page.")
    assert 0 < finished.timings.prefill <= finished.timings.first_token <= finished.timings.total


def test_thinking_can_be_capped(engine, document):
    script(engine, "<think>one two", "OK", "</answer>")
    options = AskOptions(max_new_tokens=100, thinking_tokens=8)
    events = list(document.answer("What?", (), options))
    assert (joined(events, Thinking), joined(events)) == ("one two", "OK")
    assert events[-1].reason == "stop"


def test_thinking_can_be_switched_off(engine, document):
    script(engine, "OK</answer>")
    events = list(document.answer("What?", (), replace(SHORT, thinking=False)))
    assert (joined(events, Thinking), joined(events)) == ("", "OK")
    assert "<think></think><answer>" in engine.model.tokenizer.decode(document._prefix._written)


def test_endless_repetition_ends_with_its_reason(engine, document):
    script(engine, "ha")
    *_, finished = document.answer("What?", (), AskOptions(max_new_tokens=500))
    assert finished.reason == "repetition"
    assert finished.usage.output < 110


def test_text_that_answers_quote_makes_them_take_fewer_forwards_and_changes_none(start):
    engine = start()
    letters = engine.model.tokenizer.encode(string.ascii_letters)
    body, head = engine.model.model.get_decoder(), engine.model.model.lm_head
    use_plain_products(body, head)  # whose weights can be written to
    with torch.no_grad():
        head.weight[[i for i in range(len(head.weight)) if i not in letters]] = 0.0  # so that the answer is text
    use_even_products(body, head)
    document = opened(engine)
    options = AskOptions(max_new_tokens=40)
    plain = list(document.answer("What?", (), options))
    document.hint_text("Not this. " + joined(plain) + " Nor this.")
    hinted = list(document.answer("What?", (), options))
    assert joined(hinted) == joined(plain)
    before, after = plain[-1].usage, hinted[-1].usage
    assert (before.output, before.drafted, before.accepted) == (after.output, 0, 0)
    assert after.drafted >= after.accepted >= 20


def test_the_second_question_computes_itself_only(start):
    document = opened(start(), pages=3)
    first = list(document.answer("What is this?", (), SHORT))
    second = list(document.answer("And why?", (Turn("What is this?", joined(first)),), SHORT))
    usage = second[-1].usage
    assert usage.cached > document.tokens
    assert usage.input - usage.cached < 40


def test_prefill_reports_progress_page_by_page_and_can_be_stopped_there(start):
    engine = start()
    document = opened(engine, pages=4)
    engine.pool.release()
    with contextlib.closing(document.answer("What?", (), SHORT)) as events:
        assert all(isinstance(next(events), Progress) for _ in range(2))
    shown = [e for e in document.answer("What?", (), SHORT) if isinstance(e, Progress)]
    done = [e.done for e in shown if e.stage == "prefill"]
    assert len(done) == 3  # two of the five segments had been computed before the stop
    assert done == sorted(done)


def test_a_seed_decides_what_is_sampled(document):
    options = AskOptions(max_new_tokens=12, temperature=1.5, top_p=1.0)
    answers = [ask(document, "Why?", (), replace(options, seed=seed)) for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
    only = AskOptions(max_new_tokens=12, temperature=1.5, top_k=1)
    assert ask(document, "Why?", (), only) == ask(document, "Why?", (), AskOptions(max_new_tokens=12))


def test_a_document_too_long_says_how_many_pages_fit_and_keeps_those(checkpoint_of, start):
    engine = start({"model": str(checkpoint_of(context=128))})
    document = engine.open_document()
    features = [engine.encode(page(i)) for i in range(10)]
    with pytest.raises(TooLong) as caught:
        list(map(document.append, features))
    pages = caught.value.pages
    assert caught.value.code == "context_full"
    assert pages == (128 - 128 // 8 - 3) // 18
    assert f"first {pages} pages" in caught.value.message.en
    assert f"前 {pages} 页" in caught.value.message.zh
    assert ask(document, "What?") == ask(opened(engine, pages), "What?")


def test_a_conversation_too_long_is_refused_and_not_cut(checkpoint_of, start):
    engine = start({"model": str(checkpoint_of(context=128))})
    document = opened(engine)
    with pytest.raises(Exception, match="context_full"):
        list(document.answer("why " * 60, (), SHORT))
    assert ask(document, "why")


def test_text_is_answered_from_as_tokens(checkpoint_of, start):
    engine = start()
    content = "All about pages. " * 100
    document = engine.open_text(content)
    assert document.tokens == len(content) + 2 + len(engine.model.chat.head)
    answer = ask(document, "What?")
    model, tokenizer = engine.model.model, engine.model.tokenizer
    prompt = f"[gMASK]<sop><|user|>\n{content}\n\nWhat?<|assistant|>\n"
    ids = torch.tensor([tokenizer.encode(prompt)])
    out = model.generate(input_ids=ids, max_new_tokens=8, do_sample=False, repetition_penalty=1.1)
    assert list(document.answer_ids(answer)) == out[0, ids.shape[1] :].tolist()
    assert answer
    with pytest.raises(TooLong, match="As text"):
        start({"model": str(checkpoint_of(context=128))}).open_text(content)


def overflowing(target: Path, times: float = 3e4) -> Path:
    """A checkpoint whose feed-forward layers leave float16's range and stay in bfloat16's."""
    make_checkpoint(target)
    tensors = load_file(target / "model.safetensors")
    for name in tensors:
        if "language_model" in name and "down_proj" in name:
            tensors[name] *= times
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    return target


def test_an_overflow_in_float16_is_redone_in_bfloat16_and_said(tmp_path, start):
    model = overflowing(tmp_path / "hot")
    engine = start({"model": str(model)}, precision=torch.float16)
    other, document = opened(engine), opened(engine, 2)
    assert engine.identity.endswith("-float16")

    events = list(document.answer("What?", (), SHORT))
    assert [e.message for e in events if isinstance(e, Notice)] == [IN_BFLOAT16]
    assert engine.identity.endswith("-bfloat16")
    expected = ask(opened(start({"model": str(model)}, precision=torch.bfloat16), 2), "What?")
    assert joined(events) == expected
    assert "!!!" not in expected

    again = list(document.answer("And?", (Turn("What?", expected),), SHORT))
    assert not [e for e in again if isinstance(e, Notice)]
    assert Notice(IN_BFLOAT16) in list(other.answer("What?", (), SHORT))
    for each in (other, document):
        each.close()
    assert engine.nbytes == 0


def test_an_overflow_midway_goes_on_from_what_was_said(start):
    engine = start(precision=torch.float16)
    document = opened(engine)
    whole = list(opened(engine).answer("What?", (), SHORT))
    logits, calls = engine.decoder.logits, iter(range(99))

    def overflow(hidden: torch.Tensor) -> torch.Tensor:
        return logits(hidden) * (float("nan") if next(calls) == 3 else 1.0)

    engine.decoder.logits = overflow
    events = list(document.answer("What?", (), SHORT))
    assert Notice(IN_BFLOAT16) in events
    assert joined(events)[:3] == joined(whole)[:3]
    assert events[-1].usage.output == 8


def test_overflow_where_there_is_no_way_out_says_so(tmp_path, start):
    with pytest.raises(EngineError, match="model_broken"):
        ask(opened(start({"model": str(overflowing(tmp_path / "hot", float("inf")))})), "What?")


def test_closing_an_answer_stops_within_a_step(engine, document):
    script(engine, "abcdefgh")
    said = ""
    with contextlib.closing(document.answer("What?", (), AskOptions(max_new_tokens=500))) as events:
        for event in events:
            said += event.text if isinstance(event, Token) else ""
            if len(said) == 3:
                break
    assert list(document.answer_ids(said)) == engine.model.tokenizer.encode("abc")
    assert len(document._prefix.completion.ids) == 3


def test_closing_a_document_while_it_answers_waits_for_the_stop(engine, document):
    events = document.answer("What?", (), SHORT)
    assert isinstance(next(e for e in events if isinstance(e, Token)), Token)
    closer = threading.Thread(target=document.close)
    closer.start()
    closer.join()
    assert engine.nbytes > 0
    events.close()
    assert engine.nbytes == 0


def test_a_hundred_rounds_over_twelve_documents_stay_inside_the_budgets(start, tmp_path):
    engine = start()
    engine = start(kv_bytes=700 * engine.decoder.bytes_per_entry)
    store = FeatureStore(tmp_path / "features", memory_bytes=20_000, disk_bytes=100_000)
    process = psutil.Process()
    for i in range(100):
        document = engine.open_document()
        for number in range(1 + i % 3):
            document.append(read(engine, store, page(10 * (i % 12) + number, 112, 140)))
        ask(document, "What?", (), replace(SHORT, max_new_tokens=2))
        assert engine.nbytes <= 700 * engine.decoder.bytes_per_entry
        assert store.memory_bytes <= 20_000
        on_disk = sum(file.stat().st_size for file in (tmp_path / "features").rglob("*.features"))
        assert on_disk == store.disk_bytes <= 100_000
        if i % 3:
            document.close()
        else:
            kept, previous = document, locals().get("kept")
            if previous is not None:
                previous.close()
        if i == 30:
            before = process.memory_info().rss
    kept.close()
    assert engine.nbytes == 0
    assert process.memory_info().rss - before < 16 << 20


@pytest.mark.long
def test_random_weights_are_labelled(start):
    engine = start({"model": "random:mid"})
    assert "random" in engine.label
    assert Notice(NOISE) in list(opened(engine).answer("What?", (), replace(SHORT, max_new_tokens=1)))


@pytest.mark.parametrize("runtime", ["compiled", "onnx"])
def test_the_vision_runtime_of_the_settings_reads_full_pages_like_eager(runtime, start):
    fast, full = start({"inference.vision": runtime}), page(1, 842, 595)
    assert fast.notices == []
    assert fast.model.vision._graphs
    expected = start().encode(full).arrays["embeds"]
    np.testing.assert_allclose(fast.encode(full).arrays["embeds"], expected, atol=1e-4)
    fast.close()


@pytest.mark.parametrize("decode", ["eager", "graph"])
def test_the_decode_step_of_the_settings_answers_the_same(decode, start):
    other = start({"inference.decode": decode})
    assert other.notices == []
    assert other.decoder._step._static == (decode == "graph")
    assert ask(opened(other), "What?") == ask(opened(start()), "What?")
