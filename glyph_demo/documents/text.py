"""Bytes to text, and text to clean text."""

from __future__ import annotations

import re

from glyph_demo.documents.problems import problem

_SAMPLE_BYTES = 64 * 1024
# Tried on text that is not Unicode: Chinese first, then other East Asian, Western and Cyrillic encodings.
_LEGACY = ("gb18030", "big5", "cp932", "cp949", "cp1252", "cp1251")
_BOMS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\x00\x00": "utf-32-le",
    b"\x00\x00\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_SEPARATORS = re.compile("[ \n\u3000,.，。、]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_LINE_ENDS = re.compile("\r\n?|[\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


def clean(text: str) -> str:
    """Every line end (CR LF, CR, VT, FF, FS, GS, RS, NEL, U+2028, U+2029) becomes "\\n". Surrogate pairs become their
    character, lone surrogates U+FFFD. Other control characters but the tab, embedding, override and isolate marks of
    bidirectional text, byte order marks and U+FFFE/FFFF are removed."""
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _DROPPED.sub("", _LINE_ENDS.sub("\n", text))


def decode(data: bytes, encoding: str) -> tuple[str, int]:
    """Text of `data`, and the number of places that did not decode and became U+FFFD. `encoding` is a codec's name or
    "auto": byte order mark, strict UTF-8, UTF-16 without a mark, UTF-8 with a few bad places, then charset-normalizer
    on sampled lines. Raises DocumentError: `bad_encoding`, or `not_a_document` for data that is no text."""
    if encoding != "auto":
        try:
            text = data.decode(encoding)
        except (LookupError, UnicodeError, ValueError, TypeError):
            raise problem("bad_encoding", encoding=encoding) from None
        return text, 0
    for bom, name in _BOMS.items():
        if data.startswith(bom):
            return _count_bad(data[len(bom) :].decode(name, "replace"))
    name = _detect(data)
    text, bad = _count_bad(data.decode(name, "replace"))
    if bad > 0.01 * len(text) or not _is_text(text[:_SAMPLE_BYTES]):
        raise problem("not_a_document")
    return text, bad


def _count_bad(text: str) -> tuple[str, int]:
    return text, text.count("\ufffd")


def _is_text(sample: str) -> bool:
    """At most 2 % control characters: text from old systems has a few, programs and pictures have many."""
    return len(_CONTROL.findall(sample)) <= 0.02 * len(sample)


def _detect(data: bytes) -> str:
    if b"\0" in data:
        wide = _utf16(data[: _SAMPLE_BYTES & ~1])
        if wide:
            return wide
    if _mostly_utf8(data):
        return "utf-8"
    if b"\0" in data:  # no legacy encoding has zero bytes
        raise problem("not_a_document")
    from charset_normalizer import from_bytes

    sample = _sample(data)
    for part in (sample, sample[:-1]):  # the text may have been cut off amid its last character
        best = from_bytes(part, cp_isolation=list(_LEGACY), enable_fallback=False).best()
        if best is not None:
            return best.encoding
    raise problem("not_a_document")


def _mostly_utf8(data: bytes) -> bool:
    """Strict UTF-8, or at least 20 good multi-byte characters for every bad place: a cut end or a pasted byte."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text, bad = _count_bad(data.decode("utf-8", "replace"))
        return sum(len(run.group()) for run in re.finditer("[^\x00-\x7f]+", text)) - bad > 20 * bad
    return True


def _utf16(sample: bytes) -> str | None:
    """The byte order in which spaces, line ends and common punctuation, whose other byte is zero or 0x30, make up at
    least 1 % of the characters; read the wrong way round they are rare ideographs."""
    scores = {}
    for name in ("utf-16-le", "utf-16-be"):
        text = sample.decode(name, "replace")
        if _is_text(text) and text.count("\ufffd") <= 0.01 * len(text):
            scores[name] = len(_SEPARATORS.findall(text)) / max(1, len(text))
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best and scores[best] >= 0.01 else None


def _sample(data: bytes) -> bytes:
    """Whole lines that are not ASCII, until they make 64 KiB. Lines are never cut: half a character at the end would
    rule out the right encoding."""
    lines, size = [], 0
    for match in re.finditer(rb"[^\n]*[\x80-\xff][^\n]*\n?", data):
        lines.append(match.group())
        size += len(match.group())
        if size >= _SAMPLE_BYTES:
            break
    return b"".join(lines)
