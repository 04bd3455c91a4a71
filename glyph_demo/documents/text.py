"""Bytes to text, and text to clean text."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

from glyph_demo.documents.problems import problem

CHECKED, UNCHECKED = "☒", "☐"  # how a check box stands in a text
_SAMPLE_BYTES = 64 * 1024
# What text that is not Unicode is taken for, by chardet's names. Left out are encodings that few texts have and that
# short ones are mistaken for.
_LEGACY = (
    *("gb18030", "hz", "big5hkscs", "euc_jis_2004", "cp932", "iso2022_jp_2", "cp949", "iso2022_kr"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "iso8859-15", "koi8-r", "koi8-u"),
    *("cp850", "cp852", "cp866", "mac-roman", "mac-cyrillic"),
)
# The encoding that adds to the named one what programs write under its name.
_WIDER = {"Big5": "Big5-HKSCS", "ISO-8859-1": "Windows-1252", "EUC-KR": "CP949", "SHIFT_JIS": "CP932"}
# The same for names that files give, by those of Python (WHATWG Encoding Standard, 4.2).
_DECLARED = {
    **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"), "utf-8"),
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
# Encodings in ASCII bytes: ISO-2022 changes its character set with an escape sequence, HZ with "~{" (RFC 1468, 1557,
# 1843).
_ESCAPES = re.compile(rb"\x1b\$|~\{(?:[\x21-\x77][\x21-\x7e])+~\}")
_BOMS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\x00\x00": "utf-32-le",
    b"\x00\x00\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
# Characters of living scripts that make up most text: a wrong byte order scatters them over all of Unicode.
_COMMON = re.compile(
    "[\t\n\r -~\u00a0-\u04ff\u05d0-\u06ff\u0e00-\u0e7f\u2010-\u203b]"
    "|[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
# Within a word only a wrong encoding has Latin letters beside Greek, Cyrillic or Hebrew ones.
_MIXED = re.compile("[A-Za-z][\u0370-\u05ff]|[\u0370-\u05ff][A-Za-z]")
_LINE_ENDS = re.compile("\r\n?|[\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_POWER = re.compile(r"\s*[-−–+]?\d+(?:[.,]\d+)?\s*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


def clean(text: str) -> str:
    """Every line end (CR LF, CR, VT, FF, FS, GS, RS, NEL, U+2028, U+2029) becomes "\\n". Surrogate pairs become their
    character, lone surrogates U+FFFD. Other control characters but the tab, embedding, override and isolate marks of
    bidirectional text, byte order marks and U+FFFE/FFFF are removed."""
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _DROPPED.sub("", _LINE_ENDS.sub("\n", text))


def raised(text: str, before: str) -> str:
    """A raised text as it stands in a line behind `before`: a number has a "^", since 10 and a raised 6 are not 106."""
    return f"^{text.strip()}" if _POWER.fullmatch(text) and before[-1:].strip() else text


def joined(pieces: Iterable[tuple[str, bool]]) -> str:
    """The line of pieces of text, each with whether it is raised."""
    line = ""
    for is_raised, group in groupby(pieces, lambda piece: piece[1]):
        text = "".join(piece for piece, _ in group)
        line += raised(text, line) if is_raised else text
    return line


class Decoded(NamedTuple):
    """`bad` counts the places that did not decode and became U+FFFD. `guessed` is the encoding that was found where
    nothing in the bytes names it, so that it may be wrong; empty for Unicode and for one that the user named."""

    text: str
    bad: int = 0
    guessed: str = ""


def decode(data: bytes, encoding: str) -> Decoded:
    """Text of `data`. `encoding` is a codec's name or "auto": byte order mark, UTF-8 also with a few bad places,
    UTF-16 and UTF-32 without a mark, then chardet on sampled lines. Raises DocumentError: `bad_encoding`, or
    `not_a_document` for data that is no text."""
    if encoding != "auto":
        try:
            return Decoded(data.decode(encoding))
        except (LookupError, UnicodeError, ValueError, TypeError):
            raise problem("bad_encoding", encoding=encoding) from None
    for bom, name in _BOMS.items():
        if data.startswith(bom):
            return _decoded(data[len(bom) :], name)
    name, guessed = _detect(data)
    found = _decoded(data, name)
    if found.bad > 0.01 * len(found.text) or not _is_text(found.text[:_SAMPLE_BYTES]):
        raise problem("not_a_document")
    return found._replace(guessed=name if guessed else "")


def decode_declared(data: bytes, declared: str, encoding: str) -> Decoded:
    """As `decode`, for a file that may name its own encoding, which holds unless the user named one. UTF-8 wins where
    it fits, since a file that was saved anew often keeps the old name; a name that does not fit is passed over."""
    if encoding != "auto":
        return decode(data, encoding)
    with contextlib.suppress(LookupError, UnicodeError, ValueError, TypeError):
        name = _DECLARED.get(codecs.lookup(declared).name, declared)
        if data.isascii() or not (data.startswith(tuple(_BOMS)) or _mostly_utf8(data)):
            return Decoded(data.decode(name))
    return decode(data, "auto")


def encoding_warnings(bad: int, guessed: str) -> dict[str, dict[str, Any]]:
    """What a parser says of text that it decoded; `Decoded` explains the values."""
    warnings: dict[str, dict[str, Any]] = {"guessed_encoding": {"encoding": guessed}} if guessed else {}
    return warnings | ({"bad_bytes": {"count": bad}} if bad else {})


def _decoded(data: bytes, name: str) -> Decoded:
    text = data.decode(name, "replace")
    return Decoded(text, text.count("\ufffd"))


def _is_text(sample: str) -> bool:
    """At most 2 % control characters: text from old systems has a few, programs and pictures have many."""
    return len(_CONTROL.findall(sample)) <= 0.02 * len(sample)


def _detect(data: bytes) -> tuple[str, bool]:
    """The encoding, and whether it is a guess."""
    if _ESCAPES.search(data) and data.isascii():
        name = _legacy(_sample(data, _ESCAPES))
        if name:
            return name, True
    if _mostly_utf8(data) and _is_text(data[:_SAMPLE_BYTES].decode("utf-8", "replace")):
        return "utf-8", False
    # Legacy encodings have no zero bytes. Chinese in UTF-16 may have none either, but no legacy encoding fits it.
    name = None if b"\0" in data else _legacy(_sample(data, re.compile(rb"[\x80-\xff]")))
    if name:
        return name, True
    name = _wide(data)
    if not name:
        raise problem("not_a_document")
    return name, False


def _legacy(sample: bytes) -> str | None:
    """The likeliest encoding in which no scripts are mixed within words, or the likeliest of all; None
    where none fits."""
    from chardet import detect

    for part in (sample, sample[:-1]):  # the text may have been cut off amid its last character
        wrong = ["utf-8"]  # tried before
        while part:
            name = detect(
                part,
                max_bytes=len(part),
                include_encodings=(*_LEGACY, "ascii"),
                exclude_encodings=wrong,
                no_match_encoding="ascii",
            )["encoding"]
            if not name or name == "ascii":
                break
            text = part.decode(name, "replace")
            if len(_MIXED.findall(text)) <= 0.005 * len(text):
                return _WIDER.get(name, name)
            wrong.append(name)
        if wrong[1:]:
            return _WIDER.get(wrong[1], wrong[1])
    return None


def _mostly_utf8(data: bytes) -> bool:
    """Strict UTF-8, or at least 20 good multi-byte characters for every bad place: a cut end or a pasted byte."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text, bad, _ = _decoded(data, "utf-8")
        return sum(len(run.group()) for run in re.finditer("[^\x00-\x7f]+", text)) - bad > 20 * bad
    return True


def _wide(data: bytes) -> str | None:
    """UTF-32 where all decodes; else the byte order of UTF-16 that gives common characters, and these in few blocks:
    English read the wrong way round is common ideographs, but one of each block of 256."""
    sample = data[: _SAMPLE_BYTES & ~3]
    for name in ("utf-32-le", "utf-32-be"):
        with contextlib.suppress(UnicodeDecodeError):
            sample[: len(sample) & ~3].decode(name)
            return name
    scores = {}
    for name in ("utf-16-le", "utf-16-be"):
        text = sample[: len(sample) & ~1].decode(name, "replace")
        common = len(_COMMON.findall(text)) / max(1, len(text))
        if common >= 0.9:
            blocks = Counter(ord(character) >> 8 for character in text).values()
            scores[name] = common + sum(count * count for count in blocks) / len(text) ** 2
    return max(scores, key=lambda name: scores[name], default=None)


def _sample(data: bytes, wanted: re.Pattern[bytes]) -> bytes:
    """Whole lines with what is wanted, until they make 64 KiB. Lines are never cut: half a character at the end would
    rule out the right encoding."""
    lines, size = [], 0
    for line in data.splitlines(keepends=True):
        if wanted.search(line):
            lines.append(line)
            size += len(line)
            if size >= _SAMPLE_BYTES:
                break
    return b"".join(lines)
