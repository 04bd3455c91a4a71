"""Text of an e-book. Runs in the child process only."""

from __future__ import annotations

from pathlib import Path

from glyph_demo.documents.archive import Archive, local, resolve
from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.html_text import decode_page, html_lines
from glyph_demo.documents.problems import problem
from glyph_demo.documents.text import clean

# They only garble fonts, so that nobody takes them out of the book.
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read_epub(path: Path, max_pages: int, max_characters: int, encoding: str = "auto") -> Parsed:
    """Title and authors, then the lines of every chapter in reading order. `max_pages` does not apply. Raises
    DocumentError: `password` for a book that only its own reader can open; and the errors of zipfile and
    ElementTree."""
    with Archive(path) as archive:
        encrypted = _encrypted(archive)
        container = archive.tree("META-INF/container.xml")
        names = [] if container is None else [node.get("full-path", "") for node in container.iter()]
        package = next(name for name in names if name in archive)
        tree = archive.tree(package)
        assert tree is not None
        lines = [" ".join((node.text or "").split()) for node in tree.iter() if local(node.tag) in ("title", "creator")]
        # The table of contents says nothing that the chapters do not.
        items = {
            node.get("id"): resolve(package, node.get("href", ""))
            for node in tree.iter()
            if local(node.tag) == "item" and "nav" not in node.get("properties", "").split()
        }
        left = max_characters
        for chapter in [items.get(node.get("idref")) for node in tree.iter() if local(node.tag) == "itemref"]:
            if chapter is None or chapter not in archive:
                continue
            if chapter in encrypted:
                raise problem("password")
            found = html_lines(decode_page(archive.read(chapter) or b" ", "", encoding).text, left)
            left -= sum(map(len, found))
            lines += found
    return Parsed([clean(line) for line in lines], "paragraph")


def _encrypted(archive: Archive) -> set[str]:
    """The paths of what is encrypted beside fonts."""
    tree = archive.tree("META-INF/encryption.xml")
    found = set()
    for data in [] if tree is None else tree:
        nodes = {local(node.tag): node for node in data.iter()}
        if "CipherReference" in nodes and nodes["EncryptionMethod"].get("Algorithm") not in _FONTS:
            found.add(resolve("", nodes["CipherReference"].get("URI", "")))
    return found
