"""The main job through the command line, on the real embedded engine: upload, pages, right answers from the pixels."""

import json
import re
import subprocess
import sys

import pytest

from tests.checkpoints import make_checkpoint
from tests.command import EXAMPLES, PROJECT, run_json

SAMPLES = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s["name"])
def test_each_example_document_is_answered_rightly_and_read_once_only(sample, cache):
    questions = [q["question"] for q in sample["questions"]]
    first = run_json("ask", EXAMPLES / sample["name"], *questions, "--cache-dir", cache)
    assert first["engine"] == "pocket"
    assert first["compression"] is None
    assert first["document"]["pages_from_store"] == 0
    assert first["document"]["timings"].keys() == {"extract", "render", "encode"}
    for asked, answer in zip(sample["questions"], first["answers"], strict=True):
        assert answer["question"] == asked["question"]
        shown = re.sub(r"\s", "", answer["text"])
        assert any(re.sub(r"\s", "", accepted) in shown for accepted in asked["answers"]), answer["text"]
        assert answer["timings"].keys() == {"prefill", "first_token", "decode", "total"}
        assert answer["tokens"].keys() == {"input", "cached", "output"}
        assert answer["quotes"]
        for quote in answer["quotes"]:
            assert 1 <= quote["page"] <= first["document"]["pages"]
            assert quote["line"] >= 1
            assert quote["text"]
    again = run_json("ask", EXAMPLES / sample["name"], questions[0], "--cache-dir", cache)
    assert again["document"]["pages_from_store"] == again["document"]["pages"], "after a restart no page is read again"
    upload_to_first_answer = sum(first["document"]["timings"].values()) + first["answers"][0]["timings"]["first_token"]
    assert upload_to_first_answer >= 10 * first["answers"][1]["timings"]["first_token"]


FIFTY_DOCUMENTS = """
import sys, psutil
from pathlib import Path
from glyph_demo.engines import create_engine
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.settings import load_settings

settings = load_settings(flags={"pocket.language_model": "none", "cache_dir": sys.argv[1]})
session = DocumentSession(create_engine(settings), settings)
resident = []
for number in range(50):
    path = Path(sys.argv[1]) / f"{number}.txt"
    lines = [f"Station {number}-{i} was built in {1900 + number + i} by crew {i * 7 + number}." for i in range(6)]
    path.write_text("\\n".join(lines))
    session.open(path)
    session.current.wait()
    answer = "".join(getattr(e, "text", "") for e in session.ask(f"When was station {number}-3 built?"))
    assert str(1903 + number) in answer, answer
    resident.append(psutil.Process().memory_info().rss >> 20)
held = sum(reading.state == "ready" for reading in session.documents.values())
assert held == settings.store.open_documents, held
session.close()
print(resident)
"""


def test_fifty_documents_in_turn_leave_memory_level(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", FIFTY_DOCUMENTS, str(tmp_path)], capture_output=True, text=True, cwd=PROJECT, timeout=400
    )
    assert result.returncode == 0, result.stderr
    resident = json.loads(result.stdout)
    assert max(resident) < 1_000, "MB"
    assert max(resident[40:]) - max(resident[:20]) < 50, resident


def test_the_local_engine_answers_through_the_same_command_and_reuses_its_prefix(tmp_path):
    model = make_checkpoint(tmp_path / "model")
    arguments = ("ask", EXAMPLES / "glyph-white-paper.zh.docx", "经费多少？", "谁主持？", "--engine", "local")
    arguments += ("--model", model, "--cache-dir", tmp_path / "cache", "--max-new-tokens", "8")
    first = run_json(*arguments)
    assert first["engine"] == "local"
    assert first["compression"] > 0
    assert first["document"]["pages_from_store"] == 0
    one, two = first["answers"]
    assert one["tokens"]["output"] == two["tokens"]["output"] == 8
    assert two["tokens"]["cached"] >= 0.9 * one["tokens"]["input"], "the document is not computed again"
    again = run_json(*arguments)
    assert again["document"]["pages_from_store"] == again["document"]["pages"]
    assert [a["text"] for a in again["answers"]] == [a["text"] for a in first["answers"]]
