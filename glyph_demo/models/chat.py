"""A conversation about page images as token ids, by the checkpoint's own chat template.

Questions are plain text whatever they say: `<|user|>` in one begins no turn. Answers go back in as the ids they came
as, since their text, tokenised again, need not give the same ids. All else between two answers is tokenised in one,
after the token before it: tokenizers may join text with what it follows, or treat the beginning of a text specially."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from glyph_demo.errors import EngineError
from glyph_demo.models.tokens import prompt_ids, token_ids

THINK, END_THINK, ANSWER, END_ANSWER = "<think>", "</think>", "<answer>", "</answer>"
_OPEN, _CLOSE = "\ue000", "\ue001"  # private-use characters: around a place for a message in a rendered template
_PAGE = _OPEN + _CLOSE


class Chat:
    """`image` is the id that stands for one visual token; `thinks` is that of the model's Family. `begin` and `end` are
    the markers the template has around a page, `between` what it has between two pages, `head` what comes before the
    first. Raises EngineError `model_unusable` where the template cannot hold a conversation about images."""

    def __init__(self, tokenizer: Any, image: int, thinks: bool = True) -> None:
        self._tokenizer = tokenizer
        self._switchable = "enable_thinking" in _template(tokenizer)
        self._parts = False  # whether the template takes answers, too, as lists of parts
        asked = [_user([_PAGE, _hole(0)]), self._answered(_hole(1)), _user([_hole(2)])]
        self._parts = _hole(1) not in self._render(asked, True)
        token = tokenizer.convert_ids_to_tokens(image)
        pages = self._render([_user([_PAGE, _PAGE, _hole(0)])], True)
        before, *rest = pages.split(token) if token else [pages]
        if len(rest) != 2 or _hole(0) not in rest[1]:
            raise _no_place()
        begin, between, end = self._markers(before, *rest)
        self._first, self._last = begin or token, end or token  # special tokens of a page
        self._image = begin + token + end
        self.begin, self.end = tuple(self._encode([begin])), tuple(self._encode([end]))
        self.between: tuple[int, ...] = tuple(self._encode([between], self._last, self._first))
        self.head: tuple[int, ...] = tuple(self._encode([before.removesuffix(begin)], before=self._first))
        # What ends the thinking and begins the answer, where the model must be made to.
        answer = ANSWER if ANSWER in tokenizer.get_added_vocab() else "\n"
        self.enough: tuple[int, ...] = tuple(self._encode([END_THINK + answer]))
        if THINK in self.opening(True).rpartition(END_THINK)[2]:
            self._skip = f"\n{END_THINK}\n\n"  # an empty thought as Qwen3's template writes it
        else:
            self._skip = THINK + END_THINK + answer if thinks else ""

    def opening(self, thinking: bool) -> str:
        """The template's text between the end of a question and the model's first token."""
        return self._render([_user([_PAGE, _hole(0)])], thinking).rpartition(_hole(0))[2]

    def tail(self, turns: Sequence[tuple[str, Sequence[int]]], question: str, thinking: bool = True) -> list[int]:
        """Ids from the end of the document to where the model answers `question`, after `turns` (question, answer
        ids). Without thinking the template's own switch is used. Where it has none, a thought that it begins is ended,
        and a model that would think by itself is given an empty one."""
        return self.around([*turns, (question, ())], [(0, 0)], thinking)[1]

    def around(
        self, turns: Sequence[tuple[str, Sequence[int]]], places: Sequence[tuple[int, int]], thinking: bool = True
    ) -> list[list[int]]:
        """Ids before, between and behind pages at `places`, (turn, character of its question) in order, with
        their markers. `turns` are as for `tail`, and the last one is the question to answer."""
        messages: list[dict[str, Any]] = []
        said: list[str | Sequence[int]] = []

        def hole(what: str | Sequence[int]) -> str:
            said.append(what)
            return _hole(len(said) - 1)

        for number, (question, answer) in enumerate(turns):
            cuts = [character for turn, character in places if turn == number]
            messages.append(_user([_PAGE if text is None else hole(text) for text in pieces(question, cuts)]))
            if number + 1 < len(turns):
                messages.append(self._answered(hole(answer)))
        parts = self._render(messages, thinking).split(self._image)
        if len(parts) != len(places) + 1:
            raise _no_place()
        after, before = ["", *[self._last] * len(places)], [*[self._first] * len(places), ""]
        return [self._fill(part, said, *sides) for part, *sides in zip(parts, after, before, strict=True)]

    def document(self, text: str) -> list[int]:
        """Ids of a document given as text in the place of pages, from the beginning of the conversation."""
        return [*self.head, *self.plain(text + "\n\n")]

    def plain(self, text: str) -> list[int]:
        """Ids of text in which control tokens are letters like others."""
        return token_ids(self._tokenizer, text)

    def _markers(self, before: str, between: str, after: str) -> tuple[str, str, str]:
        """Begin marker, separator and end marker, from the text around two images: a marker is a special token that is
        there for both."""
        tokens = sorted(map(str, self._tokenizer.added_tokens_decoder.values()), key=len, reverse=True)
        end = next((t for t in tokens if between.startswith(t) and after.startswith(t)), "")
        between = between.removeprefix(end)
        begin = next((t for t in tokens if between.endswith(t) and before.endswith(t)), "")
        return begin, between.removesuffix(begin), end

    def _answered(self, text: str) -> dict[str, Any]:
        return {"role": "assistant", "content": [_part(text)] if self._parts else text}

    def _render(self, messages: list[dict[str, Any]], thinking: bool) -> str:
        """What the template says, to where the model goes on; without thinking it has none to do."""
        switch = {"enable_thinking": thinking} if self._switchable else {}
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **switch)
        return text if thinking or self._switchable else text + self._skip

    def _fill(self, rendered: str, said: Sequence[str | Sequence[int]], after: str, before: str) -> list[int]:
        """Ids of a rendered piece, with what was said in its holes, between the special tokens beside it."""
        ids: list[int] = []
        first, *parts = rendered.split(_OPEN)
        run = [first]  # since the last answer: the template's words and questions in turn
        for part in parts:
            number, _, behind = part.partition(_CLOSE)
            what = said[int(number)]
            if isinstance(what, str):
                run += [what, behind]
            else:
                ids += [*self._encode(run, after), *what]
                run, after = [behind], ""
        return ids + self._encode(run, after, before)

    def _encode(self, said: Sequence[str], after: str = "", before: str = "") -> list[int]:
        """Ids of the template's words and of plain text in turn, as they are between two special tokens, or
        nothing."""
        if not any(said):
            return []
        ids = prompt_ids(self._tokenizer, [after, "", *said, "", before])
        return ids[len(after) > 0 : len(ids) - (len(before) > 0)]


def load_tokenizer(folder: Path) -> Any:
    """The checkpoint's tokenizer with its chat template, which some have in the processor's chat_template.json."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    older = folder / "chat_template.json"
    if tokenizer.chat_template is None and older.exists():
        tokenizer.chat_template = json.loads(older.read_text(encoding="utf-8"))["chat_template"]
    return tokenizer


def pieces(question: str, places: Sequence[int]) -> Iterator[str | None]:
    """A question cut at the characters before which there are pages: its texts, and None for every page."""
    done = 0
    for place in places:
        if place > done:
            yield question[done:place]
        yield None
        done = place
    if question[done:] or not places:
        yield question[done:]


def _hole(number: int) -> str:
    return f"{_OPEN}{number}{_CLOSE}"


def _user(content: Sequence[str]) -> dict[str, Any]:
    """A message of texts and of places for a page."""
    return {"role": "user", "content": [{"type": "image"} if text == _PAGE else _part(text) for text in content]}


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _template(tokenizer: Any) -> str:
    try:
        template: str = tokenizer.get_chat_template()
    except ValueError as error:
        raise EngineError(
            "model_unusable",
            "The model has no chat template (chat_template.jinja). Download it again, or choose a chat model.",
            "该模型没有对话模板（chat_template.jinja）。请重新下载，或选择对话模型。",
        ) from error
    return template


def _no_place() -> EngineError:
    return EngineError(
        "model_unusable",
        "The model's chat template has no place for several images before a question. Choose another model.",
        "该模型的对话模板不支持在问题前放置多张图片。请选择其他模型。",
    )
