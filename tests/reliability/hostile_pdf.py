"""PDFs that are broken, endless, swollen or two things at once, made here byte by byte."""

import io
import zlib

import pypdf
from reportlab.pdfgen.canvas import Canvas

MEGABYTE = 1 << 20
SHOWN = b"BT /F1 9 Tf 20 100 Td (kept) Tj ET "


def plain(*pages: str) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for page in pages or ("kept",):
        text = canvas.beginText(50, 780)
        text.textLines(page)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def encrypted(user: str, algorithm: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(plain()))
    writer.encrypt(user_password=user, owner_password="owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def objects(*bodies: bytes, root: bytes = b"", tail: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1, the first its catalogue; without a cross-reference table: readers
    rebuild it."""
    numbered = b"".join(b"%d 0 obj %s endobj\n" % (number, body) for number, body in enumerate(bodies, 1))
    return b"%PDF-1.7\n" + numbered + b"trailer<</Root 1 0 R" + root + b">>\n" + (tail or b"startxref\n0\n%%EOF")


def stream(content: bytes, keys: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), keys, content)


def page(
    content: bytes = SHOWN,
    keys: bytes = b"",
    page_keys: bytes = b"",
    box: bytes = b"[0 0 200 200]",
    font: bytes = b"",
    more: tuple[bytes, ...] = (),
) -> bytes:
    """A PDF of one page. Its own objects are 1 to 4, `more` follow from 5."""
    font = font or b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    return objects(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox%s/Contents 4 0 R/Resources<</Font<</F1 %s>>/XObject<</A 5 0 R>>>>%s>>"
        % (box, font, page_keys),
        stream(content, keys),
        *more,
    )


def squeezed(content: bytes, times: int = 1) -> tuple[bytes, bytes]:
    """The content deflated so many times, and the keys that say so."""
    for _ in range(times):
        content = zlib.compress(content, 9)
    return content, b"/Filter[" + b"/FlateDecode" * times + b"]"


def swollen(megabytes: int, times: int = 1) -> bytes:
    """A page whose content expands to so many megabytes of text operators."""
    return page(*squeezed(b"BT /F1 9 Tf (a) Tj ET\n" * (megabytes * MEGABYTE // 22), times))


def looping_xref() -> bytes:
    """A cross-reference table whose /Prev is itself."""
    data = plain()
    start = data.rindex(b"startxref") + 10
    position = data[start:].split()[0]
    return data.replace(b"trailer\n<<", b"trailer\n<</Prev " + position + b" ")


def many_pages(count: int) -> bytes:
    """So many pages, all the same object."""
    return page().replace(b"/Kids[3 0 R]/Count 1", b"/Kids[" + b"3 0 R " * count + b"]/Count %d" % count)


def deep_tree(depth: int) -> bytes:
    """A page tree so many levels deep."""
    nodes = [b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (number + 3) for number in range(depth)]
    return objects(b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/MediaBox[0 0 9 9]>>")


def doubling_tree(depth: int) -> bytes:
    """A page tree whose every node names the next twice: 2**depth pages in a few lines."""
    nodes = [b"<</Type/Pages/Kids[%d 0 R %d 0 R]/Count 2>>" % (number + 3, number + 3) for number in range(depth)]
    return objects(b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/MediaBox[0 0 9 9]>>")


def doubling_forms(depth: int) -> bytes:
    """Forms that draw the next one ten times each."""
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A %d 0 R>>>>"
    forms = [stream(b"/A Do " * 10, head % (number + 6)) for number in range(depth)]
    return page(SHOWN + b"/A Do", more=(*forms, stream(b"", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")))


def wide_character_map() -> bytes:
    """A font whose ToUnicode map has a range of four thousand million characters."""
    ranges = (
        b"1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange 1 beginbfrange <00000000> <FFFFFFFF> <0041>"
    )
    font = b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 5 0 R/DescendantFonts[]>>"
    return page(font=font, more=(stream(ranges + b" endbfrange"),))


def wide_xref_stream() -> bytes:
    """A cross-reference stream that claims a thousand million entries of widths that do not fit."""
    content, filters = squeezed(b"\0" * 1000)
    keys = filters + b"/Type/XRef/Size 1000000000/W[1 2000000000 1]/Index[0 1000000000]/Root 1 0 R"
    data = objects(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", stream(content, keys))
    return data[: data.index(b"trailer")] + b"startxref\n%d\n%%%%EOF" % data.index(b"3 0 obj")


def swollen_object_stream(megabytes: int) -> bytes:
    content, filters = squeezed(b"[" * (megabytes * MEGABYTE))
    return page(more=(stream(content, filters + b"/Type/ObjStm/N 100000000/First 8"),))


def active() -> bytes:
    """Script, launch and address actions, and a file of this machine as content."""
    actions = b"/AA<</O<</S/JavaScript/JS(app.launchURL('http://127.0.0.1:9/'))>>>>"
    data = page(page_keys=actions, more=(b"<</S/Launch/F(/bin/sh)>>",))
    return data.replace(b"/Catalog", b"/Catalog/OpenAction<</S/URI/URI(http://127.0.0.1:9/)>>")


def outside_content() -> bytes:
    """A content stream that is said to be in a file of this machine."""
    return page(b"", b"/F(/etc/passwd)/FFilter/ASCIIHexDecode")


def entities() -> bytes:
    """A form whose XML names a file of this machine."""
    xml = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
    data = page(more=(stream(xml),))
    return data.replace(b"/Catalog", b"/Catalog/AcroForm<</XFA 5 0 R/Fields[]>>/Metadata 5 0 R")


def scan(box: bytes) -> bytes:
    """A page without text, of any size."""
    return page(b"0 0 50 50 re f", box=box)
