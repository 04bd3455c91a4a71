"""POST /v1/chat/completions. Files, and pictures before all texts, are the document; the texts are the turns of the
conversation. Pictures between texts keep their places in them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from glyph_demo.engines.base import Turn
from glyph_demo.engines.events import Event, Thinking
from glyph_demo.errors import GlyphError, Language
from glyph_demo.serving.bodies import from_json
from glyph_demo.serving.chat_schemas import ChatAnswer, ChatMessage, ChatRequest, FilePart, ImagePart, TextPart
from glyph_demo.serving.door import owner_of
from glyph_demo.serving.errors import language_of
from glyph_demo.serving.fields import MAX_PARTS, MAX_QUESTION, too_long
from glyph_demo.serving.images import decode_base64
from glyph_demo.serving.library import Attachment, DocumentPart, Picture, ShelfFile, picture
from glyph_demo.serving.replies import complete, first_events, server_sent
from glyph_demo.serving.schemas import ERRORS, json_body
from glyph_demo.serving.service import Query, QueuedQuestion, Service, Utterance, as_turns, usage


def chat_router(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=ERRORS)
    stream_too: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}

    body = json_body(ChatRequest)

    @router.post("/chat/completions", response_model=ChatAnswer, responses=stream_too, openapi_extra=body)
    async def chat(request: Request) -> Any:
        """Answer the last question of a conversation about pages. A file part names an uploaded file, or brings one."""
        language = language_of(request.headers, service.settings.language)
        wanted = await service.bodies.read(request, partial(_wanted, service, owner_of(request)))
        asked = service.submit(wanted.query)
        reply = _Reply(service.model, asked, language, wanted.counted)
        if not wanted.stream:
            await complete(request, asked)
            return reply.whole()
        stream = server_sent(asked, await first_events(asked), reply.begin(), reply.chunks, language)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    return router


class _Reply:
    """An answer in OpenAI's format; `counted` adds the usage at the end of a stream."""

    def __init__(self, model: str, asked: QueuedQuestion, language: Language, counted: bool) -> None:
        self._asked = asked
        self._language = language
        self._counted = counted
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    def whole(self) -> dict[str, Any]:
        answer = self._asked.answer
        message = {
            "role": "assistant",
            "content": answer.so_far.answer,
            "reasoning_content": answer.so_far.thinking or None,
        }
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
        """The chunks of a stream for an event."""
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
        notices = [notice.text(self._language) for notice in answer.so_far.notices]
        return {"timings": self._asked.timings(), "evidence": answer.evidence(), "notices": notices}


@dataclass(frozen=True, slots=True)
class _WantedReply:
    """A question, whether its answer is sent as a `stream`, and whether (`counted`) that ends with the usage."""

    query: Query
    stream: bool
    counted: bool


def _wanted(service: Service, owner: str, body: bytes, kind: str) -> _WantedReply:
    """The question in a body of content type `kind`. Raises GlyphError for unusable parts, or
    RequestValidationError."""
    sent = from_json(ChatRequest, body, kind)
    counted = sent.stream_options is not None and bool(sent.stream_options.include_usage)
    return _WantedReply(_query(service, owner, sent), bool(sent.stream), counted)


def _query(service: Service, owner: str, wanted: ChatRequest) -> Query:
    """Raises GlyphError for parts that cannot be used."""
    messages = [(message.role, _parts(message)) for message in wanted.messages]
    _check_length([part for _, parts in messages for part in parts])
    files: list[DocumentPart] = []
    pictures: list[DocumentPart] = []
    said: list[Utterance] = []
    rules: list[str] = []
    for role, parts in messages:
        text, places = "", []
        for part in parts:
            if isinstance(part, str):
                text += part
                continue
            used = _used(service, owner, part)
            if isinstance(used, Picture) and role == "user":
                places.append(len(text))
                pictures.append(used)
            else:
                files.append(used)
        if role in ("system", "developer"):
            rules.append(text)
        else:
            said.append(Utterance(role, text, tuple(places)))
    history, last = as_turns(said)
    turns = [*history, last]
    # Pages before all texts are the document, as a file's pages are: it is read before there is a question.
    turns[0] = replace(turns[0], places=tuple(place for place in turns[0].places if place))
    # No engine has a system role, so its text goes before the first question; but the embedded engine would search the
    # document for the words.
    if last.question.strip() and service.engine.kind.takes_system_text:
        turns[0] = _ruled(turns[0], "\n\n".join(filter(None, rules)))
    *history, last = turns
    options = service.options(
        stop=wanted.stops(),
        thinking=wanted.chat_template_kwargs.enable_thinking if wanted.chat_template_kwargs else None,
        places=last.places,
        **wanted.options(),
    )
    keep = bool(wanted.include_stop_str_in_output)
    return Query((*files, *pictures), last.question, tuple(history), options, keep, owner)


def _ruled(turn: Turn, rules: str) -> Turn:
    """A turn with the system's text `rules` before its question."""
    if not rules:
        return turn
    rules += "\n\n"
    return replace(turn, question=rules + turn.question, places=tuple(len(rules) + place for place in turn.places))


def _parts(message: ChatMessage) -> Sequence[str | ImagePart | FilePart]:
    if not isinstance(message.content, list):
        return [message.content or ""]
    return [part.text if isinstance(part, TextPart) else part for part in message.content]


def _check_length(parts: Sequence[str | ImagePart | FilePart]) -> None:
    """Checked before texts are joined, whose time grows with their number. Raises GlyphError `context_full` or
    `too_many_parts`."""
    texts = [part for part in parts if isinstance(part, str)]
    if sum(map(len, texts)) > MAX_QUESTION:
        raise too_long()
    if len(parts) - len(texts) > MAX_PARTS:
        raise GlyphError(
            "too_many_parts",
            f"The conversation has more than {MAX_PARTS:,} pictures and files. Send fewer, or one file of many pages.",
            f"对话中的图片和文件超过 {MAX_PARTS:,} 个。请减少，或合并为一个多页文件。",
        )


def _used(service: Service, owner: str, part: ImagePart | FilePart) -> DocumentPart:
    if isinstance(part, ImagePart):
        return picture(decode_base64(part.url))
    if part.file.file_id:
        return ShelfFile(service.files.get(part.file.file_id, owner))
    if part.file.file_data:
        return Attachment(decode_base64(part.file.file_data), part.file.filename or "document")
    raise GlyphError(
        "no_file",
        "A file part names no file. Send file_id, from /v1/files, or file_data.",
        "文件部分没有指定文件。请发送来自 /v1/files 的 file_id，或 file_data。",
    )
