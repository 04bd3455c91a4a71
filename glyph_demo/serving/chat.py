"""POST /v1/chat/completions. The pages of all messages are the document, in their order; the texts are its turns."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from glyph_demo.engines.base import Event, Thinking
from glyph_demo.errors import GlyphError, Language
from glyph_demo.serving.chat_schemas import ChatAnswer, ChatMessage, ChatRequest, ImagePart, TextPart
from glyph_demo.serving.errors import language_of
from glyph_demo.serving.images import check_image, decode_base64
from glyph_demo.serving.library import Attachment, Paper, Part, Picture
from glyph_demo.serving.replies import complete, first_events, server_sent
from glyph_demo.serving.schemas import ERRORS
from glyph_demo.serving.service import Asked, Query, Service, as_turns, usage


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
    parts: list[Part] = []
    rules: list[str] = []
    said: list[tuple[str, str]] = []
    for message in wanted.messages:
        text = _text(message)
        if message.role in ("system", "developer"):
            rules.append(text)
        else:
            said.append((message.role, text))
        parts += _parts(service, message)
    # No engine knows a system message; the embedded one would search the document for its words.
    if rules and service.engine.name != "pocket":
        first = next((i for i, (role, _) in enumerate(said) if role == "user"), None)
        if first is not None:
            said[first] = ("user", "\n\n".join(filter(None, [*rules, said[first][1]])))
    history, question = as_turns(said)
    thinking = wanted.chat_template_kwargs.enable_thinking if wanted.chat_template_kwargs else None
    options = service.options(
        max_new_tokens=wanted.max_completion_tokens or wanted.max_tokens,
        stop=wanted.stops(),
        thinking=thinking,
        **wanted.sampling(),
    )
    return Query(tuple(parts), question, history, options, bool(wanted.include_stop_str_in_output))


def _text(message: ChatMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part.text for part in message.content or [] if isinstance(part, TextPart))


def _parts(service: Service, message: ChatMessage) -> Iterator[Part]:
    for part in message.content if isinstance(message.content, list) else []:
        if isinstance(part, TextPart):
            continue
        if isinstance(part, ImagePart):
            data = decode_base64(part.image_url.url)
            check_image(data)
            yield Picture(data)
        elif part.file.file_id:
            yield Paper(service.files.get(part.file.file_id))
        elif part.file.file_data:
            yield Attachment(decode_base64(part.file.file_data), part.file.filename)
        else:
            raise GlyphError(
                "no_file",
                "A file part names no file. Send file_id, from /v1/files, or file_data.",
                "文件部分没有指定文件。请发送来自 /v1/files 的 file_id，或 file_data。",
            )
