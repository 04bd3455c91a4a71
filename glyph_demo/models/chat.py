"""A conversation about page images as token ids, by the checkpoint's own chat template.

Questions are plain text whatever they say: `<|user|>` in one begins no turn. Answers go back in as the ids they came
as, since their text, tokenised again, need not give the same ids. All else between two answers is tokenised in one,
after the token before it: tokenizers may join text with what it follows, or treat the beginning of a text specially."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glyph_demo.errors import EngineError

THINK, END_THINK, ANSWER, END_ANSWER = "<think>", "</think>", "<answer>", "</answer>"
_OPEN, _CLOSE = "\ue000", "\ue001"  # private-use characters: around a place for a message in a rendered template
_HOLE = _OPEN + "{}" + _CLOSE


class Chat:
    """`image` is the id that stands for one visual token. `begin` and `end` are the markers the template has around a
    page, `between` what it has between two pages, `head` what comes before the first. Raises EngineError
    `model_unusable` where the template cannot hold a conversation about images."""

    def __init__(self, tokenizer: Any, image: int) -> None:
        self._tokenizer = tokenizer
        self._switchable = "enable_thinking" in _template(tokenizer)
        self._parts = False  # whether the template takes answers, too, as lists of parts
        self._parts = _HOLE.format("a0") not in self._render([("", ())], True, pages=1)
        token = tokenizer.convert_ids_to_tokens(image)
        pages = self._render([], True, pages=2)
        before, *rest = pages.split(token) if token else [pages]
        if len(rest) != 2 or _HOLE.format("q") not in rest[1]:
            raise _no_place()
        begin, between, end = self._markers(before, *rest)
        first, self._last = begin or token, end or token  # special tokens of a page
        self._image = begin + token + end
        self.begin, self.end = tuple(self._encode(begin)), tuple(self._encode(end))
        self.between: tuple[int, ...] = tuple(self._encode(between, self._last, first))
        self.head: tuple[int, ...] = tuple(self._encode(before.removesuffix(begin), before=first))
        # What ends the thinking and begins the answer, where the model must be made to.
        answer = ANSWER if ANSWER in tokenizer.get_added_vocab() else "\n"
        self.enough: tuple[int, ...] = tuple(self._encode(END_THINK + answer))
        self._skip = THINK + END_THINK + answer

    def opening(self, thinking: bool) -> str:
        """What stands between the end of a question and what the model says."""
        said = self._render([], thinking, pages=1).rpartition(_HOLE.format("q"))[2]
        return said if thinking or self._switchable else said + self._skip

    def tail(self, turns: Sequence[tuple[str, Sequence[int]]], question: str, thinking: bool = True) -> list[int]:
        """Ids from the end of the document to where the model answers `question`, after `turns` (question, answer
        ids). Without thinking the template's own switch is used; a template that has none is given an empty one."""
        rendered = self._render(turns, thinking, pages=1).rpartition(self._image)[2]
        return self._fill(rendered if thinking or self._switchable else rendered + self._skip, turns, question)

    def document(self, text: str) -> list[int]:
        """Ids of a document given as text in the place of pages, from the beginning of the conversation."""
        return [*self.head, *self.plain(text + "\n\n")]

    def plain(self, text: str) -> list[int]:
        """Ids of text in which special tokens are letters like others."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids

    def _markers(self, before: str, between: str, after: str) -> tuple[str, str, str]:
        """Begin marker, separator and end marker, from the text around two images: a marker is a special token that is
        there for both."""
        tokens = sorted(map(str, self._tokenizer.added_tokens_decoder.values()), key=len, reverse=True)
        end = next((t for t in tokens if between.startswith(t) and after.startswith(t)), "")
        between = between.removeprefix(end)
        begin = next((t for t in tokens if between.endswith(t) and before.endswith(t)), "")
        return begin, between.removesuffix(begin), end

    def _render(self, turns: Sequence[tuple[str, Sequence[int]]], thinking: bool, pages: int) -> str:
        messages: list[dict[str, Any]] = []
        for i in range(len(turns)):
            messages.append({"role": "user", "content": [_part(_HOLE.format(f"q{i}"))]})
            answer = _HOLE.format(f"a{i}")
            messages.append({"role": "assistant", "content": [_part(answer)] if self._parts else answer})
        messages.append({"role": "user", "content": [_part(_HOLE.format("q"))]})
        messages[0]["content"] = [{"type": "image"}] * pages + messages[0]["content"]
        switch = {"enable_thinking": thinking} if self._switchable else {}
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **switch)
        return text

    def _fill(self, rendered: str, turns: Sequence[tuple[str, Sequence[int]]], question: str) -> list[int]:
        """Ids of what the template says behind the pages, with questions and answers in their places."""
        ids: list[int] = []
        before, *parts = rendered.split(_OPEN)
        said = [before]  # since the pages or the last answer: the template's words and questions in turn
        after = self._last
        for part in parts:
            name, _, behind = part.partition(_CLOSE)
            number = int(name[1:] or -1)
            if name[0] == "a":
                ids += [*self._mixed(said, after), *turns[number][1]]
                said, after = [behind], ""
            else:
                said += [question if number < 0 else turns[number][0], behind]
        return ids + self._mixed(said, after)

    def _mixed(self, said: Sequence[str], after: str) -> list[int]:
        """Ids of the template's words (at even places) and of plain text (at odd ones) as one text."""
        if all(self._encode(text) == self.plain(text) for text in said[1::2]):
            return self._encode("".join(said), after)
        # The plain text says special tokens. Each piece by itself, then: in those no letter is special.
        ids = self._encode(said[0], after)
        for place, text in enumerate(said[1:], 1):
            ids += self.plain(text) if place % 2 else self._encode(text)
        return ids

    def _encode(self, text: str, after: str = "", before: str = "") -> list[int]:
        """Ids of `text` where it stands between two special tokens, or nothing."""
        if not text:
            return []
        ids: list[int] = self._tokenizer.encode(after + text + before, add_special_tokens=False)
        return ids[len(after) > 0 : len(ids) - (len(before) > 0)]


def load_tokenizer(folder: Path) -> Any:
    """The checkpoint's tokenizer with its chat template, which some have in the processor's chat_template.json."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    older = folder / "chat_template.json"
    if tokenizer.chat_template is None and older.exists():
        tokenizer.chat_template = json.loads(older.read_text(encoding="utf-8"))["chat_template"]
    return tokenizer


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _template(tokenizer: Any) -> str:
    try:
        template: str = tokenizer.get_chat_template()
    except ValueError as error:
        raise EngineError(
            "model_unusable",
            "The model has no chat template (chat_template.jinja). Download it again, or choose a chat model.",
            "该模型没有对话模板(chat_template.jinja)。请重新下载，或选择对话模型。",
        ) from error
    return template


def _no_place() -> EngineError:
    return EngineError(
        "model_unusable",
        "The model's chat template has no place for several images before a question. Choose another model.",
        "该模型的对话模板不支持在问题前放置多张图片。请选择其他模型。",
    )
