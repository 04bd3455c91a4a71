"""POST /api/v1/generate as the clients of the second source call it, and with everything that can be wrong."""

import base64
import json
import threading

import pytest

from glyph_demo.errors import EngineError
from glyph_demo.serving.jobs import MAX_WAITING
from tests.documents.test_page_images import mixed
from tests.fakes import FakeEngine
from tests.serving.pictures import base64_png, encoded, noise

ROUTE = "/api/v1/generate"


def test_a_picture_a_prompt_and_a_limit_give_text_usage_and_timings(client):
    body = {"image": base64_png(1), "prompt": "What does it say?", "max_tokens": 3}
    answer = client.post(ROUTE, json=body).json()
    assert answer["text"] == "1 pages, turn "
    assert answer["finish_reason"] == "stop"
    assert answer["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 8,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    assert list(answer["timings"]) == [
        *("queue", "extract", "render", "encode"),
        *("prefill", "first_token", "decode", "total"),
    ]
    assert answer["timings"]["encode"] > 0
    assert answer["evidence"][0]["text"] == "quoted line"


def test_pictures_and_a_document_are_one_document_in_this_order(serve):
    engine = FakeEngine()
    with serve(engine).client as client:
        document = base64.b64encode(b"A text of one page.").decode()
        body = {"image": base64_png(1), "images": [base64_png(2), base64_png(3)], "document": document, "prompt": "?"}
        assert client.post(ROUTE, json=body).json()["text"].startswith("4 pages")
        read = list(engine.encoded)
        first = client.post(ROUTE, json={"image": base64_png(1), "prompt": "?"}).json()
    assert len(set(read)) == 4
    assert first["text"].startswith("1 pages")
    assert engine.encoded == read, "a page that was there before comes from the store"


def test_the_same_as_a_form_with_files(serve):
    engine = FakeEngine()
    with serve(engine).client as client:
        files = [
            ("image", ("page.png", encoded(noise(1)))),
            ("images", ("page.png", encoded(noise(2)))),
            ("document", ("notes.txt", b"A text of one page.")),
        ]
        answer = client.post(ROUTE, data={"prompt": "a b c", "max_tokens": "2"}, files=files)
        assert answer.json()["text"] == "3 pages, "
        pages = list(engine.encoded)
        body = {"images": [base64_png(1), base64_png(2)], "prompt": "?", "document_name": "notes.txt"}
        body["document"] = base64.b64encode(b"A text of one page.").decode()
        assert client.post(ROUTE, json=body).json()["timings"]["encode"] == 0, "it is still open"
    assert engine.encoded == pages


def test_texts_in_a_form_may_be_as_long_as_documents_may_be(client):
    words = b"A text of some length. " * 60_000
    parts = {"prompt": "?", "document": base64.b64encode(words).decode(), "document_name": "notes.txt"}
    form = {name: (None, value) for name, value in parts.items()}
    form["images"] = (None, "data:image/png;base64," + base64_png(1))
    first = client.post(ROUTE, files=form)
    assert first.status_code == 200
    body = {"prompt": "?", "images": [base64_png(1)], "document": parts["document"], "document_name": "notes.txt"}
    assert client.post(ROUTE, json=body).json()["timings"]["encode"] == 0, "the same document"


def test_long_strings_of_json_are_what_short_ones_are(client):
    """They take another way, see `bodies`."""
    letters = "\\" * 700 + '"' * 9 + "é文😀\n" * 300
    prompt = f"{letters} {letters}"
    picture = encoded(noise(1))
    escaped = json.dumps(base64.b64encode(picture).decode()).replace("/", "\\/").replace("+", "\\u002B")
    for ascii_only in (True, False):
        sent = json.dumps(prompt, ensure_ascii=ascii_only)
        body = f'{{"ignored": {sent}, "image": {escaped}, "prompt": {sent}}}'.encode()
        answer = client.post(ROUTE, content=body, headers={"Content-Type": "application/json"}).json()
        assert answer["text"].strip() == f"1 pages, turn 1: {prompt}".strip()
    half = json.dumps("x" * 5000 + "\ud800")
    for wrong in (half, '"' + "x" * 5000 + '\\q"', '"' + "x" * 5000 + '\n"'):
        body = f'{{"prompt": {wrong}}}'.encode()
        assert client.post(ROUTE, content=body, headers={"Content-Type": "application/json"}).status_code == 422


def test_a_question_without_pages_is_answered_too(client):
    assert client.post(ROUTE, json={"prompt": "Hello?"}).json()["text"] == "0 pages, turn 1: Hello? "


PICTURE = base64_png(1)
PROGRAM = base64.b64encode(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8" * 20).decode()


def raw(content, kind="application/json"):
    return {"content": content, "headers": {"Content-Type": kind}}


BAD = {
    "no json": (raw(b"{"), 422, "invalid"),
    "deep json": (raw(b"[" * 200_000), 422, "invalid"),
    "json as text": (raw(b'{"prompt": "x"}', "text/plain"), 422, "invalid"),
    "bytes of no text": (raw(b"\xff"), 422, "invalid"),
    "a list": ({"json": []}, 422, "invalid"),
    "no prompt": ({"json": {"image": PICTURE}}, 422, "invalid"),
    "empty prompt": ({"json": {"prompt": " \n"}}, 422, "no_question"),
    "half a character": (raw(b'{"prompt": "\\ud800"}'), 422, "invalid"),
    "tokens below one": ({"json": {"prompt": "x", "max_tokens": 0}}, 422, "invalid"),
    "no number": (raw(b'{"prompt": "x", "temperature": NaN}'), 422, "invalid"),
    "no base64": ({"json": {"prompt": "x", "image": "%%%"}}, 422, "not_base64"),
    "no picture": ({"json": {"prompt": "x", "image": "aGVsbG8="}}, 422, "not_an_image"),
    "cut picture": ({"json": {"prompt": "x", "image": PICTURE[:400]}}, 422, "not_an_image"),
    "an address": ({"json": {"prompt": "x", "image": "https://example.com/a.png"}}, 422, "no_network"),
    "no document": ({"json": {"prompt": "x", "document": PROGRAM}}, 422, "not_a_document"),
    "over-long": ({"json": {"prompt": "x" * 300_000}}, 413, "context_full"),
    "too large": ({"json": {"prompt": "x", "document": "A" * (5 << 20)}}, 413, "too_large"),
    "too large, size unsaid": (raw(b" " * 65536 for _ in range(80)), 413, "too_large"),
    "too large a file": ({"data": {"prompt": "x"}, "files": {"document": b"x " * (600 << 10)}}, 413, "too_large"),
    "a form of nothing": ({"files": {"document": b""}}, 422, "invalid"),
}  # fmt: skip


def test_whatever_is_wrong_with_a_request_is_said_in_one_shape_and_harms_no_other(serve):
    with serve(**{"documents.max_file_mb": 1}).client as client:
        for name, (request, status, code) in BAD.items():
            answer = client.post(ROUTE, **request)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), name
            assert answer.json()["error"].keys() == {"code", "message", "type", "param"}
            assert len(answer.text) < 1000, "what was sent is not sent back"
            chinese = client.post(ROUTE, json={"prompt": ""}, headers={"Accept-Language": "zh-CN"}).json()
            assert "请" in chinese["error"]["message"]
        assert client.post(ROUTE, json={"prompt": "?", "image": PICTURE}).status_code == 200
        for method, path, status in (("GET", ROUTE, 405), ("GET", "/api/v1/nothing", 404)):
            assert client.request(method, path).status_code == status
            assert "error" in client.request(method, path).json()


@pytest.mark.parametrize("code", ["memory_full", "out_of_memory", "busy"])
def test_a_want_of_memory_says_when_to_come_back(serve, code):
    engine = FakeEngine()
    with serve(engine).client as client:
        engine.fail_with = EngineError(code, "Not now. Try again.", "现在不行。请重试。")
        answer = client.post(ROUTE, json={"image": PICTURE, "prompt": "?"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
        assert int(answer.headers["Retry-After"]) >= 1
        engine.fail_with = None
        assert client.post(ROUTE, json={"image": PICTURE, "prompt": "?"}).status_code == 200


def test_a_bug_inside_is_told_without_its_details(client):
    answer = client.post(ROUTE, json={"prompt": "crash"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "bug" not in answer.text


def test_a_client_that_goes_away_stops_its_answer_and_its_reading(serve, until):
    engine = FakeEngine(token_seconds=0.1, page_seconds=0.1)
    running = serve(engine)
    pages = [base64_png(seed) for seed in range(100)]
    for body in ({"prompt": "a " * 300}, {"prompt": "?", "images": pages}):
        engine.encoding.clear()
        engine.steps = 0
        sending = threading.Thread(target=give_up, args=(running, body))
        sending.start()
        sending.join()
        assert engine.steps or engine.encoding.is_set()
        until(lambda: running.service.queue.running == 0)
        assert engine.steps < 100
        assert len(engine.encoded) < 100
    with running.client as client:
        assert client.post(ROUTE, json={"prompt": "a b"}).json()["text"] == "0 pages, turn 1: a b "


def give_up(running, body):
    import httpx

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(running.address + ROUTE, json=body, timeout=httpx.Timeout(30, read=3.0))


def test_requests_wait_their_turn_and_too_many_are_sent_away(serve, until):
    gate = threading.Event()

    class Held(FakeEngine):
        def open_document(self, features=(), source=None):
            gate.wait()
            return super().open_document(features, source)

    running = serve(Held(), **{"inference.max_batch_size": 1})
    answers = {}
    with running.client as client:

        def ask(number):
            answers[number] = client.post(ROUTE, json={"prompt": f"question {number}"})

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(MAX_WAITING + 9)]
        for asker in askers:
            asker.start()
        until(lambda: len(answers) == 8)
        gate.set()
        for asker in askers:
            asker.join()
    refused = [answer for answer in answers.values() if answer.status_code != 200]
    assert len(refused) == 8
    assert all(answer.json()["error"]["code"] == "queue_full" and answer.headers["Retry-After"] for answer in refused)
    for number, answer in answers.items():
        if answer not in refused:
            assert answer.json()["text"] == f"0 pages, turn 1: question {number} "


@pytest.mark.parametrize("pictures", [[], [base64_png(1)]])
def test_a_program_hears_which_pages_were_left_out_and_where_in_the_file_an_answer_is(serve, pictures):
    running = serve(FakeEngine(), **{"documents.page_images": "never"})
    with running.client as client:
        document = base64.b64encode(mixed()).decode()
        answer = client.post(ROUTE, json={"document": document, "images": pictures, "prompt": "?"}).json()
    assert [notice[:45] for notice in answer["notices"]] == ["Page(s) 2, 4–5 are pictures without text and "]
    (evidence,) = answer["evidence"]
    assert evidence["file_page"] == (None if pictures else {"number": 1, "label": ""})


def test_a_program_hears_once_what_was_left_out_also_where_the_document_does_not_say(serve):
    running = serve(FakeEngine(), **{"documents.page_images": "never"})
    with running.client as client:
        document = base64.b64encode(mixed()).decode()
        answer = client.post(ROUTE, json={"document": document, "prompt": "absent"}).json()
    assert len(answer["notices"]) == 1
