"""Small uploads that the tests make themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from glyph_demo.documents.extraction import extract
from glyph_demo.documents.model import Document
from glyph_demo.errors import DocumentError
from glyph_demo.settings import Documents

Save = Callable[[str, bytes], Path]


def workers() -> int:
    """Parsing processes alive now."""
    children = psutil.Process().children()
    return sum("glyph_demo.documents.worker" in child.cmdline() for child in children)


def read(path: Path, limits: Documents | None = None) -> Document:
    return extract(path, path.name, limits or Documents())


def refusal(path: Path, limits: Documents | None = None) -> str:
    """The code of the error that the file raises; its messages exist in both languages and end as sentences do."""
    with pytest.raises(DocumentError) as caught:
        read(path, limits)
    message = caught.value.message
    assert message.en.endswith(".")
    assert message.zh.endswith("。")
    assert "{" not in message.en + message.zh
    return caught.value.code
