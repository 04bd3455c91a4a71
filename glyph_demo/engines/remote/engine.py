"""RemoteEngine: one or more OpenAI-compatible servers of the same model read the pages."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from glyph_demo.engines.base import AskOptions, Engine, FeatureSource, OpenDocument, Turn
from glyph_demo.engines.events import Event, Events, Finished, Notice, Progress, Reason, Thinking, Timings, Token, Usage
from glyph_demo.engines.remote.servers import Piece, Servers, Unreachable, parse_urls, unreachable
from glyph_demo.engines.splitter import Splitter, overlap
from glyph_demo.engines.stops import StopFilter
from glyph_demo.errors import EngineError, Message
from glyph_demo.models.base import LoadProgress
from glyph_demo.models.chat import pieces
from glyph_demo.rendering import encode_png
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings
from glyph_demo.store import PageFeatures

PNG = "png"
# End-of-text ids of the GLM-4 vocabulary, as Glyph's published client sends them.
STOP_TOKEN_IDS = [151329, 151348, 151336]
SPOKEN_STOPS = ("<|endoftext|>", "<|user|>", "<|observation|>")  # their texts; that client asks the server to send them


class RemoteEngine(Engine):
    """`encode` makes the PNG to send. The same pixels give the same bytes, and pages always come in the same order
    before the first question, so that a server's prefix and image caches hit."""

    name = "remote"

    def __init__(self, settings: Settings, progress: LoadProgress | None = None) -> None:
        self.model = "" if settings.model == "auto" else settings.model
        self.servers = Servers(parse_urls(settings.remote.urls), settings.remote.api_key)
        self.label = self.model
        self.device = ", ".join(urlsplit(url).netloc.rpartition("@")[2] for url in self.servers.urls)

    @property
    def identity(self) -> str:
        return "remote-png-1"

    def encode(self, page: Page) -> PageFeatures:
        """The page as a PNG file, uint8 (n,)."""
        return PageFeatures({PNG: np.frombuffer(encode_png(page.pixels), np.uint8)})

    def open_document(
        self, features: Sequence[PageFeatures] = (), source: FeatureSource | None = None
    ) -> RemoteDocument:
        document = RemoteDocument(self)
        for page in features:
            document.append(page)
        return document

    def close(self) -> None:
        self.servers.close()


class RemoteDocument(OpenDocument):
    """The pages as data URLs, which every request sends again. `tokens` is None: only the server has the tokenizer.
    Drafting is left to the server."""

    def __init__(self, engine: RemoteEngine) -> None:
        self._engine = engine
        self._urls: list[str] = []
        self._hash = hashlib.sha256()
        self._answered = ""  # URL of the server that answered last

    def append(self, features: PageFeatures) -> None:
        png = features.arrays[PNG].tobytes()
        self._hash.update(png)
        self._urls.append("data:image/png;base64," + base64.b64encode(png).decode())

    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        """See OpenDocument. If a server cannot be reached, the next one is asked, with a Notice."""
        request, extra = self._request(question, history, options), _extra(options)
        servers = self._engine.servers
        order = servers.order(self._hash.hexdigest())
        order.sort(key=lambda url: url != self._answered)  # first the server that read the pages last
        why = ""
        for number, url in enumerate(order):
            if number:
                yield Notice(_moved(order[number - 1], url))
            try:
                with contextlib.closing(servers.stream(url, request, extra)) as pieces:
                    yield from _events(pieces, options.stop)
                self._answered = url
                return
            except Unreachable as error:
                why = str(error)
        raise unreachable(order, why)

    def close(self) -> None:
        self._urls.clear()

    def _request(self, question: str, history: Sequence[Turn], options: AskOptions) -> dict[str, Any]:
        pages = [{"type": "image_url", "image_url": {"url": url}} for url in self._urls]
        placed = len(options.places) + sum(len(turn.places) for turn in history)
        first, rest = pages[: len(pages) - placed], iter(pages[len(pages) - placed :])
        messages: list[dict[str, Any]] = []
        for turn in history:
            messages.append({"role": "user", "content": _content(turn.question, turn.places, rest)})
            messages.append({"role": "assistant", "content": turn.answer})
        messages.append({"role": "user", "content": _content(question, options.places, rest)})
        messages[0]["content"] = [*first, *messages[0]["content"]]
        request: dict[str, Any] = {
            "model": self._engine.model,
            "messages": messages,
            "max_tokens": options.max_new_tokens,
            "temperature": options.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if options.temperature > 0:
            request |= {"top_p": options.top_p, "seed": options.seed}
        return request


def _content(question: str, places: Sequence[int], pages: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """The content parts of a question, with the next of `pages` at each of its places."""
    return [next(pages) if piece is None else {"type": "text", "text": piece} for piece in pieces(question, places)]


def _extra(options: AskOptions) -> dict[str, Any]:
    """The fields beyond OpenAI's own that Glyph's published client sends, and the switch that turns thinking off."""
    greedy = options.temperature == 0
    extra: dict[str, Any] = {
        "top_k": 1 if greedy else options.top_k or -1,
        "repetition_penalty": options.repetition_penalty,
        "stop_token_ids": STOP_TOKEN_IDS,
        "skip_special_tokens": False,
        "include_stop_str_in_output": True,
    }
    if options.thinking:
        return extra
    # A server would stop at `stop` inside the thinking too, so with thinking only this side looks for it.
    stop = {"stop": list(options.stop)} if options.stop else {}
    return {**extra, **stop, "chat_template_kwargs": {"enable_thinking": False}}


def _events(pieces: Iterator[Piece | None], stops: Sequence[str]) -> Iterator[Event]:
    """Pieces of a stream as events, `Finished` last. Ends at the first of `stops`; `Usage.output` then counts pieces,
    because the server has not sent its token counts yet."""
    began = time.perf_counter()
    answer, ends = _AnswerStream(), StopFilter(stops)
    heard = said = 0.0
    counted = 0
    usage = Usage()
    reason = ""
    for piece in pieces:
        if piece is None:
            yield Progress("decode" if heard else "prefill", 0)
            continue
        if piece.thinking or piece.content:
            heard = heard or time.perf_counter() - began
            counted += 1
        for event in answer.take(piece):
            said = said or time.perf_counter() - began
            if isinstance(event, Token):
                ends.feed(event.text)
            yield event
        reason = piece.reason or reason
        if piece.usage is not None:
            prompt, cached, generated = piece.usage
            usage = Usage(prompt, cached, generated)
        if not reason and ends.found:
            reason, usage = "stop", Usage(output=counted)
            break
    yield from answer.finish()
    total = time.perf_counter() - began
    if not reason:
        raise EngineError(
            "server_lost",
            "The server closed the connection before its answer had ended. Look into its log, then ask again.",
            "服务器在回答结束前关闭了连接。请查看其日志后重新提问。",
        )
    ended: Reason = "length" if reason == "length" else "stop"
    yield Finished(usage, Timings(heard or total, said or total, total - (heard or total), total), ended)


class _AnswerStream:
    """Text of a stream as events. Some servers send the thinking in a field of its own. Others send it in the text
    between tags, and the stop token as text too."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._held = ""  # text that may be the beginning of a stop token

    def take(self, piece: Piece) -> Iterator[Thinking | Token]:
        if piece.thinking:
            yield Thinking(piece.thinking)
        self._held += piece.content
        for stop in SPOKEN_STOPS:
            self._held = self._held.removesuffix(stop)
        end = len(self._held) - max(overlap(self._held, stop) for stop in SPOKEN_STOPS)
        text, self._held = self._held[:end], self._held[end:]
        yield from self._splitter.split(text)

    def finish(self) -> Iterator[Thinking | Token]:
        yield from self._splitter.split(self._held)
        yield from self._splitter.finish()


def _moved(first: str, second: str) -> Message:
    return Message(
        f"{first} does not answer. {second} takes over and reads the pages again.",
        f"{first} 没有应答。改由 {second} 接手，并重新阅读页面。",
    )
