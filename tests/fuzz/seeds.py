"""Where the fuzzers begin: small inputs that reach deep. An input of `documents` is one byte for the kind, 20 bytes of
a file name in UTF-16 and the content."""

import io
import zipfile

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
PDF = (
    b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font"
    b"/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n"
    b"trailer<</Root 1 0 R>>\nstartxref\n0\n%%%%EOF"
)
CONTENT = b"BT /F1 12 Tf 20 100 Td (Hello) Tj 0 -14 Td [(A)-250(B)] TJ T* <48> ' ET"
BODY = (
    b"<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>Hi</w:t><w:br/><w:tab/></w:r></w:p><w:tbl><w:tr><w:tc>"
    b"<w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl><w:txbxContent/><w:moveFrom/>"
)


def pdf(content: bytes) -> bytes:
    """A PDF of one page with this content stream."""
    return PDF % (len(content), content)


def document(body: bytes) -> bytes:
    """The main part of a DOCX with this body."""
    return f'<w:document xmlns:w="{W}"><w:body>{body.decode("utf-8", "replace")}</w:body></w:document>'.encode()


def package(main: bytes) -> bytes:
    """A DOCX with this main part."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("_rels/.rels", RELATIONS)
        archive.writestr("word/document.xml", main)
    return out.getvalue()


NAME = "../a\u202eb.pdf".encode("utf-16-le")[:20]
SEEDS = {
    "documents": [
        bytes([kind]) + NAME + content
        for kind, content in enumerate(
            [
                pdf(CONTENT),
                CONTENT,
                package(document(BODY)),
                document(BODY),
                BODY,
                "深度学习，and more.\n".encode("gb18030"),
            ]
        )
    ],
    "layout": [b"plain words of some length", "深度学习 mixed \u202e \u05d0\u05d1 \U0001f600".encode("utf-16-le")],
}
