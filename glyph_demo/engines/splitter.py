"""Thinking and answer told apart in text that arrives in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from glyph_demo.engines.events import Thinking, Token
from glyph_demo.models.chat import ANSWER, END_ANSWER, END_THINK, THINK

TAGS = {tag: tag for tag in (THINK, END_THINK, ANSWER, END_ANSWER)}  # and how they stand in the text

SpeechState = Literal["start", "thinking", "opened", "answer"]  # "opened": behind <answer>, before its first word


class Splitter:
    """`<think>…</think><answer>…</answer>` never show; a tag that has half arrived is held back until it is clear what
    it is. `done` turns true when the answer was closed, `answer` is what was said of it. `tags` says how each tag
    stands in the text."""

    def __init__(self, tags: Mapping[str, str] = TAGS) -> None:
        self._written = tags
        self.done = False
        self.answer = ""
        self._state: SpeechState = "start"
        self._held = ""  # text that may be the beginning of a tag

    @property
    def thinking(self) -> bool:
        return self._state == "thinking"

    def split(self, text: str) -> Iterator[Thinking | Token]:
        """What can be shown now that `text` has come."""
        fresh = not self._held
        self._held += text
        while self._held and not self.done:
            if self._state in ("start", "opened"):
                if not self._begin():
                    return
                continue
            tag = self._written[END_THINK if self._state == "thinking" else END_ANSWER]
            before, found, after = self._held.partition(tag)
            kept = 0 if found else overlap(before, tag)
            self._held = after if found else before[len(before) - kept :]
            shown = before[: len(before) - kept]
            if shown:
                yield self._said(shown)
            if not found:
                return
            self._closed(whole=fresh and before == "" and after == "")

    def finish(self) -> Iterator[Thinking | Token]:
        """What was held back, when no more comes."""
        held, self._held = self._held, ""
        if held:
            if self._state != "thinking":
                self._state = "answer"
            yield self._said(held)

    def _begin(self) -> bool:
        """Before anything is said: skip white space, enter a tag, or begin the answer. False to wait for more."""
        self._held = self._held.lstrip()
        if not self._held:
            self._skipped()
            return False
        following: dict[str, SpeechState] = {THINK: "thinking", ANSWER: "opened"} if self._state == "start" else {}
        for name, state in following.items():
            tag = self._written[name]
            if self._held.startswith(tag):
                self._held = self._held.removeprefix(tag)
                self._enter(state)
                return True
            if tag.startswith(self._held):
                return False
        self._state = "answer"
        return True

    def _enter(self, state: SpeechState) -> None:
        self._state = state

    def _skipped(self) -> None:
        """White space has come before anything else."""

    def _closed(self, whole: bool) -> None:
        """A closing tag has come; `whole` when it was a piece of its own."""
        if self._state == "thinking":
            self._enter("start")
        else:
            self.done = True

    def _said(self, text: str) -> Thinking | Token:
        if self._state == "thinking":
            return Thinking(text)
        self.answer += text
        return Token(text)


def overlap(text: str, tag: str) -> int:
    """Length of the longest end of `text` that `tag` begins with."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)
