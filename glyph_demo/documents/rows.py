"""Rows of a table as lines that can be read by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, zip_longest

LABELLED_COLUMNS = 12
_HEADER_EVERY = 20  # rows of a table that is too wide for labels
_NUMBER = re.compile(r"[\d\s.,:/%+()–−$€£¥-]*\d[\d\s.,:/%+()–−$€£¥-]*")
_YEAR = re.compile(r"(?:19|20)\d\d")


def row_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The rows with text as lines. Where the first row names the columns, a row of up to 12 columns is "port: Elvik;
    fare: 45." with an empty line after it: in that form the embedded engine found the row that a question is about,
    in others it took neighbouring rows for one sentence. A wider row is "cell | cell", under a line of the names every
    20 rows. A single cell before or between tables is a line of its own, and a table after it has its own names."""
    table: list[list[str]] = []
    after_gap = False
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        is_title = bool(cells) and sum(map(bool, cells)) == 1 and (not table or after_gap)
        if is_title:
            yield from _table(table)
            table = []
            yield f"{cells[-1]}\n"
        elif cells:
            table.append(cells)
        after_gap = not cells
    yield from _table(table)


def _table(rows: list[list[str]]) -> Iterator[str]:
    names = rows[0] if len(rows) > 1 and _names_columns(rows[0], rows[1:]) else []
    is_wide = len(names) > LABELLED_COLUMNS
    for number, row in enumerate(rows[1:] if names else rows):
        if names and row == names:
            continue
        if is_wide and number % _HEADER_EVERY == 0:
            yield " | ".join(names)
        if names and not is_wide:
            yield f"{labelled(names, row)}\n"
        else:
            yield bars(row)


def labelled(names: Sequence[str], row: Sequence[str]) -> str:
    """ "port: Elvik; fare: 45.": the cells with text, each with the name of its column."""
    labels = [*names, *[""] * (len(row) - len(names))]
    text = "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(labels, row, strict=False) if cell)
    return f"{text.rstrip('.')}."


def bars(row: Sequence[str]) -> str:
    """ "Elvik | 45": the cells side by side, without empty ones at the end."""
    end = max((place for place, cell in enumerate(row, 1) if cell), default=0)
    return " | ".join(row[:end])


def names_of(headers: Sequence[Sequence[str]]) -> list[str]:
    """The names of columns from the rows of names that a table begins with, those of upper rows first. None where they
    do not tell the columns apart, or are too many for labels."""
    columns = [dict.fromkeys(filter(None, column)) for column in zip_longest(*headers, fillvalue="")]
    names = [" ".join(column) for column in columns]
    named = list(filter(None, names))
    is_clear = 1 < len(named) == len(set(named)) and len(names) <= LABELLED_COLUMNS
    return names if is_clear else []


def _names_columns(first: list[str], rest: list[list[str]]) -> bool:
    """Names are texts, each once, and no narrower than most rows. Numbers name columns if they are years in order."""
    if all(row == first for row in rest):
        return False
    named = [cell for cell in first if cell]
    widths = sorted(map(len, rest))
    if len(named) < 2 or len(set(named)) < len(named) or len(first) < widths[len(widths) // 2] - 1:
        return False
    numbers = [cell for cell in named if _NUMBER.fullmatch(cell)]
    years = [int(cell) for cell in numbers if _YEAR.fullmatch(cell)]
    in_order = len(years) > 1 and len({later - earlier for earlier, later in pairwise(years)}) == 1
    return not numbers or (in_order and len(years) == len(numbers))
