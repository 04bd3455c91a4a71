"""What a PDF holds beside the text of its pages: their names, comments, attached files, forms in XML, layers, media."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar
from xml.etree import ElementTree

import pypdf
from pypdf.errors import LimitReachedError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from glyph_demo.documents.problems import page_ranges
from glyph_demo.documents.text import clean

_MAX_ANNOTATIONS = 2_000  # of a page
_MAX_NODES = 5_000  # of a tree of names
_MAX_NAMES, _MAX_NAME = 5, 60
_MAX_XML_BYTES = 4 << 20  # parsing takes up to 25 times as much memory
_MEDIA = {"/Sound", "/Movie", "/RichMedia", "/3D"}
_NO_COMMENTS = {*_MEDIA, "/Link", "/Widget", "/Popup", "/Screen", "/FileAttachment", "/FreeText", "/PrinterMark"}
_HIDDEN = 2  # annotation flag, ISO 32000-2, table 167
# A form in XML without fields of its own is the page "Please wait..." that viewers without XFA show. It is short.
_MAX_PLACEHOLDER = 1500

T = TypeVar("T")


class Inventory:
    """Of an open file; of none it is empty. Whatever is damaged in it is passed over."""

    def __init__(self, reader: pypdf.PdfReader | None) -> None:
        self._reader = reader
        self._root = _safely(lambda: reader.root_object if reader else None, None)
        self.pages: list[pypdf.PageObject] = _safely(lambda: list(reader.pages) if reader else [], [])
        self._xfa = [_safely(partial(_data, stream), b"") for stream in _xfa_streams(self._root)]

    def page_labels(self, count: int) -> Sequence[str]:
        """The names that the file gives its `count` pages, such as "iv", one a page; none if it gives no names."""
        if self._reader is None or _at(self._root, "/PageLabels") is None:
            return ()
        labels = _safely(partial(getattr, self._reader, "page_labels"), list[str]())
        return [_shown(label) for label in labels] if len(labels) == count and any(labels) else ()

    def left_out(self) -> dict[str, dict[str, Any]]:
        """The warnings about what is in the file and is not read: codes of `problems`, and what fills their
        placeholders."""
        warnings: dict[str, dict[str, Any]] = {}
        files = list(dict.fromkeys(_attached_files(self._root, self.pages)))
        if files:
            warnings["attached_files"] = {"count": len(files), "names": _names(files)}
        layers = _hidden_layers(self._root, self.pages)
        if layers:
            warnings["hidden_layers"] = {"names": _names(layers)}
        media = [number for number, page in enumerate(self.pages, 1) if any(map(_is_media, _annotations(page)))]
        if media:
            warnings["media"] = {"pages": page_ranges(media)}
        return warnings

    def is_placeholder(self, texts: Sequence[str]) -> bool:
        """Whether the file is a form in XML (XFA) whose pages, with these texts, only say that it cannot be shown."""
        if not self._xfa:
            return False
        fields = any(_at(item, "/Subtype") == "/Widget" for page in self.pages for item in _annotations(page))
        return not fields and sum(map(len, texts)) < _MAX_PLACEHOLDER

    def xfa_values(self) -> str:
        """What is filled in, "name: value" a line; empty where nothing is, or it cannot be read. XFA 3.3, 4.3."""
        for data in self._xfa:
            if len(data) <= _MAX_XML_BYTES and b"<!D" not in data.replace(b"\0", b""):  # no DTD, also not in UTF-16
                values = _safely(partial(_values, data), list[str]())
                if values:
                    return "\n".join(values)
        return ""


def comments(page: pypdf.PageObject) -> list[str]:
    """What people noted on the page, one string a comment. Text that is drawn on the page is none."""
    texts = [
        " ".join(clean(str(_at(annotation, "/Contents") or "")).split())
        for annotation in _annotations(page)
        if _at(annotation, "/Subtype") not in _NO_COMMENTS and not _is_hidden(annotation)
    ]
    return [f"[comment: {text}]" for text in texts if text]


def _safely(read: Callable[[], T], otherwise: T) -> T:
    """What `read` returns, or `otherwise` for a damaged file: pypdf raises what the broken object makes Python raise.
    A file that asks for too much is refused as a whole."""
    try:
        return read()
    except (LimitReachedError, MemoryError):
        raise
    except Exception:
        return otherwise


def _at(item: Any, *keys: str) -> Any:
    """What stands at the end of these keys, references resolved; None where there is nothing."""
    item = _resolved(item)
    for key in keys:
        item = _resolved(item.raw_get(key)) if isinstance(item, DictionaryObject) and key in item else None
    return item


def _resolved(item: Any) -> Any:
    return _safely(item.get_object, None) if isinstance(item, IndirectObject) else item


def _array(item: Any, *keys: str) -> list[Any]:
    """The items of the array at the end of these keys, references as they are."""
    found = _at(item, *keys)
    return list(found) if isinstance(found, ArrayObject) else []


def _shown(name: object) -> str:
    """A name from the file on one line, at most 60 characters."""
    text = " ".join(clean(str(name)).split())
    return text if len(text) <= _MAX_NAME else text[: _MAX_NAME - 1] + "…"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")


def _annotations(page: pypdf.PageObject) -> list[Any]:
    return [_resolved(item) for item in _array(page, "/Annots")[:_MAX_ANNOTATIONS]]


def _is_hidden(annotation: Any) -> bool:
    flags = _at(annotation, "/F")
    return isinstance(flags, int) and bool(flags & _HIDDEN)


def _is_media(annotation: Any) -> bool:
    kind = _at(annotation, "/Subtype")
    return kind in _MEDIA or (kind == "/Screen" and _at(annotation, "/A", "/S") == "/Rendition")


def _attached_files(root: Any, pages: Sequence[pypdf.PageObject]) -> Iterator[str]:
    """Names of the files attached to the document, to its pages and to notes on them."""
    specifications = [*_leaves(_at(root, "/Names", "/EmbeddedFiles")), *_array(root, "/AF")]
    for page in pages:
        specifications += _array(page, "/AF")
        notes = [item for item in _annotations(page) if _at(item, "/Subtype") == "/FileAttachment"]
        specifications += [_at(note, "/FS") for note in notes]
    for item in specifications:
        names = [_at(item, key) for key in ("/UF", "/F", "/Desc")]
        yield _shown(next((name for name in names if name), "")) or "?"


def _leaves(tree: Any) -> Iterator[Any]:
    """The values of a tree of names (ISO 32000-2, 7.9.6). It may contain itself."""
    waiting = [tree]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        node = waiting.pop()
        yield from _array(node, "/Names")[1::2]
        waiting += reversed(_array(node, "/Kids"))


def _hidden_layers(root: Any, pages: Sequence[pypdf.PageObject]) -> list[str]:
    """Names of the layers that are off when the file is opened and that hold something on a page."""
    layers = _at(root, "/OCProperties")
    off = _references(_array(layers, "/D", "/OFF"))
    if _at(layers, "/D", "/BaseState") == "/OFF":
        off |= _references(_array(layers, "/OCGs"))
        off = {number: item for number, item in off.items() if number not in _references(_array(layers, "/D", "/ON"))}
    used = {number for page in pages for number in _layers_of(page)} if off else set()
    return list(dict.fromkeys(_shown(_at(item, "/Name")) for number, item in off.items() if number in used))


def _references(items: Iterable[Any]) -> dict[int, IndirectObject]:
    """By the numbers of their objects."""
    return {item.idnum: item for item in items if isinstance(item, IndirectObject)}


def _layers_of(page: pypdf.PageObject) -> Iterator[int]:
    """Object numbers of the layers that the page's content and its drawings name, alone or in a membership."""
    properties, drawings = _at(page, "/Resources", "/Properties"), _at(page, "/Resources", "/XObject")
    items = list(properties.values()) if isinstance(properties, DictionaryObject) else []
    for drawing in drawings.values() if isinstance(drawings, DictionaryObject) else []:
        found = _resolved(drawing)
        if isinstance(found, DictionaryObject) and "/OC" in found:
            items.append(found.raw_get("/OC"))
    for item in items:
        group = _resolved(item)
        members = group.raw_get("/OCGs") if isinstance(group, DictionaryObject) and "/OCGs" in group else item
        yield from _references([members, *_array(members)])


def _xfa_streams(root: Any) -> list[Any]:
    """The packets of a form in XML, or the one stream that holds them all; none without such a form."""
    form = _at(root, "/AcroForm", "/XFA")
    return _array(form)[1::2] if isinstance(form, ArrayObject) else [form] if form else []


def _data(stream: Any) -> bytes:
    return _resolved(stream).get_data()


def _values(data: bytes) -> list[str]:
    root = ElementTree.fromstring(data)
    filled = root.find(".//{http://www.xfa.org/schema/xfa-data/1.0/}data")
    lines = []
    for element in filled.iter() if filled is not None else ():
        text = " ".join(clean(element.text or "").split())
        if text and not len(element):
            lines.append(f"{element.tag.rpartition('}')[2]}: {text}")
    return lines
