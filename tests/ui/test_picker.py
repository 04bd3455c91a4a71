"""Choosing a model: what is shown of each, who may name a server, and what becomes of a key."""

import json
import os
from dataclasses import replace

import gradio as gr
import pytest

from glyph_demo.engines.model_choices import Resources, model_choices
from glyph_demo.engines.remote.presets import PRESETS
from glyph_demo.errors import EngineError
from glyph_demo.gpu import Gpu
from glyph_demo.models import budget
from glyph_demo.settings import load_settings
from glyph_demo.ui.blocks import build
from glyph_demo.ui.handlers import Handlers
from glyph_demo.windows.collection import Windows
from tests.engines.stub_server import serving
from tests.fakes import FakeEngine
from tests.ui.handling import final, use

CARD = Gpu("NVIDIA GeForce RTX 4090", 24 << 30, int(23.7 * 2**30), "580.1", "13.0")


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A function that says what the machine has. At first that is a card with room for Glyph."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(budget, "can_quantise", lambda: True)

    def has(card=CARD, memory=64, disk=100):
        here = Resources(card, None, memory * 10**9, memory * 10**9, tmp_path, disk * 10**9)
        monkeypatch.setattr("glyph_demo.ui.picker_view.resources", lambda settings: here)

    has()
    return has


@pytest.fixture
def made(on):
    """The settings of the engines that were made."""
    settings = []

    def make(wanted):
        settings.append(wanted)
        engine = FakeEngine()
        engine.name = "pocket" if wanted.engine == "auto" else wanted.engine
        return engine

    on.windows.switch._make = make
    return settings


def handlers(components, examples, **flags):
    """Handlers of a window with these settings."""
    windows = Windows(FakeEngine(), load_settings(flags={name.replace("__", "."): v for name, v in flags.items()}))
    return Handlers(windows, components, examples)


def choose(on, choice, folder="", precision="auto"):
    return on.picker.choose("tab", choice, folder, "", "", "", precision)


def typed(on, folder):
    """What is shown of the model that the field for a folder names."""
    return on.picker.typed("tab", "folder", str(folder), "", "", "", "auto")[on.ui.picked]


def connection(on, address):
    """What "Test connection" shows in the end."""
    *_, last = on.picker.test("tab", "server", "", address, "", "", "auto")
    return last


def model_folder(folder, config='{"model_type": "glm4v"}'):
    """A model of 20 GB, whose weights are a hole that takes no room."""
    folder.mkdir()
    (folder / "config.json").write_text(config)
    (folder / "model.safetensors").touch()
    os.truncate(folder / "model.safetensors", 20 * 10**9)
    return folder


def names(updates, on):
    return dict((key, label) for label, key in updates[on.ui.choice]["choices"])


def test_every_choice_says_its_size_and_whether_it_fits_in_both_languages(on, machine):
    shown = names(on.picker.overview("tab"), on)
    assert list(shown) == ["pocket", "glyph", "flash", "thinking", "qwen-2b", "qwen-4b", "qwen-8b", "folder", "server"]
    assert shown["pocket"] == "pocket · fits"
    assert shown["glyph"] == "Glyph · 20.6\xa0GB · fits"
    assert shown["server"] == "A server"
    machine(card=None, memory=8, disk=3)
    assert names(on.picker.overview("tab"), on)["glyph"] == "Glyph · 20.6\xa0GB · lacks a GPU, memory, disk space"
    machine(card=None)
    assert names(choose(on, "pocket"), on)["flash"].endswith("slow here")
    chinese = names(on.change_language("tab", "zh"), on)
    assert chinese["flash"].endswith("在本机较慢")


def test_a_model_that_fits_says_how_long_a_page_and_a_token_would_take(on, machine):
    machine(card=None)
    assert "Estimated here: " in str(choose(on, "qwen-2b")[on.ui.picked])
    machine(card=None, memory=4)
    assert "Estimated" not in str(choose(on, "qwen-2b")[on.ui.picked])


@pytest.mark.slow
def test_a_folder_says_its_size_and_whether_it_fits_as_soon_as_it_is_named(on, machine, tmp_path):
    folder = model_folder(tmp_path / "mine")
    shown = typed(on, folder)
    assert "On this machine, 20.0 GB: nothing to download." in shown
    assert "RTX 4090: it runs in fp16" in shown
    assert "Use it" in shown
    machine(card=None, memory=8)
    lacking = choose(on, "folder", str(folder))[on.ui.picked]
    assert "There is no NVIDIA card here." in lacking
    assert "Try it anyway" in lacking
    on.change_language("tab", "zh")
    assert "已在本机（20.0 GB），无需下载。" in typed(on, folder)
    (folder / "model.safetensors").unlink()
    assert "20.0" not in typed(on, folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[" * 100_000,
        '{"model_type": ["glm4v"]}',
        '{"model_type": "llama"}',
        '{"model_type": "glm4v", "text_config": {"num_hidden_layers": 0}}',
        '{"model_type": "glm4v", "text_config": {"hidden_size": 1' + "0" * 400 + "}}",
        '{"model_type": "glm4v", "text_config": 3}',
        '{"model_type": "glm4v"}' + " " * (8 << 20),
    ],
    ids=["cut", "deep", "odd kind", "other kind", "no layers", "no such number", "no text model", "too long"],
)
def test_of_a_folder_with_a_config_that_is_no_use_nothing_is_said_of_fit(on, tmp_path, config):
    folder = model_folder(tmp_path / "mine", config)
    assert typed(on, folder) == typed(on, tmp_path)
    assert "Use it" in typed(on, folder)


@pytest.mark.slow
def test_a_config_with_a_billion_labels_is_read_as_fast_as_any(on, tmp_path):
    config = json.dumps({"model_type": "glm4v", **(many := {"num_labels": 10**9}), "text_config": many})
    assert "20.0 GB" in typed(on, model_folder(tmp_path / "mine", config))


def test_a_folder_that_is_none_or_not_whole_leaves_the_picker_as_it_is(on, tmp_path):
    plain = typed(on, "")
    os.mkfifo(tmp_path / "config.json")
    for name in (tmp_path, "~nobody/x", "a" * 400, "a/" + "b" * 400, "a\0b"):
        assert typed(on, name) == plain, name


def test_a_choice_is_only_looked_at_until_a_button_is_pressed(on, made):
    updates = choose(on, "glyph")
    assert "RTX 4090: it runs in fp16" in updates[on.ui.picked]
    assert "Download 20.6 GB and use it" in updates[on.ui.picked]
    assert made == []
    assert "In use." in choose(on, "pocket")[on.ui.picked]
    assert "data-act" not in choose(on, "pocket")[on.ui.picked]


def test_what_does_not_fit_is_not_downloaded_but_looked_at_again(on, machine):
    machine(disk=3)
    lacking = choose(on, "glyph")[on.ui.picked]
    assert "20.8 GB" in lacking
    assert "data-act='download'" not in lacking
    machine()
    (again,) = use(on, "glyph", act="look")
    assert "data-act='download'" in again[on.ui.picked]


def test_a_download_is_confirmed_with_where_from_and_where_to(on, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    monkeypatch.setattr(on.windows.download, "start", pytest.fail)
    (asked,) = use(on, "glyph", act="download")
    assert "mirror.example" in asked[on.ui.picked]
    assert str(on.windows.settings.cache_path / "models") in asked[on.ui.picked]
    assert "data-act='confirm'" in asked[on.ui.picked]
    assert "RTX 4090: it runs in fp16" in asked[on.ui.picked]


def test_a_model_that_is_not_named_is_asked_for(on, made):
    updates = use(on, "folder", "  ")
    assert "Write which model" in final(updates, on.ui.outcome)
    assert made == []


@pytest.mark.parametrize("choice", model_choices(), ids=lambda choice: choice.key)
def test_settings_that_an_engine_ignores_are_grey(on, made, choice):
    precision = choose(on, choice.key)[on.ui.precision]["interactive"]
    assert precision == (choice.engine == "local")
    on.windows.switch.choose_engine(replace(on.windows.settings, engine=choice.engine))
    shown = on._view.all_of_engine(on.windows.get("tab"))
    for component in (on.ui.thinking, on.ui.max_new_tokens, on.ui.temperature):
        assert shown[component]["interactive"] == (choice.engine != "pocket")
    assert ("Think first, Output length, Temperature" in shown[on.ui.engine]) == (choice.engine == "pocket")
    assert shown[on.ui.cache]["interactive"]
    assert shown[on.ui.choice]["value"] == {"local": "glyph"}.get(choice.engine, choice.key)


def test_the_header_names_engine_model_precision_and_device(on, made):
    engine, window = on.windows.switch.engine, on.windows.get("tab")
    assert "Engine: pocket · embedded · CPU (OCR" in on._view.labels(window)[on.ui.header]
    window.language = "zh"
    assert "引擎：pocket · 内置 · CPU（文字识别" in on._view.labels(window)[on.ui.header]
    engine.name, engine.label, engine.precision, engine.device = "local", "zai-org/Glyph", "int8", "RTX 4090"
    assert "local · zai-org/Glyph · int8 · RTX 4090<" in on._view.labels(window)[on.ui.header]


def test_another_precision_of_the_model_in_use_can_be_used(on, made):
    on.windows.switch.choose_engine(replace(on.windows.settings, engine="local"))
    assert "data-act='use'" not in choose(on, "glyph")[on.ui.picked]
    on.windows.switch.settings = replace(on.windows.settings, model="zai-org/Glyph")
    assert "In use" not in choose(on, "glyph", precision="int4")[on.ui.picked]


def test_a_folder_in_use_says_so_until_another_is_named(on, made):
    updates = use(on, "folder", "/mine")
    for shown in (final(updates, on.ui.picked), typed(on, "/mine"), choose(on, "folder", "/mine")[on.ui.picked]):
        assert "In use." in shown
        assert "data-act" not in shown
    for other in (typed(on, "/other"), typed(on, ""), choose(on, "folder", "/mine", "int4")[on.ui.picked]):
        assert "Use it" in other
        assert "In use." not in other


def test_an_engine_that_could_not_be_loaded_can_be_tried_again(on, made, monkeypatch):
    use(on, "folder", "/mine")

    def fails():
        raise EngineError("broken", "Broken.", "损坏。")

    monkeypatch.setattr(on.windows.switch.engine, "ready", fails)
    assert "Use it" in typed(on, "/mine")


@pytest.mark.slow
def test_a_server_in_use_says_so_until_another_address_model_or_key_is_named(on, made):
    def named(address, key="", served="another"):
        return on.picker.typed("tab", "server", "", address, key, served, "auto")[on.ui.picked]

    with serving([]) as stub:
        updates = use(on, "server", address=stub.url, key="sesame", served="another")
    assert "In use." in final(updates, on.ui.picked)
    assert "In use." in named(stub.url), "the page has not got the key"
    for other in (
        named(stub.url + "x"),
        named(stub.url.replace("//", "//me:sesame@")),
        named(stub.url, "other"),
        named(stub.url, served="served"),
    ):
        assert "Use it" in other
        assert "In use." not in other
    again = on.picker.choose("tab", "server", "", stub.url, "", "", "auto")
    assert again[on.ui.served]["value"] == "another", "a look at another choice has emptied the list"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_fills_the_address_in_and_says_what_to_start(on, preset):
    updates = on.picker.use_preset("tab", preset.name)
    assert updates[on.ui.address]["value"] == preset.url
    assert updates[on.ui.preset]["info"] == preset.start.en
    assert on.picker.use_preset("tab", ["x"]) == gr.skip()


@pytest.mark.slow
def test_a_server_is_tested_and_its_models_are_listed(on, made):
    with serving([]) as stub:
        updates = connection(on, stub.url)
    assert "serves 2 models" in updates[on.ui.outcome]
    assert updates[on.ui.served]["choices"] == ["served", "another"]
    assert updates[on.ui.served]["value"] == "served"
    with serving([]) as stub:
        stub.listed[1]["data"].pop()
        updates = connection(on, stub.url)
    assert "serves 1 model." in updates[on.ui.outcome]
    updates = connection(on, "http://127.0.0.1:9/v1")
    assert "No answer from" in updates[on.ui.outcome]
    assert not updates[on.ui.served]["visible"]
    assert made == []


@pytest.mark.slow
@pytest.mark.parametrize(("language", "said"), [("en", "Asking the server…"), ("zh", "正在询问服务器…")])
def test_people_are_told_that_a_server_is_asked_before_it_answers(on, language, said):
    on.change_language("tab", language)
    with serving([]) as stub:
        asking = on.picker.test("tab", "server", "", stub.url, "", "", "auto")
        assert said in next(asking)[on.ui.outcome]
        assert stub.keys == [], "it has not been asked yet"
        (last,) = asking
    assert said not in last[on.ui.outcome]


def test_a_server_that_answers_late_says_nothing_under_another_choice(on):
    with serving([]) as stub:
        asking = on.picker.test("tab", "server", "", stub.url, "", "", "auto")
        next(asking)
        on.picker.choose("tab", "pocket", "", "", "", "", "auto")
        assert list(asking) == []


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_not_used(on, made):
    updates = use(on, "server", address="http://127.0.0.1:9/v1")
    assert "No answer from" in final(updates, on.ui.outcome)
    assert final(updates, on.ui.address)["value"] == "http://127.0.0.1:9/v1", "to be mended"
    assert made == []
    assert on.windows.switch.engine.name == "pocket"


@pytest.mark.slow
def test_a_server_is_used_with_the_model_chosen_or_else_its_first_and_kept_without_its_key(on, made):
    with serving([]) as stub:
        updates = use(on, "server", address=stub.url, key="sesame")
        use(on, "server", address=stub.url, served="another")
    assert [(s.engine, s.model, s.remote.urls) for s in made] == [
        ("remote", "served", stub.url),
        ("remote", "another", stub.url),
    ]
    assert [s.remote.api_key for s in made] == ["sesame", "sesame"], "the page does not know it and sends none"
    assert "sesame" not in json.dumps([list(update.values()) for update in updates], default=str)
    assert "sesame" not in repr(on.windows.settings)
    kept = (on.windows.settings.cache_path / "engine.json").read_text()
    assert stub.url in kept
    assert "sesame" not in kept
    assert final(updates, on.ui.served)["value"] == "served"


@pytest.mark.slow
def test_a_model_that_a_server_does_not_list_is_refused(on, made):
    with serving([]) as stub:
        updates = use(on, "server", address=stub.url, served="of another server")
        assert "serves no model" in final(updates, on.ui.outcome)
        assert made == []
        stub.listed = (200, {"object": "list", "data": []})
        use(on, "server", address=stub.url, served="unlisted")
    assert [settings.model for settings in made] == ["unlisted"], "nothing says that it is not there"


@pytest.mark.slow
def test_the_models_of_a_server_are_listed_for_its_address_alone(on, made):
    with serving([]) as stub:
        use(on, "server", address=stub.url, served="another")
        assert on.picker.readdress("tab", stub.url)[on.ui.served]["value"] == "another", "it is in use"
    for updates in (
        on.picker.readdress("tab", "http://127.0.0.1:9/v1"),
        choose(on, "glyph"),
        *use(on, "server", address="http://127.0.0.1:9/v1")[-1:],
    ):
        shown = updates[on.ui.served]
        assert (shown["choices"], shown["value"], shown["visible"]) == ([], None, False)


@pytest.mark.slow
def test_the_key_of_one_server_is_not_sent_to_another(components, examples):
    on = handlers(components, examples, remote__urls="http://127.0.0.1:9/v1", remote__api_key="sesame")
    with serving([]) as stub:
        connection(on, stub.url)
    assert stub.keys == ["Bearer none"]
    on.windows.close_all()


def test_an_address_with_a_password_is_refused(on, made):
    updates = use(on, "server", address="http://me:sesame@127.0.0.1:8000/v1")
    assert "password" in final(updates, on.ui.outcome)
    assert "密码" in on.windows.get("tab").notice[0].zh
    assert "sesame" not in final(updates, on.ui.outcome)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [{"server__host": "0.0.0.0", "server__password": "p"}, {"server__auth": False}])
def test_where_others_can_reach_the_window_nobody_names_an_address(components, examples, flags):
    """A stranger could have the app call what only this machine reaches."""
    with serving([]) as configured, serving([]) as inner:
        on = handlers(components, examples, remote__urls=configured.url, remote__api_key="sesame", **flags)
        shown = on.picker.choose("tab", "server", "", inner.url, "", "", "auto")
        assert not shown[on.ui.server]["visible"]
        assert "remote.urls" in shown[on.ui.picked]
        assert on.picker.overview("tab")[on.ui.address]["value"] == ""
        updates = connection(on, inner.url)
        assert updates[on.ui.served]["choices"] == ["served", "another"]
        on.windows.switch._make = lambda settings: FakeEngine()
        use(on, "server", address=inner.url)
        assert on.windows.settings.remote.urls == configured.url
    assert inner.keys == []
    assert configured.keys == ["Bearer sesame"] * 2
    on.windows.close_all()


def test_the_layout_that_everybody_is_served_holds_no_address_folder_or_key():
    secret = load_settings(flags={"model": "/home/me/model", "remote.urls": "http://inner/v1", "remote.api_key": "k3y"})
    with gr.Blocks() as app:
        build(secret, [], "en", lambda visit: None)
    config = json.dumps(app.get_config_file(), default=str)
    assert not any(word in config for word in ("/home/me", "http://inner", "k3y"))
