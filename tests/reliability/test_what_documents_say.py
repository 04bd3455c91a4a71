"""What a document, a model or a file's name says, in the places beside the window where it is shown: a terminal, a
spreadsheet, a saved conversation. (For the window: tests/browser/test_nothing_gets_out.py.)"""

import csv
import io
import json
import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from glyph_demo.cli import main
from glyph_demo.conversation import table as many
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.windows.history import as_json, as_markdown
from tests.fakes import FakeEngine

TERMINAL = "\x1b]0;title\x07\x1b[2J\x9b31m\x1b]52;c;ZWNobw==\x1b\\ over\rwritten \u202etxt.exe\u2066 \x08\x7f\x00 end"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # by a terminal
ACTIVE = (
    "![a](http://evil.example/a.png) [b](javascript:alert(1)) [c](data:text/html,x)",
    "![d][r] [e][r] [r] [r][]\n\n[r]: http://evil.example/r 'title'",
    "<script>alert(2)</script> <img src=http://evil.example/i> <http://evil.example> <!-- x --> <?x?> <![CDATA[x]]>",
    r"\![f](http://evil.example/f) \\![g](x) \[h](x) \\[i](x) \<b> \\<b> \\\<b>",
    "`![j](x)` ```\n<b>\n``` `\\`<b> $\\href{javascript:alert(3)}{x}$ <gradio-app src=x></gradio-app>",
)


@pytest.mark.parametrize("flags", [[], ["-q"]], ids=["one", "many"])
def test_a_terminal_obeys_no_answer_no_question_and_no_name(flags, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("glyph_demo.commands.create_engine", lambda *_: FakeEngine())
    path = tmp_path / "a\x1b[31m\udcff.txt"
    path.write_text("A line.")
    assert main(["ask", str(path), *flags, TERMINAL]) == 0
    printed = "".join(capsys.readouterr())
    assert "pages, turn 1: ]0;title" in printed, "an answer that says the question again"
    assert not OBEYED.search(printed), ascii(printed)


def test_a_terminal_obeys_no_error(tmp_path, capsys):
    table = tmp_path / "a\x1b[31m.json"
    table.write_text("no table")
    for wrong in (["ask", "a.txt", "-q", "?", "--out", str(table)], ["ask", "a.txt", "?", "--pages", TERMINAL[:-8]]):
        assert main(wrong) == 2
    assert main(["doctor", TERMINAL]) == 2
    printed = "".join(capsys.readouterr())
    assert "a\ufffd[31m.json" in printed, "what was given is there, with a sign for what a terminal would obey"
    assert "txt.exe" in printed
    assert not OBEYED.search(printed), ascii(printed)


@pytest.mark.skipif(sys.platform == "win32", reason="names there are text")
def test_a_name_that_is_no_text_costs_no_table(tmp_path):
    row = many.Row("a\udcff.txt", "d", "e", "q", "answer")
    many.save([row], tmp_path / "table.json")
    many.save_csv([row], tmp_path / "table.csv")
    assert many.load(tmp_path / "table.json")[0].answer == "answer"


FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x"]


@pytest.mark.parametrize("text", [*FORMULAS, "a;=1", "a; +1;-1", "a\n@b", "a\t=1"])
def test_a_spreadsheet_computes_no_cell(text):
    """Nor one for which commas and quotes are letters, and semicolons or tabs stand between cells."""
    table = many.to_csv([many.Row(text, "d", "e", text, text, (many.QuotedLine(1, 1, text),), error=text)])
    line = list(csv.reader(io.StringIO(table.removeprefix("\ufeff"))))[1]
    assert sum(cell.replace("'", "") == text.replace("'", "") for cell in line) == 5
    for cell in (*line, *re.split("[;\t\r\n]", table)):
        assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))


def active(markdown):
    """Kinds of elements that fetch, run or lead somewhere."""
    found = set()
    waiting = MarkdownIt("commonmark", {"html": True}).parse(markdown)
    while waiting:
        token = waiting.pop()
        found.add(token.type)
        waiting += token.children or []
    return found & {"link_open", "image", "html_inline", "html_block"}


pieces = st.lists(st.sampled_from([*"\\![]()<>:`'\n ax/?", "http://e", "](x)", "![", "[r]: x\n", "<b>"]), max_size=14)


@example("".join(ACTIVE))
@given(pieces.map("".join))
def test_a_saved_conversation_holds_no_link_no_picture_and_no_markup(text):
    assert not active(as_markdown(text, [Exchange(text, text)])), text


@pytest.mark.parametrize("text", ACTIVE)
def test_what_is_tried_would_be_active(text):
    assert active(text)
    assert not active(as_markdown("a.txt", [Exchange("q", text)]))


def test_lists_tables_and_emphasis_of_a_saved_answer_stay():
    answer = "* **one** [1], a < b\n* `two`\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    assert answer in as_markdown("a.txt", [Exchange("q", answer)])


def test_a_saved_conversation_as_json_is_the_text_itself():
    text = "".join(ACTIVE) + TERMINAL
    assert json.loads(as_json("a.txt", [Exchange(text, text)]))["exchanges"][0]["answer"] == text
    assert not re.search("[\x00-\x08\x0b-\x1f]", as_json("a.txt", [Exchange(text, text)])), "escaped"
