"""A conversation about page images as token ids, by the checkpoint's own chat template.

Questions are plain text whatever they say: `<|user|>` in one begins no turn. Answers go back in as the ids they came
as, since their text, tokenised again, need not give the same ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glyph_demo.errors import EngineError

THINK, END_THINK, ANSWER, END_ANSWER = "<think>", "</think>", "<answer>", "</answer>"
_OPEN, _CLOSE = "\ue000", "\ue001"  # private-use characters: around a place for a message in a rendered template
_HOLE = _OPEN + "{}" + _CLOSE


class Chat:
    """`image_ids` are the ids of one page's markup: image begin, image, image end. Raises EngineError `model_unusable`
    where the template cannot hold a conversation about images."""

    def __init__(self, tokenizer: Any, image_ids: tuple[int, int, int]) -> None:
        self._tokenizer = tokenizer
        self._image = "".join(tokenizer.convert_ids_to_tokens(list(image_ids)))
        template = tokenizer.get_chat_template()
        self._switchable = "enable_thinking" in template
        pages = self._render([], True, pages=2)
        if self._image * 2 not in pages or _HOLE.format("q") not in pages.rpartition(self._image)[2]:
            raise EngineError(
                "model_unusable",
                "The model's chat template has no place for several images before a question. Choose another model.",
                "该模型的对话模板不支持在问题前放置多张图片。请选择其他模型。",
            )
        self.head: tuple[int, ...] = tuple(self._encode(pages.partition(self._image)[0]))
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
        ids = self._fill(rendered, turns, question)
        return ids if thinking or self._switchable else ids + self._encode(self._skip)

    def document(self, text: str) -> list[int]:
        """Ids of a document given as text in the place of pages, from the beginning of the conversation."""
        return [*self.head, *self.plain(text + "\n\n")]

    def plain(self, text: str) -> list[int]:
        """Ids of text in which special tokens are letters like others."""
        return self._encode(text, plain=True)

    def _render(self, turns: Sequence[tuple[str, Sequence[int]]], thinking: bool, pages: int) -> str:
        messages: list[dict[str, Any]] = []
        for i in range(len(turns)):
            messages.append({"role": "user", "content": [{"type": "text", "text": _HOLE.format(f"q{i}")}]})
            messages.append({"role": "assistant", "content": _HOLE.format(f"a{i}")})
        messages.append({"role": "user", "content": [{"type": "text", "text": _HOLE.format("q")}]})
        messages[0]["content"] = [{"type": "image"}] * pages + messages[0]["content"]
        switch = {"enable_thinking": thinking} if self._switchable else {}
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **switch)
        return text

    def _fill(self, rendered: str, turns: Sequence[tuple[str, Sequence[int]]], question: str) -> list[int]:
        ids: list[int] = []
        before, *parts = rendered.split(_OPEN)
        ids += self._encode(before)
        for part in parts:
            name, _, after = part.partition(_CLOSE)
            number = int(name[1:] or -1)
            ids += turns[number][1] if name[0] == "a" else self.plain(question if number < 0 else turns[number][0])
            ids += self._encode(after)
        return ids

    def _encode(self, text: str, plain: bool = False) -> list[int]:
        if not text:
            return []
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=plain)
        return ids
