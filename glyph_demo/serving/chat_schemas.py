"""Requests and answers of /v1/chat/completions, as far as OpenAI's clients and Glyph's own send and read them. Fields
that are not named here are ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from glyph_demo.serving.schemas import MAX_LIST, Count, Quote, Sampled, Text, Timings, Usage


class TextPart(BaseModel):
    type: Literal["text"]
    text: Text


class ImageUrl(BaseModel):
    url: str = Field(description="A data URL with a PNG, JPEG or WebP file in base64; nothing is fetched")


def _as_object(url: Any) -> Any:
    """Some clients send the URL alone."""
    return {"url": url} if isinstance(url, str) else url


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: Annotated[ImageUrl, BeforeValidator(_as_object)]


class NamedFile(BaseModel):
    """A file by the id that /v1/files gave it, or the file itself as a data URL."""

    file_id: str | None = None
    file_data: str | None = None
    filename: Text = Field("document", max_length=1000)


class FilePart(BaseModel):
    type: Literal["file"]
    file: NamedFile


Part = Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[Part] | None = None


class StreamOptions(BaseModel):
    include_usage: bool = False


class TemplateOptions(BaseModel):
    enable_thinking: bool | None = None


class ResponseFormat(BaseModel):
    type: Literal["text"]


class ChatRequest(Sampled):
    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_LIST)
    model: str | None = Field(None, description="Any name; the one model here answers")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: Count | None = None
    stop: Text | list[Text] | None = Field(None, max_length=1000, description="Texts that end the answer")
    n: Literal[1] | None = None
    tools: list[Any] | None = Field(None, max_length=0, description="This model calls none")
    response_format: ResponseFormat | None = None
    logprobs: Literal[False] | None = None
    include_stop_str_in_output: bool | None = None
    skip_special_tokens: bool | None = Field(None, description="Taken and not needed: none are shown")
    stop_token_ids: list[int] | None = Field(None, max_length=MAX_LIST, description="Taken and not needed")
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
    """What OpenAI's answers have no field for."""

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
