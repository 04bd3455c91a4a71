"""Bytes and names of any kind into the parsers: `python -m tests.fuzz.fuzz_documents -max_total_time=60`.

The parsers raise DocumentError or return text that is clean. Whatever else comes out is a finding."""

import logging
import sys
import tempfile

import atheris

from tests.fuzz.seeds import document, package, pdf

with atheris.instrument_imports(include=["glyph_demo", "pypdf", "docx2txt"]):
    from glyph_demo.documents import docx as _docx  # noqa: F401  loaded here, or it would not be instrumented
    from glyph_demo.documents import pdf as _pdf  # noqa: F401
    from glyph_demo.documents import worker
    from glyph_demo.documents.extraction import recognise, shown_name
    from glyph_demo.documents.file_types import FILE_TYPES
    from glyph_demo.documents.text import clean, decode
    from glyph_demo.errors import DocumentError

KINDS, NAME = 6, 21  # the first byte says what the content is made into; the name ends before the content
LIMITS = {"max_pages": 50, "max_characters": 100_000, "encoding": "auto", "max_seconds": 60, "max_memory_mb": 2048}


def parse(name: str, data: bytes) -> list[str]:
    """What the child process would answer; it turns every error of a parser into a DocumentError."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        file_type = next(known for known in FILE_TYPES if known.name == name)
        return worker.parse({"type": name, "function": file_type.parser, "path": file.name, **LIMITS}).parts


def texts(kind: int, data: bytes) -> list[str]:
    if kind == 0:
        return parse("PDF", data)
    if kind == 1:
        return parse("PDF", pdf(data))
    if kind == 2:
        return parse("DOCX", data)
    if kind == 3:
        return parse("DOCX", package(data))
    if kind == 4:
        return parse("DOCX", package(document(data)))
    recognise(data, ".txt")
    return [clean(decode(data, "auto")[0])]


def complain(error: DocumentError) -> None:
    """An error is a sentence in both languages."""
    assert error.message.en.endswith("."), error
    assert error.message.zh.endswith("。"), error


def one(data: bytes) -> None:
    kind, name = data[:1], shown_name(data[1:NAME].decode("utf-16-le", "replace"))
    assert 0 < len(name) <= 120, name
    assert not set(name) & set("/\\\0\n\r\u202e"), name
    try:
        found = texts(kind[0] % KINDS if kind else 5, data[NAME:])
    except DocumentError as error:
        complain(error)
        return
    for text in found:
        text.encode("utf-8")  # no lone surrogates
        assert clean(text) == text, text


if __name__ == "__main__":
    logging.disable()  # pypdf tells of every oddity
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
