"""Every kind of hostile upload becomes a Document whose first pages can be drawn, or a DocumentError in both languages,
within its limits of time and memory."""

import itertools
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from glyph_demo.documents.extraction import extract, shown_name
from glyph_demo.errors import DocumentError
from glyph_demo.rendering import render, resolve_style
from glyph_demo.settings import Documents, Settings
from tests.reliability import corpus
from tests.reliability.corpus import DOCXS, NAMES, PDFS, READ, TEXTS
from tests.reliability.peak import Peak

PAGES = 2
GIGABYTE = 1 << 30
SECONDS = 60  # a machine of two busy cores; the clock that ends a parser is set to half of it


def kinds():
    for format, table in (("PDF", PDFS), ("DOCX", DOCXS), ("text", TEXTS)):
        for name, kind in table.items():
            yield pytest.param(kind, id=f"{format}: {name}", marks=[pytest.mark.long] if kind.long else [])


def code(error):
    """The code of an error that is a sentence in both languages."""
    assert error.message.en.endswith(".")
    assert error.message.zh.endswith("。")
    assert not set("{}") & set(error.message.en + error.message.zh)
    return error.code


def read(path, name, limits):
    """What became of a file: READ once its first pages are drawn, or the code of the error, which is checked."""
    try:
        document = extract(path, name, limits)
        style = resolve_style(Settings().rendering, document.text, "pocket")
        pages = list(itertools.islice(render(document, style), PAGES))
    except DocumentError as error:
        return code(error)
    document.text.encode("utf-8")
    document.name.encode("utf-8")
    assert all(0 <= mark.start <= len(document.text) for mark in document.marks)
    assert pages
    assert "root:" not in document.text, "nothing of this machine came along"
    return READ


@pytest.mark.parametrize("kind", kinds())
def test_a_file_becomes_a_document_or_an_error(kind, tmp_path):
    path = tmp_path / kind.name
    path.write_bytes(kind.make())
    limits = replace(Documents(max_seconds=SECONDS // 2), **dict(kind.settings))
    start = time.monotonic()
    with Peak() as peak:
        outcome = read(path, kind.name, limits)
    assert outcome in kind.outcomes
    assert time.monotonic() - start < SECONDS
    assert peak.bytes < GIGABYTE, f"{peak.bytes >> 20} MB above rest"
    assert [item.name for item in tmp_path.iterdir()] == [kind.name], "it wrote nothing"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_of_any_kind_is_shown_and_names_no_other_file(name, save):
    path = save("upload", corpus.TEXT.encode())
    assert read(path, name, Documents()) == READ
    shown = shown_name(name)
    shown.encode("utf-8")
    assert 0 < len(shown) <= 120
    assert not set(shown) & set("/\\\0\r\n\x1b\u202e")


@pytest.mark.parametrize("name", [b"caf\xe9 \xff.pdf", b"--config=x.pdf", b"a\nb.pdf", b"n" * 250 + b".pdf"])
def test_a_file_is_found_whatever_its_name_on_disk_is(name, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(PDFS["plain"].make())
    assert read(path, path.name, Documents()) == READ


def test_the_corpus_has_the_kinds_it_promises():
    assert len(PDFS) + len(DOCXS) + len(TEXTS) >= 110
