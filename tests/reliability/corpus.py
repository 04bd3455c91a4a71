"""The corpus of hostile uploads: for every kind its file name, a maker of its bytes, and what may become of it."""

import gzip
import io
import random
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.reliability import hostile_docx as docx
from tests.reliability import hostile_pdf as pdf

READ = "read"  # it becomes a Document; every other outcome is the code of a DocumentError
MEGABYTE = 1 << 20
SWOLLEN = ("too_complex", "too_slow")
TEXT = "Kept: a line of text.\n"
CHINESE = "机器学习是人工智能的一个分支，"


@dataclass(frozen=True)
class Kind:
    """`outcomes` are those allowed; `settings` differ from the default ones. `long` costs more than two CPU seconds."""

    name: str
    make: Callable[[], bytes]
    outcomes: tuple[str, ...]
    long: bool = False
    settings: tuple[tuple[str, Any], ...] = ()


PDF, DOCX, TEXT_FILE = (partial(Kind, f"a.{ending}") for ending in ("pdf", "docx", "txt"))


def utf(text: str, encoding: str = "utf-8") -> Callable[[], bytes]:
    return lambda: text.encode(encoding)


def cut(make: Callable[[], bytes], share: float) -> Callable[[], bytes]:
    def made() -> bytes:
        data = make()
        return data[: int(share * len(data))]

    return made


def joined(*makers: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: b"".join(make() for make in makers)


def archive_of(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../etc/passwd"))
    return out.getvalue()


def program() -> bytes:
    return Path(sys.executable).read_bytes()[:300_000]


def emoji() -> str:
    return "".join(chr(code) for code in [*range(0x1F300, 0x1F650), *range(0x1F680, 0x1F700), 0x200D, 0xFE0F]) * 20


PDFS = {
    "plain": PDF(pdf.plain, (READ,)),
    "password, old cipher": PDF(partial(pdf.encrypted, "secret", "RC4-128"), ("password",)),
    "password, new cipher": PDF(partial(pdf.encrypted, "secret", "AES-256"), ("password",)),
    "locked without a password": PDF(partial(pdf.encrypted, "", "AES-256"), (READ,)),
    "header only": PDF(lambda: b"%PDF-1.7\n", ("damaged",)),
    "half": PDF(cut(pdf.plain, 0.5), ("damaged",)),
    "without its last tenth": PDF(cut(pdf.plain, 0.9), (READ, "damaged")),
    "cross-reference table that loops": PDF(pdf.looping_xref, (READ, "damaged", *SWOLLEN)),
    "cross-reference stream that lies": PDF(pdf.wide_xref_stream, ("damaged", "no_pages", *SWOLLEN)),
    "100,000 pages": PDF(partial(pdf.many_pages, 100_000), ("too_many_pages",)),
    "page count that lies": PDF(
        lambda: pdf.page().replace(b"/Count 1", b"/Count 4000000000"), (READ, "too_many_pages")
    ),
    "page tree 2,000 deep": PDF(partial(pdf.deep_tree, 2_000), ("too_complex", "damaged")),
    "page tree that doubles 40 times": PDF(partial(pdf.doubling_tree, 40), ("too_many_pages", *SWOLLEN)),
    "page tree in a circle": PDF(lambda: pdf.page().replace(b"/Kids[3", b"/Kids[2"), ("damaged",)),
    "forms that double 30 times": PDF(partial(pdf.doubling_forms, 30), (READ, *SWOLLEN)),
    "a million nested arrays": PDF(lambda: pdf.page(b"[" * 1_000_000), ("damaged", "no_text", *SWOLLEN)),
    "a page of nested dictionaries": PDF(
        lambda: pdf.page(page_keys=b"/X" + b"<</X" * 50_000), (READ, "damaged", *SWOLLEN)
    ),
    "content expanding to 300 MB": PDF(partial(pdf.swollen, 300), SWOLLEN, long=True),
    "content deflated twice, 200 MB": PDF(partial(pdf.swollen, 200, 2), SWOLLEN),
    "object stream expanding to 200 MB": PDF(partial(pdf.swollen_object_stream, 200), (READ, "damaged", *SWOLLEN)),
    "character map of 4,000 million": PDF(pdf.wide_character_map, (READ, "damaged", "no_text", *SWOLLEN)),
    "length that lies": PDF(lambda: pdf.page().replace(b"/Length 3", b"/Length 999999999993"), (READ, "damaged")),
    "negative length": PDF(lambda: pdf.page().replace(b"/Length 3", b"/Length -3"), (READ, "damaged", "no_text")),
    "picture without an end": PDF(lambda: pdf.page(pdf.SHOWN + b"BI /W 9 /H 9 ID \0\0"), (READ, "damaged")),
    "text that never closes": PDF(
        lambda: pdf.page(b"BT /F1 9 Tf (" + b"(" * 100_000), ("damaged", "no_text", *SWOLLEN)
    ),
    "a number of 100,000 digits": PDF(
        lambda: pdf.page(b"9" * 100_000 + b" 0 Td " + pdf.SHOWN), (READ, "damaged", *SWOLLEN)
    ),
    "page of no size": PDF(lambda: pdf.page(box=b"[0 0 0 0]"), (READ,)),
    "page without numbers": PDF(lambda: pdf.page(box=b"[/a (b) null 9]"), (READ, "damaged")),
    "script, launch and link actions": PDF(pdf.active, (READ,)),
    "content in another file": PDF(pdf.outside_content, ("no_text",)),
    "form whose XML names another file": PDF(pdf.entities, (READ,)),
    "no pages": PDF(lambda: pdf.page().replace(b"/Kids[3 0 R]/Count 1", b"/Kids[]/Count 0"), ("no_pages",)),
    "pictures only": PDF(partial(pdf.scan, b"[0 0 200 200]"), ("no_text_layer",), settings=(("page_images", "never"),)),
    "pictures, read as such": PDF(partial(pdf.scan, b"[0 0 200 200]"), (READ,)),
    "picture a thousand metres wide": PDF(partial(pdf.scan, b"[0 0 2834645 2834645]"), (READ, "too_complex")),
    "picture of no size": PDF(partial(pdf.scan, b"[0 0 0 0]"), (READ, "too_complex")),
    "junk before the header": PDF(joined(lambda: b"\0" * 900, pdf.plain), (READ,)),
    "web page and PDF at once": PDF(joined(lambda: b"<html><script>alert(1)</script>\n", pdf.plain), (READ,)),
    "PDF and archive at once": PDF(joined(pdf.plain, docx.plain), (READ, "damaged")),
    "named as text": TEXT_FILE(pdf.plain, (READ,)),
    "named as a Word file": DOCX(pdf.plain, (READ,)),
}

DOCXS = {
    "plain": DOCX(docx.plain, (READ,)),
    "no zip": DOCX(lambda: b"only text", ("not_a_docx",)),
    "half": DOCX(cut(docx.plain, 0.5), ("damaged",)),
    "zip header only": DOCX(lambda: b"PK\x03\x04", ("damaged",)),
    "checksum wrong": DOCX(lambda: _checksum_wrong(), ("damaged",)),
    "compressed in no known way": DOCX(
        lambda: docx.changed(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00\x63\x00"), ("damaged",)
    ),
    "password flag": DOCX(
        lambda: docx.changed(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x01\x00\x08\x00"), ("password",)
    ),
    "password, as Office does it": Kind(
        "a.docx",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999) + "EncryptedPackage".encode("utf-16-le"),
        ("password",),
    ),
    "text expanding to 500 MB": DOCX(partial(docx.swollen, 500), ("too_complex",), long=True),
    "text expanding to 70 MB": DOCX(partial(docx.swollen, 70), ("too_complex",)),
    "picture expanding to 300 MB": DOCX(partial(docx.swollen_beside, 300), (READ,)),
    "text of 60 MB in the shortest runs": DOCX(
        lambda: docx.plain("<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 1_850_000), (*SWOLLEN, READ), long=True
    ),
    "a size that lies": DOCX(partial(docx.understated, 100), ("damaged", "too_complex")),
    "archives in archives": DOCX(lambda: archive_of("a.zip", archive_of("b.zip", docx.plain())), ("not_a_document",)),
    "60,000 headers": DOCX(partial(docx.many_entries, 60_000), (READ, "damaged", *SWOLLEN)),
    "a thousand million laughs": DOCX(docx.laughs, ("too_complex",)),
    "one long entity 50,000 times": DOCX(docx.quadratic_entity, ("too_complex",)),
    "entity from a file": DOCX(partial(docx.outside, "file:///etc/passwd"), ("too_complex",)),
    "entity from the network": DOCX(partial(docx.outside, "http://127.0.0.1:9/"), ("too_complex",)),
    "definitions from the network": DOCX(partial(docx.outside_dtd, "http://127.0.0.1:9/"), ("too_complex",)),
    "entity in a definition": DOCX(partial(docx.outside_parameter, "file:///etc/passwd"), ("too_complex",)),
    "template and pictures elsewhere": DOCX(docx.outside_parts, (READ,)),
    "entries that climb out": DOCX(docx.climbing, (READ,)),
    "text part at another address": DOCX(
        lambda: docx.package(docx.main_part(docx.p()), target="../../../etc/passwd"), ("damaged",)
    ),
    "two text parts of one name": DOCX(docx.doubled, (READ, "damaged")),
    "paragraphs 100,000 deep": DOCX(partial(docx.nested, 100_000, "p"), ("damaged", *SWOLLEN)),
    "tables 300 deep": DOCX(partial(docx.nested_tables, 300), (READ, *SWOLLEN)),
    "300,000 attributes": Kind(
        "a.docx",
        lambda: docx.plain("<w:p " + " ".join(f'a{n}="1"' for n in range(300_000)) + "/>" + docx.p()),
        (READ, *SWOLLEN),
    ),
    "a list that starts at 10**9": DOCX(partial(docx.numbers, "1000000000", "lowerLetter"), (READ,)),
    "a list that starts at 10**5000": DOCX(partial(docx.numbers, "1" + "0" * 5000, "upperRoman"), (READ, "damaged")),
    "no text": DOCX(lambda: docx.plain("<w:p/>"), ("no_text",)),
    "a spreadsheet": DOCX(lambda: docx.package(docx.main_part(docx.p()), target="xl/workbook.xml"), ("damaged",)),
    "named as text": TEXT_FILE(docx.plain, (READ,)),
    "named as a PDF": PDF(docx.plain, (READ,)),
}

TEXTS = {
    "plain": TEXT_FILE(utf(TEXT), (READ,)),
    "empty": TEXT_FILE(lambda: b"", ("empty_file",)),
    "white space": TEXT_FILE(utf(" \r\n\t\u3000" * 1000), ("no_text",)),
    "byte order mark only": TEXT_FILE(lambda: b"\xff\xfe", ("no_text",)),
    "UTF-16 without a mark": TEXT_FILE(utf(TEXT * 20, "utf-16-le"), (READ,)),
    "UTF-16 the other way round": TEXT_FILE(utf((CHINESE + "\n") * 20, "utf-16-be"), (READ,)),
    "UTF-16 with half a character": TEXT_FILE(lambda: b"\xff\xfe" + TEXT.encode("utf-16-le") + b"\0", (READ,)),
    "UTF-32": TEXT_FILE(utf(TEXT, "utf-32"), (READ,)),
    "some NUL bytes": TEXT_FILE(utf(TEXT * 20 + "\0\0" + TEXT), (READ,)),
    "NUL bytes only": TEXT_FILE(lambda: bytes(10_000), ("not_a_document",)),
    "lone surrogates": TEXT_FILE(lambda: TEXT.encode() * 30 + b"\xed\xa0\x80 \xed\xbf\xbf", (READ, "not_a_document")),
    "surrogates in UTF-16": TEXT_FILE(
        lambda: b"\xff\xfe" + (TEXT * 9).encode("utf-16-le") + b"\x00\xd8\x00\xd8", (READ,)
    ),
    "overlong UTF-8": TEXT_FILE(lambda: TEXT.encode() * 9 + b"\xc0\xaf\xe0\x80\xaf", (READ, "not_a_document")),
    "Chinese cut amid a character": TEXT_FILE(lambda: (CHINESE * 20).encode("gb18030")[:-1], (READ,)),
    "10 MB on one line": TEXT_FILE(lambda: b"word " * (2 * MEGABYTE), (READ,)),
    "10 MB without a space": TEXT_FILE(lambda: b"x" * (10 * MEGABYTE), (READ,), long=True),
    "Chinese, 10 MB on one line": TEXT_FILE(lambda: CHINESE.encode() * (10 * MEGABYTE // 45), (READ,), long=True),
    "a million empty lines": TEXT_FILE(lambda: b"\n" * 1_000_000 + b"end", (READ,)),
    "a million tabs": TEXT_FILE(lambda: b"a" + b"\t" * 1_000_000 + b"end", (READ,)),
    "direction overrides": TEXT_FILE(utf("\u202eevil\u202c \u2066x\u2069 \u061c\u200f" * 500), (READ,)),
    "right to left": TEXT_FILE(utf("שלום עולם، مرحبا بالعالم " * 500), (READ,)),
    "all emoji": TEXT_FILE(lambda: emoji().encode(), (READ,)),
    "a thousand accents on a letter": TEXT_FILE(utf(("a" + "\u0301" * 1000 + "\n") * 20), (READ,)),
    "joiners only": TEXT_FILE(utf("\u200d\u200b\u2060\ufe0f" * 1000), (READ, "no_text")),
    "private use and no characters": TEXT_FILE(utf("\ue000\U000fffff\U0010ffff\ufdd0\uffff" * 200), (READ,)),
    "terminal escapes": TEXT_FILE(utf("\x1b[2J\x1b]0;title\x07 text " * 40), ("not_a_document", READ)),
    "every kind of line end": TEXT_FILE(utf("a\rb\r\nc\x0bd\x0ce\x85f\u2028g\u2029h" * 99), (READ,)),
    "random bytes": TEXT_FILE(lambda: random.Random(1).randbytes(300_000), ("not_a_document",)),
    "a program": TEXT_FILE(program, ("not_a_document",)),
    "a program named as a PDF": PDF(program, ("not_a_pdf",)),
    "a picture": TEXT_FILE(lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9, ("other_format",)),
    "a gzip bomb": TEXT_FILE(lambda: gzip.compress(bytes(300 * MEGABYTE), 9), ("not_a_document",), long=True),
    "a tar that climbs out": TEXT_FILE(tar, ("not_a_document",)),
    "an old Word file": Kind("a.doc", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999), ("not_a_document",)),
    "rich text": Kind("a.rtf", lambda: b"{\\rtf1\\ansi text}", (READ,)),
    "a pickle": Kind(
        "a.txt",
        lambda: b"\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        ("not_a_document",),
    ),
    "a web page": Kind("a.html", utf("<script>alert(1)</script><img src=x onerror=alert(1)>" * 9), ("no_text",)),
    "a formula": Kind("a.csv", utf('=HYPERLINK("http://127.0.0.1:9/","x"),+cmd|\' /C calc\'!A0\n'), (READ,)),
    "an encoding that is no encoding": TEXT_FILE(utf(TEXT), ("bad_encoding",), settings=(("encoding", "rot13"),)),
    "larger than the limit": TEXT_FILE(lambda: b"a" * (3 * MEGABYTE), ("too_large",), settings=(("max_file_mb", 2),)),
    "longer than the limit": TEXT_FILE(utf(TEXT * 9), ("too_many_characters",), settings=(("max_characters", 99),)),
}

# A good file under each of these names; they stand for any name a browser or a script may send.
NAMES = {
    "a path up": "../../../etc/passwd",
    "a Windows path": "..\\..\\windows\\win.ini",
    "an absolute path": "/etc/shadow",
    "an encoded path": "%2e%2e%2f%2e%2e%2fetc%2fpasswd.txt",
    "a device": "NUL.txt",
    "a NUL byte": "a\0.txt",
    "control characters": "a\r\n\x1b[31m\x07\x7f.txt",
    "300 characters": "n" * 300 + ".txt",
    "300 Chinese characters": "名" * 300 + ".txt",
    "a direction override": "invoice\u202etxt.exe",
    "a lone surrogate": "a\udcff\ud800.txt",
    "dots": "..",
    "a space": " ",
    "nothing": "",
    "a flag": "--config=/etc/passwd",
    "a command": "$(touch climbed);`id`|&.txt",
    "markup": "<img src=x onerror=alert(1)>.txt",
    "a link": "[x](javascript:alert(1)).txt",
    "emoji": "📄" * 200,
    "an address": "http://127.0.0.1:9/a.txt",
}


def _checksum_wrong() -> bytes:
    with zipfile.ZipFile(io.BytesIO(docx.plain())) as archive:
        checksum = archive.getinfo("word/document.xml").CRC.to_bytes(4, "little")
    return docx.changed(checksum, bytes(4))
