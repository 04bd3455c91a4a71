"""An upload to a Document. PDF and DOCX are parsed in a child process with limits; plain text, which C decoders of
linear cost read, in this one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glyph_demo.documents.model import Document, Kind, Mark, PageImages
from glyph_demo.documents.problems import problem, warning
from glyph_demo.documents.rasters import read_raster
from glyph_demo.documents.text import clean, decode
from glyph_demo.errors import DocumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from glyph_demo import settings

_MAX_NAME = 120
_PDF_HEADER_BYTES = 1024  # readers look for %PDF- this far (ISO 32000-1, annex H, note 13)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # old Office files, and new ones with a password
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # MS-OFFCRYPTO 2.3.4.4
_PARAGRAPH = re.compile(r"^[^\S\n]*\S", re.MULTILINE)


def extract(path: Path, name: str, limits: settings.Documents) -> Document:
    """The Document of the file at `path`, shown as `name`. What kind of file it is, its content decides. Marks stand at
    every page of a PDF and at every line with text of the other kinds. Raises DocumentError, with one of the codes
    in `problems`."""
    data = _read(path, limits.max_file_mb)
    kind = _kind(data, Path(name).suffix.lower())
    document = {"pdf": _pdf, "docx": _docx, "txt": _txt}[kind](path, data, limits)
    return Document(shown_name(name), kind, digest=hashlib.sha256(data).hexdigest(), **document)


def shown_name(name: str) -> str:
    """The last part of a path, without control and bidirectional characters, at most 120 characters with its ending
    kept; "document" if nothing is left."""
    base = clean(re.split(r"[/\\]", name)[-1])
    base = re.sub("[\n\t\u200b-\u200f\u061c]", "", base).strip()
    stem, dot, ending = base.rpartition(".")
    if len(base) > _MAX_NAME and dot and len(ending) <= 10:
        base = stem[: _MAX_NAME - len(ending) - 1] + dot + ending
    return base[:_MAX_NAME] or "document"


def _read(path: Path, max_mb: int) -> bytes:
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        size = path.stat().st_size
        if size > max_mb << 20:
            raise problem("too_large", size=-(-size >> 20), limit=max_mb)
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise problem("unreadable", reason=type(error).__name__) from None
    if not data:
        raise problem("empty_file")
    return data


def _kind(data: bytes, ending: str) -> Kind:
    head = data[:_PDF_HEADER_BYTES]
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-") or (ending == ".pdf" and b"%PDF-" in head):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return "docx"
    if data.startswith(_OLE):
        raise problem("password" if _ENCRYPTED in data else "not_a_document")
    if ending in (".docx", ".pdf"):
        raise problem(f"not_a_{ending[1:]}")
    if data.startswith(b"{\\rtf"):
        raise problem("not_a_document")
    return "txt"


def _txt(path: Path, data: bytes, limits: settings.Documents) -> dict[str, Any]:
    text, bad = decode(data, limits.encoding)
    return _plain(clean(text), limits) | {"warnings": (warning("bad_bytes", bad),) if bad else ()}


def _docx(path: Path, data: bytes, limits: settings.Documents) -> dict[str, Any]:
    return _plain("\n".join(_parse("docx", path, limits)["paragraphs"]), limits)


def _plain(text: str, limits: settings.Documents) -> dict[str, Any]:
    if len(text) > limits.max_characters:
        raise problem("too_many_characters", limit=limits.max_characters)
    if not text.strip():
        raise problem("no_text")
    starts = enumerate((match.start() for match in _PARAGRAPH.finditer(text)), 1)
    return {"text": text, "marks": tuple(Mark("paragraph", number, start) for number, start in starts)}


def _pdf(path: Path, data: bytes, limits: settings.Documents) -> dict[str, Any]:
    answer = _parse("pdf", path, limits)
    pages: list[str] = answer["pages"]
    empty = sum(not page.strip() for page in pages) - answer["unreadable"]
    if not any(page.strip() for page in pages):
        if not limits.page_images:
            raise problem("no_text_layer", count=len(pages))
        images = PageImages(len(pages), partial(_rasters, path, len(pages), limits))
        return {"text": "", "images": images}
    marks, start = [], 0
    for number, page in enumerate(pages, 1):
        marks.append(Mark("page", number, start))
        start += len(page) + 1
    counts = {"pages_without_text": empty, "unreadable_pages": answer["unreadable"]}
    warnings = tuple(warning(code, count) for code, count in counts.items() if count)
    return {"text": "\n".join(pages), "marks": tuple(marks), "warnings": warnings}


def _parse(task: str, path: Path, limits: settings.Documents) -> dict[str, Any]:
    """What the child process answers."""
    with _worker(task, path, limits) as process:
        try:
            output, _ = process.communicate(timeout=limits.max_seconds)
        except subprocess.TimeoutExpired:
            raise problem("too_slow", limit=limits.max_seconds) from None
    try:
        answer = json.loads(output)
    except ValueError:  # it ran into a limit and was ended, or broke down
        raise problem("too_complex") from None
    if "error" in answer:
        raise DocumentError(*answer["error"])
    return answer


@contextmanager
def _worker(task: str, path: Path, limits: settings.Documents) -> Iterator[subprocess.Popen[bytes]]:
    """A child process at work; it is gone when the block is left, however it is left."""
    job = {
        "task": task,
        "path": str(path.absolute()),
        "max_pages": limits.max_pages,
        "max_characters": limits.max_characters,
        "max_seconds": limits.max_seconds,
        "max_memory_mb": limits.max_memory_mb,
    }
    root = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "glyph_demo.documents.worker", json.dumps(job)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": search},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _rasters(path: Path, count: int, limits: settings.Documents) -> Iterator[NDArray[np.uint8]]:
    """Pages as (H, W) uint8 arrays. Each has limits.max_seconds from when it is asked for. Raises DocumentError."""
    with _worker("raster", path, limits) as process:
        assert process.stdout
        for _ in range(count):
            timer = threading.Timer(limits.max_seconds, process.kill)
            timer.start()
            try:
                page = read_raster(process.stdout)
            finally:
                timer.cancel()
            yield page
