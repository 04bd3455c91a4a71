"""A stream that is refused midway ends; whatever else fails is told."""

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
            raise HTTPException(404) if what == "refused" else RuntimeError("broken")

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


def test_a_crash_midway_is_one(client):
    with pytest.raises(RuntimeError, match="broken"):
        client.get("/late/broken")
