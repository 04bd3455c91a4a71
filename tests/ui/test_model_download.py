"""The full model offered in the window where only its weights are missing: downloaded from a hub on this machine,
followed, cancelled, and used."""

import os
import shutil
import threading
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from glyph_demo import gpu
from glyph_demo.engines.loading import LoadingEngine, amount
from glyph_demo.engines.weights import download_weights, models_folder, weights_here
from glyph_demo.gpu import Gpu
from glyph_demo.models.on_machine import UNFINISHED, own_folder
from glyph_demo.settings import Inference, Settings, load_settings
from glyph_demo.ui.handlers import Handlers
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.model_download import CANCELLED
from glyph_demo.windows.visit import Visit
from tests.checkpoints import edited
from tests.models.hubs import serving
from tests.ui.handling import final, pressing, request, use

pytestmark = pytest.mark.slow


@pytest.fixture
def hub(checkpoint_of, monkeypatch, tmp_path):
    """A card with room, and a hub whose Glyph is a small checkpoint."""
    import_module("glyph_demo.engines.local.engine")  # else it would take another `room` of a test for good
    monkeypatch.setattr(gpu, "gpus", lambda: [Gpu("A card", 150 << 30, 140 << 30, "580.1", "13.0")])
    monkeypatch.setattr("glyph_demo.engines.without_cuda", lambda card: None)  # what torch says of no card
    monkeypatch.setattr("glyph_demo.engines.model_choices.free_disk", lambda folder: 100 * 10**9)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with serving(checkpoint_of(shard="200KB", context=16384)) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        yield served


@pytest.fixture
def on(hub, components, examples):
    settings = load_settings(flags={"model_source": "hub"})
    windows = Windows(LoadingEngine(settings), settings, LoadingEngine)
    yield Handlers(windows, components, examples)
    windows.close_all()
    windows.switch.engine.close()


def clicked(on, act):
    return list(on.download.on_offer("tab", SimpleNamespace(act=act)))


def offer(on, language="en"):
    window = on.windows.get("tab")
    window.language = language
    return on._view.offer(window)


def test_nothing_is_fetched_unasked_and_the_window_says_what_would_be(on, hub):
    assert on.windows.switch.engine.name == "pocket"
    host = hub.address.removeprefix("http://")
    assert f"Download Glyph (20.6 GB, from {host})" in offer(on)
    assert f"下载 Glyph（20.6 GB，来自 {host}）" in offer(on, "zh")
    assert offer(on).count("<button") == 2, "the other closes it"
    assert "embedded engine" in offer(on)
    folder = own_folder("zai-org/Glyph", models_folder(on.windows.settings))
    folder.mkdir(parents=True)
    (folder / UNFINISHED).touch()
    (folder / "model.safetensors.part").touch()
    os.truncate(folder / "model.safetensors.part", 6 * 10**8)  # a hole, which takes no room
    assert "Download Glyph (20.0 GB" in offer(on), "what a download before left there is not fetched again"
    assert not hub.asked


def test_an_offer_that_was_closed_comes_back_with_the_page_alone(on):
    tab = "0" * 32
    assert list(on.download.on_offer(tab, SimpleNamespace(act="decline"))) == [{on.ui.offer: ""}]
    assert on.change_language(tab, "zh")[on.ui.offer] == ""
    assert final(list(on.download.follow(tab)), on.ui.offer) == ""
    assert "data-act='decline'" in offer(on), "another page"
    assert "data-act='decline'" in on.load_page(Visit(), {"window": tab}, request("en"))[on.ui.offer]


def test_a_click_downloads_the_model_and_puts_its_engine_in_place(on, hub):
    on.windows.get("tab").notice = (CANCELLED, "hint")
    updates = clicked(on, "download")
    assert updates[0][on.ui.status] == "", "what is said of the download before is over"
    assert on.windows.switch.engine.name == "local"
    assert on.windows.get("tab").notice[0].en == "The engine is loaded."
    assert updates[-1][on.ui.offer] == ""
    assert "Downloading Glyph" in updates[1][on.ui.offer]
    assert "data-act='cancel'" in updates[1][on.ui.offer]
    assert weights_here(on.windows.settings) is not None


def test_a_download_that_is_cancelled_leaves_the_engine_and_the_offer(on, hub, monkeypatch):
    report, told = on.windows.download._report, []

    def slowly(*step):
        told.append(step)
        if len(told) == 3:
            on.windows.download.cancel()
        report(*step)

    monkeypatch.setattr(on.windows.download, "_report", slowly)
    updates = clicked(on, "download")
    assert on.windows.switch.engine.name == "pocket"
    assert on.windows.get("tab").notice[0].en.startswith("Cancelled. What is there is kept")
    assert "data-act='download'" in updates[-1][on.ui.offer]


def test_a_stale_page_begins_no_download_that_is_not_offered(on, hub, checkpoint_of):
    offered = on.windows.switch.settings
    on.windows.switch.settings = replace(offered, engine="pocket")
    clicked(on, "download")
    assert not hub.asked
    on.windows.switch.settings = offered
    shutil.copytree(hub.folder, own_folder("zai-org/Glyph", models_folder(offered)))
    engine = on.windows.switch.engine
    clicked(on, "download")
    assert on.windows.switch.engine is engine, "it is here: there is nothing to download, nor to load anew"


def at_the_end(on, monkeypatch, act):
    """Have something happen when the last byte is there, before the download has ended."""

    def ended(settings, report):
        folder = download_weights(settings, report)
        act()
        return folder

    monkeypatch.setattr("glyph_demo.windows.model_download.download_weights", ended)


def test_a_cancel_in_the_last_moment_leaves_the_engine(on, hub, monkeypatch):
    at_the_end(on, monkeypatch, on.windows.download.cancel)
    engine = on.windows.switch.engine
    clicked(on, "download")
    assert on.windows.switch.engine is engine
    assert on.windows.get("tab").notice[1] == "hint"


def test_settings_that_do_not_name_an_engine_may_change_meanwhile(on, hub, monkeypatch):
    at_the_end(on, monkeypatch, lambda: on.windows.switch.set_batching(Inference(max_batch_size=3)))
    taken_up: list[Settings] = []
    monkeypatch.setattr(on.windows.switch, "change_engine", lambda settings, stopped: taken_up.append(settings))
    clicked(on, "download")
    assert [settings.inference.max_batch_size for settings in taken_up] == [3]


def test_beside_an_engine_that_was_chosen_meanwhile_the_window_says_that_the_model_is_here(on, hub, monkeypatch):
    chosen = replace(on.windows.settings, engine="pocket")
    at_the_end(on, monkeypatch, lambda: on.windows.switch.change_engine(chosen))
    clicked(on, "download")
    assert on.windows.switch.engine.name == "pocket"
    message, kind = on.windows.get("tab").notice
    assert kind == "hint"
    assert "is on this machine" in message.en
    assert "已在本机" in message.zh


def test_a_download_that_fails_says_why_and_the_window_goes_on(on, hub):
    hub.refuse = {"": [404]}
    clicked(on, "download")
    message, kind = on.windows.get("tab").notice
    assert kind == "error"
    assert "zai-org/Glyph" in message.zh
    assert on.windows.switch.engine.name == "pocket"
    assert "data-act='download'" in offer(on)


def test_a_model_that_is_here_and_cannot_be_loaded_leaves_the_engine_before(on, hub, monkeypatch):
    monkeypatch.setattr("glyph_demo.models.loader.room", lambda device: 1000)
    clicked(on, "download")
    assert on.windows.get("tab").notice[1] == "error"
    assert on.windows.switch.engine.name == "pocket"


def test_a_page_that_is_opened_meanwhile_follows_the_download(on, hub):
    clicks = on.download.on_offer("tab", SimpleNamespace(act="download"))
    next(clicks)
    list(on.download.follow("another"))
    assert on.windows.get("another").notice[0].en == "The engine is loaded."
    list(clicks)


def test_a_page_without_a_download_to_follow_is_told_the_offer_only(on):
    assert list(on.download.follow("tab")) == [{on.ui.offer: offer(on)}]


def test_an_app_that_ends_does_not_wait_for_the_download(on, hub, monkeypatch):
    report, begun, ended = on.windows.download._report, threading.Event(), threading.Event()

    def held(*step):
        begun.set()
        ended.wait(60)
        report(*step)

    monkeypatch.setattr(on.windows.download, "_report", held)
    on.windows.download.start()
    begun.wait(60)
    on.windows.close_all()
    ended.set()
    list(on.download.follow("tab"))
    assert on.windows.switch.engine.name == "pocket"


def test_a_model_that_is_chosen_is_downloaded_used_and_kept_for_the_next_start(on, hub):
    updates = use(on, "flash", act="confirm")
    assert "Downloading GLM-4.6V-Flash" in updates[2][on.ui.outcome]
    assert "data-act='cancel'" in updates[2][on.ui.outcome]
    assert "The engine is loaded" in final(updates, on.ui.outcome)
    assert (on.windows.settings.engine, on.windows.settings.model) == ("local", "zai-org/GLM-4.6V-Flash")
    assert on.windows.switch.engine.label == "zai-org/GLM-4.6V-Flash"
    assert "In use" in updates[-1][on.ui.picked]
    assert "GLM-4.6V-Flash" in (on.windows.settings.cache_path / "engine.json").read_text()
    assert any("GLM-4.6V-Flash" in asked for asked in hub.asked)


def test_a_choice_whose_download_fails_says_why_beside_it_and_can_be_tried_again(on, hub, monkeypatch):
    start = on.windows.download.start

    def at_once(chosen):
        start(chosen)
        on.windows.download._thread.join()

    monkeypatch.setattr(on.windows.download, "start", at_once)
    hub.refuse = {"": [404]}
    updates = use(on, "flash", act="confirm")
    assert "zai-org/GLM-4.6V-Flash" in final(updates, on.ui.outcome)
    assert updates[-1][on.ui.choice]["value"] == "flash"
    assert "data-act='download'" in updates[-1][on.ui.picked]
    assert on.windows.switch.engine.name == "pocket"


@pytest.mark.parametrize("choice", ["glyph", "flash"])
def test_a_chosen_model_that_cannot_be_loaded_leaves_the_engine_before(on, hub, monkeypatch, choice):
    monkeypatch.setattr("glyph_demo.models.loader.room", lambda device: 1000)
    use(on, choice, act="confirm")
    assert on.windows.get("tab").notice[1] == "error"
    assert on.windows.switch.engine.identity
    assert on.windows.switch.engine.name == "pocket"


def test_of_a_model_that_people_name_its_size_and_whether_it_fits_is_told_before_its_download(on, hub):
    looking, asked = use(on, "folder", "some/model")
    assert "some/model" in looking[on.ui.outcome]
    assert "data-act" not in looking[on.ui.picked]
    size = sum(path.stat().st_size for path in hub.folder.iterdir() if path.suffix != ".md")
    assert f"Download {amount(size, None)} from" in asked[on.ui.picked]
    assert "Fits A card: it runs in fp16" in asked[on.ui.picked]
    assert "data-act='confirm'" in asked[on.ui.picked]
    assert not any(".safetensors" in each for each in hub.asked)


def test_a_download_is_of_the_model_that_people_were_asked_about(on, hub):
    use(on, "folder", "some/model")
    *_, asked = use(on, "folder", "some/other", act="confirm", model="some/model")
    assert "data-model='some/other'" in asked[on.ui.picked]
    assert on.windows.download.progress is None
    asking = pressing(on, "folder", "some/model")
    next(asking)
    on.picker.choose("tab", "glyph", "", "", "", "", "auto")
    assert list(asking) == [], "another choice is shown now"


def test_what_a_model_that_people_name_lacks_is_told_and_without_a_disk_for_it_it_is_not_downloaded(
    on, hub, monkeypatch
):
    monkeypatch.setattr(gpu, "gpus", lambda: [Gpu("A card", 150 << 30, 1 << 20, "580.1", "13.0")])
    *_, asked = use(on, "folder", "some/model")
    assert "the weights alone take 0.0 GB" in asked[on.ui.picked]
    assert "data-act='confirm'" in asked[on.ui.picked]
    monkeypatch.setattr("glyph_demo.engines.model_choices.free_disk", lambda folder: 10**6)
    *_, asked = use(on, "folder", "some/model")
    assert "The download needs 0.2 GB on the disk" in asked[on.ui.picked]
    assert "data-act='confirm'" not in asked[on.ui.picked]


@pytest.mark.parametrize("place", ["hub", "folder"])
def test_a_model_of_another_kind_is_refused_before_its_download_and_its_load(on, hub, tmp_path, place):
    hub.folder = Path(shutil.copytree(hub.folder, tmp_path / "llama"))
    with edited(hub.folder / "config.json") as config:
        config["model_type"] = "llama"
    engine = on.windows.switch.engine
    updates = use(on, "folder", "some/model" if place == "hub" else str(hub.folder))
    assert "is of the kind &#x27;llama&#x27;" in final(updates, on.ui.outcome)
    assert on.windows.switch.engine is engine
    assert not any(".safetensors" in each for each in hub.asked)


def test_a_hub_that_does_not_answer_is_told_as_a_download_tells_it(on, hub):
    hub.refuse = {"": [404]}
    said = final(use(on, "folder", "some/model"), on.ui.outcome)
    assert "There is no model &#x27;some/model&#x27;" in said
    hub.refuse, hub.corrupt = {}, {"config.json"}
    assert "What was downloaded of some/model is damaged" in final(use(on, "folder", "some/model"), on.ui.outcome)


def until(updates, component, words):
    """Follow `updates` to the one that shows these words in a component."""
    return next(update for update in updates if words in update.get(component, ""))


@pytest.mark.parametrize("choice", ["glyph", "flash"])
def test_the_load_after_a_download_can_be_stopped_in_any_window_and_leaves_the_engine_before(on, hub, slow, choice):
    on.windows.switch.engine.identity  # noqa: B018 - waits until it is loaded
    updates = pressing(on, choice, act="confirm")
    assert "Loading the" in until(updates, on.ui.outcome, "data-act='stop'")[on.ui.outcome]
    assert slow.waiting.wait(120)
    stopping = on.download.on_offer("another tab", SimpleNamespace(act="stop"))
    next(stopping)
    assert "Stopping the load" in next(updates)[on.ui.outcome]
    slow.go_on.set()
    last = final(list(updates), on.ui.outcome)
    assert "Loading was stopped. The engine before is in use again." in last
    assert "glyph-notice hint" in last
    assert on.windows.switch.engine.name == "pocket"
    assert on.windows.switch.loading is None
    list(stopping)


def test_another_choice_stops_the_load_after_a_download_and_comes_next(on, hub, slow):
    on.windows.switch.engine.identity  # noqa: B018 - waits until it is loaded
    first = pressing(on, "flash", act="confirm")
    until(first, on.ui.outcome, "data-act='stop'")
    assert slow.waiting.wait(120)
    second = on.picker.act("tab", "pocket", "", "", "", "", "auto", SimpleNamespace(act="use"))
    next(second)
    slow.go_on.set()
    assert "The engine is loaded" in final(list(second), on.ui.outcome)
    assert on.windows.settings.engine == "pocket"
    assert not any("Loading was stopped" in str(update) or on.ui.choice in update for update in first)


def test_a_download_beside_one_that_runs_is_refused_in_words(on, hub, slow):
    first = pressing(on, "flash", act="confirm")
    until(first, on.ui.outcome, "Downloading")
    said = final(use(on, "thinking", act="confirm"), on.ui.outcome)
    assert "One download runs already, that of zai-org/GLM-4.6V-Flash. Cancel it" in said
    until(first, on.ui.outcome, "data-act='stop'")
    assert "GLM-4.6V-Flash, which was downloaded before, is being loaded" in final(
        use(on, "thinking", act="confirm"), on.ui.outcome
    )
    slow.go_on.set()
    assert "The engine is loaded" in final(list(first), on.ui.outcome)
