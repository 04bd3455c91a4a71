"""Bodies of requests: how long they may take, how large they may be, and reading one ahead of the app."""

from __future__ import annotations

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STALLED = 60.0  # seconds without a byte of a body after which nobody waits for the rest
SLOWEST = 1000  # bytes a second that a body must bring on average after that; slower than any real connection
_HAS_BODY = (b"content-length", b"transfer-encoding")  # headers


class BodyDeadline:
    """ASGI middleware that answers 408 to a request whose body stalls or is slower than SLOWEST."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The app may never ask for the body of a request that has none.
        waiting = scope["type"] == "http" and any(name in _HAS_BODY for name, _ in scope["headers"])
        began, taken = time.monotonic(), 0

        async def received() -> Message:
            nonlocal waiting, taken
            if not waiting:  # for the end of the connection, which may take as long as an answer
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), STALLED)
            except (TimeoutError, asyncio.TimeoutError):
                raise HTTPException(408) from None
            waiting = bool(message.get("more_body"))
            taken += len(message.get("body", b""))
            if waiting and time.monotonic() - began > STALLED + taken / SLOWEST:
                raise HTTPException(408)
            return message

        await self._app(scope, received, send)


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)


def with_body(body: bytes, receive: Receive) -> Receive:
    """`receive` that first gives `body`, which was read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body}]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


def with_limit(receive: Receive, most: int) -> Receive:
    """`receive` that raises HTTPException 413 once more than `most` bytes have come."""
    taken = 0

    async def received() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(413)
        return message

    return received
