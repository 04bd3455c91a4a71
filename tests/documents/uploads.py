"""Small uploads that the tests make themselves."""

import io
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

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


def pdf(draw: Callable[[Canvas], None]) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    draw(canvas)
    canvas.save()
    return out.getvalue()


def lines_pdf(*pages: str) -> bytes:
    def draw(canvas: Canvas) -> None:
        for page in pages:
            text = canvas.beginText(50, 780)
            text.textLines(page)
            canvas.drawText(text)
            canvas.showPage()

    return pdf(draw)
