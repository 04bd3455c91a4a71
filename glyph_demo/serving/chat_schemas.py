"""Requests and answers of /v1/chat/completions and the other routes of OpenAI's API, with the fields that OpenAI's
clients and Glyph's own use. All other fields are ignored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from glyph_demo.serving.fields import Base64, Items, Name, Text
from glyph_demo.serving.schemas import Quote, Sampled, Timings, Usage

MAX_STOPS, MAX_STOP, MAX_ALL_STOPS = 1000, 256, 20_000  # their number, the characters of one, and of all


class TextPart(BaseModel):
    type: Literal["text"]
    text: Text


class ImageUrl(BaseModel):
    url: Base64 = Field(description="A data URL with a PNG, JPEG or WebP file in base64; nothing is fetched")


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: Base64 | ImageUrl = Field(description="Some clients send the URL alone")

    @property
    def url(self) -> memoryview:
        return self.image_url.url if isinstance(self.image_url, ImageUrl) else self.image_url


class NamedFile(BaseModel):
    """A file by the id that /v1/files gave it, or the file itself as a data URL."""

    file_id: Name | None = None
    file_data: Base64 | None = None
    filename: Name | None = None


class FilePart(BaseModel):
    type: Literal["file"]
    file: NamedFile


Stops = Annotated[list[Text], Field(max_length=MAX_STOPS, fail_fast=True)]
MessagePart = Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Items[MessagePart] | None = None


class StreamOptions(BaseModel):
    include_usage: bool | None = None


class TemplateOptions(BaseModel):
    enable_thinking: bool | None = None


class ResponseFormat(BaseModel):
    type: Literal["text"]


class Unread(BaseModel):
    """An object whose fields are ignored."""


def _short(stop: str | list[str] | None) -> str | list[str] | None:
    lengths = [len(stop)] if isinstance(stop, str) else list(map(len, stop or []))
    if max(lengths, default=0) > MAX_STOP or sum(lengths) > MAX_ALL_STOPS:
        limits = {"one": MAX_STOP, "all": MAX_ALL_STOPS}
        raise PydanticCustomError("long_stops", "Stops may have {one} characters each and {all} together", limits)
    return stop


def _none_called(tools: list[Unread] | None, sent: ValidationInfo) -> list[Unread] | None:
    if tools and sent.data.get("tool_choice") != "none":
        raise PydanticCustomError("no_tools", "This model calls no tools. Leave them out, or send tool_choice: none")
    return tools


class ChatRequest(Sampled):
    messages: Annotated[Items[ChatMessage], Field(min_length=1)]
    model: Name | None = Field(None, description="Any name; the one model here answers")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: Annotated[Text | Stops | None, AfterValidator(_short)] = Field(
        None, description=f"Texts that end the answer, of up to {MAX_STOP} characters"
    )
    n: Literal[1] | None = None
    tool_choice: Name | Unread | None = None
    tools: Annotated[Items[Unread] | None, AfterValidator(_none_called)] = Field(
        None, description="This model calls none: only with tool_choice none, or empty"
    )
    response_format: ResponseFormat | None = None
    logprobs: Literal[False] | None = None
    include_stop_str_in_output: bool | None = None
    skip_special_tokens: bool | None = Field(None, description="Taken and not needed: none are shown")
    stop_token_ids: Items[int] | None = Field(None, description="Taken and not needed")
    ignore_eos: bool | None = Field(None, description="Taken and not heeded")
    chat_template_kwargs: TemplateOptions | None = Field(None, description="enable_thinking: answer with or without")

    def stops(self) -> tuple[str, ...]:
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(stop for stop in stops if stop)


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    reasoning_content: str | None


class Choice(BaseModel):
    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class Details(BaseModel):
    """What OpenAI's answers have no fields for."""

    timings: Timings
    evidence: list[Quote]
    notices: list[str]


class ChatAnswer(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    glyph_demo: Details


class ModelEntry(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "glyph-demo"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelEntry]


class FileEntry(BaseModel):
    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"


class FileList(BaseModel):
    object: Literal["list"] = "list"
    data: list[FileEntry]
    has_more: Literal[False] = False


class FileDeleted(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True
