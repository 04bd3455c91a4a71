"""Rich Text, Markdown, and formats that are refused with what to do instead."""

import zipfile

import pytest

from glyph_demo.settings import Documents
from tests.documents.test_archives import packed
from tests.documents.test_file_types import lines
from tests.documents.uploads import read, refusal


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (rb"{\rtf1\ansi\ansicpg1252 Caf\'e9 \u26085?\u26412? \u8364\'80\par}", "Café 日本 €"),
        (rb"{\rtf1\ansi\ansicpg1251 \'cf\'eb\'e0\'f2\'e0 45\par}", "Плата 45"),
        (rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f1\fcharset134 SimSun;}}\f1 \'bc\'db\'b8\'f1\par}", "价格"),
        (b"{\\rtf1\\ansi\\ansicpg936 " + "价格".encode("gbk") + b"\\par}", "价格"),
        (rb"{\rtf1\mac Caf\'8e\par}", "Café"),
        (rb"{\rtf1\ansi\trowd Elvik\cell 45\cell\row\trowd Morra\cell 60\cell\row}", "Elvik | 45\nMorra | 60"),
        (rb"{\rtf1\ansi fee {\v secret}{\deleted old}\v x\v0  45{\*\generator G;}{\pict 89504e}\par}", "fee  45"),
        (rb"{\rtf1\ansi fee{\footnote in crowns} 45\par}", "fee in crowns 45"),
        (rb'{\rtf1\ansi see {\field{\*\fldinst HYPERLINK "http://a"}{\fldrslt the page}}\par}', "see the page"),
        (rb"{\rtf1\ansi 3 \u215 ? 10{\super 6} m{\super 2}, the 1{\super st} {\up6 7}\par}", "3 × 10^6 m^2, the 1st 7"),
        (rb"{\rtf1\ansi \super 4\nosupersub 5 x\super 2\plain 3\par}", "45 x^23"),
        (rb"{\rtf1\ansi fee{\super\chftn}{\*\footnote\chftn {\pard in crowns\par}} 45\par}", "fee in crowns\n 45"),
        (rb"{\rtf1\ansi{\pntext\f0 3.\tab}{\*\pn{\pntxta.}}boil\par}", "3.\tboil"),
        (rb"{\rtf1\ansi{\header Ferry\par}{\footerf Page\par}the fee\par}", "Ferry\nPage\nthe fee"),
        (
            rb"{\rtf1\ansi a{\shp{\*\shpinst{\sp{\sn OUT}{\sv 9}}{\shptxt boxed\par}}{\shprslt OUT}}b\par}",
            "a\nboxed\nb",
        ),
        (
            rb"{\rtf1\ansi\trowd\pard\intbl one\par two\cell a|b\cell\row"
            rb"\pard\intbl{3\par}\cell{4}\cell\row\pard end\par}",
            "one two | a|b\n3 | 4\nend",
        ),
        (
            rb"{\rtf1\ansi\trowd\trhdr\intbl port\cell fare\cell\trowd\trhdr\row\trowd\intbl Elvik\cell 45\cell\row}",
            "port: Elvik; fare: 45.",
        ),
        (
            rb"{\rtf1\ansi{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f2\froman\fcharset2\fprq2 Symbol;}"
            rb"{\f3\fcharset2 Wingdings;}}"
            rb"50 {\f2 m}g {\f2\'b3} 7 {\f3\'fc} mm\par}",
            "50 μg ≥ 7 ✓ mm",
        ),
        (rb"{\rtf1\ansi one\line two\par three \u-10179?\u-8704?\par}", "one\ntwo\nthree 😀"),
    ],
)
def test_rich_text(save, source, text):
    document = read(save("a.rtf", source))
    assert [line.strip() for line in document.text.split("\n") if line.strip()] == [
        line.strip() for line in text.split("\n")
    ]
    assert document.kind == "rtf"
    assert read(save("a.doc", source)).text == document.text


def test_what_is_not_read_of_rich_text_is_said(save):
    source = rb"{\rtf1\ansi a{\*\annotation no}{\pict 89}{\object{\*\objdata 00}{\result b}}{\*\generator G;}\par}"
    document = read(save("a.rtf", source))
    assert document.text == "ab"
    assert [notice.en.split("(")[0] for notice in document.warnings] == ["1 comment", "1 embedded object", "1 picture"]


def test_hostile_rich_text(save):
    assert read(save("a.rtf", b"{\\rtf1 " + b"{" * 50_000 + b"deep" + b"}" * 50_000 + b"}")).text == "deep"
    assert read(save("a.rtf", b"{\\rtf1\\f1" + b"\\a x" * 20_000 + b"}")).text.startswith("xx")
    assert read(save("a.rtf", rb"{\rtf1 cut \'")).text.strip() == "cut"
    assert refusal(save("a.rtf", rb"{\rtf1 " + b"x" * 200), Documents(max_characters=100)) == "too_many_characters"
    assert read(save("a.rtf", b"{\\rtf1\\ansicpg99999 \x80 45}")).text == "€ 45"
    assert refusal(save("a.rtf", b"plain text")) == "not_a_rtf"


def test_markdown_stays_readable(save):
    source = (
        "# Ferry\n\n<!-- note\nto self -->\n| port | fare |\n|:-----|-----:|\n| Elvik | **45** |\n\n"
        "![a red crane](a.png) See <b>the</b><br>[page](http://a) and `<b>` at <http://b>.\n\n"
        "```html\n<p>| a |</p>\n```\n- item\n"
    )
    document = read(save("a.md", source.encode()))
    assert lines(document) == [
        "# Ferry", "port | fare", "Elvik | **45**", "[picture: a red crane] See the [page](http://a) and `<b>` at <http://b>.",
        "```html", "<p>| a |</p>", "```", "- item",
    ]  # fmt: skip
    assert document.kind == "markdown"
    assert read(save("a.markdown", "Złoty – cena: dwadzieścia złotych".encode("cp1250"))).text.startswith("Złoty")


def test_hostile_markdown(save):
    for source in (b"`" * 50_000, b"<a " * 50_000, b"![" * 50_000, b"<!--" * 50_000, b"|" * 50_000 + b"-" * 50_000):
        read(save("a.md", b"x " + source))
    assert refusal(save("a.md", b"x" * 200), Documents(max_characters=100)) == "too_many_characters"


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def opendocument(kind):
    return packed({"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": "<a/>"})


@pytest.mark.parametrize(
    ("name", "content", "instead"),
    [
        ("a.doc", OLE + "WordDocument".encode("utf-16-le"), "DOCX"),
        ("a.xls", OLE + "Workbook".encode("utf-16-le"), "XLSX"),
        ("a.ppt", OLE + "PowerPoint Document".encode("utf-16-le"), "PPTX"),
        ("a.msg", OLE + "__substg1.0_".encode("utf-16-le"), "EML"),
        ("a.xlsb", packed({"xl/workbook.bin": "x"}), "XLSX"),
        ("a.ods", opendocument("spreadsheet"), "XLSX"),
        ("a.odp", opendocument("presentation"), "PPTX"),
        ("a.pages", packed({"Index/Document.iwa": "x"}, zipfile.ZIP_STORED), "PDF"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(99), "PDF"),
        ("a.pdf", b"\xff\xd8\xff\xe0" + bytes(99), "PDF"),
        ("a.tif", b"II*\0" + bytes(99), "PDF"),
        ("a.djvu", b"AT&TFORM" + bytes(99), "PDF"),
        ("a.mobi", b"book" + bytes(56) + b"BOOKMOBI" + bytes(99), "EPUB"),
    ],
)
def test_a_format_that_is_not_read_says_what_to_save_it_as(save, name, content, instead):
    path = save(name, content)
    assert refusal(path) == "other_format"
    with pytest.raises(Exception, match=f"Save or export the file as {instead} "):
        read(path)
