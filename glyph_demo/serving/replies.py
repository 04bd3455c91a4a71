"""The response to a question in the queue, whole or as a stream. If the client disconnects, its answer stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from fastapi import Request

from glyph_demo.engines.events import Event, Progress
from glyph_demo.errors import GlyphError, Language
from glyph_demo.serving.errors import error_body
from glyph_demo.serving.service import QueuedQuestion, ServedAnswer

# Seconds that a stream's status waits for the start of the answer, so that an early error gets its own status. Later
# errors are sent within the stream.
PATIENCE = 2.0
HEARTBEAT = 5.0  # seconds without an event after which a comment keeps proxies from closing a stream


async def complete(request: Request, asked: QueuedQuestion) -> ServedAnswer:
    """The whole answer. Raises GlyphError, or ClientGone if the client has closed the connection."""
    watcher = asyncio.create_task(_cancel_when_gone(request, asked))
    try:
        while asked.answer.finished is None:
            event = await asked.next(HEARTBEAT)
            if event is not None:
                asked.answer.take(event)
        return asked.answer
    finally:
        watcher.cancel()
        asked.cancel()


async def first_events(asked: QueuedQuestion) -> list[Event]:
    """The events until the answer begins, or for PATIENCE seconds. Raises GlyphError."""
    events: list[Event] = []
    until = time.monotonic() + PATIENCE
    try:
        while (left := until - time.monotonic()) > 0 and all(isinstance(event, Progress) for event in events):
            event = await asked.next(left)
            if event is not None:
                events.append(event)
    except BaseException:
        asked.cancel()
        raise
    return events


Chunks = Callable[[Event], Iterable[dict[str, Any]]]


async def server_sent(
    asked: QueuedQuestion, first: list[Event], begin: dict[str, Any], chunks: Chunks, language: Language
) -> AsyncIterator[str]:
    """Server-sent events: `begin`, the `chunks` of the events in `first` and of all that follow, then [DONE]."""
    try:
        yield _line(begin)
        for event in first:
            for chunk in chunks(event):
                yield _line(chunk)
        while asked.answer.finished is None:
            following = await asked.next(HEARTBEAT)
            if following is None:
                yield ": still working\n\n"
                continue
            for chunk in chunks(following):
                yield _line(chunk)
    except GlyphError as error:
        yield _line(error_body(error, language))
    finally:
        asked.cancel()
    yield "data: [DONE]\n\n"


def _line(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


async def _cancel_when_gone(request: Request, asked: QueuedQuestion) -> None:
    with contextlib.suppress(Exception):  # a broken connection is a closed one
        while (await request.receive())["type"] != "http.disconnect":
            pass
    asked.cancel()
