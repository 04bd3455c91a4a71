"""DOCX: equations as a line of text."""

import pytest

from tests.documents.docx_files import p, package, t
from tests.documents.uploads import read, refusal


def r(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def m(name: str, properties: str = "", **parts: str) -> str:
    """A structure of named parts, each of runs or of a text."""
    inner = "".join(f"<m:{part}>{x if x.startswith('<') else r(x)}</m:{part}>" for part, x in parts.items())
    return f"<m:{name}><m:{name}Pr>{properties}</m:{name}Pr>{inner}</m:{name}>"


def chr_(sign: str) -> str:
    return f'<m:chr m:val="{sign}"/>'


def matrix(*rows: tuple[str, ...]) -> str:
    return f"<m:m>{''.join('<m:mr>' + ''.join(f'<m:e>{r(x)}</m:e>' for x in row) + '</m:mr>' for row in rows)}</m:m>"


EQUATIONS = {
    "a/b": m("f", num="a", den="b"),
    "(a+b)/(2c)": m("f", num="a+b", den="2c"),
    "x^2/2!": m("f", num=m("sSup", e="x", sup="2"), den="2!"),
    "2 1/2": r("2") + m("f", num="1", den="2"),
    "1/2 x": m("f", num="1", den="2") + r("x"),
    "(n over k)": m("d", e=m("f", '<m:type m:val="noBar"/>', num="n", den="k")),
    "x^(n+1)": m("sSup", e="x", sup="n+1"),
    "(a+b)^2": m("sSup", e=m("d", e="a+b"), sup="2"),
    "x_i^2": m("sSubSup", e="x", sub="i", sup="2"),
    "_2^4He": m("sPre", sub="2", sup="4", e="He"),
    "√x": m("rad", e="x"),
    "√(x+1)": m("rad", e="x+1"),
    "∛x": m("rad", deg="3", e="x"),
    "√[n](2x)": m("rad", deg="n", e="2x"),
    "∑_(i=1)^n x_i": m("nary", chr_("∑"), sub="i=1", sup="n", e=m("sSub", e="x", sub="i")),
    "∫_0^(2π) f": m("nary", sub="0", sup="2π", e="f"),
    "sin x+1": m("func", fName="sin", e="x") + r("+1"),
    "lim_(x→0) f": m("func", fName=m("limLow", e="lim", lim="x→0"), e="f"),
    "[1, 2; 3, 4]": matrix(("1", "2"), ("3", "4")),
    "|a, b; c, d|": m("d", '<m:begChr m:val="|"/><m:endChr m:val="|"/>', e=matrix(("a", "b"), ("c", "d"))),
    "{x; y": m(
        "d",
        '<m:begChr m:val="{"/><m:endChr m:val=""/>',
        e=m("eqArr", e="x").replace("</m:eqArr>", f"<m:e>{r('y')}</m:e></m:eqArr>"),
    ),
    "x\u0302": m("acc", e="x"),
    "(AB)\u20d7": m("acc", chr_("\u20d7"), e="AB"),
    "x\u0305": m("bar", '<m:pos m:val="top"/>', e="x"),
    "a b": m("phant", '<m:show m:val="0"/>', e="HIDDEN") + r("a b"),
    "E=mc^2": r("\U0001d438=\U0001d45a") + m("sSup", e="\U0001d450", sup="2"),
    "cos θ": r("cos\u2061") + r("θ"),
    "y": r("y") + "<m:r><w:rPr><w:vanish/></w:rPr><m:t>HIDDEN</m:t></m:r>",
}


@pytest.mark.parametrize("line", EQUATIONS)
def test_an_equation_is_one_line(save, line):
    body = p("Let ", runs=f"<m:oMath>{EQUATIONS[line]}</m:oMath>" + t(" hold."))
    assert read(save("a.docx", package(body))).text == f"Let {line} hold."


def test_equations_on_their_own_have_a_line_each(save):
    equations = f"<m:oMathPara><m:oMath>{r('a=1')}</m:oMath><m:oMath>{r('b=2')}</m:oMath></m:oMathPara>"
    assert read(save("a.docx", package(p(runs=equations) + p("Text")))).text == "a=1\nb=2\nText"


def test_a_formula_that_is_nested_deeply_ends(save):
    deep = "<m:oMath>" + "<m:d><m:e>" * 20_000 + r("x") + "</m:e></m:d>" * 20_000 + "</m:oMath>"
    assert refusal(save("a.docx", package(p(runs=deep)))) == "too_complex"
