"""DOCX: what Word shows of a paragraph, and nothing else."""

from pathlib import Path

import pytest

from tests.documents.docx_files import field, p, package, t
from tests.documents.uploads import read

CASES = Path(__file__).parents[1] / "cases"
STYLES = (
    '<w:style w:type="paragraph" w:styleId="Secret"><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Deeper"><w:basedOn w:val="Secret"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Open"><w:basedOn w:val="Secret"/>'
    '<w:rPr><w:vanish w:val="0"/></w:rPr></w:style>'
    '<w:style w:type="character" w:styleId="Quiet"><w:rPr><w:vanish/></w:rPr></w:style>'
)


def lines(save, body: str, **parts) -> list[str]:
    return read(save("a.docx", package(body, **parts))).text.split("\n")


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        ("hyphens", ["Wait 6-12 hours", "KB-4471-09."], []),
        ("formula", ["it comes to h=3.75 metres", "Q=V/t=0.42"], []),
        ("emoji", ["Dogs: 🚫  Balls: ✅"], []),
        ("ruby", ["避難場所は第二小学校です。"], ["ひなん"]),
        ("tracked", ["8,150", "The deposit is not refunded after the tenth day.\n"], ["7,400", "Copper", "harbour"]),
        ("comments", ["a month. [comment by Ilse Marrow: The landlord told me", "840"], []),
        ("header", ["AZ 77/2031"], ["ORPHAN"]),
        ("chunk", ["07:40"], []),
        ("hidden", ["61,200"], ["52,000"]),
        ("fields", ["section 4.2 of", "page 17.", "☒ I agree", "\nGreen", "3 March 2030", "Otto Lind"], ["HYPERLINK"]),
    ],
)
def test_a_file_that_was_read_wrong_is_read_right(name, present, absent):
    text = read(CASES / f"{name}.docx").text
    assert [piece for piece in present if piece not in text] == []
    assert [piece for piece in absent if piece in text] == []


def test_hyphens_that_word_keeps_as_elements_or_characters(save):
    runs = "<w:r><w:t>co</w:t><w:softHyphen/><w:t>operate pre</w:t><w:noBreakHyphen/><w:t>set</w:t></w:r>"
    assert lines(save, p(runs=runs) + p("KB\u20114471 co\xadoperate")) == ["cooperate pre-set", "KB-4471 cooperate"]


def test_tabs_and_breaks_of_all_kinds(save):
    runs = "<w:r><w:t>a</w:t><w:ptab/><w:t>b</w:t><w:cr/><w:t>c</w:t><w:br w:type='page'/><w:t>d</w:t></w:r>"
    assert lines(save, p(runs=runs)) == ["a\tb", "c", "d"]


@pytest.mark.parametrize(
    ("font", "code", "sign"),
    [
        ("Symbol", "F06D", "μ"),
        ("Symbol", "006D", "μ"),
        ("Symbol", "F0B3", "≥"),
        ("Wingdings", "F0FC", "✓"),
        ("Wingdings", "F0FE", "☑"),
        ("Wingdings", "F0E0", "→"),
        ("Wingdings 2", "F052", "☑"),
        ("Wingdings 3", "F070", "▲"),
        ("Webdings", "F061", "✔"),
        ("Symbol", "F027", "∋"),
        ("Wingdings", "F08C", "❶"),
        ("Wingdings", "F0D8", "➢"),
        ("Wingdings 2", "F0A3", "□"),
        ("Arial", "2260", "≠"),
    ],
)
def test_symbols_are_their_unicode_characters(save, font, code, sign):
    runs = t("50 ") + f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>' + t("g")
    assert lines(save, p(runs=runs)) == [f"50 {sign}g"]


def test_text_in_a_symbol_font_is_its_signs(save):
    runs = t("m", '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>') + t("\uf0fc", '<w:rFonts w:hAnsi="Wingdings"/>')
    assert lines(save, p("m", runs=runs + t("\uf0b3"))) == ["mμ✓≥"]


def test_symbols_that_nobody_knows_are_counted(save):
    bad = "".join(
        f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>' for font, code in [("Marlett", "F061"), ("", "x")]
    )
    document = read(save("a.docx", package(p("a", runs=bad))))
    assert document.text == "a\ufffd\ufffd"
    assert [message.en.partition(".")[0] for message in document.warnings] == [
        "2 symbol(s) of unusual fonts are shown as \ufffd"
    ]


def test_text_whose_sign_is_unknown_is_counted(save):
    document = read(
        save(
            "a.docx", package(p("a", runs=t("\uf030\uf0fc, 价", '<w:rFonts w:ascii="Wingdings" w:hAnsi="Wingdings"/>')))
        )
    )
    assert document.text == "a\ufffd✓\ufffd 价"
    assert document.warnings[0].en.startswith("2 symbol(s)")


def test_the_first_alternative_with_text_is_read_once(save):
    def alternatives(*texts: str) -> str:
        first, *others = (f"<w:t>{text}</w:t>" if text else "<w:drawing/>" for text in texts)
        rest = "".join(f"<mc:Fallback>{content}</mc:Fallback>" for content in others)
        return f"<w:r><mc:AlternateContent><mc:Choice>{first}</mc:Choice>{rest}</mc:AlternateContent></w:r>"

    body = p(runs=alternatives("new", "old")) + p(runs=alternatives("", "only old")) + p("x", runs=alternatives("", ""))
    assert lines(save, body) == ["new", "only old", "x"]


def test_an_emoji_without_a_fallback(save):
    choice = '<mc:Choice Requires="w16se"><w16se:symEx w16se:font="Segoe UI Emoji" w16se:char="1F6AB"/></mc:Choice>'
    runs = f"<w:r><mc:AlternateContent>{choice}</mc:AlternateContent></w:r>"
    assert lines(save, p("Dogs: ", runs=runs)) == ["Dogs: 🚫"]


def test_readings_above_characters_are_left_out(save):
    ruby = "<w:r><w:ruby><w:rt>{}</w:rt><w:rubyBase>{}</w:rubyBase></w:ruby></w:r>"
    old = field(r'EQ \* jc2 \* "Font:MS Mincho" \* hps10 \o\ad(\s\up 9(とうきょう),東京)')
    linked = f"<w:hyperlink>{ruby.format(t('えき'), t('駅'))}</w:hyperlink>"
    assert lines(save, p(runs=old + linked + t("で"))) == ["東京駅で"]


def test_text_hidden_by_itself_or_by_its_styles(save):
    off, on = '<w:vanish w:val="0"/>', "<w:vanish/>"
    body = p(
        "a", runs=t("HIDDEN", on) + t("b", off) + t("HIDDEN", '<w:rStyle w:val="Quiet"/>') + t("c", "<w:webHidden/>")
    )
    body += p("HIDDEN", '<w:pStyle w:val="Secret"/>') + p("HIDDEN", '<w:pStyle w:val="Deeper"/>')
    body += p("", '<w:pStyle w:val="Secret"/>', runs=t("HIDDEN") + t("d", off) + t("e", '<w:rStyle w:val="Quiet"/>'))
    body += p("", '<w:pStyle w:val="Open"/>', runs=t("f") + t("HIDDEN", '<w:rStyle w:val="Quiet"/>'))
    text = "".join(lines(save, body, styles=STYLES))
    assert text == "abcdef"


def test_a_default_style_that_hides_holds_for_paragraphs_without_a_style(save):
    styles = STYLES.replace('w:styleId="Secret"', 'w:default="1" w:styleId="Secret"')
    assert lines(save, p("HIDDEN") + p("seen", '<w:pStyle w:val="Open"/>'), styles=styles) == ["seen"]


@pytest.mark.parametrize("mark", ["<w:del/>", "<w:moveFrom/>", "<w:vanish/>", "<w:vanish/><w:specVanish/>"])
def test_paragraphs_without_their_mark_join(save, mark):
    gone = f"<w:rPr>{mark}</w:rPr>"
    body = p("One ", gone) + p("", gone) + p("sentence.") + p("Another.", gone)
    assert lines(save, body) == ["One sentence.", "Another."]


def test_changes_inside_wrappers_and_of_formulas(save):
    change = "<w:ins>{}</w:ins><w:del>{}</w:del><w:moveTo>{}</w:moveTo><w:moveFrom>{}</w:moveFrom>"
    inner = change.format(t("in "), t("OUT"), t("here "), t("OUT"))
    equation = f"<m:oMath>{change.format('<m:r><m:t>x</m:t></m:r>', '<m:r><m:t>OUT</m:t></m:r>', '', '')}</m:oMath>"
    body = p(runs=f"<w:hyperlink>{inner}</w:hyperlink><w:smartTag>{inner}</w:smartTag>{equation}")
    assert lines(save, f"<w:moveFrom>{p('OUT')}</w:moveFrom><w:customXml>{body}</w:customXml>") == ["in here in here x"]


def test_deleted_list_items_take_no_number(save):
    numbering = (
        '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/>'
        '</w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )
    item = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    deleted = p("", f"{item}<w:rPr><w:del/></w:rPr>", runs="<w:del><w:r><w:delText>OUT</w:delText></w:r></w:del>")
    body = p("a", item) + deleted + p("b", item)
    assert lines(save, body, numbering=numbering) == ["1. a", "2. b"]


@pytest.mark.parametrize(
    ("font", "sign", "shown"),
    [
        ("Wingdings", "\uf0fc", "✓"),
        ("Symbol", "\uf0b7", "•"),
        ("Wingdings", "\uf096", "•"),
        ("Courier New", "o", "•"),
        ("", "–", "–"),
        ("", "\ue000", "•"),
    ],
)
def test_bullets_are_the_signs_of_their_font(save, font, sign, shown):
    level = f'<w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="{sign}"/>'
    level += f'<w:rPr><w:rFonts w:ascii="{font}"/></w:rPr></w:lvl>'
    numbering = f'<w:abstractNum w:abstractNumId="0">{level}</w:abstractNum>'
    numbering += '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    item = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    assert lines(save, p("done", item), numbering=numbering) == [f"{shown} done"]


def test_right_to_left_paragraphs_keep_their_logical_order(save):
    runs = t("המחיר ", "<w:rtl/>") + t("8,150") + t(" שקלים", "<w:rtl/>")
    assert lines(save, p("", "<w:bidi/>", runs=runs)) == ["המחיר 8,150 שקלים"]
