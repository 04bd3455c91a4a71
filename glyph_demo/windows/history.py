"""What is saved of a window for a day: copies of its documents and the conversations about them. A reload of the page
or a restart of the app brings them back. Only the browser knows the window's id; folders are named by its hash."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, TypeAdapter, ValidationError, WrapSerializer

from glyph_demo.conversation.row import QuotedLine
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.documents.text import clean
from glyph_demo.engines.events import Heat, Region
from glyph_demo.engines.events import as_json as page_as_json
from glyph_demo.errors import Message
from glyph_demo.languages import Language, as_language
from glyph_demo.scratch import kept_copy, remove_old, write_whole

log = logging.getLogger(__name__)

NAME = "history.json"
# In Markdown: what ends the text or label of a link or an image, and what begins a tag or an autolink.
_ACTIVE = re.compile(r"(\\*)(\](?=[(\[:])|<(?=[A-Za-z/!?]))")


def _pack(heat: Heat) -> dict[str, Any]:
    """A heat map with one byte per cell, deflated, in base64: about a tenth of the size of its values as decimals."""
    cells = bytes(round(255 * value) for value in heat.values)
    packed = base64.b64encode(zlib.compress(cells)).decode()
    return {"page": heat.page, "rows": heat.rows, "columns": heat.columns, "values": packed, "digest": heat.digest}


def _unpack(kept: Any) -> Any:
    if not isinstance(kept, dict):
        return kept
    try:
        count = kept["rows"] * kept["columns"]
        cells = zlib.decompressobj().decompress(base64.b64decode(kept["values"]), count + 1)
    except (KeyError, TypeError, zlib.error) as error:
        raise ValueError("no map") from error
    if len(cells) != count:
        raise ValueError("a map of another size")
    return {**kept, "values": tuple(cell / 255 for cell in cells)}


def _pack_exchange(exchange: Exchange, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
    kept: dict[str, Any] = write(exchange)
    for passing in ("progress", "running", "_thought_at"):
        kept.pop(passing, None)
    return {**kept, "heat": [_pack(heat) for heat in exchange.heat]}


def _unpack_exchange(kept: Any) -> Any:
    if not isinstance(kept, dict) or not isinstance(kept.get("heat", []), list):
        return kept
    return {**kept, "heat": [_unpack(heat) for heat in kept.get("heat", [])]}


KeptExchange = Annotated[Exchange, BeforeValidator(_unpack_exchange), WrapSerializer(_pack_exchange)]


@dataclass(slots=True)
class SavedDocument:
    """`file` is the name of the copy in the window's folder, `title` what a person calls the document."""

    name: str
    file: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    pages: str = ""
    samples: tuple[str, ...] = ()
    exchanges: list[KeptExchange] = field(default_factory=list)
    title: str = ""


@dataclass(slots=True)
class SavedWindow:
    """`front` is the index of the document in front, if any."""

    version: Literal[1] = 1
    language: Language = "en"
    front: int | None = None
    documents: list[SavedDocument] = field(default_factory=list)


class History:
    """The saved windows, each in a folder of its own below `folder`. Thread-safe. On a disk that is full or read-only
    nothing is saved, and all else works."""

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self.sweep()

    def adopt(self, window_id: str, upload: Path) -> Path:
        """A copy of an upload in the window's folder; the upload itself if it is one already or none can be made."""
        return upload if self.holds(upload) else kept_copy(upload, self.folder(window_id))

    def holds(self, path: Path) -> bool:
        """Whether a document is read from our own copy."""
        return self._root in path.parents

    def drop(self, path: Path) -> None:
        if self.holds(path):
            path.unlink(missing_ok=True)

    def save(self, window_id: str, window: SavedWindow) -> None:
        folder = self.folder(window_id)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(folder / NAME, _schema(SavedWindow).dump_json(window))
        except OSError:
            log.warning("a conversation is not kept for later: the cache folder cannot be written")
            return

    def load(self, window_id: str) -> SavedWindow | None:
        """None if nothing was saved, or nothing that this version can read."""
        try:
            saved: SavedWindow = _schema(SavedWindow).validate_json((self.folder(window_id) / NAME).read_bytes())
        except (OSError, ValidationError):
            return None
        saved.language = as_language(saved.language)
        return saved

    def folder(self, window_id: str) -> Path:
        return self._root / hashlib.sha256(window_id.encode()).hexdigest()[:32]

    def use(self, path: Path) -> None:
        """Keep a document that is in use for another day."""
        with contextlib.suppress(OSError):
            if self.holds(path):
                os.utime(path)

    def sweep(self) -> None:
        """Remove documents and conversations that have not been used for a day."""
        remove_old(self._root)


def as_markdown(
    name: str, exchanges: Sequence[Exchange], warnings: Sequence[Message] = (), language: Language = "en"
) -> str:
    """A conversation as Markdown: what of the document was not read (`warnings`), then each question as a heading,
    followed by the answer, the places it rests on and the notices about it. An answer's lists, tables and emphasis
    stay; links, images and HTML, which may come from the document, become text."""
    parts = [f"# {_inert(name)}", *_remarks(warnings, language)]
    for exchange in exchanges:
        parts += [f"## {' '.join(_inert(exchange.question).split())}", _inert(exchange.answer)]
        places = [
            _place(region).text(language) for region in sorted(exchange.regions, key=lambda at: (at.page, at.line))
        ]
        if places:
            parts.append("*" + _inert("; ".join(dict.fromkeys(places))) + "*")
        for row in exchange.others:
            parts += [f"### {_inert(row.file)}", _inert(row.error or row.answer)]
            places = [_place(quote).text(language) for quote in row.quotes]
            parts += ["*" + _inert("; ".join(dict.fromkeys(places))) + "*"] if places else []
        said = [*([exchange.remark] if exchange.remark else []), *exchange.notices]
        parts += _remarks([notice for notice in said if notice not in warnings], language)
    return "\n\n".join(parts) + "\n"


def _remarks(messages: Sequence[Message], language: Language) -> list[str]:
    return [f"> {' '.join(_inert(message.text(language)).split())}" for message in messages]


def _place(region: Region | QuotedLine) -> Message:
    page, line = region.page, region.line
    if region.file_page is not None:
        return region.file_page.name
    return Message(f"page {page}, line {line}", f"第 {page} 页，第 {line} 行")


def _inert(text: str) -> str:
    """`text` without control characters and without anything that CommonMark makes a link, an image or HTML of."""

    def escaped(match: re.Match[str]) -> str:
        return match[0] if len(match[1]) % 2 else f"{match[1]}\\{match[2]}"  # a second backslash would undo the first

    return _ACTIVE.sub(escaped, clean(text))


def as_json(
    name: str, exchanges: Sequence[Exchange], warnings: Sequence[Message] = (), language: Language = "en"
) -> str:
    """A conversation with everything but the heat maps. `warnings` say what of the document was not read."""
    listed = _schema(list[KeptExchange]).dump_python(list(exchanges), mode="json")
    for exchange, original in zip(listed, exchanges, strict=True):
        exchange["others"] = [row.as_json() for row in original.others]
        del exchange["heat"], exchange["tabled"]
        exchange["notices"] = [notice.text(language) for notice in original.notices]
        for place, region in zip(exchange["regions"], original.regions, strict=True):
            place["file_page"] = page_as_json(region.file_page)
        for claim, checked in zip(exchange["claims"], original.claims, strict=True):
            if checked.place is not None:
                claim["place"]["file_page"] = page_as_json(checked.place.file_page)
    said = [warning.text(language) for warning in warnings]
    return json.dumps({"document": name, "warnings": said, "exchanges": listed}, ensure_ascii=False, indent=2)


@cache
def _schema(kind: Any) -> Any:
    return TypeAdapter(kind)
