"""What a model says, told apart: thinking and answer, as text that is safe to show, and the answer as token ids."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from glyph_demo.engines.base import Thinking, Token
from glyph_demo.models.chat import ANSWER, END_ANSWER, END_THINK, THINK

_TAGS = (THINK, END_THINK, ANSWER, END_ANSWER)
_LOOP_TOKENS = 96  # that many tokens of nothing but repetition, and
_LOOP_TIMES = 4  # that many times the same, are a loop
_LOOP_PERIOD = 128  # tokens; longer repetitions are left to the length limit

State = Literal["start", "thinking", "opened", "answer"]  # "opened": behind <answer>, before its first word


class Speech:
    """Takes token ids one by one. `<think>…</think><answer>…</answer>` never show; a tag that has half arrived is held
    back until it is clear what it is. `opening` is the text right before the first token, `done` turns true when the
    answer was closed."""

    def __init__(self, tokenizer: Any, opening: str) -> None:
        self.done = False
        self.answer = ""
        self._state: State = "start"
        self._tokenizer = tokenizer
        added = {int(i): str(token) for i, token in tokenizer.added_tokens_decoder.items()}
        self._added = {i: token if token in _TAGS else "" for i, token in added.items()}
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")  # holds bytes that make no whole character yet
        self._held = ""  # text that may be the beginning of a tag
        self._ids: list[int] = []
        self._exact = True  # the answer's text and `_ids` say the same
        for _ in self._split(opening.rpartition("<|assistant|>")[2]):
            pass

    @property
    def thinking(self) -> bool:
        return self._state == "thinking"

    @property
    def ids(self) -> tuple[int, ...]:
        """The answer's tokens, without tags and thinking."""
        if self._state != "answer":
            return ()
        if self._exact:
            return tuple(self._ids)
        return tuple(self._tokenizer.encode(self.answer, add_special_tokens=False, split_special_tokens=True))

    def feed(self, token: int) -> Iterator[Thinking | Token]:
        """What can be shown now that `token` has come."""
        self._ids.append(token)
        if token in self._added:
            yield from self._split(self._utf8.decode(b"", final=True) + self._added[token])
        else:
            yield from self._split(self._utf8.decode(_bytes(self._tokenizer.convert_ids_to_tokens(token))))

    def finish(self) -> Iterator[Thinking | Token]:
        """What was held back, when no more tokens come."""
        yield from self._split(self._utf8.decode(b"", final=True))
        held, self._held = self._held, ""
        if held:
            if self._state != "thinking":
                self._state = "answer"
            yield self._said(held)

    def _split(self, text: str) -> Iterator[Thinking | Token]:
        fresh = not self._held
        self._held += text
        while self._held and not self.done:
            if self._state in ("start", "opened"):
                if not self._begin():
                    return
                continue
            tag = END_THINK if self._state == "thinking" else END_ANSWER
            before, found, after = self._held.partition(tag)
            kept = 0 if found else _overlap(before, tag)
            self._held = after if found else before[len(before) - kept :]
            shown = before[: len(before) - kept]
            if shown:
                yield self._said(shown)
            if not found:
                return
            self._closed(whole=fresh and before == "" and after == "")

    def _begin(self) -> bool:
        """Before anything is said: skip white space, enter a tag, or begin the answer. False to wait for more."""
        self._held = self._held.lstrip()
        if not self._held:
            self._enter(self._state)
            return False
        following: dict[str, State] = {THINK: "thinking", ANSWER: "opened"} if self._state == "start" else {}
        for tag, state in following.items():
            if self._held.startswith(tag):
                self._held = self._held.removeprefix(tag)
                self._enter(state)
                return True
            if tag.startswith(self._held):
                return False
        self._state = "answer"
        return True

    def _enter(self, state: State) -> None:
        self._state = state
        self._ids.clear()
        self._exact = not self._held  # else the tag's last token says some of the answer too

    def _closed(self, whole: bool) -> None:
        """A closing tag has come; `whole` when it was a token of its own."""
        if self._state == "thinking":
            self._enter("start")
            return
        self.done = True
        if whole:
            self._ids.pop()
        else:
            self._exact = False

    def _said(self, text: str) -> Thinking | Token:
        if self._state == "thinking":
            return Thinking(text)
        self.answer += text
        return Token(text)


def _alphabet() -> dict[str, int]:
    """The letters that byte-level BPE writes bytes with: printable ones stand for themselves, the others, in order, are
    written from U+0100 on (https://github.com/openai/gpt-2/blob/master/src/encoder.py)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTES = _alphabet()


def _bytes(token: str | None) -> bytes:
    """What a token says; nothing for an id that the tokenizer does not know, which a model may have room for."""
    if token is None or not _BYTES.keys() >= set(token):
        return (token or "").encode()
    return bytes(_BYTES[letter] for letter in token)


def _overlap(text: str, tag: str) -> int:
    """Length of the longest end of `text` that `tag` begins with."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)


def loops(ids: Sequence[int]) -> bool:
    """Whether the last tokens say the same over and over."""
    for period in range(1, min(_LOOP_PERIOD, len(ids) // _LOOP_TIMES) + 1):
        length = max(_LOOP_TOKENS, _LOOP_TIMES * period)
        if len(ids) >= length and ids[-1] == ids[-1 - period] and ids[-length:-period] == ids[-length + period :]:
            return True
    return False
