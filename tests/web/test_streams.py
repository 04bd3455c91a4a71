"""A stream whose page is refused or forgotten midway ends; whatever else fails is told."""

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from glyph_demo.web.streams import EndRefusedStreams


@pytest.fixture
def client():
    app = FastAPI()

    @app.get("/late/{what}")
    def late(what: str):
        async def words():
            yield b"words"
            raise {"refused": HTTPException(404), "broken": RuntimeError("broken"), "missing": KeyError("it")}[what]

        return StreamingResponse(words())

    @app.get("/early")
    def early():
        raise HTTPException(404)

    app.add_middleware(EndRefusedStreams)
    return TestClient(app)


def test_a_refusal_that_comes_late_ends_the_stream_and_an_early_one_is_an_answer(client):
    answer = client.get("/late/refused")
    assert (answer.status_code, answer.content) == (200, b"words")
    assert client.get("/early").status_code == 404


def test_a_page_that_is_forgotten_midway_ends_its_stream(client):
    assert client.get("/late/missing?session_hash=it").content == b"words"


@pytest.mark.parametrize(
    ("path", "said"), [("broken", "broken"), ("missing", "it"), ("missing?session_hash=another", "it")]
)
def test_a_crash_midway_is_one(client, path, said):
    with pytest.raises((RuntimeError, KeyError), match=said):
        client.get(f"/late/{path}")
