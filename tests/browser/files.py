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


def picture(*lines: str):
    """A scanned page with these lines, as a Pillow image."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (1240, 1754), 255)
    pen, font = ImageDraw.Draw(page), ImageFont.truetype("glyph_demo/assets/fonts/DejaVuSans.ttf", 26)
    for row, line in enumerate(lines):
        pen.text((100, 120 + 60 * row), line, font=font, fill=0)
    return page


def scan(pages: int = 1, seed: int = 0) -> bytes:
    """A PDF of pictures, without text. The first has the facts; of more than one each takes a second or so to read."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    sentences = [f"{sentence.strip()}.".replace("..", ".") for fact in FACTS for sentence in fact.split(". ")]
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(595, 842))
    for page in range(pages):
        count = f"Gulls were counted on breakwater {seed + page} and the numbers went into a blue book."
        lines = [f"{number}. {count}" for number in range(25)] if pages > 1 else []
        canvas.drawImage(ImageReader(picture(*sentences * (page == 0), *lines[len(sentences) :])), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return made.getvalue()


PAGES = 12
# What is asked about `report`, the words of the answer, and the page they are on.
QUESTIONS = {
    "text": ("Who led the survey of the harbour?", "Marta Ellingham", 3),
    "scan": ("Who built the crane on the east quay?", "Odd Falkenberg", 4),
    "second scan": ("How many steps lead up to the lighthouse?", "187", 5),
    "stamped scan": ("Who was awarded the dredging contract?", "Brackwater Marine", 7),
    "form": ("What is the name of the harbour master?", "Tobias Wrenfield", 8),
    "rotated table": ("What is the depth of the coal berth?", "11.3", 9),
    "last scan": ("When does the ferry to Aldermoor leave?", "6:40", 10),
    "last page": ("Who keeps the key of the archive?", "Livia Sand", 12),
}


def report() -> bytes:
    """A PDF of twelve pages as offices put them together: text, three scans, a scan with a stamp as text on it, a form
    that is filled in, and a table lying on its side. The first two pages are i and ii, the third is 1."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.constants import PageLabelStyle
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(595, 842))

    def text(*lines: str) -> None:
        for row, line in enumerate(lines):
            canvas.drawString(72, 760 - 16 * row, line)
        canvas.showPage()

    def scanned(*lines: str, stamp: str = "") -> None:
        canvas.drawImage(ImageReader(picture(*lines)), 0, 0, 595, 842)
        canvas.drawString(380, 40, stamp)
        canvas.showPage()

    text("Report of the harbour board of Quillmouth")
    text("Contents", "Survey, quays, contracts, berths, ferries, archive")
    text("The harbour was surveyed in the summer of 2021.", "The survey was led by Marta Ellingham.")
    scanned("The crane on the east quay was built by Odd Falkenberg.", "It lifts nine tonnes.")
    scanned("The lighthouse stands on a rock.", "187 steps lead up to the lighthouse.")
    text("Nets are mended on the west quay.", "Boats are painted there in spring.")
    scanned("The dredging contract was awarded to Brackwater Marine.", stamp="RECEIVED 14 MARCH 2022")
    canvas.drawString(72, 700, "Name of the harbour master:")
    canvas.acroForm.textfield(name="master", value="Tobias Wrenfield", x=250, y=690, width=200, height=24)
    canvas.showPage()
    canvas.translate(540, 60)
    canvas.rotate(90)
    for row, cells in enumerate((("Berth", "Depth"), ("Grain berth", "8.4 m"), ("Coal berth", "11.3 m"))):
        for column, cell in enumerate(cells):
            canvas.drawString(160 * column, 400 - 20 * row, cell)
    canvas.setPageRotation(90)
    canvas.showPage()
    canvas.setPageRotation(0)
    scanned("The ferry to Aldermoor leaves at 6:40 each morning.")
    text("The sluice is closed in winter.")
    text("Livia Sand keeps the key of the archive.")
    canvas.save()
    writer = PdfWriter()
    writer.append(PdfReader(made))
    writer.set_page_label(0, 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(2, PAGES - 1, style=PageLabelStyle.DECIMAL)
    labelled = io.BytesIO()
    writer.write(labelled)
    return labelled.getvalue()


def bad() -> dict[str, bytes]:
    return {
        "empty.txt": b"",
        "program.pdf": b"MZ\x90\x00" + bytes(range(256)) * 8,
        "locked.pdf": pdf(password="secret"),
        "broken.docx": b"this is no zip archive",
    }


BAD_WORDS = {"empty.txt": "empty", "program.pdf": "not PDF", "locked.pdf": "password", "broken.docx": "not DOCX"}
MAKERS = {"pdf": pdf, "docx": docx, "txt": text}
