"""Uploads for the browser tests, made in memory."""

import io

FACTS = (
    "The harbour of Quillmouth was surveyed in the summer of 2021. The survey was led by Marta Ellingham. "
    "Her crew used the launch Petrel and measured for nineteen days.",
    "At the north pier the water is 14.2 metres deep. At the south pier it is 9.7 metres deep. "
    "The channel between them was dredged in 1988.",
)


def text() -> bytes:
    return "\n\n".join(FACTS).encode()


def long_text() -> bytes:
    filler = "Gulls were counted on the western breakwater, and the counters wrote their numbers into a blue book. "
    return "\n\n".join([*FACTS, *(f"{number}. {filler * 4}" for number in range(60))]).encode()


def pdf(password: str = "") -> bytes:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    made = io.BytesIO()
    encryption = StandardEncryption(password) if password else None
    style = getSampleStyleSheet()["BodyText"]
    SimpleDocTemplate(made, encrypt=encryption).build([Paragraph(fact, style) for fact in FACTS])
    return made.getvalue()


def docx() -> bytes:
    from docx import Document

    made, document = io.BytesIO(), Document()
    for fact in FACTS:
        document.add_paragraph(fact)
    document.save(made)
    return made.getvalue()


def scan() -> bytes:
    """A PDF of one picture, without text."""
    from PIL import Image, ImageDraw, ImageFont
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    picture = Image.new("L", (1240, 1754), 255)
    pen, font = ImageDraw.Draw(picture), ImageFont.truetype("glyph_demo/assets/fonts/DejaVuSans.ttf", 26)
    sentences = [f"{sentence.strip()}." for fact in FACTS for sentence in fact.split(". ")]
    for row, sentence in enumerate(sentences):
        pen.text((100, 120 + 60 * row), sentence.replace("..", "."), font=font, fill=0)
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(595, 842))
    canvas.drawImage(ImageReader(picture), 0, 0, 595, 842)
    canvas.save()
    return made.getvalue()


def bad() -> dict[str, bytes]:
    return {
        "empty.txt": b"",
        "program.pdf": b"MZ\x90\x00" + bytes(range(256)) * 8,
        "locked.pdf": pdf(password="secret"),
        "broken.docx": b"this is no zip archive",
    }


BAD_WORDS = {"empty.txt": "empty", "program.pdf": "not PDF", "locked.pdf": "password", "broken.docx": "not DOCX"}
MAKERS = {"pdf": pdf, "docx": docx, "txt": text}
