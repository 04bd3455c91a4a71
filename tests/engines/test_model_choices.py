"""What each model needs of a machine, on machines made up."""

import platform
from dataclasses import replace
from pathlib import Path

import pytest

from glyph_demo import engines
from glyph_demo.engines.model_choices import choice_of, gb, known_weights, model_choices, needs, resources
from glyph_demo.engines.registry import ENGINES
from glyph_demo.errors import Message
from glyph_demo.models import budget
from glyph_demo.models.on_machine import UNFINISHED
from glyph_demo.settings import load_settings
from tests.machines import machine

GLYPH = next(choice for choice in model_choices() if choice.key == "glyph")


@pytest.fixture(autouse=True)
def no_other_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(budget, "can_quantise", lambda: True)


@pytest.mark.parametrize(("card", "precision"), [(12, "int4"), (16, "int8"), (24, "fp16"), (80, "fp16")])
def test_a_model_that_fits_the_card_says_in_what_it_runs_and_what_it_downloads(card, precision):
    found = needs(GLYPH, load_settings(), machine(card))
    assert (found.missing, found.slow, found.download) == ({}, False, 20_600_000_000)
    for said in found.fits:
        assert "RTX 4090" in said
        assert precision in said
        assert "NVIDIA" not in said


@pytest.mark.parametrize(("key", "size", "card"), [("qwen-2b", "4.3 GB", 16), ("qwen-8b", "17.5 GB", 32)])
def test_qwen3vl_is_weighed_by_its_own_shape(key, size, card):
    choice = next(choice for choice in model_choices() if choice.key == key)
    settings = load_settings(flags={"model": choice.model})
    found = needs(choice, settings, machine(card))
    assert gb(found.download) == size
    assert "it runs in fp16" in found.fits.en
    fitting = engines.fit_on_card(machine(card).card, settings)
    assert f"about {fitting.tokens // 877} pages" in found.fits.en
    fp16 = load_settings(flags={"model": choice.model, "inference.precision": "fp16"})
    assert f"the weights alone take {size}" in needs(choice, fp16, machine(3)).missing["gpu"].en


def test_a_card_that_is_too_small_is_what_is_missing_with_what_the_weights_take():
    found = needs(GLYPH, load_settings(), machine(8))
    assert list(found.missing) == ["gpu"]
    for said in found.missing["gpu"]:
        assert "8.3 GB" in said, "what is free"
        assert "8.6 GB" in said, "what the weights take in int4"
    int8 = needs(GLYPH, load_settings(flags={"inference.precision": "int8"}), machine(12))
    assert "int8" in int8.missing["gpu"].en


def test_a_card_that_torch_cannot_use_says_why():
    why = Message("The driver is too old.", "驱动过旧。")
    assert needs(GLYPH, load_settings(), machine(24, trouble=why)).missing == {"gpu": why}


@pytest.mark.parametrize(
    ("memory", "precision", "flags", "lacks"),
    [
        (8, "auto", "", ["gpu", "memory"]),
        (8, "auto", "amx_bf16", ["gpu", "memory"]),
        (22, "auto", "", ["memory"]),  # bf16 would do
        (22, "auto", "amx_bf16", []),
        (22, "fp32", "amx_bf16", ["memory"]),
        (22, "bf16", "", []),
        (30, "fp32", "", []),
        (64, "auto", "", []),
        (64, "fp32", "", []),
    ],
)
def test_without_a_card_memory_decides_and_it_is_slow(monkeypatch, tmp_path, memory, precision, flags, lacks):
    (tmp_path / "cpuinfo").write_text(f"flags\t: avx2 {flags}\n")
    monkeypatch.setattr("glyph_demo.models.memory.PROCESSOR", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    found = needs(GLYPH, load_settings(flags={"inference.precision": precision}), machine(memory=memory))
    assert list(found.missing) == lacks
    assert found.slow
    if lacks:
        assert f"{memory}.0 GB" in found.missing["memory"].en
        assert f"{memory}.0 GB" in found.missing["memory"].zh
        assert ("Choose the precision bf16" in found.missing["memory"].en) == (memory == 22)


def test_a_processor_that_keeps_no_weights_in_16_bits_needs_more(monkeypatch):
    settings = load_settings(flags={"inference.precision": "fp32"})
    compiled = replace(settings, inference=replace(settings.inference, decode="compiled"))
    monkeypatch.setattr("glyph_demo.models.memory.PROCESSOR", Path("nowhere"))
    for kind, asked, lacks in (
        ("x86_64", settings, []),
        ("x86_64", compiled, ["memory"]),
        ("arm64", settings, ["memory"]),
    ):
        monkeypatch.setattr(platform, "machine", lambda kind=kind: kind)
        assert list(needs(GLYPH, asked, machine(memory=30)).missing) == lacks


def test_a_disk_that_is_too_full_is_missing_beside_all_else():
    found = needs(GLYPH, load_settings(), machine(8, disk=3))
    assert list(found.missing) == ["gpu", "disk"]
    for said in found.missing["disk"]:
        assert "20.8 GB" in said
        assert "3.0 GB" in said
        assert "/data" in said


def test_a_download_that_was_begun_is_only_gone_on_with():
    settings = load_settings()
    folder = settings.cache_path / "models" / "zai-org--Glyph"
    folder.mkdir(parents=True)
    (folder / "model.safetensors.part").write_bytes(b"x" * 600)
    assert needs(GLYPH, settings, machine(24)).download == 20_600_000_000
    (folder / UNFINISHED).touch()
    assert needs(GLYPH, settings, machine(24)).download == 20_600_000_000 - 600


def test_what_is_here_downloads_nothing_and_needs_no_disk(monkeypatch):
    monkeypatch.setattr("glyph_demo.engines.model_choices.weights_here", lambda settings: Path("/models/glyph"))
    found = needs(GLYPH, load_settings(), machine(24, disk=0))
    assert (found.download, found.missing) == (0, {})


@pytest.mark.parametrize("key", ["pocket", "server"])
def test_the_embedded_engine_and_a_server_need_nothing(key):
    choice = next(choice for choice in model_choices() if choice.key == key)
    found = needs(choice, load_settings(), machine(memory=1, disk=0))
    assert (found.download, found.missing, found.slow) == (0, {}, False)


def test_of_a_model_that_people_name_nobody_knows_what_it_downloads(tmp_path):
    folder = next(choice for choice in model_choices() if choice.key == "folder")
    assert needs(folder, load_settings(flags={"model": "some/body"}), machine()).download is None
    assert needs(folder, load_settings(flags={"model": str(tmp_path)}), machine()).download == 0


@pytest.mark.parametrize(
    ("engine", "model", "key"),
    [
        ("pocket", "auto", "pocket"),
        ("local", "auto", "glyph"),
        ("local", "zai-org/Glyph", "glyph"),
        ("local", "zai-org/GLM-4.6V-Flash", "flash"),
        ("local", "Qwen/Qwen3-VL-4B-Instruct", "qwen-4b"),
        ("local", "/models/mine", "folder"),
        ("remote", "auto", "server"),
        ("remote", "served", "server"),
    ],
)
def test_the_engine_of_the_settings_is_one_of_the_choices(engine, model, key):
    assert choice_of(replace(load_settings(), engine=engine, model=model)).key == key


def test_every_engine_of_the_registry_can_be_chosen():
    assert {choice.engine for choice in model_choices()} == set(ENGINES)


def test_this_machine_has_memory_and_a_disk_and_what_torch_says_of_its_card(monkeypatch):
    monkeypatch.setattr("glyph_demo.gpu.gpus", list)
    found = resources(load_settings())
    assert found.card is found.trouble is None
    assert 0 < found.memory_free <= found.memory
    assert found.disk_free > 0
    assert found.disk.exists(), "of a folder that is made later it is that above"
    card = machine(24).card
    monkeypatch.setattr("glyph_demo.gpu.gpus", lambda: [card])
    monkeypatch.setattr(engines, "without_cuda", lambda card: None)
    assert resources(load_settings()).card is card


def test_of_every_known_model_it_is_told_how_much_is_here(monkeypatch):
    settings = load_settings()
    assert [one.state for one in known_weights(settings)] == ["absent"] * 6
    folder = settings.cache_path / "models" / "zai-org--Glyph"
    folder.mkdir(parents=True)
    (folder / UNFINISHED).write_bytes(b"x" * 700)
    glyph, *_ = known_weights(settings)
    assert (glyph.model, glyph.state, glyph.nbytes, glyph.size) == ("zai-org/Glyph", "begun", 700, 20_600_000_000)
    monkeypatch.setattr("glyph_demo.engines.model_choices.weights_here", lambda settings: folder)
    assert {one.state for one in known_weights(settings)} == {"here"}
    assert str(folder) in known_weights(settings)[0].said.zh
