"""Talking to OpenAI-compatible servers: which one, what is sent, what comes back."""

from __future__ import annotations

import asyncio
import hashlib
import queue
import threading
from collections.abc import AsyncIterator, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import openai

from glyph_demo.errors import EngineError, GlyphError

CONNECT_SECONDS = 10.0  # to reach a server; there is no limit on how long it may take to read the pages
RETRIES = 3  # of a request that a server was too busy for, 0.5 to 8 s apart; its Retry-After is kept to
BEAT = 0.2  # seconds between two signs of life while a server says nothing
SHOWN = 300  # characters of a server's own words that are passed on

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk of a stream brought. Token counts are those of the whole request, and come once."""

    thinking: str = ""
    content: str = ""
    reason: str = ""
    usage: tuple[int, int, int] | None = None  # prompt tokens, those found in the server's cache, generated


class Unreachable(Exception):
    """Nobody answers there, or not in a working state. Another server may."""


class Servers:
    """Servers of the same model. A conversation stays with the one that its document belongs to, where its pages are
    in the prefix cache: the first in the order of rendezvous hashing (Thaler and Ravishankar 1998), so that a server
    more or less moves only its own share of documents. Thread-safe."""

    def __init__(self, urls: list[str], api_key: str) -> None:
        self.urls = urls
        self._clients = {
            url: openai.AsyncOpenAI(
                base_url=url,
                api_key=api_key or "none",
                max_retries=RETRIES,
                timeout=openai.Timeout(None, connect=CONNECT_SECONDS),
            )
            for url in urls
        }
        self._models: dict[str, str] = {}
        self._unknown: dict[str, set[str]] = {url: set() for url in urls}  # fields that a server refused
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="remote", daemon=True).start()

    def order(self, document: str) -> list[str]:
        """The servers to try for a document, given its hash."""
        return sorted(self.urls, key=lambda url: hashlib.sha256(f"{document}\n{url}".encode()).digest())

    def stream(self, url: str, request: dict[str, Any], extra: dict[str, Any]) -> Generator[Piece | None, None, None]:
        """What the server says, as it comes, and None about every BEAT seconds while nothing does. Closing the iterator
        closes the connection, by which a server knows to stop. `extra` holds fields beyond OpenAI's own; a server is
        asked again without those that it refuses. Raises Unreachable before anything came, EngineError otherwise."""
        return self._beating(self._pieces(url, request, extra))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CONNECT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _close(self) -> None:
        for client in self._clients.values():
            await client.close()

    def _beating(self, source: AsyncIterator[T]) -> Generator[T | None, None, None]:
        """The items of an asynchronous iterator that runs on the loop's thread."""
        items: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                async for item in source:
                    items.put(item)
                items.put(StopAsyncIteration())
            except Exception as error:
                items.put(error)

        running = asyncio.run_coroutine_threadsafe(pump(), self._loop)
        try:
            while True:
                try:
                    item = items.get(timeout=BEAT)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(item, StopAsyncIteration):
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            running.cancel()

    async def _pieces(self, url: str, request: dict[str, Any], extra: dict[str, Any]) -> AsyncIterator[Piece]:
        refused = False
        while True:
            known = {field: value for field, value in extra.items() if field not in self._unknown[url]}
            begun = said = False
            try:
                async with await self._open(url, request, known) as chunks:
                    async for chunk in chunks:
                        begun, piece = True, _piece(chunk)
                        said = said or bool(piece.content or piece.thinking)
                        yield piece
                return
            except Exception as error:  # also one told inside the stream, or one of the client's HTTP library
                unknown = _fields(error, known)
                # vLLM, having refused a request, has lost its images and fails on them once more.
                if said or not (unknown or (refused and _told_inside(error))):
                    raise _failed(url, error, begun) from error
                refused = bool(unknown)
                self._unknown[url] |= unknown

    async def _open(self, url: str, request: dict[str, Any], extra: dict[str, Any]) -> Any:
        request = {**request, "model": request["model"] or await self._model(url)}
        return await self._clients[url].chat.completions.create(**request, extra_body=extra)

    async def _model(self, url: str) -> Any:
        """The model that a server names first; left out of the request where it names none."""
        if url not in self._models:
            try:
                served = (await self._clients[url].with_options(max_retries=0).models.list()).data
            except openai.APIStatusError:
                served = []
            self._models[url] = served[0].id if served else ""
        return self._models[url] or openai.omit


def parse_urls(setting: str) -> list[str]:
    """The servers' addresses out of the setting: separated by commas, each up to and with its /v1."""
    urls = [url.strip().rstrip("/") for url in setting.split(",") if url.strip()]
    if not urls or not all(url.startswith(("http://", "https://")) for url in urls):
        raise EngineError(
            "bad_setting",
            f"'{setting}' names no server. Set remote.urls to an address such as http://127.0.0.1:8000/v1.",
            f"“{setting}”不是服务器地址。请将 remote.urls 设为类似 http://127.0.0.1:8000/v1 的地址。",
        )
    return urls


def unreachable(urls: list[str], why: str) -> GlyphError:
    names = ", ".join(urls)
    return EngineError(
        "server_unreachable",
        f"No answer from {names} ({why}). Check that the server runs and the address remote.urls.",
        f"{names} 没有应答({why})。请确认服务器已启动，并检查 remote.urls 中的地址。",
    )


def _piece(chunk: Any) -> Piece:
    """Servers name the thinking `reasoning_content`, newer vLLM `reasoning`; neither is a field of OpenAI's."""
    usage = None
    if chunk.usage is not None:
        details = chunk.usage.prompt_tokens_details
        cached = (details.cached_tokens or 0) if details else 0
        usage = (chunk.usage.prompt_tokens, cached, chunk.usage.completion_tokens)
    if not chunk.choices:
        return Piece(usage=usage)
    choice = chunk.choices[0]
    more = choice.delta.model_extra or {}
    thinking = more.get("reasoning_content") or more.get("reasoning") or ""
    return Piece(thinking, choice.delta.content or "", choice.finish_reason or "", usage)


def _words(error: Exception) -> str:
    """What the server said, in whichever shape, or what happened to the connection."""
    said: object = error
    if isinstance(error, openai.APIStatusError):
        said = (
            error.body["message"] if isinstance(error.body, dict) and "message" in error.body else error.response.text
        )
    elif isinstance(error, openai.APIConnectionError):
        said = error.__cause__ or error
    return " ".join(str(said).split())[:SHOWN]


def _fields(error: Exception, sent: Iterable[str]) -> set[str]:
    """Those of the fields `sent` that a server names as why it refused. vLLM looks at their values late, and tells in
    the stream."""
    why = ""
    if isinstance(error, (openai.BadRequestError, openai.UnprocessableEntityError)):
        why = error.response.text
    elif _told_inside(error):
        why = str(error)
    return {field for field in sent if field in why}


def _told_inside(error: Exception) -> bool:
    """Whether a server told of an error in a stream that had begun well."""
    return type(error) is openai.APIError


def _failed(url: str, error: Exception, begun: bool) -> Exception:
    """What to raise for what went wrong with a request, after the stream had begun or before."""
    if isinstance(error, openai.APIStatusError):
        busy = error.status_code >= 500 or error.status_code == 429
        return Unreachable(_words(error)) if busy else _refused(url, error)
    if isinstance(error, openai.APIConnectionError) and not begun:
        return Unreachable(_words(error))
    return _broken_off(url, error)


def _refused(url: str, error: openai.APIStatusError) -> GlyphError:
    words = _words(error)
    if error.status_code in (401, 403):
        return EngineError(
            "server_refused",
            f"{url} refused the key. Set remote.api_key (GLYPH_DEMO_REMOTE__API_KEY).",
            f"{url} 拒绝了密钥。请设置 remote.api_key(GLYPH_DEMO_REMOTE__API_KEY)。",
        )
    if "context length" in words or "max_model_len" in words:
        return EngineError(
            "context_full",
            f"The server's context is too short for this conversation: {words} Choose a page range (--pages) or a "
            "shorter answer (inference.max_new_tokens).",
            f"服务器的上下文长度不足: {words} 请指定页码范围(--pages)，或减小 inference.max_new_tokens。",
        )
    return EngineError(
        "server_error",
        f"{url} did not take the request: {words} Check the model's name (--model) and the server's limits on images.",
        f"{url} 未接受请求: {words} 请检查模型名(--model)和服务器的图像数量限制。",
    )


def _broken_off(url: str, error: Exception) -> GlyphError:
    return EngineError(
        "server_lost",
        f"The answer of {url} broke off: {_words(error)} Ask again.",
        f"{url} 的回答中断: {_words(error)} 请重新提问。",
    )
