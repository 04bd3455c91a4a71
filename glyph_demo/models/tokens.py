"""Text as token ids. A control token (`<|user|>`, `<think>`) is one where a chat template says it. In any other text,
such as a question or a document, its letters are letters, also beside those of a template.

Tokenizers find control tokens in whatever text they are given; transformers' `split_special_tokens` spares the special
ones only. So text goes to a twin of the checkpoint's tokenizer, in which control tokens have names that nobody can
guess, and the template's are written with them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SPACE = "▁"  # as SentencePiece vocabularies write it


def token_ids(tokenizer: Any, text: str, plain: bool = True) -> list[int]:
    """Ids of a text by itself: a plain one, where control tokens are letters, or a template's words."""
    return prompt_ids(tokenizer, ["", text] if plain else [text])


def prompt_ids(tokenizer: Any, said: Sequence[str]) -> list[int]:
    """Ids of a template's words (at even places) and of plain text (at odd ones), as one text. For any number of
    threads. Tokens that are added to the tokenizer after the first call are not seen."""
    twin = _twins.get(tokenizer)
    if twin is None:  # two threads may both make it
        twin = _twins[tokenizer] = _twin(tokenizer.backend_tokenizer)
    text = "".join(piece if place % 2 else twin.named(piece) for place, piece in enumerate(said))
    # A batch, since other threads can run meanwhile.
    ids: list[int] = twin.tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
    return ids


@dataclass(frozen=True)
class _Twin:
    """A tokenizer that knows control tokens by `names` alone."""

    tokenizer: Tokenizer
    names: Mapping[str, str]
    _pattern: re.Pattern[str]

    def named(self, words: str) -> str:
        return self._pattern.sub(lambda found: self.names[found[0]], words)


_twins: WeakKeyDictionary[Any, _Twin] = WeakKeyDictionary()


def _twin(original: Tokenizer) -> _Twin:
    from tokenizers import AddedToken, Tokenizer

    added = [token for _, token in sorted(original.get_added_tokens_decoder().items())]
    secret = secrets.token_hex()  # on both sides, or one name could begin with another
    control = [token for token in added if _is_control(token, original)]
    names = {token.content: f"{secret}{token.content}{secret}" for token in control}
    known = any(original.model.token_to_id(name) is not None for name in names)
    twin = Tokenizer(_renamed(original.model, names) if known else original.model)
    for part in ("normalizer", "pre_tokenizer"):
        if getattr(original, part) is not None:
            setattr(twin, part, getattr(original, part))
    for token in added:  # by id, which gives them the same ids again
        if token.content in names:
            # Found as it is written, whatever is beside it in the text.
            kept = {"lstrip": token.lstrip, "rstrip": token.rstrip, "special": token.special}
            token = AddedToken(names[token.content], **kept, single_word=False, normalized=False)
        twin.add_tokens([token])
    # In the order in which tokenizers look for them.
    ordered = sorted(control, key=lambda token: (token.normalized, -len(token.content)))
    return _Twin(twin, names, re.compile("|".join(map(_written, ordered)) or "(?!)"))


def _is_control(token: Any, original: Tokenizer) -> bool:
    """Whether an added token is more than white space, which some vocabularies have in runs, and more than one letter
    that the vocabulary has anyway."""
    letters = len(token.content.replace(_SPACE, " ").strip())
    return letters > 1 or (letters == 1 and original.model.token_to_id(token.content) is None)


def _written(token: Any) -> str:
    word = re.escape(token.content)
    return rf"(?<!\w){word}(?!\w)" if token.single_word else word


def _renamed(model: Any, names: Mapping[str, str]) -> Any:
    """A model whose vocabulary has control tokens under other names, and does not put them together from parts. Some
    models take what is in their vocabulary for one token wherever it is written."""
    state = json.loads(model.__getstate__())
    vocabulary, prefix = state["vocab"], state.get("continuing_subword_prefix") or ""
    if isinstance(vocabulary, dict):
        state["vocab"] = {names.get(word, word): i for word, i in vocabulary.items()}
    else:
        state["vocab"] = [[names.get(word, word), score] for word, score in vocabulary]
    if "merges" in state:
        state["merges"] = [
            [left, right]
            for left, right in state["merges"]
            if names.keys().isdisjoint((left, right, left + right.removeprefix(prefix)))
        ]
    if state.get("unk_token"):
        state["unk_token"] = names.get(state["unk_token"], state["unk_token"])
    made = type(model)()
    made.__setstate__(json.dumps(state).encode())
    return made
