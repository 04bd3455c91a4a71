"""Word files that are broken, endless, swollen or reach outside themselves, made here part by part."""

import io
import zipfile

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATION = '<Relationship Id="r{id}" Type="{office}/{kind}" Target="{target}"{mode}/>'
MEGABYTE = 1 << 20


def relations(*found: tuple[str, str, str]) -> str:
    """Kind, target and mode of each."""
    items = "".join(
        RELATION.format(id=number, office=OFFICE, kind=kind, target=target, mode=mode)
        for number, (kind, target, mode) in enumerate(found)
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{items}</Relationships>'
    )


def p(text: str = "kept", properties: str = "") -> str:
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def main_part(body: str, head: str = "") -> str:
    return f'{head}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'


def package(main: str | bytes, *parts: tuple[str, str | bytes], target: str = "word/document.xml") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", relations(("officeDocument", target, "")))
        archive.writestr("word/document.xml", main)
        for name, content in parts:
            archive.writestr(name, content)
    return out.getvalue()


def plain(body: str = "") -> bytes:
    return package(main_part(body or p()))


def swollen(megabytes: int) -> bytes:
    return plain("<!--" + " " * (megabytes * MEGABYTE) + "-->" + p())


def swollen_beside(megabytes: int) -> bytes:
    """The text is small; a picture beside it expands, and nobody needs it."""
    return package(main_part(p()), ("word/media/image1.png", bytes(megabytes * MEGABYTE)))


def understated(megabytes: int) -> bytes:
    """The archive's directory says that the text part has ten bytes."""
    data, size = bytearray(swollen(megabytes)), None
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("word/document.xml").file_size.to_bytes(4, "little")
    return bytes(data).replace(size, (10).to_bytes(4, "little"))


def laughs() -> bytes:
    """Entities of entities: a thousand million words in a kilobyte."""
    rows = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return package(main_part(p("&l9;"), f'<!DOCTYPE l [<!ENTITY l0 "lol">{rows}]>'))


def quadratic_entity() -> bytes:
    return package(main_part(p("&a;" * 50_000), f'<!DOCTYPE l [<!ENTITY a "{"x" * 50_000}">]>'))


def outside(address: str) -> bytes:
    return package(main_part(p("&e;"), f'<!DOCTYPE d [<!ENTITY e SYSTEM "{address}">]>'))


def outside_dtd(address: str) -> bytes:
    return package(main_part(p(), f'<!DOCTYPE d SYSTEM "{address}">'))


def outside_parameter(address: str) -> bytes:
    return package(main_part(p(), f'<!DOCTYPE d [<!ENTITY % e SYSTEM "{address}"> %e;]>'))


def outside_parts() -> bytes:
    """A template, a picture and the text itself at other addresses."""
    mode = ' TargetMode="External"'
    links = relations(("attachedTemplate", "http://127.0.0.1:9/t.dotm", mode), ("image", "file:///etc/passwd", mode))
    return package(main_part(p()), ("word/_rels/document.xml.rels", links), ("word/_rels/settings.xml.rels", links))


def nested(depth: int, tag: str) -> bytes:
    return plain(f"<w:{tag}>" * depth + p() + f"</w:{tag}>" * depth)


def nested_tables(depth: int) -> bytes:
    return plain("<w:tbl><w:tr><w:tc>" * depth + p() + "</w:tc><w:tc/></w:tr></w:tbl>" * depth)


def many_entries(count: int) -> bytes:
    return package(main_part(p()), *((f"word/header{number}.xml", "") for number in range(count)))


def numbers(start: str, style: str) -> bytes:
    levels = f'<w:lvl w:ilvl="0"><w:start w:val="{start}"/><w:numFmt w:val="{style}"/><w:lvlText w:val="%1."/></w:lvl>'
    numbering = f'<w:numbering xmlns:w="{W}"><w:abstractNum w:abstractNumId="1">{levels}</w:abstractNum>'
    numbering += '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num></w:numbering>'
    item = '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    return package(main_part(p(properties=item)), ("word/numbering.xml", numbering))


def climbing() -> bytes:
    """Entries that would land outside a folder they are unpacked into."""
    names = ("../../../../tmp/glyph-climbed", "/etc/glyph-climbed", "word/..\\..\\glyph-climbed", "C:\\glyph-climbed")
    return package(main_part(p()), *((name, "outside") for name in names))


def changed(old: bytes, new: bytes) -> bytes:
    """The plain file with some of its bytes replaced."""
    data = plain()
    assert old in data
    return data.replace(old, new)


def doubled() -> bytes:
    """Two entries of one name."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return package(main_part(p()), ("word/document.xml", main_part(p("second"))))
