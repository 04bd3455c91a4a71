"""Builds the example and test documents from the texts in `sources/`: `python tests/questions/make_examples.py`.

The sources are written by hand. A line that starts with `#` is a heading, with `-` a list item, with `|` a table row
(the first row is its head); any other line is a paragraph. The same source gives the same bytes.
"""

import io
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
EXAMPLES = HERE.parent.parent / "glyph_demo" / "assets" / "examples"
DOCUMENTS = HERE / "documents"
WRITTEN = datetime(2026, 1, 1)  # fixed, so that a rebuilt file has the same bytes


class Block(NamedTuple):
    """`kind` is heading, item, table or text; `rows` is set for tables only; `level` counts the heading's marks."""

    kind: str
    text: str = ""
    level: int = 0
    rows: list[list[str]] = []


def blocks(source: str) -> Iterator[Block]:
    """The blocks of a source text in order."""
    rows: list[list[str]] = []
    for line in [*source.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("| ").split("|")])
            continue
        if rows:
            yield Block("table", rows=rows)
            rows = []
        if mark := re.match(r"(#+) (.+)", line):
            yield Block("heading", mark[2], len(mark[1]))
        elif line.startswith("- "):
            yield Block("item", line[2:])
        elif line:
            yield Block("text", line)


def to_text(source: str) -> bytes:
    """UTF-8: a blank line between blocks, none between items; table cells parted by ` | `."""
    out: list[str] = []
    last = ""
    for block in blocks(source):
        if out and not (block.kind == last == "item"):
            out.append("")
        if block.kind == "table":
            out += [" | ".join(row) for row in block.rows]
        else:
            out.append(f"- {block.text}" if block.kind == "item" else block.text)
        last = block.kind
    return ("\n".join(out) + "\n").encode()


def to_pdf(source: str) -> bytes:
    """A4 with a text layer, set in Bitstream Vera (embedded, comes with reportlab; Latin only)."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

    for font in ("Vera", "VeraBd"):
        pdfmetrics.registerFont(TTFont(font, f"{font}.ttf"))
    text = ParagraphStyle("text", fontName="Vera", fontSize=10.5, leading=15.5, spaceAfter=6)
    item = ParagraphStyle("item", text, bulletFontName="Vera", leftIndent=14, bulletIndent=3, spaceAfter=3)
    heads = [
        ParagraphStyle(f"h{n}", text, fontName="VeraBd", fontSize=size, leading=size + 5, spaceBefore=8, keepWithNext=1)
        for n, size in enumerate((16, 12, 10))
    ]
    flow: list[Any] = []
    title = ""
    for block in blocks(source):
        if block.kind == "heading":
            title = title or block.text
            flow.append(Paragraph(block.text, heads[block.level - 1]))
        elif block.kind == "item":
            flow.append(Paragraph(block.text, item, bulletText="\u2022"))
        elif block.kind == "text":
            flow.append(Paragraph(block.text, text))
        else:
            grid = Table(block.rows, repeatRows=1, hAlign="LEFT")
            grid.setStyle(
                TableStyle(
                    [
                        ("FONT", (0, 0), (-1, -1), "Vera", 8.5),
                        ("FONT", (0, 0), (-1, 0), "VeraBd", 8.5),
                        ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.grey),
                    ]
                )
            )
            flow += [grid, Spacer(1, 8)]
    file = io.BytesIO()
    margin = 22 * mm
    SimpleDocTemplate(
        file,
        pagesize=A4,
        title=title,
        invariant=1,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        initialFontName="Vera",
    ).build(flow)
    return file.getvalue()


def to_docx(source: str) -> bytes:
    """Word headings, bullets, a gridded table, the title in the page header; 10.5 pt."""
    from docx import Document
    from docx.oxml.ns import qn
    from docx.shared import Pt

    document = Document()
    normal = document.styles["Normal"]
    normal.font.size = Pt(10.5)
    normal.paragraph_format.line_spacing = 1.5
    for style in (normal, *(document.styles[f"Heading {n}"] for n in (1, 2, 3))):
        style.font.name = "Source Han Sans SC"
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "Source Han Sans SC")
    document.core_properties.created = document.core_properties.modified = WRITTEN
    for block in blocks(source):
        if block.kind == "heading":
            if block.level == 1:
                document.core_properties.title = block.text
                document.sections[0].header.paragraphs[0].text = block.text
            document.add_heading(block.text, block.level)
        elif block.kind == "item":
            document.add_paragraph(block.text, style="List Bullet")
        elif block.kind == "text":
            document.add_paragraph(block.text)
        else:
            table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
            for row in block.rows:
                for cell, value in zip(table.add_row().cells, row, strict=True):
                    cell.text = value
    file = io.BytesIO()
    document.save(file)
    return with_fixed_dates(file.getvalue())


def with_fixed_dates(archive: bytes) -> bytes:
    """The same ZIP archive with every entry dated `WRITTEN`."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            dated = zipfile.ZipInfo(entry.filename, WRITTEN.timetuple()[:6])
            dated.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(dated, old.read(entry))
    return file.getvalue()


TARGETS: dict[Path, tuple[str, Callable[[str], bytes]]] = {
    EXAMPLES / "glyph-white-paper.en.pdf": ("white-paper.en.md", to_pdf),
    EXAMPLES / "glyph-white-paper.zh.docx": ("white-paper.zh.md", to_docx),
    DOCUMENTS / "skerrow.en.txt": ("skerrow.en.md", to_text),
    DOCUMENTS / "skerrow.en.pdf": ("skerrow.en.md", to_pdf),
    DOCUMENTS / "cold-store.zh.txt": ("cold-store.zh.md", to_text),
}


def build(target: Path) -> bytes:
    """The bytes of one of the `TARGETS`."""
    source, make = TARGETS[target]
    return make((SOURCES / source).read_text(encoding="utf-8"))


def main() -> int:
    for target in TARGETS:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(build(target))
        print(f"{target.name}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
