"""All texts for people, as they stand in the sources: those with an English and a Chinese text beside each other."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from glyph_demo.ui.texts import TEXTS

PACKAGE = Path(__file__).parents[1] / "glyph_demo"
CHINESE = re.compile("[\u4e00-\u9fff]")
FULL_WIDTH = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"  # Chinese characters and punctuation
HALF_WIDTH = re.compile(rf"{FULL_WIDTH} ?[,:;?!]|[,:;?!] ?{FULL_WIDTH}|[()]")
FLAGS = "--(engine|model|precision|pages|page-images|dpi|font-size|max-new-tokens)\\b"
WAY = {"en": r"Settings → ([A-Z][\w ]*?)(?= \(|,|\.| or )", "zh": "“设置 → (.*?)”"}


def written(node):
    """A string as it stands in the source, with {} for each value that is filled in; "" for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(written(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def pairs(path):
    """The English and Chinese texts of a file. Patterns of regular expressions are none."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        row = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        texts = [written(part) for part in row]
        for english, chinese in pairwise(texts):
            if english and not CHINESE.search(english) and CHINESE.search(chinese) and "(?" not in chinese:
                yield english, chinese


MESSAGES = [(path.relative_to(PACKAGE).as_posix(), *pair) for path in PACKAGE.rglob("*.py") for pair in pairs(path)]


def test_the_messages_are_found():
    assert len(MESSAGES) > 500


def test_chinese_texts_have_chinese_punctuation():
    assert [(path, chinese) for path, _, chinese in MESSAGES if HALF_WIDTH.search(chinese)] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_advice_names_is_what_the_window_calls_it(language):
    named = {name for _, *texts in MESSAGES for name in re.findall(WAY[language], texts[language == "zh"])}
    assert len(named) > 3
    assert named <= {message.text(language) for message in TEXTS.values()}


def test_advice_for_the_command_line_has_something_for_the_window_too():
    rooms, flag = ("conversation", "documents", "engines", "models", "windows"), re.compile(FLAGS)
    advice = [texts for path, *texts in MESSAGES if path.startswith(rooms) and flag.search(texts[0])]
    assert len(advice) > 10
    for english, chinese in advice:
        assert "on the command line: " in english
        assert "（命令行：" in chinese
