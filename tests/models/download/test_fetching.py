"""Weights from hubs on this machine, through the real clients, and whatever can happen on the way."""

import shutil
import socket
import time

import pytest

from glyph_demo.models import sources
from glyph_demo.models.base import untold
from glyph_demo.models.download import fetched
from glyph_demo.models.on_machine import UNFINISHED, find_on_machine, own_folder
from tests.models.download.asking import GLYPH, key_of, largest, nobody, refused, same
from tests.models.hubs import CUT, serving

pytestmark = pytest.mark.slow  # the hubs serve a checkpoint that is made by a model


@pytest.mark.parametrize("source", ["hub", "modelscope"])
def test_a_checkpoint_comes_whole_from_either_source_and_is_asked_for_once(
    source, hub, modelscope, folder, tmp_path, monkeypatch
):
    steps = []
    found = fetched(GLYPH, tmp_path, lambda *step: steps.append(step), source)
    assert same(found, folder)
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert steps[-1][:2] == (total, total)
    assert [done for done, *_ in steps] == sorted(done for done, *_ in steps)
    asked, silent = (hub, modelscope) if source == "hub" else (modelscope, hub)
    assert not silent.asked
    asked.asked.clear()
    assert fetched(GLYPH, tmp_path, untold, source) == found
    assert not asked.asked, "the second time there is no request at all"


def test_modelscope_is_asked_for_the_name_that_the_model_has_there(modelscope, tmp_path):
    fetched(GLYPH, tmp_path, untold, "modelscope")
    assert {line.split()[1].partition("/repo")[0] for line in modelscope.asked} == {"/api/v1/models/ZhipuAI/Glyph"}
    fetched("some/Other", tmp_path, untold, "modelscope")
    assert "/api/v1/models/some/Other/repo" in modelscope.asked[-1]


@pytest.mark.parametrize("source", ["hub", "modelscope"])
def test_a_file_whose_connection_is_cut_five_times_is_gone_on_with_and_whole(source, hub, modelscope, folder, tmp_path):
    served = hub if source == "hub" else modelscope
    served.cuts = {largest(folder): 5}
    assert same(fetched(GLYPH, tmp_path, untold, source), folder)
    ranges = sorted(int(line.split("bytes=")[1].rstrip("-")) for line in served.asked if "bytes=" in line)
    assert ranges == [CUT * i for i in range(1, 6)]


def test_a_server_that_knows_no_ranges_sends_the_whole_file_again(hub, folder, tmp_path):
    hub.cuts, hub.ignores_range = {largest(folder): 2}, True
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)


def test_what_was_stopped_goes_on_where_it_was(hub, folder, tmp_path):
    class Stopped(Exception):
        pass

    def stop(done, total, file=0, files=0):
        if total and done > total / 2:
            raise Stopped

    with pytest.raises(Stopped):
        fetched(GLYPH, tmp_path, stop, "hub")
    own = own_folder(GLYPH, tmp_path)
    kept = sum(path.stat().st_size for path in own.iterdir())
    assert kept > 0
    assert find_on_machine(GLYPH, tmp_path) is None, "what is not whole is not taken for a checkpoint"
    hub.sent = 0
    whole = {path.name for path in own.iterdir() if path.suffix != ".part"} - {UNFINISHED}
    hub.asked.clear()
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)
    assert hub.sent < sum(path.stat().st_size for path in folder.iterdir())
    assert not any(line.endswith(name) for line in hub.asked for name in whole)


def test_a_part_of_another_version_is_not_built_on(hub, folder, tmp_path):
    own = own_folder(GLYPH, tmp_path)
    own.mkdir(parents=True)
    (own / f"{largest(folder)}.part").write_bytes(b"of another version" * 1000)
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)


@pytest.mark.parametrize("name", ["the weights", "tokenizer.json"])
@pytest.mark.parametrize("source", ["hub", "modelscope"])
def test_a_corrupt_file_is_named_and_not_kept(source, name, hub, modelscope, folder, tmp_path):
    name = largest(folder) if name == "the weights" else name
    for served in (hub, modelscope):
        served.corrupt = {name}
    error = refused(tmp_path, source)
    assert error.code == "model_corrupt"
    assert name in error.message.en
    assert name in error.message.zh
    assert "model_source" in error.message.en
    own = own_folder(GLYPH, tmp_path)
    assert not (own / name).exists()
    assert not (own / f"{name}.part").exists()


def test_a_corrupt_file_of_one_source_comes_from_the_other(hub, modelscope, folder, tmp_path):
    hub.corrupt = {largest(folder)}
    (tmp_path / "source").write_text(key_of(hub, modelscope) + "\nhub")
    assert same(fetched(GLYPH, tmp_path), folder)
    assert any("GET" in line and largest(folder) in line for line in hub.asked)


@pytest.mark.parametrize("more", [-7, 7])
def test_a_file_of_another_size_than_announced_is_named(more, hub, folder, tmp_path):
    name = largest(folder)
    hub.sizes = {name: (folder / name).stat().st_size + more}
    error = refused(tmp_path)
    assert error.code == "model_unreachable"
    assert name in error.message.en


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "..\\evil.json", ".."])
@pytest.mark.parametrize("source", ["hub", "modelscope"])
def test_a_name_that_leads_out_of_the_folder_is_refused(source, name, hub, modelscope, tmp_path):
    for served in (hub, modelscope):
        served.names = [name]
    error = refused(tmp_path / "cache", source)
    assert error.code == "model_unreachable"
    assert not list(tmp_path.rglob("*evil*"))


def test_only_what_a_checkpoint_needs_is_asked_for(hub, folder, tmp_path):
    hub.names = ["modeling_evil.py", "pytorch_model.bin", "sub/config.json", ".hidden.json", "README.md"]
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("source", ["hub", "modelscope", "auto"])
def test_a_model_that_is_nowhere_is_named_and_leaves_nothing(source, status, hub, modelscope, tmp_path):
    for served in (hub, modelscope):
        served.refuse = {"": [status], "config.json": [status]}
    error = refused(tmp_path, source, "no/such-model")
    assert error.code == "model_missing"
    assert "no/such-model" in error.message.zh
    assert not own_folder("no/such-model", tmp_path).exists()


@pytest.mark.parametrize("source", ["hub", "modelscope"])
def test_a_busy_server_is_asked_again(source, hub, modelscope, folder, tmp_path):
    served = hub if source == "hub" else modelscope
    served.refuse = {"": [429, 429], largest(folder): [429, 429]}
    assert same(fetched(GLYPH, tmp_path, untold, source), folder)


def test_a_server_that_stays_busy_is_given_up(hub, tmp_path):
    hub.refuse = {"": [503]}
    error = refused(tmp_path)
    assert error.code == "model_unreachable"
    assert "HTTP 503" in error.message.en


def test_a_source_that_never_answers_is_given_up(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "TIMEOUT", 0.1)
    monkeypatch.setattr(sources, "PROBE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, serving(folder) as well:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", well.address)
        error = refused(tmp_path)
        assert error.code == "model_unreachable"
        assert "Timeout" in error.message.en
        monkeypatch.setattr(sources, "TIMEOUT", 30.0)
        monkeypatch.setattr(sources, "PROBE_SECONDS", 3.0)
        assert same(fetched(GLYPH, tmp_path), folder)


def test_of_two_sources_the_one_that_answers_is_taken_and_remembered(modelscope, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", nobody())
    assert same(fetched(GLYPH, tmp_path), folder)
    assert (tmp_path / "source").read_text().endswith("\nmodelscope")
    shutil.rmtree(own_folder(GLYPH, tmp_path))
    modelscope.asked.clear()
    fetched(GLYPH, tmp_path)
    assert not any(line.startswith("HEAD") for line in modelscope.asked), "neither is asked again on the same day"


def test_another_mirror_is_asked_anew(hub, modelscope, tmp_path):
    (tmp_path / "source").write_text("other addresses\nmodelscope")
    assert sources.sources("auto", GLYPH, tmp_path)
    while not hub.asked:  # the other one may have answered first
        time.sleep(0.01)
    assert [line.split()[0] for line in hub.asked] == ["HEAD"]


def test_when_a_source_fails_in_the_middle_the_other_gives_the_rest(hub, modelscope, folder, tmp_path):
    (tmp_path / "source").write_text(key_of(hub, modelscope) + "\nhub")
    # Less than any of the files: they are fetched at once, and together would come whole.
    hub.down_after = min(path.stat().st_size for path in folder.glob("*.safetensors")) // 2
    assert same(fetched(GLYPH, tmp_path), folder)
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert modelscope.sent < total
    assert hub.sent > 0
    assert any("safetensors" in line for line in modelscope.asked)


def test_a_mirror_may_send_on_to_where_files_lie_without_the_token(hub, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with serving(folder) as storage:
        hub.redirect = storage.address
        assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)
        assert set(hub.tokens) == {"Bearer hf_secret"}
        assert storage.asked
        assert not storage.tokens


def test_modelscope_never_sees_the_hub_s_token(modelscope, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetched(GLYPH, tmp_path, untold, "modelscope")
    assert not modelscope.tokens
