"""Small DOCX files that the tests make themselves, down to their XML."""

import io
import re
import zipfile
from xml.sax.saxutils import escape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STRICT = {
    W: "http://purl.oclc.org/ooxml/wordprocessingml/main",
    f"{OFFICE}/relationships": "http://purl.oclc.org/ooxml/officeDocument/relationships",
    f"{OFFICE}/math": "http://purl.oclc.org/ooxml/officeDocument/math",
}
_PREFIXES = {
    "w": W,
    "r": f"{OFFICE}/relationships",
    "m": f"{OFFICE}/math",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture",
    "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    "w14": "http://schemas.microsoft.com/office/word/2010/wordml",
    "w15": "http://schemas.microsoft.com/office/word/2012/wordml",
    "w16se": "http://schemas.microsoft.com/office/word/2015/wordml/symex",
    "v": "urn:schemas-microsoft-com:vml",
    "o": "urn:schemas-microsoft-com:office:office",
}
NAMESPACES = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in _PREFIXES.items())
_ROOTS = {"header": "hdr", "footer": "ftr"}


def relations(*items: tuple[str, str, str]) -> str:
    """A part of relationships from identifiers, kinds and targets. A target with "://" is outside the file."""
    entries = "".join(
        f'<Relationship Id="{identifier}" Type="{OFFICE}/relationships/{kind}" Target="{target}"'
        + (' TargetMode="External"/>' if "://" in target else "/>")
        for identifier, kind, target in items
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{entries}</Relationships>'


def archive(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return out.getvalue()


def package(
    body: str,
    main: str = "word/document.xml",
    others: dict[str, tuple[str, str | bytes]] | None = None,
    strict: bool = False,
    **parts: str,
) -> bytes:
    """A DOCX of this body. `parts` are the content of WordprocessingML parts by name, such as header1; the name is also
    the identifier of the relationship, and without its number the kind. `others` are files as they are by their name,
    which is the identifier, with the kind of their relationship."""
    folder = main.rpartition("/")[0] or "."
    files: dict[str, str | bytes] = {"_rels/.rels": relations(("r1", "officeDocument", main))}
    files[main] = f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>"
    links = []
    for name, content in parts.items():
        kind = re.sub("[0-9]", "", name)
        root = _ROOTS.get(kind, kind)
        files[f"{folder}/{name}.xml"] = f"<w:{root} {NAMESPACES}>{content}</w:{root}>"
        links.append((name, kind, f"{name}.xml"))
    for name, (kind, data) in (others or {}).items():
        files[f"{folder}/{name}"] = data
        links.append((name, kind, name))
    files[f"{folder}/_rels/{main.rpartition('/')[2]}.rels"] = relations(*links)
    files = {name.removeprefix("./"): content for name, content in files.items()}
    if strict:
        files = {name: _strict(content) if isinstance(content, str) else content for name, content in files.items()}
    return archive(files)


def _strict(xml: str) -> str:
    for transitional, strict in _STRICT.items():
        xml = xml.replace(f"{transitional}/", f"{strict}/").replace(f'"{transitional}"', f'"{strict}"')
    return xml


def t(text: str, properties: str = "") -> str:
    """A run of text."""
    format_ = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{format_}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def p(text: str = "", properties: str = "", runs: str = "") -> str:
    """A paragraph of a text, or of runs, or of a text and runs."""
    format_ = f"<w:pPr>{properties}</w:pPr>" if properties else ""
    return f"<w:p>{format_}{t(text) if text else ''}{runs}</w:p>"


def row(*cells: str, properties: str = "") -> str:
    """A table's row of texts, or of whole cells."""
    format_ = f"<w:trPr>{properties}</w:trPr>" if properties else ""
    return f"<w:tr>{format_}{''.join(cell if cell.startswith('<') else tc(cell) for cell in cells)}</w:tr>"


def tc(text: str, properties: str = "") -> str:
    format_ = f"<w:tcPr>{properties}</w:tcPr>" if properties else ""
    return f"<w:tc>{format_}{text if text.startswith('<') else p(text)}</w:tc>"


def field(instruction: str, result: str | None = None, data: str = "") -> str:
    """A complex field; `result` are runs."""
    mark = '<w:r><w:fldChar w:fldCharType="{}">{}</w:fldChar></w:r>'
    shown = "" if result is None else mark.format("separate", "") + result
    text = f"<w:r><w:instrText>{escape(instruction)}</w:instrText></w:r>"
    return mark.format("begin", f"<w:ffData>{data}</w:ffData>" if data else "") + text + shown + mark.format("end", "")


def section(*references: tuple[str, str], properties: str = "") -> str:
    """The properties of a section with headers and footers: their names and types."""
    links = "".join(
        f'<w:{re.sub("[0-9]", "", name)}Reference w:type="{kind}" r:id="{name}"/>' for name, kind in references
    )
    return f"<w:sectPr>{links}{properties}</w:sectPr>"
