"""Evidence for an answer: the attention of its tokens over the pages' visual tokens."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch

from glyph_demo.decoding.prefix import CachedPrefix
from glyph_demo.engines.events import Event, Evidence, Heat, Progress
from glyph_demo.errors import ran_out_of_memory

log = logging.getLogger(__name__)

MOST_LAYERS = 4
MOST_PAGES = 8  # with a map: those with the most attention


@dataclass(frozen=True, slots=True)
class Grid:
    """A page in the prefix: its visual tokens begin at entry `start`, in `rows` of `columns`."""

    start: int
    rows: int
    columns: int


def chosen_layers(count: int) -> list[int]:
    """The layers, out of `count`, whose attention is used: some of the middle third, evenly spread. The first layers
    attend to what is near and the last ones to what comes next; the layers between them choose where to look on a
    picture (Zhang et al. 2025, arXiv 2502.17422, section 4)."""
    middle = range(count // 3, max(2 * count // 3, count // 3 + 1))
    most = min(MOST_LAYERS, len(middle))
    return [middle[(2 * i + 1) * len(middle) // (2 * most)] for i in range(most)]


def evidence(prefix: CachedPrefix, tokens: range, grids: Sequence[Grid], layers: int) -> Generator[Event, None, None]:
    """Evidence for the answer that the positions `tokens` (counted from the end of the prefix) produced, with Progress
    after each part of the work. Yields no Evidence if there are no pages or the arena no longer holds the answer, or if
    memory runs out, because evidence is extra."""
    if not grids or not tokens:
        return
    total: torch.Tensor | None = None
    try:
        with contextlib.closing(prefix.attention(tokens, chosen_layers(layers))) as parts:  # type: ignore[type-var]
            for part in parts:
                total = part if total is None else total + part
                yield Progress("evidence", 0)
    except Exception as error:
        if not ran_out_of_memory(error):
            raise
        log.warning("no memory to look for what the answer rests on")
        return
    if total is not None and torch.isfinite(total).all():
        yield Evidence((), heat(total.cpu(), grids))


def heat(attention: torch.Tensor, grids: Sequence[Grid]) -> tuple[Heat, ...]:
    """Maps of the pages that hold the most of `attention` (entries,), scaled so that the strongest cell is 1."""
    cells = [attention[grid.start : grid.start + grid.rows * grid.columns] for grid in grids]
    strongest = max(float(page.max()) for page in cells)
    if not strongest:
        return ()
    order = sorted(range(len(grids)), key=lambda i: float(cells[i].sum()), reverse=True)[:MOST_PAGES]
    return tuple(Heat(i + 1, grids[i].rows, grids[i].columns, tuple((cells[i] / strongest).tolist())) for i in order)
