"""The cells of a document's tables that a question asks for: "2024: Revenue (GBP m) 418.6", the row with the largest
figure, the difference of two. Nothing is given unless row, column and number are certain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from glyph_demo.engines.pocket.han import simplified
from glyph_demo.engines.pocket.matching import has_term, is_wide, subject_terms
from glyph_demo.engines.pocket.tables import Form, Row, Table, is_year, number, unit
from glyph_demo.engines.pocket.terms import question_terms, terms

MIN_KNOWN = {False: 0.85, True: 0.7}  # share of the question's weight that row, column and caption explain
MIN_FORM = 0.7  # the same for the one form that has the label

_MOST = re.compile(
    r"\b(?:most|highest|largest|biggest|greatest|longest|tallest|last|latest|newest|maximum|top)\b"
    r"|最[多高大长晚新后贵]",
    re.I,
)
_LEAST = re.compile(
    r"\b(?:least|lowest|smallest|fewest|shortest|first|earliest|oldest|cheapest|minimum)\b"
    r"|最[少低小短早旧先便]",
    re.I,
)
_BETWEEN = re.compile(
    r"\b(?:difference|differ|by how much|how much (?:more|less|higher|lower)|how many (?:more|fewer)"
    r"|increase[ds]?|decrease[ds]?|grow|grew|rise|rose|fall|fell|change[ds]?)\b"
    r"|相差|差多少|[多少高低]多少|增[加长]了?多少|减少了?多少|变化",
    re.I,
)
_TOGETHER = re.compile(r"\b(?:together|combined|sum|altogether|in total|total)\b|合计|总共|一共|加起来|总和", re.I)
_COMPARE = re.compile(r"\bcompare|\bversus\b|\bvs\b|比较|对比|相比", re.I)
_WORDS_OF_ARITHMETIC = (
    "compare comparison versus difference differ more less fewer higher lower together combined sum altogether total "
    "increase decrease grow rise fall change most highest largest biggest greatest longest last latest newest maximum "
    "least lowest smallest fewest shortest first earliest oldest minimum top table row column value according 根据 表格"
)
_PLAIN = frozenset(term for term, _ in terms(_WORDS_OF_ARITHMETIC))


# What makes another cell than the one that is named the answer, unless the table says it too.
_ELSE = re.compile(
    r"\b(?:before|after|since|until|except|excluding|without|not|other than|average|mean|median|per|percent|share|ratio"
    r"|forecast|expected|planned)\b|之前|以前|之后|以后|以来|除|平均|每|占|预计|预测|计划|没有|不",
    re.I,
)


class Cells(NamedTuple):
    """What is shown above the rows, and the sentences of the rows."""

    text: str
    sentences: tuple[int, ...]


def asked_value(question: str, forms: Sequence[Form]) -> Cells | None:
    """The value of the label that a question names, in the only form that has all else that is asked for."""
    asked = _weights(question)
    kinds = asked.keys() - subject_terms(question).keys()
    found: dict[str, int] = {}
    for form in forms:
        labels = [label for label in form.values if _names(label, asked)]
        have = {term for label, (value, _) in form.values.items() for text in (label, value) for term, _ in terms(text)}
        wanted = {term: weight for term, weight in asked.items() if term in have or term not in kinds}
        known = sum(weight for term, weight in wanted.items() if has_term(term, have))
        if len(labels) == 1 and known >= MIN_FORM * sum(wanted.values()):
            value, sentence = form.values[labels[0]]
            found.setdefault(f"{labels[0]}: {value}", sentence)
    return Cells(next(iter(found)), tuple(found.values())) if len(found) == 1 else None


class _Place(NamedTuple):
    """Rows and columns of one table that a question names."""

    table: Table
    rows: tuple[Row, ...]
    columns: tuple[int, ...]
    explained: float  # share of the question's weight


def asked_cells(question: str, before: str, tables: Sequence[Table], about: str) -> Cells | None:
    """The cells that `question` asks for, or with the row or the column of the question before; None if they are not
    certain. `about` is what the document is about: its headings."""
    places = [_place(question, before, table, about) for table in tables]
    found = [place for place in places if place is not None]
    answers = [answer for place in found if (answer := _answer(question, place)) is not None]
    return answers[0] if len({answer.text for answer in answers}) == 1 else None


def _place(question: str, before: str, table: Table, about: str) -> _Place | None:
    asked = _weights(question)
    rows, columns = _rows(asked, table), _columns(asked, table)
    if before and asked:
        lent = _weights(before)
        if rows and not columns:
            columns = _columns(lent, table)
        elif columns and not rows:
            rows = _rows(lent, table)
    known = [
        *(row.cells[0] for row in rows),
        *(table.header[c] for c in columns),
        table.header[0],
        table.caption,
        about,
    ]
    known += [cell for row in rows for cell in row.cells if _names(cell, asked)]
    have = {term for text in known for term, _ in terms(text)}
    total = sum(asked.values())
    explained = sum(weight for term, weight in asked.items() if has_term(term, have)) / total if total else 0.0
    return _Place(table, rows, columns, explained) if columns or rows else None


def _weights(question: str) -> dict[str, float]:
    """Terms that may name a row or a column, figures and kinds of answers among them."""
    plain = _TOGETHER.sub(" ", _BETWEEN.sub(" ", _COMPARE.sub(" ", _MOST.sub(" ", _LEAST.sub(" ", question)))))
    asked = question_terms(simplified(plain)) | subject_terms(plain)
    return {term: weight for term, weight in asked.items() if term not in _PLAIN and (len(term) > 1 or term.isascii())}


def _names(cell: str, asked: Iterable[str]) -> bool:
    """Whether the question has all words of a cell."""
    words = {term for term, _ in terms(re.sub(r"\([^)]*\)|（[^）]*）", " ", cell)) if len(term) > 1 or term.isascii()}
    return bool(words) and words <= set(asked)


def _rows(asked: dict[str, float], table: Table) -> tuple[Row, ...]:
    """Rows that the question names by a cell that is no figure, or by a year; those with longer names before others
    whose words they contain."""
    named: list[tuple[frozenset[str], Row]] = []
    for row in table.rows:
        cells = [cell for i, cell in enumerate(row.cells) if i == 0 or number(cell) is None]
        keys = [cell for cell in cells if _names(cell, asked)]
        if keys:
            named.append((frozenset(term for key in keys for term, _ in terms(key)), row))
    names = {words for words, _ in named}
    less = {words for words in names if any(words < others for others in names)}
    return tuple(row for words, row in named if words not in less)


def _columns(asked: dict[str, float], table: Table) -> tuple[int, ...]:
    """Columns whose names the question has: all words, else the one with most of the weight."""
    whole = [i for i, name in enumerate(table.header) if i and _names(name, asked)]
    if whole:
        return tuple(whole)
    shares = []
    for i, name in enumerate(table.header):
        words = {term for term, _ in terms(name) if len(term) > 1 or term.isascii()}
        shares.append((sum(w for term, w in asked.items() if i and has_term(term, words)), i))
    shares.sort(reverse=True)
    if shares and shares[0][0] > 0 and (len(shares) < 2 or shares[0][0] > shares[1][0]):
        return (shares[0][1],)
    return ()


def _answer(question: str, place: _Place) -> Cells | None:
    table, rows, columns = place.table, place.rows, place.columns
    if place.explained < MIN_KNOWN[is_wide(question)]:
        return None
    said = " ".join([*table.header, table.caption, *(row.name for row in rows)]).lower()
    if any(match[0].lower() not in said for match in _ELSE.finditer(question)):
        return None
    if _unsaid(_MOST, question, said) != _unsaid(_LEAST, question, said):
        return _extreme(question, place)
    if len(rows) * len(columns) == 1 and (_unsaid(_BETWEEN, question, said) or _COMPARE.search(question)):
        return None
    if len(columns) == 1 and not rows and _TOGETHER.search(question):
        return _sum(table, [row for row in table.rows if not row.is_total], columns[0])
    if len(rows) == 1 and len(columns) == 1:
        return _shown(table, [(rows[0], columns[0])])
    pairs = [(row, column) for row in rows for column in columns]
    if len(pairs) == 2:
        return _two(question, table, pairs)
    if 2 < len(rows) <= 4 and len(columns) == 1 and _TOGETHER.search(question):
        return _sum(table, list(rows), columns[0])
    return None


def _unsaid(pattern: re.Pattern[str], question: str, said: str) -> bool:
    """Whether a question has a word that the names of the table lack."""
    return any(match[0].lower() not in said for match in pattern.finditer(question))


def _shown(table: Table, pairs: list[tuple[Row, int]], more: str = "") -> Cells | None:
    texts = []
    for row, column in pairs:
        cell, name, head = row.cells[column], row.name, table.header[column]
        if not cell.strip(" -–—"):
            return None
        texts.append(f"{head}: {name} {cell}" if is_year(head) else f"{name}: {head} {cell}")
    return Cells("\n".join([*texts, *([more] if more else [])]), tuple(dict.fromkeys(row.sentence for row, _ in pairs)))


def _two(question: str, table: Table, pairs: list[tuple[Row, int]]) -> Cells | None:
    """Two cells side by side, with what is between them or both together if that is asked."""
    values = [number(row.cells[column]) for row, column in pairs]
    units = {unit(row.cells[column]) for row, column in pairs}
    a, b = values
    if _TOGETHER.search(question) and not _BETWEEN.search(question):
        return _sum(table, [row for row, _ in pairs], pairs[0][1]) if pairs[0][1] == pairs[1][1] else None
    if _BETWEEN.search(question):
        if a is None or b is None or len(units) > 1:
            return None
        return _shown(table, pairs, f"{_plain(max(a, b))} − {_plain(min(a, b))} = {_plain(abs(a - b))}")
    return _shown(table, pairs) if _COMPARE.search(question) or pairs[0][1] == pairs[1][1] else None


def _sum(table: Table, rows: list[Row], column: int) -> Cells | None:
    values = [number(row.cells[column]) for row in rows]
    known = [value for value in values if value is not None]
    if len(known) != len(rows) or len(rows) < 2 or len({unit(row.cells[column]) for row in rows}) > 1:
        return None
    if is_year(table.header[column]) is False and all(is_year(row.cells[column]) for row in rows):
        return None
    total = f"{' + '.join(_plain(value) for value in known)} = {_plain(sum(known, Decimal(0)))}"
    return Cells(f"{table.header[column]}: {total}", tuple(row.sentence for row in rows))


def _extreme(question: str, place: _Place) -> Cells | None:
    """The row with the largest or the smallest figure of the column."""
    most = _MOST.search(question)
    if (most is None) == (_LEAST.search(question) is None) or len(place.columns) != 1 or len(place.rows) == 1:
        return None
    column = place.columns[0]
    rows = [row for row in place.rows or place.table.rows if not row.is_total]
    figures = [(number(row.cells[column]), row) for row in rows]
    known = [(value, row) for value, row in figures if value is not None]
    if len(known) < len(figures) or len(known) < 2 or len({unit(row.cells[column]) for row in rows}) > 1:
        return None
    wanted = (max if most else min)(value for value, _ in known)
    best = [row for value, row in known if value == wanted]
    return _shown(place.table, [(best[0], column)]) if len(best) == 1 else None


def _plain(value: Decimal) -> str:
    return f"{value:,}".replace("-", "−")
