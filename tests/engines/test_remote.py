"""The remote engine: what it sends, what it makes of what comes back, and what it does when nothing does."""

import base64
import contextlib
from collections.abc import Iterator

import numpy as np
import pytest

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Finished, Notice, Progress, Thinking, Token
from glyph_demo.engines.remote.engine import RemoteEngine
from glyph_demo.engines.remote.presets import PRESETS
from glyph_demo.engines.remote.servers import Servers, parse_urls, served_models
from glyph_demo.errors import EngineError
from glyph_demo.rendering import encode_png
from glyph_demo.rendering.page import Page
from glyph_demo.settings import load_settings
from tests.answers import joined
from tests.engines.stub_server import chunk, serving

pytestmark = pytest.mark.slow  # it waits for servers and connections

ANSWER = [chunk(content="Yes"), chunk(content="."), chunk(reason="stop", usage=None)]
PAGES = [Page(i, np.full((20, 30), 100 * i, np.uint8)) for i in range(3)]
URLS = [f"data:image/png;base64,{base64.b64encode(encode_png(page.pixels)).decode()}" for page in PAGES]


@contextlib.contextmanager
def engine_at(*urls: str, **flags: str) -> Iterator[RemoteEngine]:
    engine = RemoteEngine(load_settings(flags={"engine": "remote", "remote.urls": ",".join(urls), **flags}))
    try:
        yield engine
    finally:
        engine.close()


def ask(engine, question="Is it?", history=(), options=None, pages=PAGES):
    document = engine.open_document([engine.encode(page) for page in pages])
    return list(document.answer(question, history, options or AskOptions()))


def asked(*replies, options=None, **flags):
    """The events of an answer by a server that replies so, and the server."""
    with serving(*replies) as stub, engine_at(stub.url, **flags) as engine:
        return ask(engine, options=options), stub


def shown(*replies):
    """Thinking and answer."""
    events, _ = asked(*replies)
    return joined(events, Thinking), joined(events)


def test_pages_go_first_and_in_order_and_as_the_same_bytes_in_every_request():
    with serving(ANSWER) as stub, engine_at(stub.url) as engine:
        document = engine.open_document([engine.encode(page) for page in PAGES])
        list(document.answer("One?", [], AskOptions()))
        list(document.answer("Two?", [Turn("One?", "Yes.")], AskOptions()))
    first, second = (request["messages"] for request in stub.requests)
    assert [part["image_url"]["url"] for part in first[0]["content"][:-1]] == URLS
    assert first[0]["content"][-1] == {"type": "text", "text": "One?"}
    assert second[0] == first[0]
    assert second[1] == {"role": "assistant", "content": "Yes."}
    assert second[2]["content"] == [{"type": "text", "text": "Two?"}]


def test_pages_with_places_stand_in_the_texts_and_the_others_first():
    with serving(ANSWER) as stub, engine_at(stub.url) as engine:
        ask(engine, "b", [Turn("ac", "Yes.", (1,))], AskOptions(places=(0,)))
    first, _, last = (message["content"] for message in stub.requests[0]["messages"])
    shown = [part.get("text") or URLS.index(part["image_url"]["url"]) for part in (*first, *last)]
    assert shown == [0, "a", 1, "c", 2, "b"]


def test_the_request_carries_the_fields_of_the_published_client():
    with serving(ANSWER) as stub, engine_at(stub.url) as engine:
        ask(engine)
        ask(engine, options=AskOptions(temperature=0.3, seed=7, thinking=False))
    greedy, sampled = stub.requests
    assert greedy["model"] == "served"
    assert (greedy["max_tokens"], greedy["temperature"], greedy["top_k"]) == (512, 0, 1)
    assert greedy["repetition_penalty"] == 1.1
    assert greedy["stop_token_ids"] == [151329, 151348, 151336]
    assert greedy["skip_special_tokens"] is False
    assert greedy["include_stop_str_in_output"] is True
    assert greedy["stream_options"] == {"include_usage": True}
    assert (sampled["top_p"], sampled["top_k"], sampled["seed"]) == (0.85, -1, 7)
    assert sampled["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_in_a_field_of_its_own(field):
    assert shown([chunk(**{field: "Hm"}), chunk(**{field: "m."}), *ANSWER]) == ("Hmm.", "Yes.")


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        (
            ["<thi", "nk>Hmm.</th", "ink><ans", "wer>Ye", "s. a <| b", "</answer>", "<|us", "er|>"],
            ("Hmm.", "Yes. a <| b"),
        ),
        (["Yes", ".<", "|endoftext|>"], ("", "Yes.")),
    ],
)
def test_thinking_and_stop_tokens_in_the_text_are_told_apart_though_they_arrive_in_halves(pieces, wanted):
    assert shown([*(chunk(content=piece) for piece in pieces), chunk(reason="stop")]) == wanted


def test_usage_and_reason_come_from_the_server():
    usage = {"prompt_tokens": 90, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 64}}
    (*_, finished), _ = asked([chunk(content="Yes"), chunk(reason="length", usage={**usage, "total_tokens": 92})])
    assert isinstance(finished, Finished)
    assert (finished.usage.input, finished.usage.cached, finished.usage.output) == (90, 64, 2)
    assert finished.reason == "length"
    assert 0 < finished.timings.prefill <= finished.timings.first_token <= finished.timings.total


def test_a_slow_prefill_is_waited_for_with_signs_of_life():
    events, _ = asked([1.0, *ANSWER])
    assert sum(isinstance(event, Progress) for event in events) >= 3
    assert joined(events) == "Yes."


def test_a_busy_server_is_asked_again():
    busy = (503, {"error": {"message": "no memory just now"}}, {"Retry-After": "0.01"})
    events, stub = asked(busy, busy, ANSWER)
    assert joined(events) == "Yes."
    assert len(stub.requests) == 3


def test_a_server_that_refuses_the_extra_fields_is_asked_without_them_from_then_on():
    refusal = (422, {"detail": "Unexpected fields in the request: {'top_k', 'stop_token_ids'}"})
    with serving(refusal, ANSWER) as stub, engine_at(stub.url) as engine:
        assert joined(ask(engine)) == joined(ask(engine)) == "Yes."
    assert ["top_k" in request for request in stub.requests] == [True, False, False]
    assert all("repetition_penalty" in request for request in stub.requests), "it was not refused"


def test_a_refusal_in_the_stream_is_heard_too_and_so_is_the_failure_that_vllm_makes_of_the_next_request():
    refusal = {"error": {"message": "token_id(s) [151329] in stop_token_ids contain out-of-vocab token ids."}}
    failure = {"error": {"message": "Internal server error"}}
    events, stub = asked([refusal], [failure], ANSWER)
    assert joined(events) == "Yes."
    assert ["stop_token_ids" in request for request in stub.requests] == [True, False, False]
    assert error_code([failure], ANSWER) == "server_lost"


def test_closing_the_answer_closes_the_connection():
    endless = [step for _ in range(200) for step in (chunk(content="word "), 0.02)]
    with serving(endless) as stub, engine_at(stub.url) as engine:
        document = engine.open_document([engine.encode(PAGES[0])])
        events = document.answer("Go on?", [], AskOptions())
        while not isinstance(next(events), Token):
            pass
        events.close()
        assert stub.gone.wait(60)
        stub.replies[:] = [ANSWER]
        assert joined(document.answer("Again?", [], AskOptions())) == "Yes."


def test_a_stop_ends_the_answer_and_the_connection_though_the_server_knows_none():
    endless = [chunk(reasoning="END of thought"), *(step for _ in range(200) for step in (chunk(content="E"), 0.01))]
    endless[9:9] = [chunk(content="ND")]
    options = AskOptions(stop=("never", "END"))
    with serving(endless) as stub, engine_at(stub.url) as engine:
        events = ask(engine, options=options)
        assert stub.gone.wait(60)
    assert joined(events).endswith("END")
    assert (events[-1].reason, events[-1].usage.output) == ("stop", 6)
    assert "stop" not in stub.requests[0], "a server would find it in the thinking"


def test_without_thinking_the_server_is_told_where_to_stop_and_its_own_count_holds():
    usage = {"prompt_tokens": 90, "completion_tokens": 2, "total_tokens": 92}
    reply = [chunk(content="Yes"), chunk(content=".", reason="stop"), chunk(usage=usage)]
    (*_, finished), stub = asked(reply, options=AskOptions(stop=(".",), thinking=False))
    assert stub.requests[0]["stop"] == ["."]
    assert (finished.usage.input, finished.usage.output) == (90, 2)


def test_another_server_takes_over_with_a_notice_when_one_is_down():
    with serving(ANSWER) as stub:
        dead = "http://127.0.0.1:9/v1"
        with engine_at(dead, stub.url) as engine:
            order = engine.servers.order
            document = next(
                p for n in range(64) if order(hash_of(p := [Page(0, PAGES[0].pixels + n)], engine))[0] == dead
            )
            handle = engine.open_document([engine.encode(page) for page in document])
            first, second = (list(handle.answer("Is it?", [], AskOptions())) for _ in range(2))
    assert joined(first) == joined(second) == "Yes."
    notices = [event.message.en for event in [*first, *second] if isinstance(event, Notice)]
    assert len(notices) == 1, "the second question goes straight to the server that works"
    assert dead in notices[0]


def hash_of(pages, engine):
    document = engine.open_document([engine.encode(page) for page in pages])
    return document._hash.hexdigest()


def test_a_document_stays_with_its_server_and_a_new_server_takes_only_its_share():
    three = Servers(["http://a/v1", "http://b/v1", "http://c/v1"], "")
    four = Servers([*three.urls, "http://d/v1"], "")
    before = {str(n): three.order(str(n))[0] for n in range(400)}
    after = {str(n): four.order(str(n))[0] for n in range(400)}
    assert min(list(before.values()).count(url) for url in three.urls) > 80
    moved = [n for n in before if before[n] != after[n]]
    assert all(after[n] == "http://d/v1" for n in moved)
    assert 60 < len(moved) < 140
    for servers in (three, four):
        servers.close()


def error_code(*replies, **flags):
    with pytest.raises(EngineError) as caught:
        asked(*replies, **flags)
    assert caught.value.message.zh
    return caught.value.code


def test_errors_say_what_to_do():
    assert error_code((401, {"error": {"message": "bad key"}})) == "server_refused"
    too_long = "This model's maximum context length is 4096 tokens."
    assert error_code((400, {"error": {"message": too_long}})) == "context_full"
    assert error_code((404, {"error": {"message": "no such model"}})) == "server_error"
    assert error_code([chunk(content="Y"), {"error": {"message": "out of memory", "code": 500}}]) == "server_lost"
    assert error_code([chunk(content="Y"), "cut"]) == "server_lost"
    assert error_code([]) == "server_lost"


def test_no_server_anywhere():
    with engine_at("http://127.0.0.1:9/v1") as engine, pytest.raises(EngineError, match="server_unreachable"):
        ask(engine)
    with pytest.raises(EngineError, match="bad_setting"), engine_at("not an address"):
        pass


def test_the_key_is_sent():
    _, stub = asked(ANSWER, **{"remote.api_key": "secret"})
    assert stub.keys == ["Bearer secret", "Bearer secret"], "to list the models, and to ask"


def test_a_server_lists_its_models():
    with serving([]) as stub:
        assert served_models(stub.url, "secret") == ["served", "another"]
    assert stub.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ((401, {}), "server_refused"),
        ((404, {}), "no_models"),
        ((200, {}), "no_models"),
        ((200, ["served"]), "no_models"),
        ((200, {"data": {"id": 1}}), "no_models"),
        ((503, {}), "server_unreachable"),
        ((418, {}), "server_error"),
    ],
)
def test_what_is_no_such_server_is_told_by_what_it_answers(listed, code):
    with serving([]) as stub:
        stub.listed = listed
        with pytest.raises(EngineError) as error:
            served_models(stub.url, "")
    assert error.value.code == code
    assert stub.url in error.value.message.zh


@pytest.mark.parametrize(
    ("url", "key", "code"),
    [
        ("http://127.0.0.1:9/v1", "", "server_unreachable"),
        ("http://127.0.0.1:9/v1", "密", "bad_setting"),
        ("http://[/v1", "", "bad_setting"),
        ("http://127.0.0.1:port/v1", "", "bad_setting"),
        ("http:///v1", "", "bad_setting"),
        ("file:///etc/passwd", "", "bad_setting"),
    ],
)
def test_an_address_where_nothing_can_answer_says_so(url, key, code):
    with pytest.raises(EngineError) as error:
        served_models(url, key)
    assert error.value.code == code


def test_presets_are_addresses_here_and_say_what_to_start():
    for preset in PRESETS:
        assert parse_urls(preset.url) == [preset.url]
        assert preset.url.startswith("http://127.0.0.1:")
        assert preset.start.en != preset.start.zh
