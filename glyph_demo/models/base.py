"""What every loaded model has in common, and how weights are named: by what is in them, not by where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from glyph_demo.errors import EngineError, Message
from glyph_demo.models.tokens import prompt_ids


class LoadProgress(Protocol):
    """Told how far a model is: bytes done, bytes in all or None while unknown, and which file of how many, from 1; 0
    where files are not counted. With `what`, such as compiling, they are steps of that instead of bytes."""

    def __call__(
        self, done: int, total: int | None, file: int = 0, files: int = 0, what: Message | None = None
    ) -> None: ...


def untold(done: int, total: int | None, file: int = 0, files: int = 0, what: Message | None = None) -> None:
    """A LoadProgress that tells nobody."""


_READ = 1 << 22  # bytes a read
_HOLE = "\ue000{}\ue001"  # private-use characters: a place for a message's text in a rendered template


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model ready to answer. `model` is a transformers model, `tokenizer` its tokenizer. `stop_ids`
    end an answer. `identity` is the hash of the weights and the precision they run in."""

    model: Any
    tokenizer: Any
    stop_ids: frozenset[int]
    identity: str

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Token ids of `messages` (`role`, `content`) in the model's chat template, up to where the answer begins.
        A content is plain text whatever it says: `<|im_end|>` in a document ends nothing."""
        holes = [{**message, "content": _HOLE.format(i)} for i, message in enumerate(messages)]
        rendered: str = self.tokenizer.apply_chat_template(holes, tokenize=False, add_generation_prompt=True)
        said: list[str] = []
        for i, message in enumerate(messages):
            before, hole, rendered = rendered.partition(_HOLE.format(i))
            if not hole:
                raise ValueError(f"the chat template leaves out or reorders message {i}")
            said += [before, message["content"]]
        return prompt_ids(self.tokenizer, [*said, rendered])

    def text(self, ids: Sequence[int]) -> str:
        """What token ids say, special tokens left out."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the files' bytes, one after another, in hex. Raises OSError."""
    sha = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_READ):
                sha.update(block)
    return sha.hexdigest()


def unusable(en: str, zh: str) -> EngineError:
    return EngineError(
        "model_unusable",
        f"The model cannot be used ({en}). Download it again or choose another.",
        f"无法使用该模型（{zh}）。请重新下载，或选择其他模型。",
    )
