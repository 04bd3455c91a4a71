"""The command line, called within this process."""

import json

import pytest

from glyph_demo import cli


@pytest.mark.parametrize("command", [["ask", "a.txt", "what?"], ["serve"]])
def test_how_to_answer_can_be_said_on_the_command_line(command):
    flags = ["--no-thinking", "--thinking-tokens", "40", "--max-new-tokens", "90", "--temperature", "0.5"]
    inference = cli._settings(cli.build_parser().parse_args([*command, *flags])).inference
    assert (inference.thinking, inference.thinking_tokens) == (False, 40)
    assert (inference.max_new_tokens, inference.temperature) == (90, 0.5)
    assert cli._settings(cli.build_parser().parse_args(command)).inference.thinking


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ask", "missing.pdf", "what?", "--engine", "remote", "--remote-urls", "http://127.0.0.1:9"], "unreadable"),
        (["ask", __file__, "what?", "--engine", "remote", "--remote-urls", "nowhere"], "bad_setting"),
        pytest.param(
            ["ask", __file__, "what?", "--engine", "local", "--model", "no/such/folder"],
            "model_missing",
            marks=pytest.mark.slow,
        ),
        (["ask", __file__, "what?", "--config", "missing.yaml"], "config_unreadable"),
        (["render", __file__, "--out", "x", "--style", "fancy"], "unknown_style"),
        (["render", __file__, "--out", __file__], "cannot_write"),
        (["serve", "--port", "70000"], "bad_setting"),
        (["serve", "--port", "-1"], "bad_setting"),
        (["serve", "--port", "x" * 100_000], "usage"),
        (["ask", "x" * 100_000, "what?", "--dpi", "1.5"], "usage"),
        (["doctor", "--cache-dir", "~nobody-of-this-name/x"], "bad_setting"),
        (["y" * 100_000], "usage"),
        (["ask", __file__], "usage"),
        (["sing"], "usage"),
        (["bench", "decode"], "usage"),
        ([], "usage"),
    ],
)
def test_a_users_mistake_exits_2_with_an_error_object(arguments, code, capsys):
    assert cli.main([*arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == code
    assert 0 < len(error["message"]) < 600
