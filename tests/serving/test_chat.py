"""The real openai client, unmodified, and the requests of Glyph's published clients."""

import base64

import httpx
import openai
import pytest

from glyph_demo.engines.events import Finished, Notice, Thinking, Timings, Token, Usage
from glyph_demo.errors import EngineError, Message
from tests.fakes import FakeEngine, FakeHandle
from tests.serving.pictures import base64_png, image_part

ROUTE = "/v1/chat/completions"
# What Glyph's published script and demo send beside messages.
SCRIPT = {
    "max_tokens": 8192,
    "temperature": 0.0001,
    "top_p": 1,
    "top_k": 1,
    "repetition_penalty": 1.1,
    "stop_token_ids": [151329, 151348, 151336],
    "skip_special_tokens": False,
    "include_stop_str_in_output": True,
}
DEMO = {
    "temperature": 0.3,
    "top_p": 0.85,
    "top_k": -1,
    "repetition_penalty": 1.1,
    "ignore_eos": False,
    "stream": True,
    "stream_options": {"include_usage": True},
}


class ThinkingEngine(FakeEngine):
    """Thinks, answers with what it was asked and how, and remembers it."""

    name = "local"

    def __init__(self):
        super().__init__()
        self.asked = []

    def open_document(self, features=(), source=None):
        self.open_handles += 1
        return ThinkingHandle(self, features)


class ThinkingHandle(FakeHandle):
    def answer(self, question, history, options):
        self.engine.asked.append((len(self.digests), tuple(history), question, options))
        yield Notice(Message("A notice.", "一条提示。"))
        yield Thinking("so many ")
        yield Thinking("pages")
        yield Token("ans")
        yield Token("wer: ")
        yield Token(question)
        yield Finished(Usage(100, 60, 5), Timings(0.1, 0.2, 0.3, 0.6), "length")


def connect(running, key="none", **options):
    return openai.OpenAI(base_url=f"{running.address}/v1", api_key=key, max_retries=0, **options)


def ask(*parts, text="Who?"):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def test_an_answer_with_pages_thinking_and_usage(serve):
    engine = ThinkingEngine()
    client = connect(serve(engine))
    answer = client.chat.completions.create(model="glyph", messages=ask(image_part(1), image_part(2)))
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", "answer: Who?")
    assert choice.message.reasoning_content == "so many pages"
    assert choice.finish_reason == "length"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (100, 5, 105)
    assert answer.usage.prompt_tokens_details.cached_tokens == 60
    assert answer.glyph_demo["notices"] == ["A notice."]
    assert answer.glyph_demo["timings"]["first_token"] == 0.2
    assert engine.asked[0][:3] == (2, (), "Who?")


def test_a_stream_brings_thinking_answer_and_usage_piece_by_piece(serve):
    client = connect(serve(ThinkingEngine()))
    stream = client.chat.completions.create(
        model="glyph", messages=ask(image_part(1)), extra_body=dict(DEMO), stream=True
    )
    chunks = list(stream)
    said = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert said[0].role == "assistant"
    assert [delta.content for delta in said if delta.content] == ["ans", "wer: ", "Who?"]
    thought = [delta.reasoning_content for delta in said if getattr(delta, "reasoning_content", None)]
    assert thought == ["so many ", "pages"]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 105
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_without_options_counts_nothing_and_ends_with_done(client):
    lines = client.post(ROUTE, json={"messages": ask(), "stream": True}).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert "usage" not in "".join(lines)


def test_what_a_request_says_of_sampling_reaches_the_engine_and_the_rest_comes_from_the_settings(serve):
    engine = ThinkingEngine()
    running = serve(engine, **{"inference.max_new_tokens": 700, "inference.top_p": 0.5})
    client = connect(running)
    client.chat.completions.create(model="any", messages=ask(), extra_body=SCRIPT)
    client.chat.completions.create(
        model="any",
        messages=ask(),
        max_completion_tokens=9,
        temperature=1e-7,
        seed=-3,
        stop="never",
        extra_body={"chat_template_kwargs": {"enable_thinking": False}, "top_k": -1},
    )
    script, other = (options for *_, options in engine.asked)
    assert (script.max_new_tokens, script.temperature, script.top_p, script.top_k) == (700, 0.0001, 1.0, 1)
    assert (script.repetition_penalty, script.thinking, script.stop) == (1.1, True, ())
    assert (other.max_new_tokens, other.temperature, other.top_p, other.top_k) == (9, 0.0, 0.5, 0)
    assert (other.seed, other.thinking, other.stop) == (-3, False, ("never",))


@pytest.mark.parametrize(("keep", "shown"), [(False, "answer"), (True, "answer:")])
def test_a_stop_ends_the_answer(serve, keep, shown):
    client = connect(serve(ThinkingEngine()))
    options = {"model": "m", "messages": ask(), "stop": [":", "Who"]}
    options["extra_body"] = {"include_stop_str_in_output": keep}
    answer = client.chat.completions.create(**options).choices[0]
    assert (answer.message.content, answer.finish_reason) == (shown, "stop")
    chunks = list(client.chat.completions.create(**options, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == shown


def test_a_conversation_goes_on_over_the_same_open_document(serve):
    engine = ThinkingEngine()
    client = connect(serve(engine))
    messages = [{"role": "system", "content": "Be brief."}, *ask(image_part(1), image_part(2))]
    first = client.chat.completions.create(model="m", messages=messages).choices[0].message
    messages += [{"role": "assistant", "content": first.content}, *ask(text="And when?")]
    second = client.chat.completions.create(model="m", messages=messages)
    (_, _, question, _), (pages, history, later, _) = engine.asked
    assert question == "Be brief.\n\nWho?"
    assert later == "And when?"
    assert [(turn.question, turn.answer) for turn in history] == [("Be brief.\n\nWho?", "answer: Be brief.\n\nWho?")]
    assert (pages, engine.open_handles, len(engine.encoded)) == (2, 1, 2)
    assert second.glyph_demo["timings"]["encode"] == 0
    longer = [*messages, *ask(image_part(3), text="And here?")]
    client.chat.completions.create(model="m", messages=longer)
    assert len(engine.encoded) == 3, "a page more: the others come from the store"


def test_the_least_used_documents_are_closed(serve):
    engine = ThinkingEngine()
    client = connect(serve(engine, **{"store.open_documents": 2}))
    for seed in (1, 2, 1, 3, 1, 4):
        client.chat.completions.create(model="m", messages=ask(image_part(seed)))
    assert engine.open_handles == 2
    assert len(engine.encoded) == 4


def test_files_are_named_instead_of_sent_again(serve):
    engine = ThinkingEngine()
    running = serve(engine)
    client = connect(running)
    file = client.files.create(file=("notes.txt", b"A note.\n" * 400), purpose="user_data")
    assert (file.filename, file.bytes, file.purpose) == ("notes.txt", 3200, "user_data")
    assert [listed.id for listed in client.files.list()] == [file.id]
    assert client.files.retrieve(file.id).id == file.id
    part = {"type": "file", "file": {"file_id": file.id}}
    for question in ("Who?", "When?"):
        client.chat.completions.create(model="m", messages=ask(part, text=question))
    data = "data:text/plain;base64," + base64.b64encode(b"A note.\n" * 400).decode()
    inline = {"type": "file", "file": {"file_data": data, "filename": "notes.txt"}}
    client.chat.completions.create(model="m", messages=ask(inline))
    assert engine.open_handles == 1, "the same file, however it came, is the same document"
    client.chat.completions.create(model="m", messages=ask(image_part(1), part))
    assert engine.asked[-1][0] == engine.asked[0][0] + 1
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="m", messages=ask(part))
    assert caught.value.code == "no_such_file"


def test_files_have_limits(serve):
    client = connect(serve(**{"documents.max_file_mb": 1, "store.disk_mb": 1}))
    for content, code in ((b"x" * (1100 << 10), "too_large"), (b"", "empty_file")):
        with pytest.raises(openai.APIStatusError) as caught:
            client.files.create(file=("a.txt", content), purpose="user_data")
        assert caught.value.code == code
    kept = client.files.create(file=("../../etc/a.txt", b"x" * (600 << 10)), purpose="user_data")
    assert kept.filename == "a.txt"
    with pytest.raises(openai.APIStatusError) as caught:
        client.files.create(file=("b.txt", b"x" * (600 << 10)), purpose="user_data")
    assert (caught.value.status_code, caught.value.code) == (413, "files_full")
    client.files.delete(kept.id)
    client.files.create(file=("b.txt", b"x" * (600 << 10)), purpose="user_data")


def test_models_name_the_one_there_is(serve):
    client = connect(serve(ThinkingEngine(), model="/models/tiny"))
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")


BAD = {
    "an address": (ask({"type": "image_url", "image_url": {"url": "http://example.com/a.png"}}), "no_network"),
    "no picture": (ask({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}), "not_an_image"),
    "an unknown part": (ask({"type": "input_audio", "input_audio": {}}), "invalid"),
    "an unknown role": ([{"role": "tool", "content": "x"}], "invalid"),
    "no question": ([*ask(), {"role": "assistant", "content": "x"}], "no_question"),
    "pages only": ([{"role": "user", "content": [image_part(1)]}], "no_question"),
    "an empty file part": (ask({"type": "file", "file": {}}), "no_file"),
    "nothing": ([], "invalid"),
}


@pytest.mark.parametrize("stream", [False, True])
def test_bad_requests_raise_in_the_client(serve, stream):
    client = connect(serve())
    for name, (messages, code) in BAD.items():
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            client.chat.completions.create(model="m", messages=messages, stream=stream)
        assert caught.value.code == code, name
    for extra in ({"n": 2}, {"tools": [{}]}, {"response_format": {"type": "json_object"}}, {"logprobs": True}):
        with pytest.raises(openai.UnprocessableEntityError):
            client.chat.completions.create(model="m", messages=ask(), stream=stream, extra_body=extra)


def test_the_client_tries_again_when_memory_was_short(serve):
    engine = FakeEngine()
    client = connect(serve(engine))
    engine.fail_with = EngineError("memory_full", "Not now. Try again.", "现在不行。请重试。")
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="m", messages=ask(image_part(1)), stream=True)
    assert caught.value.status_code == 503

    def mend(response):
        engine.fail_with = None

    retrying = client.with_options(max_retries=1, http_client=httpx.Client(event_hooks={"response": [mend]}))
    assert retrying.chat.completions.create(model="m", messages=ask(image_part(1))).choices


def test_an_error_behind_the_first_words_comes_inside_the_stream(serve):
    class Failing(ThinkingEngine):
        def open_document(self, features=(), source=None):
            handle = super().open_document(features, source)
            handle.answer = self.fail
            return handle

        def fail(self, question, history, options):
            yield Token("so far ")
            raise EngineError("out_of_memory", "Memory ran out. Try again.", "内存不足。请重试。")

    client = connect(serve(Failing()))
    stream = client.chat.completions.create(model="m", messages=ask(), stream=True)
    with pytest.raises(openai.APIError, match="Memory ran out"):
        list(stream)


def test_closing_a_stream_stops_the_engine_within_one_step(serve, until):
    engine = FakeEngine(token_seconds=0.05)
    running = serve(engine)
    stream = connect(running).chat.completions.create(model="m", messages=ask(text="word " * 400), stream=True)
    for _ in zip(range(4), stream, strict=False):
        pass
    stream.close()
    until(lambda: running.service.queue.running == 0)
    assert engine.steps < 60
    assert connect(running).chat.completions.create(model="m", messages=ask(text="a b")).choices


def test_a_slow_page_is_no_failure_and_keeps_the_stream_alive(serve, monkeypatch):
    from glyph_demo.serving import replies

    monkeypatch.setattr(replies, "PATIENCE", 0.1)
    monkeypatch.setattr(replies, "HEARTBEAT", 0.1)
    with serve(FakeEngine(page_seconds=1.0)).client as client:
        body = {"messages": ask(image_part(1)), "stream": True}
        with client.stream("POST", ROUTE, json=body) as answer:
            lines = [line for line in answer.iter_lines() if line]
    assert ": still working" in lines
    assert lines[-1] == "data: [DONE]"


def test_pictures_are_pages_whatever_their_message(serve):
    engine = ThinkingEngine()
    body = {"image": base64_png(1), "prompt": "?"}
    running = serve(engine)
    with running.client as client:
        client.post("/api/v1/generate", json=body)
    connect(running).chat.completions.create(model="m", messages=ask(image_part(1)))
    assert engine.open_handles == 1
