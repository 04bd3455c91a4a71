"""Weights that are on this machine already, and the disk that they are kept on."""

import json
import resource
import shutil
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from glyph_demo.models import download
from glyph_demo.models.base import untold
from glyph_demo.models.download import fetched
from glyph_demo.models.on_machine import find_on_machine, own_folder
from tests.models.download.asking import GLYPH, key_of, largest, refused, same
from tests.models.hubs import COMMIT, CUT


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
        assert go_on.wait(120)

    first = threading.Thread(target=fetched, args=[GLYPH, tmp_path, slow, "hub"])
    first.start()
    assert begun.wait(120)
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
