"""An upload to a Document. The types of `file_types` are parsed in a child process with limits; plain text in this one,
because its decoders are written in C and their cost is linear."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glyph_demo.documents.file_types import FILE_TYPES, OLE, PLAIN_TEXT, REFUSED, FileType, Parsed
from glyph_demo.documents.model import Document, Listed, Mark, PageImages
from glyph_demo.documents.problems import misnamed, page_ranges, problem, warning
from glyph_demo.documents.rasters import Original, read_original, read_raster
from glyph_demo.documents.text import clean, decode
from glyph_demo.errors import DocumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from glyph_demo import settings

MAX_NAME = 120
_UNSHOWN = re.compile("[\n\t\u200b-\u200f\u061c]")
_MAX_LABEL = 20
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # MS-OFFCRYPTO 2.3.4.4
Task = Literal["text", "page_images", "original"]  # of the child process
_PARAGRAPH = re.compile(r"^[^\S\n]*\S", re.MULTILINE)


def extract(path: Path, name: str, limits: settings.Documents) -> Document:
    """The Document of the file at `path`, shown as `name`. Its content decides its type. A mark is at every page, or
    at every line with text where the type has no pages. Raises DocumentError with one of the codes in `problems`."""
    data = _read(path, limits.max_file_mb)
    file_type = recognise(data, Path(name).suffix.lower())
    parsed = _parse_text(data, limits.encoding) if file_type is PLAIN_TEXT else _parse(file_type, path, limits)
    text = "\n".join(parsed.parts)
    if len(text) > limits.max_characters:
        raise problem("too_many_characters", limit=limits.max_characters)
    pictures = _pictures(parsed, file_type, limits)
    if not text.strip() and not pictures:
        raise problem("no_text_layer", count=len(parsed.parts)) if parsed.pictures else problem("no_text")
    warnings = dict(parsed.warnings)
    if limits.page_images == "always":
        warnings.pop("figures", None)  # they are read with their pages
    if left_out := [part + 1 for part in parsed.pictures if part + 1 not in pictures]:
        warnings["pictures_left_out"] = {"pages": page_ranges(left_out)}
    elif pictures and limits.page_images == "auto":
        warnings["read_as_images"] = {"pages": page_ranges(pictures)}
    return Document(
        shown_name(name),
        file_type.name.lower(),
        text,
        hashlib.sha256(data).hexdigest(),
        _marks(parsed, text),
        tuple(warning(code, **values) for code, values in warnings.items()),
        PageImages(pictures, partial(_rasters, file_type, path, pictures, limits)) if pictures else None,
        tuple(Listed(title, part + 1) for text, part in parsed.outline if (title := shown_title(text))),
    )


def original_type(document: Document) -> FileType | None:
    """The type of the document's file, if its pages can be drawn."""
    return next((kind for kind in FILE_TYPES if kind.original and kind.name.lower() == document.kind), None)


def draw_original(
    path: Path, file_type: FileType, number: int, width: int, texts: Sequence[str], limits: settings.Documents
) -> Original:
    """The page of this number, from 1, of the file at `path`, `width` pixels wide, and where these texts stand on it.
    Raises DocumentError, also where it takes longer than limits.max_seconds."""
    if not path.is_file():
        raise problem("unreadable", reason=FileNotFoundError.__name__)
    more = {"number": number - 1, "width": width, "texts": texts}
    with _worker(file_type, "original", path, limits, **more) as process, _timed(process, limits):
        assert process.stdout
        return read_original(process.stdout)


def shown_name(name: str) -> str:
    """The last part of a path, without control and bidirectional characters, at most 120 characters with its ending
    kept; "document" if nothing is left."""
    base = _UNSHOWN.sub("", clean(re.split(r"[/\\]", name)[-1])).strip()
    stem, dot, ending = base.rpartition(".")
    if len(base) > MAX_NAME and dot and len(ending) <= 10:
        base = stem[: MAX_NAME - len(ending) - 1] + dot + ending
    return base[:MAX_NAME] or "document"


def shown_title(text: str) -> str:
    """What a person calls a document: on one line, without control and bidirectional characters, at most 120
    characters."""
    return " ".join(_UNSHOWN.sub(" ", clean(text)).split())[:MAX_NAME].strip()


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


def recognise(data: bytes, suffix: str) -> FileType:
    """The type of a file. Raises DocumentError for a type that cannot be opened and for a suffix that is not true."""
    if data.startswith(OLE) and _ENCRYPTED in data:
        raise problem("password")
    for other in REFUSED:
        if other.recognises(data, suffix):
            raise problem("other_format", name=other.name, instead=other.instead)
    for file_type in FILE_TYPES:
        if file_type.recognises(data, suffix):
            return file_type
    for file_type in FILE_TYPES:
        if suffix in file_type.suffixes:
            raise misnamed(file_type, suffix)
    if data.startswith(OLE):
        raise problem("not_a_document")
    return PLAIN_TEXT


def _parse_text(data: bytes, encoding: str) -> Parsed:
    text, bad, guessed = decode(data, encoding)
    warnings: dict[str, dict[str, Any]] = {"guessed_encoding": {"encoding": guessed}} if guessed else {}
    if bad:
        warnings["bad_bytes"] = {"count": bad}
    return Parsed([clean(text)], "paragraph", warnings)


def _marks(parsed: Parsed, text: str) -> tuple[Mark, ...]:
    """`text` is that of all parts with a line end between them."""
    if parsed.kind == "page":
        starts = list(accumulate((len(part) + 1 for part in parsed.parts[:-1]), initial=0))
    else:
        starts = [match.start() for match in _PARAGRAPH.finditer(text)]
    labels = [" ".join(clean(label).split())[:_MAX_LABEL] for label in parsed.labels] or [""] * len(starts)
    places = zip(starts, labels, parsed.notes or [0] * len(starts), strict=True)
    return tuple(Mark(parsed.kind, number, *place) for number, place in enumerate(places, 1))


def _pictures(parsed: Parsed, file_type: FileType, limits: settings.Documents) -> list[int]:
    """The numbers of the pages that are read as they look."""
    if not file_type.page_images or limits.page_images == "never":
        return []
    if limits.page_images == "always":
        return list(range(1, len(parsed.parts) + 1))
    return [part + 1 for part in parsed.pictures]


def _parse(file_type: FileType, path: Path, limits: settings.Documents) -> Parsed:
    """What the parser returns in the child process."""
    with _worker(file_type, "text", path, limits) as process:
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
    return Parsed(*answer["parsed"])


@contextmanager
def _worker(
    file_type: FileType, task: Task, path: Path, limits: settings.Documents, **more: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process at work. It has ended when the block is left, also by an error."""
    job = {
        "task": task,
        "type": file_type.name,
        "function": {"text": file_type.parser, "page_images": file_type.page_images, "original": file_type.original}[
            task
        ],
        "path": str(path.absolute()),
        "max_pages": limits.max_pages,
        "max_characters": limits.max_characters,
        "encoding": limits.encoding,
        "max_seconds": limits.max_seconds,
        "max_memory_mb": limits.max_memory_mb,
        **more,
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


def _rasters(
    file_type: FileType, path: Path, numbers: list[int], limits: settings.Documents
) -> Iterator[NDArray[np.uint8]]:
    """The pages of these numbers as (H, W) or (H, W, 3) uint8 arrays. Each has limits.max_seconds from when it is asked
    for. Raises DocumentError."""
    with _worker(file_type, "page_images", path, limits, numbers=[number - 1 for number in numbers]) as process:
        assert process.stdout
        for _ in numbers:
            with _timed(process, limits):
                page = read_raster(process.stdout)
            yield page


@contextmanager
def _timed(process: subprocess.Popen[bytes], limits: settings.Documents) -> Iterator[None]:
    """End the process if the block takes longer than limits.max_seconds."""
    timer = threading.Timer(limits.max_seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
