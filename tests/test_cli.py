"""The command line as others call it: as a process, with --json on stdout and nothing else there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from glyph_demo import cli

PROJECT = Path(__file__).parents[1]
EXAMPLES = PROJECT / "glyph_demo" / "assets" / "examples"


def run(*arguments, environment=None):
    result = subprocess.run(
        [sys.executable, "-m", "glyph_demo", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
    )
    assert "Traceback" not in result.stderr
    return result


def run_json(*arguments, exit_code=0, environment=None):
    result = run(*arguments, "--json", environment=environment)
    assert result.returncode == exit_code, result.stderr
    assert result.stdout.count("\n") == 1, "exactly one line on stdout"
    return json.loads(result.stdout)


def test_doctor_says_what_is_here_and_which_engine_auto_takes_and_why():
    report = run_json("doctor")
    assert report["engine"]["chosen"] == "pocket"
    assert report["engine"]["why"]
    assert report["packages"]["torch"]
    assert "CPU" in run("doctor", "--language", "zh").stdout


def test_threads_that_wait_sleep_unless_somebody_wants_them_to_spin(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    cli.main(["doctor"])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    cli.main(["doctor"])
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.parametrize("command", [["ask", "a.txt", "what?"], ["serve"]])
def test_how_to_answer_can_be_said_on_the_command_line(command):
    flags = ["--no-thinking", "--thinking-tokens", "40", "--max-new-tokens", "90", "--temperature", "0.5"]
    inference = cli._settings(cli.build_parser().parse_args([*command, *flags])).inference
    assert (inference.thinking, inference.thinking_tokens) == (False, 40)
    assert (inference.max_new_tokens, inference.temperature) == (90, 0.5)
    assert cli._settings(cli.build_parser().parse_args(command)).inference.thinking


def test_render_writes_png_pages_and_lists_their_lines(tmp_path):
    report = run_json(
        "render", EXAMPLES / "glyph-white-paper.en.pdf", "--out", tmp_path / "pages", "--style", "glyph-en"
    )
    first = report["pages"][0]
    assert (tmp_path / "pages" / first["file"]).read_bytes().startswith(b"\x89PNG")
    assert first["lines"][0]["text"].strip()
    left, top, right, bottom = first["lines"][0]["box"]
    assert 0 <= left < right <= first["size"][0]
    assert 0 <= top < bottom <= first["size"][1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ask", "missing.pdf", "what?"], "unreadable"),
        (["ask", __file__, "what?", "--engine", "remote", "--remote-urls", "nowhere"], "bad_setting"),
        (["ask", __file__, "what?", "--engine", "local", "--model", "no/such/folder"], "model_missing"),
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
def test_a_users_mistake_exits_2_with_an_error_object(arguments, code):
    error = run_json(*arguments, exit_code=2)["error"]
    assert error["code"] == code
    assert 0 < len(error["message"]) < 600


def test_messages_come_in_the_language_asked_for():
    chinese = run_json("ask", "missing.pdf", "q", "--language", "zh", exit_code=2)["error"]["message"]
    assert any("一" <= c <= "鿿" for c in chinese)
    assert run("ask", "missing.pdf", "q", environment={"LANG": "zh_CN.UTF-8"}).stderr.splitlines()[-1] == chinese


def test_the_environment_can_set_what_flags_can():
    error = run_json("doctor", environment={"GLYPH_DEMO_SERVER__PORT": "x"}, exit_code=2)["error"]
    assert error["code"] == "bad_setting"
