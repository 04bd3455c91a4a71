"""Whatever a client sends, others are answered meanwhile, and memory stays in proportion."""

import asyncio

import pytest
from starlette.exceptions import HTTPException

from glyph_demo.serving.door import TOGETHER, Door
from glyph_demo.settings import load_settings
from tests.fakes import finished
from tests.serving.costly import BODIES, app


def costs(folder, max_file_mb):
    with app(folder, max_file_mb) as running:
        for name, (route, kind, body) in BODIES.items():
            yield name, running.sent(route, kind, body(max_file_mb * 4 // 3 << 20))


def test_no_body_keeps_the_server_from_answering_others(tmp_path):
    for name, cost in costs(tmp_path, 4):
        assert cost.status in (200, 400, 404, 413, 422), name
        assert min(cost.wait, cost.cpu) < 1, name  # a busy machine makes others wait too, at no cost to the server


@pytest.mark.long
def test_nor_does_one_as_large_as_any_may_be_nor_takes_it_much_memory(tmp_path):
    for name, cost in costs(tmp_path, 100):
        assert cost.status in (200, 400, 404, 413, 422), name
        assert min(cost.wait, cost.cpu) < 1, name  # a busy machine makes others wait too, at no cost to the server
        assert cost.memory < 5 or cost.size < 4 << 20, name


def test_bodies_that_are_held_are_no_more_than_so_much_together():
    settings = load_settings(flags={"documents.max_file_mb": 1})
    answered = []

    async def requests():
        leave = asyncio.Event()

        async def app(scope, receive, send):
            await receive()
            answered.append(scope["path"])
            await leave.wait()

        door = Door(app, settings)

        async def post(path):
            async def body():
                return {"type": "http.request", "body": b" " * 4_500_000}

            await door({"type": "http", "path": path, "headers": [(b"host", b"localhost")]}, body, None)

        waiting = [asyncio.create_task(post(f"/{number}")) for number in range(TOGETHER)]
        await asyncio.sleep(0)
        with pytest.raises(HTTPException) as caught:
            await post("/one more")
        assert caught.value.status_code == 503
        leave.set()
        await asyncio.gather(*waiting)
        await post("/later")

    finished(requests())
    assert answered == [*(f"/{number}" for number in range(TOGETHER)), "/later"]
