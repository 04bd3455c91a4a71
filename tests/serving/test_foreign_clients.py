"""Requests as clients send them that nobody here has seen: answered, or refused in the one shape of errors."""

import json
import socket

import pytest

from tests.serving.pictures import base64_png, image_part

pytestmark = pytest.mark.slow  # it waits for servers and connections

ROUTE = "/v1/chat/completions"
URL = image_part(1)["image_url"]["url"]
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def user(*content):
    return [{"role": "user", "content": list(content)}]


def text(words="Hi?"):
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    "sent",
    [
        {"messages": user(text())},
        {"messages": user(text(), {"type": "image_url", "image_url": URL})},
        {"messages": user(text(), {"type": "image_url", "image_url": {"url": URL, "detail": "high"}})},
        {"messages": [{"role": "user", "name": "Bo", "content": "Hi?"}]},
        {"user": "u", "store": False, "logit_bias": {"5": 3}, "frequency_penalty": 0.5, "reasoning_effort": "low"},
        {"tools": [], "n": 1, "logprobs": False, "response_format": {"type": "text"}, "stop": []},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
        {"tools": [], "tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"max_tokens": -1, "max_completion_tokens": -1, "metadata": {"a": "b"}, "service_tier": "auto"},
        {"presence_penalty": 0, "parallel_tool_calls": False, "stream_options": {"include_usage": None, "more": 1}},
        {"messages": user({**text(), "cache_control": {"type": "ephemeral"}, "annotations": []})},
        {
            "messages": [
                {"role": "developer", "content": [text("Be brief.")]},
                *user(text()),
                {"role": "assistant", "content": None, "refusal": None, "tool_calls": None, "audio": None, "name": "x"},
                {"role": "assistant", "content": "Yes.", "annotations": [], "function_call": None},
                *user({**text(), "detail": 1}),
            ]
        },
        dict.fromkeys(("max_tokens", "max_completion_tokens", "tool_choice", "stream_options", "model")),
        dict.fromkeys(("stop", "temperature", "top_p", "n", "tools", "response_format", "stream", "seed", "logprobs")),
    ],
)
def test_what_other_clients_add_is_taken_or_ignored(client, sent):
    assert client.post(ROUTE, json={"messages": user(text()), **sent}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"tools": [{"type": "function"}], "tool_choice": "required"}, "tools"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -2}, "max_completion_tokens"),
        ({"stop": ["x"] * 1001}, "stop"),
        ({"stop": ["x" * 257]}, "stop"),
        ({"stop": ["x" * 200] * 101}, "stop"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"messages": user({"type": "image_url", "image_url": {"href": URL}})}, "image_url.url"),
        ({"messages": user({"type": "input_audio", "input_audio": {}})}, "messages.0.content"),
        ({"messages": [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "content": "4"}]}, "role"),
    ],
)
def test_what_this_server_cannot_do_is_refused_by_name(serve, sent, param):
    with serve().client as client:
        answer = client.post(ROUTE, json={"messages": user(text()), **sent})
    assert answer.status_code == 422
    assert param in answer.json()["error"]["param"]


@pytest.mark.parametrize("route", [ROUTE, "/api/v1/generate"])
@pytest.mark.parametrize("sent", [{"max_tokens": -1}, {"max_tokens": None}, {"max_completion_tokens": -1}, {}])
def test_no_limit_on_an_answer_is_the_servers_own(serve, route, sent):
    words = "a b c d e f g h i j"
    body = {"prompt": words} if route != ROUTE else {"messages": user(text(words))}
    with serve(**{"inference.max_new_tokens": 9}).client as client:
        whole = client.post(route, json=body | sent).text
        short = client.post(route, json=body | {"max_completion_tokens": 5}).text
    assert "a b c d e " in whole
    assert "f g" not in whole
    assert "a b" not in short


def test_what_is_wrong_is_never_told_with_more_than_a_line_of_what_was_sent(client):
    long = "secret" * 10_000
    sent = [
        {"messages": user({"type": long})},
        {"messages": user({"type": "text", "text": {long: long}})},
        {"messages": [{"role": long, "content": "x"}]},
        {"messages": [{long: long}]},
        {"messages": user(text()), "response_format": {"type": long}},
        {"messages": user(text()), "chat_template_kwargs": {"enable_thinking": long}},
        {"messages": user(text()), "model": long},
        {"messages": user(text()), "temperature": long},
        {"messages": user(text()), "max_tokens": 10**4000},
        {"messages": user({"type": "file", "file": {"file_id": long}})},
        {"messages": user({"type": "image_url", "image_url": long})},
        {"messages": user({"type": "file", "file": {"file_data": "data:" + long + ",x"}})},
    ]
    for body in sent:
        answer = client.post(ROUTE, json=body)
        assert 400 <= answer.status_code < 500
        assert answer.text.count("secret") <= 200 / len("secret"), body
        assert len(answer.text) < 1000
    for path in (f"/v1/{long}"[:5000], f"/v1/models/{long}"[:5000], f"/v1/files/{long}"[:5000]):
        assert "secret" not in client.get(path).text


def test_an_unknown_kind_of_part_is_told_which_there_are(client):
    said = client.post(ROUTE, json={"messages": user({"type": "input_audio"})}).json()["error"]["message"]
    assert "'text', 'image_url', 'file'" in said
    assert "input_audio" not in said


def test_parts_of_a_request_pipelined_and_in_chunks_are_answered_in_turn(serve):
    running = serve()
    body = json.dumps({"image": base64_png(1), "prompt": "What?"}).encode()
    head = "POST /api/v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: Application/JSON\r\n"
    whole = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunks = f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\n".encode() + body[:5]
    chunks += b"\r\n%x\r\n" % (len(body) - 5) + body[5:] + b"\r\n0\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(running.address.rpartition(":")[2]))) as client:
        client.sendall(whole + chunks + last)
        client.settimeout(60)
        said = b"".join(iter(lambda: client.recv(1 << 16), b""))
    assert said.count(b"HTTP/1.1 200 OK") == 3
    assert said.endswith(b'{"status":"ok"}')


def test_head_is_answered_without_a_body_and_other_methods_by_name(client):
    for path in ("/healthz", "/readyz", "/v1/models"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
    for method, path in (("HEAD", ROUTE), ("OPTIONS", ROUTE), ("GET", ROUTE), ("PUT", "/v1/files")):
        assert client.request(method, path).status_code == 405


def test_a_body_that_breaks_off_is_nobodys_error(serve, until):
    running = serve()
    with socket.create_connection(("127.0.0.1", int(running.address.rpartition(":")[2]))) as client:
        client.sendall(b"POST /api/v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        client.sendall(b"Content-Length: 1000\r\n\r\n{")
    until(lambda: 'status="499"' in running.service.metrics.text().decode())
    assert 'status="5' not in running.service.metrics.text().decode()
