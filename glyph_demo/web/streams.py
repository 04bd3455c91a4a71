"""Streams that Gradio ends with an error of its own."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EndRefusedStreams:
    """ASGI middleware that ends a stream of events whose page has gone, where Gradio fails: it refuses the page midway,
    or does not find it where it has been forgotten. The log would call either a crash of the app."""

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
        except (RuntimeError, KeyError) as error:
            if not begun or not (_refused(error) or _forgotten(error, scope)):
                raise
            await send({"type": "http.response.body", "body": b""})


def _refused(error: Exception) -> bool:
    """As Starlette tells a refusal that comes too late."""
    return isinstance(error, RuntimeError) and isinstance(error.__cause__, HTTPException)


def _forgotten(error: Exception, scope: Scope) -> bool:
    """Whether Gradio did not find the page of a stream that breaks off: another stream of it, as before a reload, has
    broken off already."""
    if not isinstance(error, KeyError):
        return False
    return list(error.args) == parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash")
