"""The command line as others call it: as a process, with --json on stdout and nothing else there."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from glyph_demo.models.on_machine import UNFINISHED
from tests.command import EXAMPLES, run, run_json


def test_doctor_says_what_is_here_and_which_engine_auto_takes_and_why():
    report = run_json("doctor")
    assert report["engine"]["chosen"] == "pocket"
    assert report["engine"]["why"]
    assert report["packages"]["torch"]
    assert 0 < report["memory"]["free"] <= report["memory"]["total"]
    assert report["disk"]["free"] > 0


def test_doctor_says_in_words_what_there_is_of_memory_disk_and_weights(tmp_path):
    folder = tmp_path / "models" / "zai-org--Glyph"
    folder.mkdir(parents=True)
    (folder / UNFINISHED).touch()
    (folder / "model.safetensors.part").write_bytes(b"x" * 10**8)
    said = run("doctor", "--language", "zh", environment={"GLYPH_DEMO_CACHE_DIR": str(tmp_path), "HOME": str(tmp_path)})
    assert "CPU" in said.stdout
    assert "内存" in said.stdout
    assert f"{tmp_path / 'models'} 所在磁盘" in said.stdout
    assert "zai-org/Glyph: 下载未完成，0.1/20.6 GB" in said.stdout
    assert "zai-org/GLM-4.6V-Flash: 不在本机" in said.stdout


def test_doctor_says_what_is_kept_of_keys_and_values_and_whether_reading_them_pays(tmp_path):
    (tmp_path / "kv").mkdir()
    (tmp_path / "kv" / "a.kv").write_bytes(b"x" * (3 << 20))
    rates = {
        "a": {"model": "Fast", "computed": 100, "read": 4000},
        "b": {"model": "Slow", "computed": 9000, "read": 4000},
    }
    (tmp_path / "kv" / "rates.json").write_text(json.dumps(rates))
    said = run("doctor", "--language", "en", environment={"GLYPH_DEMO_CACHE_DIR": str(tmp_path)}).stdout
    assert "keys and values kept on disk: 3 of 8,192 MiB" in said
    assert "Fast: computed at 100 tokens/s, read at 4,000, so they are read" in said
    assert "Slow: computed at 9,000 tokens/s, read at 4,000, so they are not read" in said


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


def test_messages_come_in_the_language_asked_for():
    chinese = run_json("ask", "missing.pdf", "q", "--language", "zh", exit_code=2)["error"]["message"]
    assert any("一" <= c <= "鿿" for c in chinese)
    assert run("ask", "missing.pdf", "q", environment={"LANG": "zh_CN.UTF-8"}).stderr.splitlines()[-1] == chinese


def test_the_environment_can_set_what_flags_can():
    error = run_json("doctor", environment={"GLYPH_DEMO_SERVER__PORT": "x"}, exit_code=2)["error"]
    assert error["code"] == "bad_setting"


@pytest.mark.skipif(find_spec("torchao") is None, reason="torchao is not installed")
def test_libraries_say_nothing_of_their_own_affairs_when_a_model_s_are_loaded():
    code = "from glyph_demo import process; process.prepare(); import torchao.quantization"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said", "unsaid"),
    [
        (("glyph_demo", "bench", "ladder"), "50,000 characters", "no such thing"),
        (("benchmarks", "decode"), "the speed of one decode step", "benchmarks batch"),
        (("benchmarks",), "benchmarks batch", "no such thing"),
    ],
)
def test_a_benchmark_says_what_it_measures(arguments, said, unsaid):
    shown = subprocess.run([sys.executable, "-m", *arguments, "--help"], capture_output=True, text=True, check=True)
    assert said in " ".join(shown.stdout.split())
    assert unsaid not in shown.stdout
