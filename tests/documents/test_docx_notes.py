"""DOCX: notes, comments, headers and footers."""

from tests.documents.docx_files import p, package, section, t
from tests.documents.uploads import read


def lines(save, body: str, **parts) -> list[str]:
    return read(save("a.docx", package(body, **parts))).text.split("\n")


def reference(kind: str, number: int, attributes: str = "") -> str:
    return f'<w:r><w:{kind}Reference {attributes} w:id="{number}"/></w:r>'


def note(kind: str, number: int, text: str) -> str:
    return f'<w:{kind} w:id="{number}">{p("", runs=f"<w:r><w:{kind}Ref/></w:r>" + t(text))}</w:{kind}>'


def test_notes_have_their_marks_and_come_in_the_order_of_the_text(save):
    foot = note("footnote", -1, "SEPARATOR") + note("footnote", 5, "first") + note("footnote", 2, "second")
    foot += note("footnote", 7, "UNUSED") + '<w:footnote w:id="8"><w:p><w:r><w:t>* third</w:t></w:r></w:p></w:footnote>'
    body = p("a", runs=reference("footnote", 5) + t(" b") + reference("endnote", 1) + reference("footnote", 2))
    body += p("c", runs=reference("footnote", 8, 'w:customMarkFollows="1"') + t("*"))
    body += p("d", runs=f"<w:del>{reference('footnote', 7)}</w:del>")
    text = lines(save, body, footnotes=foot, endnotes=note("endnote", 1, "end"))
    assert text == ["a[1] b[i][2]", "c*", "d", "[1] first", "[2] second", "* third", "[i] end"]


def test_notes_are_numbered_as_the_settings_say(save):
    settings = '<w:footnotePr><w:numFmt w:val="upperLetter"/></w:footnotePr>'
    body = p("a", runs=reference("footnote", 1) + reference("footnote", 3))
    foot = note("footnote", 1, "one") + note("footnote", 3, "two")
    assert lines(save, body, footnotes=foot, settings=settings) == ["a[A][B]", "[A] one", "[B] two"]


def comment(number: int, author: str, *texts: str) -> str:
    paragraphs = "".join(f'<w:p w14:paraId="{number}{place}">{t(text)}</w:p>' for place, text in enumerate(texts))
    return f'<w:comment w:id="{number}" w:author="{author}">{paragraphs}</w:comment>'


def test_comments_stand_at_their_place_once(save):
    comments = comment(1, "Ada", "Too", "much") + comment(2, "", "No name") + comment(3, "Bo", "UNUSED")
    body = p("Rent 900", runs=reference("comment", 1) + t(" crowns.") + reference("comment", 1))
    body += f"<w:tbl><w:tr><w:tc>{p('x', runs=reference('comment', 2))}</w:tc><w:tc>{p('y')}</w:tc></w:tr></w:tbl>"
    body += p("z", runs=f"<w:del>{reference('comment', 3)}</w:del>")
    assert lines(save, body, comments=comments) == [
        "Rent 900 [comment by Ada: Too much] crowns.",
        "x [comment: No name] | y",
        "z",
    ]


def test_a_comment_that_has_only_a_range(save):
    body = p("", runs='<w:commentRangeStart w:id="1"/>' + t("a") + '<w:commentRangeEnd w:id="1"/>' + t(" b"))
    assert lines(save, body, comments=comment(1, "Ada", "why")) == ["a [comment by Ada: why] b"]


def test_replies_follow_their_comment(save):
    comments = comment(1, "Ada", "Who?") + comment(2, "Bo", "I.") + comment(3, "Cy", "And I.")
    extended = "".join(
        f'<w15:commentEx w15:paraId="{number}0" w15:paraIdParent="10"/>'
        if number > 1
        else '<w15:commentEx w15:paraId="10"/>'
        for number in (1, 2, 3)
    )
    body = p("a", runs=reference("comment", 1) + reference("comment", 2))
    told = "a [comment by Ada: Who?] [reply by Cy: And I.] [reply by Bo: I.]"
    assert lines(save, body, comments=comments, commentsExtended=extended) == [told]


def test_replies_that_answer_each_other_end(save):
    comments = comment(1, "Ada", "a") + comment(2, "Bo", "b")
    extended = (
        '<w15:commentEx w15:paraId="10" w15:paraIdParent="20"/><w15:commentEx w15:paraId="20" w15:paraIdParent="10"/>'
    )
    text = lines(save, p("x", runs=reference("comment", 1)), comments=comments, commentsExtended=extended)
    assert text == ["x [reply by Ada: a] [reply by Bo: b]"]


HEADERS = {f"header{number}": p(name) for number, name in enumerate(("default", "first", "even", "late", "UNUSED"), 1)}


def test_headers_are_those_that_sections_show(save):
    all_three = (("header1", "default"), ("header2", "first"), ("header3", "even"))
    even = "<w:evenAndOddHeaders/>"
    assert lines(save, p("x") + section(*all_three), **HEADERS) == ["default", "x"]
    titled = section(*all_three, properties="<w:titlePg/>")
    assert lines(save, p("x") + titled, settings=even, **HEADERS) == ["first", "default", "even", "x"]
    off = section(*all_three, properties='<w:titlePg w:val="0"/>')
    assert lines(save, p("x") + off, settings=even.replace("/", ' w:val="false"/'), **HEADERS) == ["default", "x"]


def test_a_section_takes_over_the_headers_before_it(save):
    first = section(("header1", "default"), ("header2", "first"))
    old = f"<w:sectPrChange>{section(('header5', 'default'))}</w:sectPrChange>"
    last = section(("header4", "default"), properties=f"<w:titlePg/>{old}")
    assert lines(save, p("x", first) + p("y") + last, **HEADERS) == ["default", "first", "late", "x", "y"]


def test_a_watermark_is_told_once(save):
    mark = '<w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r>'
    headers = {"header1": p("one", runs=mark), "header2": p("two", runs=mark)}
    both = section(("header1", "default"), ("header2", "first"), properties="<w:titlePg/>")
    assert lines(save, p("x") + both, **headers) == ["two", "DRAFT", "one", "x"]


def test_headers_that_are_missing_are_counted(save):
    data = package(p("x") + section(("header1", "default"), ("header9", "first"), properties="<w:titlePg/>"), **HEADERS)
    assert read(save("a.docx", data)).text == "default\nx"
    broken = data.replace(b"word/header1.xml", b"word/header0.xml")
    document = read(save("b.docx", broken))
    assert document.text == "x"
    assert [message.en.partition(" and")[0] for message in document.warnings] == ["1 part(s) of the file are missing"]
