"""Streams that Gradio refuses after they have begun."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EndRefusedStreams:
    """ASGI middleware that ends a stream when the app refuses it midway, as Gradio does with the events of a page that
    has just gone. The log would call that a crash of the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except RuntimeError as error:  # as Starlette tells a refusal that comes too late
            if not begun or not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b""})
