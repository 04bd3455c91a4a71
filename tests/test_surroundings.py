"""The app where something that programs count on is missing or odd: streams, a locale, a home, places to write, names
that the environment gives."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.command import PROJECT, started

PATIENCE = 120.0
QUOTE = "The pilot cost 40,000 euros."
COMMAND = [sys.executable, "-m", "glyph_demo"]


@pytest.fixture
def environment(tmp_path):
    """Without what the developer's shell says about languages; the pocket engine alone."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON", "GRADIO_", "COLUMNS"))}
    return kept | {"GLYPH_DEMO_POCKET__LANGUAGE_MODEL": "none", "GLYPH_DEMO_CACHE_DIR": str(tmp_path / "cache")}


@pytest.fixture
def report(save):
    return save("报告.txt", QUOTE)


def run(arguments, environment, **how):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=PROJECT, env=environment, timeout=PATIENCE, capture_output=True, **how
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode("utf-8", "replace")
    return done


LOCALES = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "zh_CN.GBK", "PYTHONIOENCODING": "gbk"},
]


@pytest.mark.parametrize("words", LOCALES, ids=lambda words: " ".join(words.values()))
def test_a_chinese_name_and_question_arrive_in_any_locale(words, environment, report):
    question = "试点 pilot 花了多少"
    done = run(["ask", report, question, "--json"], environment | words)
    answer = json.loads(done.stdout)
    assert answer["document"]["name"] == "报告.txt"
    assert answer["answers"][0]["question"] == question
    assert QUOTE.encode() in run(["ask", report, question], environment | words).stdout


def test_pages_and_tables_are_written_under_chinese_names_in_a_locale_without_letters(environment, report, tmp_path):
    words = environment | LOCALES[0]
    pages, table, sheet = tmp_path / "页面", tmp_path / "答案.json", tmp_path / "答案.csv"
    drawn = json.loads(run(["render", report, "--out", pages, "--json"], words).stdout)
    assert drawn["name"] == "报告.txt"
    assert (pages / drawn["pages"][0]["file"]).exists()
    run(["render", report, "--out", pages], words)
    asked = run(["ask", report, "-q", "试点 pilot?", "--out", table, "--csv", sheet], words)
    assert QUOTE.encode() in asked.stdout
    row = json.loads(table.read_text("utf-8"))["rows"][0]
    assert (row["file"], row["question"]) == (str(report), "试点 pilot?")
    assert str(report) in sheet.read_text("utf-8")


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_matter(closed, environment, report, tmp_path):
    table = tmp_path / "answers.json"
    line = f'exec "$@" {closed}'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *COMMAND, "ask", str(report), "-q", "pilot?", "--out", str(table)],
        cwd=PROJECT,
        env=environment,
        timeout=PATIENCE,
    )
    assert done.returncode == 0
    assert QUOTE in table.read_text()


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["ask", "--help"], ["ask", "FILE", "pilot?"]])
def test_who_stops_reading_along_hears_no_complaint(arguments, environment, report):
    read, write = os.pipe()
    os.close(read)
    command = [*COMMAND, *(str(report) if word == "FILE" else word for word in arguments)]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=write, stderr=subprocess.PIPE, timeout=PATIENCE, text=True
    )
    os.close(write)
    assert done.returncode == 128 + signal.SIGPIPE
    assert "Error" not in done.stderr


def test_a_folder_that_is_gone_is_no_place_to_fail(environment, report, tmp_path):
    line = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *COMMAND, "ask", str(report), "pilot?", "--cache-dir", "here"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(PROJECT)},
        timeout=PATIENCE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert QUOTE in done.stdout
    assert "Nothing is kept for later: the cache folder here" in done.stderr


NOBODY = """
import getpass, pathlib, pwd

def unknown(number):
    raise KeyError(number)

pwd.getpwuid = unknown
from glyph_demo import surroundings
from glyph_demo.settings import Settings
settings, notice = surroundings.with_cache(Settings())
surroundings.give_home()
(settings.cache_path / "kept").write_text("x")
print(settings.cache_path, pathlib.Path.home(), getpass.getuser(), notice.zh, sep="\\n")
"""


def test_a_user_without_a_home_or_a_name_gets_both_for_as_long_as_it_takes(tmp_path):
    """As in `docker run -u 12345`: the system knows no user of this number."""
    done = subprocess.run(
        [sys.executable, "-c", NOBODY],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    cache, home, name, notice = done.stdout.splitlines()
    assert Path(cache).parent == Path(home).parent == tmp_path
    assert name == str(os.getuid())
    assert "没有主目录" in notice
    assert not list(tmp_path.iterdir()), "gone with the process"


def test_it_is_named_once_and_nothing_else_is(environment, report, tmp_path, save):
    place = save("cache", "a file")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = run(["ask", report, "pilot?", "--cache-dir", place], environment | {"TMPDIR": str(temporary)})
    assert done.returncode == 0
    assert QUOTE.encode() in done.stdout
    complaints = [line for line in done.stderr.decode().splitlines() if not line.startswith(("extract", "encode"))]
    assert len(complaints) == 1
    assert complaints[0].startswith(f"Nothing is kept for later: the cache folder {place} cannot be written (")
    assert f"无法写入缓存目录 {place}" in complaints[0]
    assert not list(temporary.iterdir()), "gone with the process"


ODD = {
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_SERVER_PORT": "x",
    "GRADIO_ROOT_PATH": "http://evil.example/x",
    "GRADIO_SHARE": "True",
    "GRADIO_ALLOWED_PATHS": "/etc",
    "GRADIO_MCP_SERVER": "True",
    "GRADIO_SSR_MODE": "True",
    "GRADIO_NODE_SERVER_PORT": "x",
    "GRADIO_ANALYTICS_ENABLED": "True",
    "GRADIO_DEFAULT_CONCURRENCY_LIMIT": "x",
    "GRADIO_DEBUG": "1",
    "GRADIO_VIBE_MODE": "1",
}


def test_serve_goes_its_own_way_whatever_is_meant_for_gradio_and_says_the_port_it_got(environment, tmp_path):
    (tmp_path / "gradio").write_text("another user's")  # Gradio would make a folder of this name
    command, environment = [*COMMAND, "serve", "--port", "0"], environment | ODD | {"TMPDIR": str(tmp_path)}
    with started(command, tmp_path / "log", env=environment) as (process, address):
        assert address.rpartition(":")[2] not in ("", "0")
        with httpx.Client(base_url=address, timeout=PATIENCE) as client:
            assert client.get("/").status_code == 200
            config = client.get("/config").json()
            assert config["root"] == address
            assert not config["mcp_server"]
            assert client.get("/gradio_api/file=/etc/passwd").status_code == 404
    assert (tmp_path / "log").read_text() == ""
    assert process.returncode == 0


def test_onnx_runtime_keeps_no_number_of_this_device_and_reports_to_nobody(environment, report, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    run(["ask", report, "pilot?"], environment | {"HOME": str(home)})
    assert not list(home.iterdir())


@pytest.mark.parametrize("interrupts", [pytest.param(1, marks=pytest.mark.long), 2])
def test_the_second_interrupt_ends_what_the_first_waits_for_and_nothing_false_is_said(
    interrupts, environment, tmp_path
):
    fresh = environment | {"GLYPH_DEMO_CACHE_DIR": str(tmp_path), "GLYPH_DEMO_POCKET__LANGUAGE_MODEL": "auto"}
    paper = PROJECT / "glyph_demo" / "assets" / "examples" / "glyph-white-paper.en.pdf"
    command = [*COMMAND, "ask", str(paper), "What is Glyph?"]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what runs in a shell's background ignores it
    process = subprocess.Popen(
        command, cwd=PROJECT, env=fresh, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    )
    process.stderr.readline()  # it is at work, and models are being loaded
    for _ in range(interrupts):
        process.send_signal(signal.SIGINT)
        while catches_interrupts(process):
            time.sleep(0.01)
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if interrupts == 1 else -signal.SIGINT)
    assert "unusable" not in complaints
    assert "Traceback" not in complaints


def catches_interrupts(process):
    """Whether it has not heard of one yet: the next is the system's to answer."""
    caught = Path(f"/proc/{process.pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    return bool(int(caught, 16) & 1 << signal.SIGINT - 1)
