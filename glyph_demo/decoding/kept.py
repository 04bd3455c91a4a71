"""Keys and values beyond the arena: what they are known by, and what a prefix asks of who keeps them.

They follow from the model and from all tokens up to theirs. So what is kept together, a link, is known by a chain: by
its own tokens and by the key of the link before it. Documents that begin alike share their first links."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from glyph_demo.decoding.arena import KVArena, Mark
from glyph_demo.decoding.decoder import Segment, text

BLOCK = 64  # tokens of text that are worth a link
_ALIGNED = 16  # bytes; what a part begins at can be seen as any type


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """Segments whose keys and values are kept together, the first of them segment `first` of the chain. `facts` is all
    that these follow from, with the key of the link before in place of what comes before, and `key` its SHA-256 in hex.
    `end` counts the chain's tokens up to the last of these. One that is not `whole` ends the chain and may go on."""

    segments: tuple[Segment, ...]
    first: int
    facts: bytes
    key: str
    end: int
    whole: bool

    @property
    def tokens(self) -> int:
        return sum(len(segment.ids) for segment in self.segments)


class Keeper(Protocol):
    """Who keeps keys and values. `root` names in one line what they all follow from: the model and how it computes."""

    root: str

    def take(self, link: Link, following: Link | None, arena: KVArena, mark: Mark) -> bool:
        """If the entries of `link` are kept, and this is faster than to compute them, roll the arena back to `mark` and
        copy them behind it, where they do not count yet and there is room. `following` may be asked for next."""
        ...

    def give(self, link: Link, arena: KVArena, start: int) -> None:
        """Keep the entries of `link`, which are in the arena from `start` on: soon, if they are still there then."""
        ...

    def computed(self, tokens: int, seconds: Callable[[], float]) -> None:
        """So many tokens were computed in so many seconds, for which it may have to wait."""
        ...


def chain(root: str, segments: Sequence[Segment]) -> list[Link]:
    """The links of a prefix: each ends with a page or with BLOCK tokens of text or more. The chain ends before what
    nothing names."""
    links: list[Link] = []
    run: list[Segment] = []
    for segment in segments:
        if segment.facts is None:
            return links
        run.append(segment)
        if segment.embeds is not None or len(segment.ids) >= BLOCK:
            links.append(_link(root, links, run))
            run = []
    return [*links, _link(root, links, run, whole=False)] if run else links


def behind(root: str, links: Sequence[Link], ids: Sequence[int]) -> Iterator[Link]:
    """The links of the prompt `ids` behind a prefix of these links: one for every BLOCK ids, and none for the rest."""
    made = list(links)
    for start in range(0, len(ids) - BLOCK + 1, BLOCK):
        made.append(_link(root, made, [text(ids[start : start + BLOCK])]))
        yield made[-1]


def nbytes(parts: Sequence[torch.Tensor]) -> int:
    """The size of a buffer for all parts of some entries."""
    return sum(_aligned(part.nbytes) for part in parts)


def slots(buffer: torch.Tensor, parts: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Each part with its place in a buffer (nbytes,), uint8, as a view of the part's type and shape."""
    start = 0
    for part in parts:
        yield part, buffer[start : start + part.nbytes].view(part.dtype).view(part.shape)
        start += _aligned(part.nbytes)


def _link(root: str, before: Sequence[Link], segments: Sequence[Segment], whole: bool = True) -> Link:
    parent, first, end = "", 0, 0
    if before:
        last = before[-1]
        parent, first, end = last.key, last.first + len(last.segments), last.end
    facts = "\n".join([root, parent, *(str(segment.facts) for segment in segments)]).encode()
    end += sum(len(segment.ids) for segment in segments)
    return Link(tuple(segments), first, facts, hashlib.sha256(facts).hexdigest(), end, whole)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
