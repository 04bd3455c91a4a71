"""`python -m glyph_demo download`, as a process of its own, from hubs on this machine."""

import os
import signal
import subprocess
import sys
import time

import pytest

from glyph_demo.engines.loading import LoadingEngine
from glyph_demo.settings import load_settings
from tests.command import PROJECT, run, run_json
from tests.models.hubs import serving

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(checkpoint_of):
    with serving(checkpoint_of(shard="200KB")) as served:
        yield served


@pytest.fixture
def environment(hub, tmp_path):
    return {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.address, "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}


def test_it_tells_how_far_it_is_and_where_the_model_is_and_the_second_time_asks_nobody(hub, environment, tmp_path):
    done = run("download", "--language", "zh", environment=environment)
    folder = tmp_path / "cache" / "models" / "zai-org--Glyph"
    assert done.returncode == 0, done.stderr
    assert f"模型已在本机：{folder}" in done.stdout
    assert done.stderr.startswith("load 0.0/")
    assert done.stderr.endswith("kB, file 12 of 12\n")
    assert done.stderr.count("\n") == 2
    hub.asked.clear()
    report = run_json("download", "zai-org/Glyph", environment={**environment, "HF_ENDPOINT": "http://127.0.0.1:1"})
    assert report == {"model": "zai-org/Glyph", "folder": str(folder), "downloaded": False}
    assert not hub.asked


def test_ctrl_c_leaves_what_is_there_and_says_how_to_go_on(hub, environment, tmp_path):
    hub.pace = 0.02
    command = [sys.executable, "-m", "glyph_demo", "download"]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "/" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command goes on" in complaints
    assert "Traceback" not in complaints
    hub.pace = 0.0
    assert run("download", environment=environment).returncode == 0


def test_a_name_that_is_no_model_is_said_in_both_languages(environment):
    for name in ("no model", "random:glyph"):
        error = run_json("download", name, exit_code=2, environment=environment)["error"]
        assert error["code"] == "model_missing"


def test_the_source_is_a_setting(hub, environment, tmp_path):
    environment |= {"HF_ENDPOINT": "http://127.0.0.1:1", "MODELSCOPE_ENDPOINT": hub.address}
    environment |= {"GLYPH_DEMO_MODEL_SOURCE": "modelscope"}
    assert run_json("download", environment=environment)["downloaded"]
    assert all("/api/v1/models/ZhipuAI/Glyph/" in line for line in hub.asked)


def test_an_engine_that_is_closed_while_its_model_is_downloaded_does_not_wait_for_the_rest(hub, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HOME", str(tmp_path))
    hub.pace = 0.05
    engine = LoadingEngine(load_settings(flags={"engine": "local", "model": "zai-org/Glyph", "model_source": "hub"}))
    for _ in range(600):
        if engine.loading is not None:
            break
        time.sleep(0.1)
    engine.close()
    assert hub.sent < sum(path.stat().st_size for path in hub.folder.glob("*.safetensors"))
