"""A question made from a sentence, and the kinds of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from glyph_demo.engines.pocket.tables import Row, Table, is_year

# In the order of preference.
KINDS = ("cell", "date", "who", "amount", "definition", "where", "event", "label", "part", "fact")
ROWS = 6  # of a table, that are asked for
MAX_CELL = 30  # characters of a cell that is


class Candidate(NamedTuple):
    """A question of one of KINDS, the index of the sentence that answers it, and the words that do; empty where the
    whole sentence does."""

    kind: str
    question: str
    sentence: int
    answer: str = ""


def cells_asked(table: Table) -> Iterator[tuple[Row, int]]:
    """The cells that may be asked for, as row and column: of up to ROWS rows with names of their own, the newest years
    first; one of each row from the last columns on, then the next of each."""
    names = Counter(row.name for row in table.rows)
    rows = [row for row in table.rows if names[row.name] == 1 and not row.is_total]
    if all(is_year(row.name) for row in rows):
        rows.sort(key=lambda row: row.name, reverse=True)
    rows, width = rows[:ROWS], len(table.header)
    for turn in range(width - 1):
        for i, row in enumerate(rows):
            c = width - 1 - (i + turn) % (width - 1)
            if len(row.cells[c]) <= MAX_CELL and re.search(r"\w", row.cells[c]):
                yield row, c
