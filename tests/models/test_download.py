"""Weights from hubs on this machine, through the real clients, and whatever can happen on the way."""

import json
import resource
import shutil
import socket
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from glyph_demo.errors import EngineError
from glyph_demo.models import download, sources
from glyph_demo.models.base import untold
from glyph_demo.models.download import fetched
from glyph_demo.models.on_machine import UNFINISHED, find_on_machine, own_folder
from tests.models.hubs import COMMIT, CUT, serving

GLYPH = "zai-org/Glyph"


@pytest.fixture(scope="module")
def folder(checkpoint_of):
    return checkpoint_of(shard="400KB")


@pytest.fixture(autouse=True)
def online(monkeypatch, tmp_path):
    """No cache of the developer's, no proxy, no token, short pauses, and the hub's client not offline."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "MODELSCOPE_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sources, "PAUSE", 0.01)


@pytest.fixture
def hub(folder, monkeypatch):
    with serving(folder) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        yield served


@pytest.fixture
def modelscope(folder, monkeypatch):
    with serving(folder) as served:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", served.address)
        yield served


def nobody():
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def same(found, folder):
    """Whether all files of a checkpoint are there, and nothing else."""
    assert {p.name: p.read_bytes() for p in found.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}
    return True


def largest(folder):
    return max(folder.glob("*.safetensors"), key=lambda path: path.stat().st_size).name


def refused(cache, source="hub", model=GLYPH, report=untold):
    with pytest.raises(EngineError) as caught:
        fetched(model, cache, report, source)
    assert caught.value.message.en.endswith(".")
    assert caught.value.message.zh.endswith("。")
    return caught.value


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


def key_of(hub, modelscope):
    return f"{GLYPH} {hub.address} {modelscope.address}"


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
    assert [line.split()[0] for line in hub.asked] == ["HEAD"]


def test_when_a_source_fails_in_the_middle_the_other_gives_the_rest(hub, modelscope, folder, tmp_path):
    (tmp_path / "source").write_text(key_of(hub, modelscope) + "\nhub")
    sizes = sorted(path.stat().st_size for path in folder.glob("*.safetensors"))
    hub.down_after = sum(sizes[:2])
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


def cached_by_the_hub_s_client(folder, cache):
    snapshot = cache / "models--zai-org--Glyph" / "snapshots" / COMMIT
    shutil.copytree(folder, snapshot)
    refs = cache / "models--zai-org--Glyph" / "refs"
    refs.mkdir()
    (refs / "main").write_text(COMMIT)
    return snapshot


PLACES = {
    "the hub's": ({}, "home/.cache/huggingface/hub"),
    "HF_HOME": ({"HF_HOME": "hf"}, "hf/hub"),
    "HF_HUB_CACHE": ({"HF_HUB_CACHE": "cached"}, "cached"),
    "our own of the hub's client": ({}, "cache/hub"),
}
MODELSCOPE_PLACES = {
    "new": ({}, "home/.cache/modelscope/hub/models/ZhipuAI/Glyph"),
    "old": ({}, "home/.cache/modelscope/hub/ZhipuAI/Glyph"),
    "set": ({"MODELSCOPE_CACHE": "ms"}, "ms/models/ZhipuAI/Glyph"),
    "set, old": ({"MODELSCOPE_CACHE": "ms"}, "ms/ZhipuAI/Glyph"),
    "set, with hub": ({"MODELSCOPE_CACHE": "ms"}, "ms/hub/models/ZhipuAI/Glyph"),
}


@pytest.mark.parametrize("place", [*PLACES, *MODELSCOPE_PLACES])
def test_what_another_program_has_downloaded_is_used_without_a_request(
    place, hub, modelscope, folder, tmp_path, monkeypatch
):
    variables, where = (PLACES | MODELSCOPE_PLACES)[place]
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    if place in PLACES:
        there = cached_by_the_hub_s_client(folder, tmp_path / where)
    else:
        there = Path(shutil.copytree(folder, tmp_path / where))
    assert fetched(GLYPH, tmp_path / "cache", untold) == there
    assert not hub.asked + modelscope.asked
    weights = there / largest(folder)
    weights.write_bytes(weights.read_bytes()[:-1])
    assert fetched(GLYPH, tmp_path / "cache", untold) == own_folder(GLYPH, tmp_path / "cache")


def test_dots_of_a_name_are_spelt_as_modelscope_s_client_spells_them(folder, tmp_path):
    there = tmp_path / "home" / ".cache" / "modelscope" / "hub" / "models" / "ZhipuAI" / "GLM-4___6V-Flash"
    shutil.copytree(folder, there)
    assert find_on_machine("zai-org/GLM-4.6V-Flash", tmp_path) == there


INDEX = "model.safetensors.index.json"
DAMAGED = [
    (INDEX, b'{"weight_map": []}'),
    (INDEX, b'{"weight_map": {"a": 1}}'),
    (INDEX, b'{"weight_map": {"a": ["x"]}}'),
    ("config.json", b'{"a":' * 100_000),
    ("weights", {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}),
    ("weights", {"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 0]}}),
    ("weights", b'{"a":' * 100_000),
]


@pytest.mark.parametrize(("name", "content"), DAMAGED)
def test_a_folder_with_a_damaged_file_is_not_whole(name, content, folder, tmp_path):
    own = Path(shutil.copytree(folder, own_folder(GLYPH, tmp_path)))
    assert find_on_machine(GLYPH, tmp_path) == own
    (own / (largest(folder) if name == "weights" else name)).write_bytes(
        with_header(content) if name == "weights" else content
    )
    assert find_on_machine(GLYPH, tmp_path) is None


def with_header(header):
    """A safetensors file without data."""
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header


def test_weights_of_a_type_that_cannot_be_read_are_here_all_the_same(hub, folder, tmp_path):
    own = Path(shutil.copytree(folder, own_folder(GLYPH, tmp_path)))
    weights = own / min(path.name for path in folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes().replace(b'"dtype":"F32"', b'"dtype":"I32"'))
    assert fetched(GLYPH, tmp_path, untold, "hub") == own
    assert not hub.asked
    last = own / max(path.name for path in folder.glob("*.safetensors"))
    last.write_bytes(last.read_bytes()[:-1])
    assert find_on_machine(GLYPH, tmp_path) is None, "the other files are looked at too"


def test_files_of_an_older_version_do_not_stay_beside_the_new_ones(checkpoint_of, hub, folder, tmp_path):
    hub.folder = checkpoint_of()
    own = Path(shutil.copytree(folder, own_folder(GLYPH, tmp_path)))
    (own / largest(folder)).rename(own / f"{largest(folder)}.part")
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), hub.folder)
    assert find_on_machine(GLYPH, tmp_path) == own


Disk = namedtuple("Disk", "total used free")


def test_a_disk_without_room_is_told_in_numbers_before_anything_is_fetched(hub, folder, tmp_path, monkeypatch):
    needed = sum(path.stat().st_size for path in folder.iterdir()) + download.SPARE_DISK
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(0, 0, needed - 1))
    error = refused(tmp_path)
    assert error.code == "disk_full"
    assert error.message.en.count("0.2 GB") == 2
    assert all(line.startswith("GET /api/models/") for line in hub.asked)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(0, 0, needed))
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)


def test_what_is_there_needs_no_room_again(hub, folder, tmp_path, monkeypatch):
    own = own_folder(GLYPH, tmp_path)
    own.mkdir(parents=True)
    shutil.copy(folder / largest(folder), own / f"{largest(folder)}.part")
    rest = sum(path.stat().st_size for path in folder.iterdir() if path.name != largest(folder))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(0, 0, rest + download.SPARE_DISK))
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)


def test_a_disk_that_fills_up_on_the_way_is_told(hub, folder, tmp_path):
    own = own_folder(GLYPH, tmp_path)
    own.mkdir(parents=True)
    (own / f"{largest(folder)}.part").symlink_to("/dev/full")
    error = refused(tmp_path)
    assert error.code == "disk_full"
    assert "cache_dir" in error.message.en


def test_a_file_that_cannot_be_written_is_not_taken_for_a_fault_of_the_network(hub, modelscope, folder, tmp_path):
    (tmp_path / "source").write_text(key_of(hub, modelscope) + "\nhub")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CUT, before[1]))
    try:
        error = refused(tmp_path, "auto")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.code == "cannot_write"
    assert "File too large" in error.message.en
    assert "cache_dir" in error.message.zh
    assert not modelscope.asked


@pytest.mark.parametrize("waits_for", ["the list", "the weights"])
@pytest.mark.parametrize("source", ["hub", "modelscope"])
def test_a_download_is_cancelled_while_a_server_makes_it_wait(source, waits_for, hub, modelscope, folder, tmp_path):
    class Cancelled(Exception):
        pass

    served, name = hub if source == "hub" else modelscope, largest(folder)
    served.refuse, served.retry_after = {"" if waits_for == "the list" else name: [503]}, 3
    own = Path(shutil.copytree(folder, own_folder(GLYPH, tmp_path)))
    (own / name).unlink()
    told = []

    def cancel(*step):
        told.extend(line for line in served.asked[-1:] if waits_for == "the list" or line.endswith(name))
        if len(told) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetched(GLYPH, tmp_path, cancel, source)
    assert len([line for line in served.asked if line.endswith(name) or waits_for == "the list"]) == 1


def test_what_another_process_has_just_ended_is_not_downloaded_again(hub, folder, tmp_path, monkeypatch):
    alone = download._alone

    def after_another(own, model):
        shutil.copytree(folder, own)
        return alone(own, model)

    monkeypatch.setattr(download, "_alone", after_another)
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)
    assert not hub.asked
    assert find_on_machine(GLYPH, tmp_path) is not None


def test_two_processes_do_not_write_the_same_files(hub, folder, tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def slow(done, total, file=0, files=0):
        begun.set()
        go_on.wait(30)

    first = threading.Thread(target=fetched, args=[GLYPH, tmp_path, slow, "hub"])
    first.start()
    begun.wait(30)
    assert refused(tmp_path).code == "model_busy"
    go_on.set()
    first.join()
    assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)


def test_a_proxy_is_gone_through(hub, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("HTTP_PROXY", hub.address)
    import huggingface_hub

    huggingface_hub.close_session()
    try:
        assert same(fetched(GLYPH, tmp_path, untold, "hub"), folder)
    finally:
        huggingface_hub.close_session()
    assert any("http://hub.invalid/" in line for line in hub.asked)
