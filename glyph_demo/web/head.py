"""The scripts that a page must run before Gradio's own. Gradio runs the scripts that it is given only after its
set-up."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = ("upload.js", "connection.js", "stream.js")
SCRIPTS = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in NAMES]
HEAD = "".join(f"<script>{script}</script>" for script in SCRIPTS).encode()


class HeadScripts:
    """ASGI middleware that inserts our scripts at the start of every page's head."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []  # the start of a response, until its length is known

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                if MutableHeaders(scope=message).get("content-type", "").startswith("text/html"):
                    held.append(message)
                    return
            elif held:
                start = held.pop()
                body = message.get("body", b"")
                message = {**message, "body": body.replace(b"<head>", b"<head>" + HEAD, 1)}
                headers = MutableHeaders(scope=start)
                if "content-length" in headers:
                    grown = len(message["body"]) - len(body)
                    headers["content-length"] = str(int(headers["content-length"]) + grown)
                await send(start)
            await send(message)

        await self._app(scope, receive, sent)
