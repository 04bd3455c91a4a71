"""Rows among a document's sentences → tables that know their header, and the cells that a question asks for."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice

from glyph_demo.engines.pocket.sentences import Sentence

_BAR = re.compile(r"\s*\|\s*")
_LABELLED = re.compile(r"(?:^|;\s+)(?P<name>[^:;|]{1,60}):\s*(?P<cell>(?:(?!;\s+[^:;|]{1,60}:)[^|])*)")
_FIGURE = re.compile(
    r"(?:[A-Z]{2,3}\s+)?[$€£¥]?\s*(?P<sign>[-−–(]|零下)?\s*[$€£¥]?(?P<digits>\d[\d,，]*(?:\.\d+)?)"
    r"\s*(?P<unit>[^\d\s]{0,12}(?: [^\d\s]{1,12}){0,2})\)?"
)
_YEAR = re.compile(r"(?:FY ?)?(?:1[5-9]|20)\d\d(?: ?年|[AEe])?")
# "Keepers by station:", "Table 3. Keepers by station", of a length that is no paragraph.
_LEAD = re.compile(r"^(?=.{3,120}$)(?:(?:table|表格?) ?\d.*|.*[:：])$", re.I)
MOST = 0.6  # share of the rows below a header that are as wide
_TOTAL = re.compile(r"\b(?:sub-?)?total\b|\bsum\b|\baverage\b|\boverall\b|合\s*计|总\s*计|小计|平均|共计", re.I)


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row, and the index of its sentence in the document."""

    cells: tuple[str, ...]
    sentence: int

    @property
    def name(self) -> str:
        return self.cells[0]

    @property
    def is_total(self) -> bool:
        return _TOTAL.search(self.name) is not None


@dataclass(frozen=True, slots=True)
class Table:
    """`header` names the columns, one for each cell of the rows; `caption` is the heading above it, and the line that
    leads to it."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class Form:
    """Values by their labels, each with the index of its sentence."""

    values: dict[str, tuple[str, int]]


def find_tables(sentences: Sequence[Sentence]) -> list[Table]:
    """The tables whose header is certain, in reading order."""
    tables: list[Table] = []
    run: list[Row] = []
    labelled: list[tuple[tuple[str, ...], Row]] = []
    for i, sentence in enumerate(sentences):
        if sentence.running:
            continue
        if " | " in sentence.text:
            cells = tuple(cell.strip() for cell in _BAR.split(sentence.text))
            if not run or cells != run[0].cells:  # else the header, once more on the next page
                run.append(Row(cells, i))
            continue
        pairs = _pairs(sentence.text)
        if run:
            tables += _with_header(run, sentences)
            run = []
        if labelled and (not pairs or not set(pairs[0]) & set(labelled[-1][0])):
            tables.append(_of_labels(labelled, sentences))
            labelled = []
        if pairs:
            labelled.append((pairs[0], Row(pairs[1], i)))
    if run:
        tables += _with_header(run, sentences)
    if labelled:
        tables.append(_of_labels(labelled, sentences))
    return tables


def header_sentences(tables: Sequence[Table], sentences: Sequence[Sentence]) -> set[int]:
    """Indices of the sentences that are headers of tables, which answer nothing."""
    firsts = {table.rows[0].sentence - 1 for table in tables}
    return {i for i in firsts if i >= 0 and " | " in sentences[i].text}


def number(cell: str) -> Decimal | None:
    """The number that a cell holds, without its unit; None if it holds something else too."""
    match = _FIGURE.fullmatch(cell.strip())
    if match is None:
        return None
    try:
        value = Decimal(re.sub("[,，]", "", match["digits"]))
    except InvalidOperation:
        return None
    return -value if match["sign"] else value


def unit(cell: str) -> str:
    """What stands beside the number of a cell."""
    return re.sub(r"[\d.,，()\s−–-]+", " ", cell).strip()


def is_year(cell: str) -> bool:
    return _YEAR.fullmatch(cell) is not None


def _pairs(text: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Names and cells of "port: Elvik; fare: 45."; None for other sentences."""
    plain = text.strip().rstrip(".。")
    found = list(_LABELLED.finditer(plain))
    if len(found) < 2 or found[0].start() or sum(len(match[0]) for match in found) < len(plain):
        return None
    return tuple(m["name"].strip() for m in found), tuple(m["cell"].strip() for m in found)


def _with_header(rows: list[Row], sentences: Sequence[Sentence]) -> list[Table]:
    """The tables of consecutive rows with bars. A header has no figures but years in order, and most rows below are as
    wide; it is one narrower than they where its first cell is empty. Columns of figures tell it from other rows."""
    tables: list[Table] = []
    run, start = _Run(rows), 0
    while start < len(rows):
        found, start = _first_table(run, start, sentences)
        tables += found
    return tables


class _Run:
    """Consecutive rows with bars, and what is asked of each again and again."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.names = [_names_columns(row.cells) for row in rows]
        has = [any(number(cell) is not None for cell in row.cells[1:]) for row in rows]
        # Rows that begin another table: they have no figure, and those before and after them have.
        self.headers = [i for i in range(1, len(rows) - 1) if self.names[i] and has[i - 1] and has[i + 1]]
        # Rows below which there is no column of figures, where all are as wide.
        even = len({len(row.cells) for row in rows}) == 1
        self._words = [i for i, row in enumerate(rows) if even and not has[i] and all(map(_is_filled, row.cells[1:]))]

    def end(self, at: int) -> int:
        """Where the table under a header ends."""
        return self._other(self.headers, at + 2, at)

    def has_words(self, at: int, end: int) -> bool:
        """Whether one of the rows below a header is known to have no figure, and no blank cell that could be one."""
        return self._other(self._words, at + 1, at) < end

    def _other(self, numbers: list[int], start: int, at: int) -> int:
        """The first of these rows, in order, from `start` on that is not the row `at` again; behind all if none is."""
        after = islice(numbers, bisect_left(numbers, start), None)
        return next((i for i in after if self.rows[i].cells != self.rows[at].cells), len(self.rows))


def _first_table(run: _Run, start: int, sentences: Sequence[Sentence]) -> tuple[list[Table], int]:
    """The first table of the rows from `start` on, if there is one, and where the rows after it begin."""
    rows = run.rows
    for at in range(start, len(rows) - 1):
        if not run.names[at]:
            continue
        row, first, end = rows[at], at == start, run.end(at)
        if not first and run.has_words(at, end):
            continue
        below = [one for one in rows[at + 1 : end] if one.cells != row.cells]
        header = row.cells
        if sum(len(one.cells) == len(header) + 1 for one in below) > sum(
            len(one.cells) == len(header) for one in below
        ):
            header = ("", *header)
        whole = tuple(one for one in below if len(one.cells) == len(header))
        if len(whole) < MOST * len(below) or not whole:
            continue
        columns = list(zip(*(one.cells for one in whole), strict=True))[1:]
        if any(_are_figures(column) for column in columns) or (first and len(header) > 2 and len(whole) > 1):
            return [Table(header, whole, _caption(rows[start].sentence, sentences))], end
    return [], len(rows)


def _caption(first: int, sentences: Sequence[Sentence]) -> str:
    """What stands above a table whose first row is the sentence `first`."""
    lead = sentences[first - 1].text.strip() if first else ""
    return f"{sentences[first].context} {lead}" if _LEAD.search(lead) else sentences[first].context


def _are_figures(column: Sequence[str]) -> bool:
    figures = [number(cell) is not None for cell in column if _is_filled(cell)]
    return bool(figures) and all(figures)


def _is_filled(cell: str) -> bool:
    return cell.strip(" -–—") != ""


def _names_columns(cells: Sequence[str]) -> bool:
    """Texts, each once; figures only if they are years in order."""
    named = [cell for cell in cells if cell]
    figures = [cell for cell in named if any(c.isdigit() for c in cell)]
    years = [int(re.sub(r"\D", "", cell)) for cell in figures if is_year(cell)]
    in_order = len(years) > 1 and years in (sorted(years), sorted(years, reverse=True))
    plain = not any(number(cell) is not None for cell in named if cell not in figures or not is_year(cell))
    mere = not figures or (len(years) == len(figures) and in_order) or _only_units(figures)
    return len(named) > 1 and len(set(named)) == len(named) and plain and mere


def _only_units(figures: Sequence[str]) -> bool:
    """Whether names with digits are words first, as "Keepers in 1930" or "Q1 sales"."""
    return all(sum(c.isalpha() for c in cell) > sum(c.isdigit() for c in cell) and "@" not in cell for cell in figures)


def find_forms(sentences: Sequence[Sentence], tables: Sequence[Table]) -> list[Form]:
    """Labels with their values ("Claim # | SF-1008 | Make | Jeep") outside of tables; where a label comes again, the
    next form begins."""
    taken = {row.sentence for table in tables for row in table.rows} | header_sentences(tables, sentences)
    forms: list[Form] = []
    for i, sentence in enumerate(sentences):
        cells = _BAR.split(sentence.text)
        if i in taken or len(cells) % 2 or " | " not in sentence.text:
            continue
        for label, value in zip(cells[::2], cells[1::2], strict=True):
            if not any(c.isalpha() for c in label) or not value.strip():
                continue
            if not forms or label in forms[-1].values:
                forms.append(Form({}))
            forms[-1].values[label] = (value.strip(), i)
    return forms


def _of_labels(found: list[tuple[tuple[str, ...], Row]], sentences: Sequence[Sentence]) -> Table:
    """A table of labelled rows; a row lacks the cells of the names that it lacks."""
    header = tuple(dict.fromkeys(name for names, _ in found for name in names))
    rows = tuple(
        Row(tuple(dict(zip(names, row.cells, strict=True)).get(name, "") for name in header), row.sentence)
        for names, row in found
    )
    return Table(header, rows, _caption(found[0][1].sentence, sentences))
