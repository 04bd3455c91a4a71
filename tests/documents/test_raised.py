"""Raised numbers: 10 and a raised 6 are not 106, in whatever type."""

from tests.documents.docx_files import p, package, row, t, tc
from tests.documents.test_archives import presentation, workbook
from tests.documents.uploads import read

UP = '<w:vertAlign w:val="superscript"/>'


def test_raised_numbers_of_a_docx(save):
    power = t("3 × 10") + t("−", UP) + t("6", UP) + t(" m") + t("2", UP) + t(", the 1") + t("st", UP)
    styled = (
        t("x")
        + t("2", '<w:rStyle w:val="Power"/>')
        + t("y")
        + t("3", '<w:position w:val="6"/>')
        + t(" or ")
        + t("4", UP)
    )
    flat = t("10") + t("6", f'<w:rStyle w:val="Power"/>{UP.replace("superscript", "baseline")}')
    body = p(runs=power) + p(runs=styled) + p(runs=flat) + f"<w:tbl>{row(tc(p(runs=power)), 'b')}</w:tbl>"
    styles = '<w:style w:type="character" w:styleId="Base"><w:rPr>' + UP + "</w:rPr></w:style>"
    styles += '<w:style w:type="character" w:styleId="Power"><w:basedOn w:val="Base"/></w:style>'
    text = read(save("a.docx", package(body, styles=styles))).text
    assert text.split("\n") == [
        "3 × 10^−6 m^2, the 1st", "x^2y^3 or 4", "106", "3 × 10^−6 m^2, the 1st | b",
    ]  # fmt: skip


def test_raised_numbers_of_a_slide(save):
    run = "<a:r><a:rPr{}/><a:t>{}</a:t></a:r>"
    up = ' baseline="30000"'
    runs = run.format("", "3 × 10") + run.format(up, "6") + run.format("", " m") + run.format(' baseline="-25000"', "2")
    slide = f"<p:sp><p:txBody><a:p>{runs}</a:p></p:txBody></p:sp>"
    assert read(save("a.pptx", presentation((slide, "")))).text == "3 × 10^6 m2"


def test_raised_numbers_of_a_cell(save):
    string = '<r><t>3 × 10</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>6</t></r><r><t> m</t></r>'
    rows = '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>7</v></c></row></sheetData>'
    assert "3 × 10^6 m | 7" in read(save("a.xlsx", workbook(rows, strings=[string]))).text
