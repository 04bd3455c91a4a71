"""DOCX: fields, content controls and forms show what they show in Word."""

import pytest

from tests.documents.docx_files import field, p, package, row, t, tc
from tests.documents.uploads import read


def text(save, body: str) -> str:
    return read(save("a.docx", package(body))).text


def test_fields_inside_fields_show_the_outer_result(save):
    inner = field("MERGEFIELD Name", t("INNER"))
    condition = inner + t(" = TYPED")
    runs = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>' + condition
    runs += '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + t("Dear ") + field("REF a", t("Ada"))
    runs += '<w:r><w:fldChar w:fldCharType="end"/></w:r>' + t(",")
    assert text(save, p(runs=runs)) == "Dear Ada,"


def test_a_field_over_several_paragraphs(save):
    start = '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>TOC</w:instrText><w:t>HIDDEN</w:t>'
    start += '<w:fldChar w:fldCharType="separate"/><w:t>One</w:t></w:r>'
    body = p(runs=start) + p("Two", runs='<w:r><w:fldChar w:fldCharType="end"/></w:r>') + p("Text")
    assert text(save, body) == "One\nTwo\nText"


def test_a_field_that_never_ends_hides_nothing(save):
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end"))
    assert text(save, p("Text", runs=end) + p(runs=begin + field("REF", t("4"))) + p("More")) == "Text\n4\nMore"


def test_hidden_index_entries_leave_no_trace(save):
    entry = field("XE", t("HIDDEN")).replace("<w:r>", "<w:r><w:rPr><w:vanish/></w:rPr>").replace("</w:rPr><w:rPr>", "")
    assert text(save, p("Harbour", runs=entry + t(" fee"))) == "Harbour fee"


@pytest.mark.parametrize(
    ("state", "sign"),
    [
        ("<w:default w:val='1'/>", "☒"),
        ("<w:default w:val='1'/><w:checked w:val='0'/>", "☐"),
        ("<w:default w:val='0'/><w:checked/>", "☒"),
        ("", "☐"),
    ],
)
@pytest.mark.parametrize("result", [None, ""])
def test_boxes_of_old_forms(save, state, sign, result):
    box = field("FORMCHECKBOX", result, f"<w:checkBox>{state}</w:checkBox>")
    assert text(save, p(runs=box + t(" I agree"))) == f"{sign} I agree"


def test_choices_and_texts_of_old_forms(save):
    entries = "".join(f'<w:listEntry w:val="{name}"/>' for name in ("Red", "Green", "Blue"))
    chosen = field("FORMDROPDOWN", None, f'<w:ddList><w:result w:val="2"/>{entries}</w:ddList>')
    first = field("FORMDROPDOWN", t("STALE"), f"<w:ddList>{entries}</w:ddList>")
    default = field("FORMDROPDOWN", None, f'<w:ddList><w:default w:val="1"/>{entries}</w:ddList>')
    typed = field("FORMTEXT", t("Otto"), "<w:textInput><w:default w:val='NAME'/></w:textInput>")
    untouched = field("FORMTEXT", None, "<w:textInput><w:default w:val='name'/></w:textInput>")
    body = "".join(p(runs=runs) for runs in (chosen, first, default, typed, untouched))
    assert text(save, body) == "Blue\nRed\nGreen\nOtto\nname"


@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        ("EQ \\f(3,4)", "3/4"),
        ("eq \\f((a+b),2c)", "(a+b)/(2c)"),
        ("EQ \\r(x+1)", "√(x+1)"),
        ("EQ \\r(3,\\f(1;2))", "√[3](1/2)"),
        ("EQ x\\s\\up8(2)+y\\s\\do3(i)", "x^2+y_i"),
        ("EQ \\b\\bc\\{(a)", "(a)"),
        ("EQ \\x(boxed)", "boxed"),
        ("EQ \\f(f(x,y),2)", "(f(x,y))/2"),
        ("MACROBUTTON NoMacro [click here]", "[click here]"),
        ("SYMBOL 109 \\f Symbol \\s 12", "μ"),
        ('SYMBOL 0xFC \\f "Wingdings"', "✓"),
        ('XE "Harbour"', ""),
    ],
)
def test_fields_that_store_no_result(save, instruction, shown):
    assert text(save, p("a", runs=field(instruction) + t("b"))) == f"a{shown}b"


@pytest.mark.parametrize("piece", ["\\s\\up \\", "\\up ", "\\f(", '\\* "'])
def test_instructions_that_repeat_themselves_end(save, piece):
    assert text(save, p("a", runs=field(f"EQ \\s{piece * 300}") + t("b"))).startswith("a")


def test_simple_fields_and_links_show_their_text(save):
    simple = f'<w:fldSimple w:instr="DATE">{t("3 March 2030")}</w:fldSimple>'
    link = f'<w:hyperlink r:id="x">{t(" form K9")}</w:hyperlink>'
    assert text(save, p(runs=simple + link + t("HIDDEN", "<w:vanish/>"))) == "3 March 2030 form K9"


def control(content: str, properties: str = "") -> str:
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def box(content: str, state: str) -> str:
    return control(content, f'<w14:checkbox><w14:checked w14:val="{state}"/></w14:checkbox>')


def test_check_boxes_of_content_controls_whatever_their_sign(save):
    wingdings = '<w:r><w:sym w:font="Wingdings" w:char="F06F"/></w:r>'
    body = p(runs=box(wingdings, "1") + t(" a")) + p(runs=box(t("☑"), "0") + t(" b")) + box(p("X", runs=t("Y")), "true")
    body += f"<w:tbl><w:tr>{box(tc('?'), '1')}{tc('in a cell')}</w:tr></w:tbl>"
    assert text(save, body) == "☒ a\n☐ b\n☒\n☒ | in a cell"


def test_controls_and_wrappers_are_transparent_at_every_level(save):
    chosen = control(t("Green"), '<w:dropDownList><w:listItem w:value="1" w:displayText="Red"/></w:dropDownList>')
    rows = control(row("a", "b")) + f"<w:customXml>{row('c', 'd')}</w:customXml>"
    cells = f"<w:tr>{control(tc('e'))}<w:customXml>{tc('f')}</w:customXml></w:tr>"
    body = control(p(runs=f"<w:smartTag>{chosen}</w:smartTag>")) + control(f"<w:tbl>{rows}{cells}</w:tbl>")
    assert text(save, body) == "Green\na | b\nc | d\ne | f"
