"""Separates thinking and answer in text that arrives in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from glyph_demo.engines.events import Thinking, Token
from glyph_demo.models.chat import ANSWER, END_ANSWER, END_THINK, THINK

TAGS = {tag: tag for tag in (THINK, END_THINK, ANSWER, END_ANSWER)}  # name → how it is written in the text

SpeechState = Literal["start", "thinking", "opened", "answer"]  # "opened": after <answer>, before its first word


class Splitter:
    """The tags of `<think>…</think><answer>…</answer>` are never shown; text that may be the beginning of a tag is held
    back until that is clear. `done` becomes true at the closing tag of the answer, `answer` is its text so far. `tags`
    maps each tag to how it is written in the text."""

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
        """Yield what can be shown after `text`."""
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
        """Yield the text that was held back; call it at the end."""
        held, self._held = self._held, ""
        if held:
            if self._state != "thinking":
                self._state = "answer"
            yield self._said(held)

    def _begin(self) -> bool:
        """At the start: skip white space, enter a tag, or begin the answer. False if more text is needed to tell."""
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
        """Called after leading white space."""

    def _closed(self, whole: bool) -> None:
        """Called at a closing tag; `whole` if the tag arrived as a piece of its own."""
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
    """Length of the longest suffix of `text` that is a proper prefix of `tag`."""
    return next((n for n in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-n:])), 0)
