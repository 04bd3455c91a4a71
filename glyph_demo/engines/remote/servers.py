"""Client of OpenAI-compatible servers: chooses one, sends the request, and streams the answer."""

from __future__ import annotations

import asyncio
import hashlib
import queue
import threading
from collections.abc import AsyncIterator, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import openai

from glyph_demo.errors import EngineError, GlyphError, shown

CONNECT_SECONDS = 10.0  # to reach a server; there is no limit on how long it may take to read the pages
RETRIES = 3  # if a server is busy, 0.5 to 8 s apart or as its Retry-After says
BEAT = 0.2  # seconds between two heartbeats while a server sends nothing
SHOWN = 300  # characters of a server's error message that are shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """The content of one chunk of a stream. `usage` counts the whole request and comes once."""

    thinking: str = ""
    content: str = ""
    reason: str = ""
    usage: tuple[int, int, int] | None = None  # tokens: of the prompt, found in the server's cache, generated


class Unreachable(Exception):
    """The server does not answer, or is not working. Another one may be."""


class Servers:
    """Servers of the same model. Each document has a home server, whose prefix cache holds its pages. Rendezvous
    hashing (Thaler and Ravishankar 1998) chooses it, so that adding or removing a server moves only its share of the
    documents. Thread-safe."""

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
        self._unknown: dict[str, set[str]] = {url: set() for url in urls}  # by URL: fields that the server refused
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="remote", daemon=True).start()

    def order(self, document: str) -> list[str]:
        """The URLs to try for a document, given its hash; its home server first."""
        return sorted(self.urls, key=lambda url: hashlib.sha256(f"{document}\n{url}".encode()).digest())

    def stream(self, url: str, request: dict[str, Any], extra: dict[str, Any]) -> Generator[Piece | None, None, None]:
        """Yield the pieces of the answer as they come, and None about every BEAT seconds while nothing comes. Closing
        the iterator closes the connection, which makes the server stop. `extra` holds fields beyond OpenAI's own; if
        the server refuses some, the request is sent again without them. Raises Unreachable before the first piece, and
        EngineError otherwise."""
        return self._beating(self._pieces(url, request, extra))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CONNECT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _close(self) -> None:
        for client in self._clients.values():
            await client.close()

    def _beating(self, source: AsyncIterator[T]) -> Generator[T | None, None, None]:
        """The items of an asynchronous iterator on the loop's thread, and None about every BEAT seconds between
        them."""
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
            except Exception as error:  # also one sent inside the stream, or one of the HTTP library
                unknown = _fields(error, known)
                # After vLLM refuses a request it has lost its images, and the next request fails once.
                if said or not (unknown or (refused and _is_in_stream(error))):
                    raise _failed(url, error, begun) from error
                refused = bool(unknown)
                self._unknown[url] |= unknown

    async def _open(self, url: str, request: dict[str, Any], extra: dict[str, Any]) -> Any:
        request = {**request, "model": request["model"] or await self._model(url)}
        return await self._clients[url].chat.completions.create(**request, extra_body=extra)

    async def _model(self, url: str) -> Any:
        """The first model that the server lists; `openai.omit` if it lists none."""
        if url not in self._models:
            try:
                served = (await self._clients[url].with_options(max_retries=0).models.list()).data
            except openai.APIStatusError:
                served = []
            self._models[url] = served[0].id if served else ""
        return self._models[url] or openai.omit


def parse_urls(setting: str) -> list[str]:
    """The URLs in the setting, separated by commas, each ending in /v1. Raises EngineError `bad_setting`."""
    urls = [url.strip().rstrip("/") for url in setting.split(",") if url.strip()]
    if not urls or not all(map(_is_address, urls)):
        raise EngineError(
            "bad_setting",
            f"'{shown(setting)}' names no server. Write an address such as http://127.0.0.1:8000/v1, in the window or "
            "as the setting remote.urls.",
            f"“{shown(setting)}”不是服务器地址。请在窗口中或设置 remote.urls 中填写地址，例如 "
            "http://127.0.0.1:8000/v1。",
        )
    return urls


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or a bracket that is none
        return False


def served_models(url: str, api_key: str) -> list[str]:
    """The names of the models that a server lists, in its order. Waits CONNECT_SECONDS at most for each part of its
    answer. Raises EngineError: `bad_setting` for an address or a key that can be none, `server_unreachable`,
    `server_refused`, `server_error`, and `no_models` where what answers is no such server."""
    parse_urls(url)
    if not api_key.isascii():
        raise EngineError(
            "bad_setting",
            "The key has characters that no key can have. Copy it again.",
            "密钥中含有无效字符。请重新复制。",
        )
    try:
        with openai.OpenAI(base_url=url, api_key=api_key or "none", max_retries=0, timeout=CONNECT_SECONDS) as client:
            listed = getattr(client.models.list(), "data", None)
    except openai.NotFoundError:
        raise _no_models(url) from None
    except openai.APIStatusError as error:
        failed = _failed(url, error, begun=False)
        raise unreachable([url], str(failed)) if isinstance(failed, Unreachable) else failed from error
    except openai.APIConnectionError as error:
        raise unreachable([url], _words(error)) from error
    except Exception:  # of whatever kind: it sent something else than a list
        raise _no_models(url) from None
    if not isinstance(listed, list):
        raise _no_models(url)
    return [model.id for model in listed if isinstance(getattr(model, "id", None), str)]


def unreachable(urls: list[str], why: str) -> GlyphError:
    names = ", ".join(urls)
    return EngineError(
        "server_unreachable",
        f"No answer from {names} ({why}). Check that the server runs, and its address: in the window, or the setting "
        "remote.urls.",
        f"{names} 没有应答（{why}）。请确认服务器已启动，并检查地址：在窗口中，或设置 remote.urls。",
    )


def _piece(chunk: Any) -> Piece:
    """Thinking is in `reasoning_content`, in newer vLLM in `reasoning`; neither is a field of OpenAI's."""
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
    """The server's error message, in whatever form it comes, or what happened to the connection."""
    said: object = error
    if isinstance(error, openai.APIStatusError):
        said = (
            error.body["message"] if isinstance(error.body, dict) and "message" in error.body else error.response.text
        )
    elif isinstance(error, openai.APIConnectionError):
        said = error.__cause__ or error
    return " ".join(str(said).split())[:SHOWN]


def _fields(error: Exception, sent: Iterable[str]) -> set[str]:
    """Those of the fields `sent` that the server's error names. vLLM checks their values late and reports errors in the
    stream."""
    why = ""
    if isinstance(error, (openai.BadRequestError, openai.UnprocessableEntityError)):
        why = error.response.text
    elif _is_in_stream(error):
        why = str(error)
    return {field for field in sent if field in why}


def _is_in_stream(error: Exception) -> bool:
    """Whether the server sent the error inside the stream."""
    return type(error) is openai.APIError


def _failed(url: str, error: Exception, begun: bool) -> Exception:
    """The exception to raise for a failed request; `begun` says whether the stream had begun."""
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
            f"{url} refused the key. Enter it in the window, or set remote.api_key (GLYPH_DEMO_REMOTE__API_KEY).",
            f"{url} 拒绝了密钥。请在窗口中填写，或设置 remote.api_key（GLYPH_DEMO_REMOTE__API_KEY）。",
        )
    if "context length" in words or "max_model_len" in words:
        return EngineError(
            "context_full",
            f"The server's context is too short for this conversation: {words} Choose a shorter answer under "
            "Settings → Output length, or fewer pages (on the command line: --max-new-tokens, --pages).",
            f"服务器的上下文长度不足：{words} 请减小“设置 → 回答长度”，或减少页数"
            "（命令行：--max-new-tokens、--pages）。",
        )
    return EngineError(
        "server_error",
        f"{url} did not take the request: {words} Check its model under Settings → Model (on the command line: "
        "--model) and the server's limits on images.",
        f"{url} 未接受请求：{words} 请检查“设置 → 模型”中的模型名（命令行：--model）和服务器的图像数量限制。",
    )


def _no_models(url: str) -> GlyphError:
    return EngineError(
        "no_models",
        f"What answers at {url} lists no models, as an OpenAI-compatible server does. Check the port, and that the "
        "address ends in /v1.",
        f"{url} 有应答，但没有像兼容 OpenAI 的服务器那样列出模型。请检查端口，以及地址是否以 /v1 结尾。",
    )


def _broken_off(url: str, error: Exception) -> GlyphError:
    return EngineError(
        "server_lost",
        f"The answer of {url} broke off: {_words(error)} Ask again.",
        f"{url} 的回答中断：{_words(error)} 请重新提问。",
    )
