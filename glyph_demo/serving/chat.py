"""POST /v1/chat/completions. Files, and pictures before all texts, are the document; the texts are its turns, and other
pictures stand in them where the client put them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from glyph_demo.engines.base import Event, Thinking, Turn
from glyph_demo.errors import GlyphError, Language
from glyph_demo.serving.chat_schemas import ChatAnswer, ChatMessage, ChatRequest, FilePart, ImagePart, TextPart
from glyph_demo.serving.errors import language_of
from glyph_demo.serving.images import check_image, decode_base64
from glyph_demo.serving.library import Attachment, Paper, Part, Picture
from glyph_demo.serving.replies import complete, first_events, server_sent
from glyph_demo.serving.schemas import ERRORS
from glyph_demo.serving.service import Asked, Query, Said, Service, as_turns, usage


def chat_router(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=ERRORS)
    stream_too: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}

    @router.post("/chat/completions", response_model=ChatAnswer, responses=stream_too)
    async def chat(wanted: ChatRequest, request: Request) -> Any:
        """Answer the last question of a conversation about pages. A file part names an uploaded file, or brings one."""
        language = language_of(request.headers, service.settings.language)
        asked = service.submit(await run_in_threadpool(_query, service, wanted))
        counted = wanted.stream_options is not None and wanted.stream_options.include_usage
        reply = _Reply(service.model, asked, language, counted)
        if not wanted.stream:
            await complete(request, asked)
            return reply.whole()
        stream = server_sent(asked, await first_events(asked), reply.begin(), reply.chunks, language)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    return router


class _Reply:
    """An answer in OpenAI's words; `counted` adds the usage at the end of a stream."""

    def __init__(self, model: str, asked: Asked, language: Language, counted: bool) -> None:
        self._asked = asked
        self._language = language
        self._counted = counted
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    def whole(self) -> dict[str, Any]:
        answer = self._asked.answer
        message = {"role": "assistant", "content": answer.text, "reasoning_content": answer.thinking or None}
        choice = {"index": 0, "message": message, "finish_reason": answer.reason, "logprobs": None}
        return self._head | {
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage(),
            "glyph_demo": self._details(),
        }

    def begin(self) -> dict[str, Any]:
        return self._chunk({"role": "assistant", "content": ""})

    def chunks(self, event: Event) -> Iterator[dict[str, Any]]:
        """What of an event a stream shows."""
        answer = self._asked.answer
        said = answer.take(event)
        if said is not None:
            yield self._chunk({"reasoning_content" if isinstance(said, Thinking) else "content": said.text})
        if answer.finished is not None:
            yield self._chunk({}, answer.reason) | {"glyph_demo": self._details()}
            if self._counted:
                yield self._chunk({}) | {"choices": [], "usage": self._usage()}

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        chunk = self._head | {"object": "chat.completion.chunk", "choices": [choice]}
        return chunk | {"usage": None} if self._counted else chunk

    def _usage(self) -> dict[str, Any]:
        assert self._asked.answer.finished is not None
        return usage(self._asked.answer.finished)

    def _details(self) -> dict[str, Any]:
        answer = self._asked.answer
        notices = [notice.text(self._language) for notice in answer.notices]
        return {"timings": self._asked.timings(), "evidence": answer.evidence(), "notices": notices}


def _query(service: Service, wanted: ChatRequest) -> Query:
    """Raises GlyphError for parts that cannot be used."""
    files: list[Part] = []
    pictures: list[Part] = []
    said: list[Said] = []
    rules: list[str] = []
    for message in wanted.messages:
        text, places = "", []
        for part in _parts(message):
            if isinstance(part, str):
                text += part
                continue
            used = _used(service, part)
            if isinstance(used, Picture) and message.role == "user":
                places.append(len(text))
                pictures.append(used)
            else:
                files.append(used)
        if message.role in ("system", "developer"):
            rules.append(text)
        else:
            said.append(Said(message.role, text, tuple(places)))
    history, last = as_turns(said)
    turns = [*history, last]
    # Pages before every text are the document, as a file's are: it is read before there is a question.
    turns[0] = replace(turns[0], places=tuple(place for place in turns[0].places if place))
    # No engine knows a system message; the embedded one would search the document for its words.
    if last.question.strip() and service.engine.name != "pocket":
        turns[0] = _ruled(turns[0], "\n\n".join(filter(None, rules)))
    *history, last = turns
    thinking = wanted.chat_template_kwargs.enable_thinking if wanted.chat_template_kwargs else None
    options = service.options(
        max_new_tokens=wanted.max_completion_tokens or wanted.max_tokens,
        stop=wanted.stops(),
        thinking=thinking,
        places=last.places,
        **wanted.sampling(),
    )
    return Query((*files, *pictures), last.question, tuple(history), options, bool(wanted.include_stop_str_in_output))


def _ruled(turn: Turn, rules: str) -> Turn:
    """A turn with the system's text before its question."""
    if not rules:
        return turn
    rules += "\n\n"
    return replace(turn, question=rules + turn.question, places=tuple(len(rules) + place for place in turn.places))


def _parts(message: ChatMessage) -> Sequence[str | ImagePart | FilePart]:
    if not isinstance(message.content, list):
        return [message.content or ""]
    return [part.text if isinstance(part, TextPart) else part for part in message.content]


def _used(service: Service, part: ImagePart | FilePart) -> Part:
    if isinstance(part, ImagePart):
        data = decode_base64(part.image_url.url)
        check_image(data)
        return Picture(data)
    if part.file.file_id:
        return Paper(service.files.get(part.file.file_id))
    if part.file.file_data:
        return Attachment(decode_base64(part.file.file_data), part.file.filename)
    raise GlyphError(
        "no_file",
        "A file part names no file. Send file_id, from /v1/files, or file_data.",
        "文件部分没有指定文件。请发送来自 /v1/files 的 file_id，或 file_data。",
    )
