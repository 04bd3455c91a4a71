"""Text of a table in a text file: CSV and TSV. Runs in the child process only."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from pathlib import Path

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.documents.rows import row_lines
from glyph_demo.documents.text import clean, decode, encoding_warnings

_DELIMITERS = "\t;|,"  # of two that fit equally the one that is rarer in texts and numbers
_SAMPLE_ROWS = 200
_NAMED_DELIMITER = re.compile(r"\s*sep=(.)\s*\n", re.IGNORECASE)  # Excel's first line


def read_csv(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """A line for each row, as `row_lines` writes it. `max_pages` does not apply. Raises DocumentError."""
    text, bad, guessed = decode(path.read_bytes(), encoding)
    text = clean(text)
    if len(text) > max_characters:
        raise problem("too_many_characters", limit=max_characters)
    csv.field_size_limit(max(1, max_characters))
    named = _NAMED_DELIMITER.match(text)
    delimiter = named[1] if named else _delimiter(text)
    lines: list[str] = []
    size = 0
    for line in row_lines(csv.reader(io.StringIO(text[named.end() if named else 0 :]), delimiter=delimiter)):
        lines.append(line)
        size += len(line)
        if size > max_characters:  # the names of columns may be long
            raise problem("too_many_characters", limit=max_characters)
    return Parsed(lines, "paragraph", encoding_warnings(bad, guessed))


def _delimiter(text: str) -> str:
    """The one that splits the most rows into the same number of cells."""
    scores = {}
    for delimiter in _DELIMITERS:
        rows = islice(csv.reader(io.StringIO(text), delimiter=delimiter), _SAMPLE_ROWS)
        widths = Counter(len(row) for row in rows if row)
        split = Counter({width: count for width, count in widths.items() if width > 1})
        scores[delimiter] = split.most_common(1)[0][1] / widths.total() if split else 0.0
    return max(scores, key=lambda delimiter: scores[delimiter]) if any(scores.values()) else ","
