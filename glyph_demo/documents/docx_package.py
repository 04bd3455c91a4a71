"""The parts of a DOCX archive and their relationships (ECMA-376 part 2). Runs in the child process only."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element, fromstring

from glyph_demo.documents.problems import problem

# Of all uncompressed XML. Parsing takes 5 to 25 times as much memory, most for the shortest text runs, which reach
# documents.max_memory_mb first.
MAX_XML_BYTES = 64 << 20
_DOCTYPES = tuple("<!DOCTYPE".encode(name) for name in ("ascii", "utf-16-le", "utf-16-be"))
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/\2"


@dataclass
class Budget:
    """Bytes that may still be unpacked, from an upload and from the documents inside it together."""

    left: int = MAX_XML_BYTES


class Relation(NamedTuple):
    """`kind` is the last step of the relationship's type, `target` the name of a part, "" outside the file."""

    kind: str
    target: str


class Part(NamedTuple):
    name: str
    root: Element
    relations: dict[str, Relation]

    def target(self, identifier: str) -> str:
        """The name of the part that a relationship leads to; "" where there is none."""
        relation = self.relations.get(identifier)
        return relation.target if relation else ""

    def related(self, kind: str) -> str:
        """The name of the first part of a kind; "" where there is none."""
        return next((target for found, target in self.relations.values() if found == kind and target), "")


class Package:
    """Reads parts by name. Names are compared without case, as Word does."""

    def __init__(self, archive: zipfile.ZipFile, budget: Budget) -> None:
        """Raises DocumentError `password` for an archive that is encrypted."""
        if any(info.flag_bits & 1 for info in archive.infolist()):
            raise problem("password")
        self._archive, self.budget = archive, budget
        self._infos = {_key(info.filename): info for info in archive.infolist()}

    def main_part(self) -> Part:
        """The document itself, wherever it lies. Raises DocumentError: `not_a_document` for archives of another kind,
        `damaged` where the part is missing."""
        name = next((target for kind, target in self._relations("").values() if kind == "officeDocument"), "")
        if not name:
            raise problem("not_a_document")
        part = self.part(name)
        if part is None:
            raise problem("damaged", kind="DOCX")
        if not part.root.tag.endswith("wordprocessingml/2006/main}document"):
            raise problem("not_a_document")
        return part

    def part(self, name: str) -> Part | None:
        """None for a part that is not there."""
        root = self._tree(name)
        return None if root is None else Part(name, root, self._relations(name))

    def data(self, name: str) -> bytes | None:
        """None for a part that is not there. Raises DocumentError `too_complex` where the budget is spent."""
        info = self._infos.get(_key(name))
        if info is None:
            return None
        self.budget.left -= info.file_size
        if self.budget.left < 0:
            raise problem("too_complex")
        return self._archive.read(info)

    def _tree(self, name: str) -> Element | None:
        """The namespaces of strict documents become those of transitional ones. No DTD is allowed."""
        data = self.data(name)
        if data is None:
            return None
        if any(doctype in data for doctype in _DOCTYPES):
            raise problem("too_complex")
        return fromstring(_STRICT.sub(_TRANSITIONAL, data) if b"//purl.oclc.org/" in data else data)

    def _relations(self, name: str) -> dict[str, Relation]:
        """By their identifiers; "" is the package itself."""
        folder, base = posixpath.split(name)
        root = self._tree(posixpath.join(folder, "_rels", f"{base}.rels"))
        relations = {}
        for relation in [] if root is None else root:
            target = unquote(relation.get("Target", "")).replace("\\", "/")
            inside = relation.get("TargetMode") != "External"
            relations[relation.get("Id", "")] = Relation(
                relation.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/") if inside else "",
            )
        return relations


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
