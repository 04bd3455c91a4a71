"""The XML parts of a ZIP archive, read within limits. XLSX, PPTX, EPUB and ODT are such archives. Runs in the child
process only."""

from __future__ import annotations

import contextlib
import io
import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.parsers.expat import errors

from glyph_demo.documents.problems import problem

# Of all parts that are read, uncompressed. A tree takes 5 to 25 times as much memory, most for the shortest elements,
# which reach documents.max_memory_mb first.
MAX_BYTES = 128 << 20
_NO_MEMORY = errors.codes[errors.XML_ERROR_NO_MEMORY]
_DOCTYPES = tuple("<!DOCTYPE".encode(name) for name in ("ascii", "utf-16-le", "utf-16-be"))


class Relation(NamedTuple):
    """`kind` is the last word of the relationship's type, such as "worksheet"; `target` the path in the archive."""

    kind: str
    target: str


class Archive:
    """Use it in a `with` statement. Raises the errors of zipfile and ElementTree, MemoryError, and DocumentError:
    `password`, or `too_complex` for what is too large and for XML with a DTD, whose entities may grow without end."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        # Some programs write "\\" between folders, and refer to a part in other letters than they name it.
        self._infos = {_key(info.filename): info for info in self._zip.infolist()}
        self._left = MAX_BYTES

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._infos

    def read(self, name: str) -> bytes:
        """The bytes of a part; none where there is no such part."""
        info = self._infos.get(_key(name))
        if info is None:
            return b""
        if info.flag_bits & 1:
            raise problem("password")
        with self._zip.open(info) as file:
            data = file.read(self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise problem("too_complex")
        return data

    def xml(self, name: str) -> bytes:
        data = self.read(name)
        if any(doctype in data for doctype in _DOCTYPES):
            raise problem("too_complex")
        return data

    def tree(self, name: str) -> ElementTree.Element | None:
        """None where there is no such part."""
        if name not in self:
            return None
        with memory_errors():
            return ElementTree.fromstring(self.xml(name))

    def relations(self, name: str) -> dict[str, Relation]:
        """What a part refers to within the archive, by id; for "" the archive itself."""
        folder, file = posixpath.split(name)
        tree = self.tree(posixpath.join(folder, "_rels", f"{file}.rels"))
        found = {}
        for relation in [] if tree is None else tree:
            if relation.get("TargetMode") != "External":
                kind = relation.get("Type", "").rpartition("/")[2]
                found[relation.get("Id", "")] = Relation(kind, resolve(name, relation.get("Target", "")))
        return found

    def main_part(self) -> str:
        """The part that an Office file starts with. Raises StopIteration where there is none."""
        targets = [relation.target for relation in self.relations("").values() if relation.kind == "officeDocument"]
        return next(target for target in targets if target in self)


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """The XML parser raises the same error for broken XML and for no memory; raise MemoryError for the latter."""
    try:
        yield
    except ElementTree.ParseError as error:
        if error.code == _NO_MEMORY:
            raise MemoryError from None
        raise


def stream(data: bytes, *names: str) -> Iterator[ElementTree.Element]:
    """The elements of these names in an XML part, each forgotten after its turn. None for a part without bytes."""
    if not data:
        return
    parents: list[ElementTree.Element] = []
    with memory_errors():
        for event, node in ElementTree.iterparse(io.BytesIO(data), ("start", "end")):
            if event == "start":
                parents.append(node)
                continue
            parents.pop()
            if local(node.tag) in names:
                yield node
                if parents:
                    parents[-1].remove(node)


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def resolve(part: str, target: str) -> str:
    """The path of what `part` names as `target`."""
    target = unquote(target.partition("#")[0]).replace("\\", "/")
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), target)).lstrip("/")


def local(tag: object) -> str:
    """The name of an element without its namespace: both forms of Office files, and those of other programs, have the
    same names in different namespaces. "" for comments."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
