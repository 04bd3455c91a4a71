"""Separates a model's output into thinking and answer, as text that is safe to show, and the answer as token ids."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence, Set
from typing import Any

from tokenizers import decoders

from glyph_demo.engines.events import Thinking, Token
from glyph_demo.engines.splitter import TAGS, SpeechState, Splitter
from glyph_demo.models.tokens import token_ids

_MARKUP = re.compile(r"<.*>")  # added tokens that are not for people, special or not
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # a byte of a character that a SentencePiece vocabulary lacks
_SIGN = 0xD800  # surrogates, which no text contains, represent tags that are tokens
_LOOP_TOKENS = 96  # so many repeated tokens, and
_LOOP_TIMES = 4  # so many repetitions, are a loop
_LOOP_PERIOD = 128  # tokens; longer repetitions are left to the length limit


class Speech(Splitter):
    """Takes token ids one by one and knows which of them are the answer. `opening` is the text right before the first
    token. A tag that is a token of the tokenizer is recognised as that token only; spelled out, it is ordinary text."""

    def __init__(self, tokenizer: Any, opening: str) -> None:
        added = tokenizer.added_tokens_decoder.items()
        tags = {i: str(token) for i, token in added if str(token) in TAGS}
        self._signs = {i: chr(_SIGN + place) for place, i in enumerate(tags)}
        written = {tags[i]: sign for i, sign in self._signs.items()}
        self._names = str.maketrans({sign: tag for tag, sign in written.items()})
        super().__init__({**TAGS, **written})
        self._tokenizer = tokenizer
        self._letters = _Letters(tokenizer, {i for i, token in added if token.special or _MARKUP.fullmatch(str(token))})
        self._ids: list[int] = []
        self._exact = True  # whether `_ids` are exactly the answer's text
        self._tagged = False  # whether a tag has come
        for tag, sign in self._written.items():
            opening = opening.replace(tag, sign)
        opened = [opening.find(sign) for sign in self._written.values() if sign in opening]
        for _ in self.split(opening[min(opened, default=len(opening)) :]):
            pass
        self._tagged = False

    @property
    def ids(self) -> tuple[int, ...]:
        """The answer's tokens, without tags, thinking, and the white space after those."""
        if self._state != "answer":
            return ()
        if self._exact:
            return tuple(self._ids)
        return tuple(token_ids(self._tokenizer, self.answer))

    def feed(self, token: int) -> Iterator[Thinking | Token]:
        """Yield what can be shown after `token`."""
        self._ids.append(token)
        if token in self._signs:
            yield from self.split(self._letters.end() + self._signs[token])
        else:
            yield from self.split(self._letters.of(token))

    def finish(self) -> Iterator[Thinking | Token]:
        yield from self.split(self._letters.end())
        yield from super().finish()

    def _enter(self, state: SpeechState) -> None:
        super()._enter(state)
        self._tagged = True
        self._ids.clear()
        self._exact = not self._held  # else the tag's last token also begins the answer

    def _skipped(self) -> None:
        self._exact = True
        if self._tagged:
            self._ids.clear()

    def _closed(self, whole: bool) -> None:
        super()._closed(whole)
        if self.done and whole:
            self._ids.pop()
        elif self.done:
            self._exact = False

    def _said(self, text: str) -> Thinking | Token:
        return super()._said(text.translate(self._names))


class _Letters:
    """Text of token ids that come one by one, without those in `hidden`. Incomplete characters are held back."""

    def __init__(self, tokenizer: Any, hidden: Set[int]) -> None:
        self._tokenizer = tokenizer
        self._hidden = hidden
        self._byte_level = isinstance(tokenizer.backend_tokenizer.decoder, decoders.ByteLevel)
        self._begin()

    def _begin(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._ids: list[int] = []
        self._shown = 0  # how many of them

    def of(self, token: int) -> str:
        if token in self._hidden:
            return ""
        if self._byte_level:
            return self._utf8.decode(_bytes(self._tokenizer.convert_ids_to_tokens(token)))
        self._ids.append(token)
        if _BYTE.fullmatch(self._tokenizer.convert_ids_to_tokens(token) or ""):
            return ""  # more bytes may follow, and only together are they characters
        text = self._fresh()
        if not text or text.endswith("�"):
            return ""
        del self._ids[: self._shown]
        self._shown = len(self._ids)
        return text

    def end(self) -> str:
        """The text that was held back; call it at the end."""
        rest = self._utf8.decode(b"", final=True) if self._byte_level else self._fresh()
        self._begin()
        return rest

    def _fresh(self) -> str:
        """The text of the ids that are not yet shown. Those shown are decoded too, for the white space between."""
        whole: str = self._tokenizer.decode(self._ids)
        return whole[len(self._tokenizer.decode(self._ids[: self._shown])) :]


def _alphabet() -> dict[str, int]:
    """The letters by which byte-level BPE writes bytes: printable bytes as themselves, the others in order from U+0100
    (https://github.com/openai/gpt-2/blob/master/src/encoder.py)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTES = _alphabet()


def _bytes(token: str | None) -> bytes:
    """The bytes of a token; none for an id beyond the tokenizer's vocabulary, which a model may produce."""
    if token is None or not _BYTES.keys() >= set(token):
        return (token or "").encode()
    return bytes(_BYTES[letter] for letter in token)


def loops(ids: Sequence[int]) -> bool:
    """Whether the last tokens repeat over and over."""
    for period in range(1, min(_LOOP_PERIOD, len(ids) // _LOOP_TIMES) + 1):
        length = max(_LOOP_TOKENS, _LOOP_TIMES * period)
        if len(ids) >= length and ids[-1] == ids[-1 - period] and ids[-length:-period] == ids[-length + period :]:
            return True
    return False
