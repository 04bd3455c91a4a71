"""Settings and engines, changed in the window: what the handlers make of them."""

import gradio as gr
import pytest

from glyph_demo.engines.base import TooLong
from glyph_demo.engines.events import Progress
from glyph_demo.errors import EngineError, Message
from glyph_demo.settings import load_settings
from glyph_demo.ui.blocks import build
from glyph_demo.ui.handlers import Handlers
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.preferences import MODES, PREFERENCES
from glyph_demo.windows.visit import Visit
from tests.documents.uploads import lines_pdf, pdf
from tests.fakes import FakeEngine, FakeHandle
from tests.ui.handling import answers, final, listed, opened, request, use, value, write


@pytest.mark.parametrize(
    "odd",
    [
        {"inference.max_batch_size": 1500},
        {"store.open_documents": 10**6},
        {"rendering.dpi": 10**6},
        {"rendering.font_size": -1},
        {"inference.temperature": float("nan")},
        {"inference.thinking": 3},
        {"inference.max_new_tokens": 10**9},
        {"documents.page_images": "sometimes"},
        {"documents.page_images": ["auto"]},
        {"cache_dir": "/"},
        {"x": [["path"], "/"]},
    ],
)
def test_settings_that_no_sidebar_offers_are_not_taken(on, odd):
    """A page that said that it remembered 1,500 answers at once had 1,500 threads started."""
    memory = on.load_page(Visit(), {"settings": odd}, request("en"))[on.ui.memory]
    assert memory["settings"] == {}
    name = next((key for key, path in PREFERENCES.items() if path in odd), "cache")
    value = next(iter(odd.values()))
    assert on.preferences.change_setting(Visit(memory["window"]), memory, value, name=name) == gr.skip()
    assert on.preferences.change_mode(Visit(memory["window"]), memory, value) == gr.skip()


def test_a_setting_reaches_the_next_question_and_is_remembered(on, tmp_path):
    opened(on, write(tmp_path))
    session = on.windows.get("tab").session
    before = session.current
    window = "0" * 32
    updates = on.preferences.change_setting(
        Visit("tab"), {"window": window, "x": [["path"], "/etc/passwd"]}, 16, name="max_new_tokens"
    )
    assert session.settings.inference.max_new_tokens == 16
    assert session.current is before
    kept = {"window": window, "language": "en", "settings": {"inference.max_new_tokens": 16}}
    assert updates[on.ui.memory] == kept, "and nothing else that the browser sent"
    assert updates[on.ui.mode]["value"] is None, "no mode has these settings"
    updates = on.preferences.change_setting(Visit("tab"), updates[on.ui.memory], 0.5, name="temperature")
    assert set(updates[on.ui.memory]["settings"]) == {"inference.max_new_tokens", "inference.temperature"}


def test_a_setting_of_the_pages_has_them_read_again_and_says_so(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "kept?"))
    session, before = on.windows.get("tab").session, on.windows.get("tab").reading
    changed = on.preferences.change_setting(Visit("tab"), {}, 14.0, name="font_size")
    assert "read again" in changed[on.ui.status]
    updates = [changed, *on.shelf.follow_reading("tab")]
    assert session.current is not before
    assert session.settings.rendering.font_size == 14.0
    assert "Pages " in final(updates, on.ui.progress)
    assert final(updates, on.ui.status) == ""
    assert len(value(final(updates, on.ui.chat))) == 2


def test_how_pages_of_a_pdf_are_read_is_chosen_applied_at_once_and_remembered(on, tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(lines_pdf("One page.", "Another."))
    assert "1 page " in final(opened(on, path), on.ui.documents)
    changed = on.preferences.change_setting(Visit("tab"), {}, "always", name="page_images")
    assert "read again" in changed[on.ui.status]
    assert changed[on.ui.memory]["settings"] == {"documents.page_images": "always"}
    updates = [changed, *on.shelf.follow_reading("tab")]
    assert [view.picture for view in on.windows.get("tab").reading.pages] == [1, 2]
    assert "2 pages · 640 tokens" in final(updates, on.ui.documents)
    kept = on.load_page(Visit(), changed[on.ui.memory] | {"window": None}, request("en"))
    assert kept[on.ui.page_images]["value"] == "always"
    assert on.change_language("tab", "zh")[on.ui.page_images]["choices"][2] == ("始终按原样", "always")


def test_a_scan_that_is_to_be_read_from_its_text_stays_until_the_setting_is_another(on, tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(pdf(lambda canvas: canvas.rect(50, 50, 100, 100, fill=1)))
    opened(on, path)
    list(on.chat.ask_question("tab", "kept?"))
    on.preferences.change_setting(Visit("tab"), {}, "never", name="page_images")
    updates = list(on.shelf.follow_reading("tab"))
    assert "Choose another way under “Pages of a PDF” in the window&#x27;s settings" in final(updates, on.ui.status)
    assert listed(final(updates, on.ui.documents)) == ["scan.pdf"]
    changed = on.preferences.change_setting(Visit("tab"), {}, "auto", name="page_images")
    updates = [changed, *on.shelf.follow_reading("tab")]
    assert on.windows.get("tab").reading.state == "ready"
    assert len(value(final(updates, on.ui.chat))) == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_performance_mode_is_several_settings_at_once(on, mode):
    updates = on.preferences.change_mode(Visit("tab"), None, mode)
    settings = on.windows.get("tab").session.settings
    assert settings.inference.thinking is (mode == "balanced")
    assert updates[on.ui.mode]["value"] == mode
    assert updates[on.ui.max_new_tokens]["value"] == settings.inference.max_new_tokens
    assert {"balanced": 8}.get(mode, settings.store.open_documents) == settings.store.open_documents
    assert settings.inference.max_batch_size == {"latency": 1}.get(mode, 8)


def test_a_performance_mode_holds_for_the_engine_that_runs_and_for_the_next_and_is_brought_back_by_a_browser(engine):
    shared, heard = [], []
    engine.set_batching = lambda most, wait: shared.append((most, wait))
    windows = Windows(engine, load_settings(), shared=lambda inference: heard.append(inference.max_batch_size))
    with gr.Blocks():
        on = Handlers(windows, build(windows.settings, [], "en", windows.leave), [])
    on.preferences.change_mode(Visit("tab"), None, "latency")
    on.preferences.change_setting(Visit("tab"), None, 0.5, name="temperature")
    assert (shared, heard) == ([(1, 0.0)], [1])
    assert windows.settings.inference.max_batch_size == 1, "an engine that is loaded later has it too"
    assert windows.settings.inference.thinking, "and nothing else of this window"
    on.load_page(Visit(), {"settings": MODES["throughput"]}, request("en"))
    assert shared[1:] == [(8, 0.1)]
    windows.close_all()


def test_settings_that_a_browser_remembers_come_back_and_nonsense_is_left_out(on):
    kept = {"inference.temperature": 0.7, "inference.thinking": "maybe", "cache_dir": "/", "rendering.dpi": -5}
    updates = on.load_page(Visit(), {"settings": kept}, request("en"))
    settings = on.windows.get(updates[on.ui.memory]["window"]).session.settings
    assert settings.inference.temperature == 0.7
    assert updates[on.ui.temperature]["value"] == 0.7
    assert settings.inference.thinking is True
    assert (settings.cache_dir, settings.rendering.dpi) == (load_settings().cache_dir, 0)


def test_another_engine_keeps_documents_and_conversations(on, engine, tmp_path):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "before?"))
    made = []
    on.windows.switch._make = lambda settings: made.append(settings) or FakeEngine()
    model = str(tmp_path / "model")
    first, *updates = [*use(on, "folder", f" {model} ", precision="bf16"), *on.shelf.follow_reading("tab")]
    assert "Loading the engine" in first[on.ui.status]
    assert "data-act" not in first[on.ui.picked]
    assert (made[0].engine, made[0].model, made[0].inference.precision) == ("local", model, "bf16")
    assert engine.open_handles == 0
    assert on.windows.get("tab").session.engine is on.windows.switch.engine is not engine
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    list(on.chat.ask_question("tab", "after?"))
    assert [e.question for e in on.windows.get("tab").transcript] == ["before?", "after?"]
    assert on.windows.get("tab").transcript[1].answer.startswith("2 pages, turn 2")


def test_while_the_engine_is_loaded_every_page_sees_how_far_it_is_and_then_what_it_is(on, engine):
    on.load_page(Visit("tab"), {"window": "0" * 32}, request("en"))
    more = Message("file 1 of 4, 42 s left", "第 1/4 个文件，剩余 42 秒")
    engine.loading = Progress("load", 5 * 10**9, 20 * 10**9, more)
    steps = on.shelf.follow_reading("0" * 32)
    first = next(steps)
    for part in (on.ui.status, on.ui.engine):
        assert "Loading the model… 5.0/20.0 GB, file 1 of 4, 42 s left" in first[part]
        assert "aria-valuenow='25'" in first[part]
    assert "正在加载模型… 5.0/20.0 GB，第 1/4 个文件，剩余 42 秒" in on.change_language("0" * 32, "zh")[on.ui.engine]
    engine.loading = None
    last = [*steps][-1]
    assert last[on.ui.status] == ""
    assert "加载" not in last[on.ui.engine]
    assert on.ui.header in last


def test_a_page_with_something_else_to_say_hears_too_that_the_engine_has_been_loaded(on, engine):
    on.load_page(Visit("tab"), {"window": "0" * 32}, request("en"))
    on.windows.get("0" * 32).notice = (Message("Another engine is loaded.", "正在加载另一引擎。"), "hint")
    engine.loading = Progress("load", 0)
    steps = on.shelf.follow_reading("0" * 32)
    assert "Another engine" in next(steps)[on.ui.status]
    engine.loading = None
    assert on.ui.header in [*steps][-1]


def test_a_load_that_failed_leaves_no_bar_behind(on, engine):
    on.load_page(Visit("tab"), {"window": "0" * 32}, request("en"))
    engine.loading = Progress("load", 5, 20)
    steps = on.shelf.follow_reading("0" * 32)
    assert "Loading the model" in next(steps)[on.ui.engine]
    engine.loading = None
    on._view.status(on.windows.get("0" * 32))  # as a document does that waited for the engine and fails with it
    assert "Loading" not in final([*steps], on.ui.engine)


def test_a_tab_hears_of_an_engine_that_was_chosen_in_another(on, tmp_path):
    on.load_page(Visit("tab"), {"window": "0" * 32}, request("en"))
    on.windows.switch._make = lambda settings: FakeEngine()
    use(on, "pocket")
    [*_, last] = on.shelf.follow_reading("0" * 32)
    assert on.ui.header in last
    assert all(on.ui.header not in updates for updates in on.shelf.follow_reading("0" * 32)), "once"


def test_an_engine_that_cannot_be_had_leaves_the_one_before(on, tmp_path):
    opened(on, write(tmp_path))

    def make(settings):
        if settings.model == "/nowhere":
            raise EngineError("model_missing", "There is no such model. Choose another.", "没有该模型。请另选。")
        return FakeEngine()

    on.windows.switch._make = make
    updates = [*use(on, "folder", "/nowhere"), *on.shelf.follow_reading("tab")]
    for place in (on.ui.status, on.ui.outcome):
        assert "There is no such model" in final(updates, place)
    assert final(updates, on.ui.folder)["value"] == "/nowhere", "to be mended"
    assert on.windows.settings.model == "auto"
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    *_, last = on.chat.ask_question("tab", "still there?")
    assert len(value(last[on.ui.chat])) == 2


class SmallEngine(FakeEngine):
    """Takes one page in."""

    def open_document(self, features=(), source=None):
        self.open_handles += 1
        return SmallHandle(self, features)


class SmallHandle(FakeHandle):
    def append(self, features):
        if self.digests:
            raise TooLong(1, "It is too long: 1 page fits.", "太长：只能容纳 1 页。")
        super().append(features)


def test_a_document_too_long_for_another_engine_keeps_its_conversation_and_is_read_as_far_as_fits(on, tmp_path):
    opened(on, write(tmp_path, text="A line of it.\n" * 300))
    list(on.chat.ask_question("tab", "before?"))
    on.windows.switch._make = lambda settings: SmallEngine()
    updates = [*use(on, "folder", "/small"), *on.shelf.follow_reading("tab")]
    assert "too long" in final(updates, on.ui.status)
    assert final(updates, on.ui.read_first)["visible"]
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert len(on.windows.get("tab").transcript) == 1
    updates = [on.shelf.read_first("tab"), *on.shelf.follow_reading("tab")]
    assert not final(updates, on.ui.read_first)["visible"]
    *_, last = on.chat.ask_question("tab", "after?")
    assert answers(last[on.ui.chat])[1:] == ["1 pages, turn 2: after?"]
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]


def test_a_file_too_long_leaves_nothing_but_the_button_that_reads_as_much_as_fits(on, tmp_path):
    on.windows.switch.engine = SmallEngine()
    updates = opened(on, write(tmp_path, text="A line of it.\n" * 300))
    assert listed(final(updates, on.ui.documents)) == []
    updates = [on.shelf.read_first("tab"), *on.shelf.follow_reading("tab")]
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert len(on.windows.get("tab").reading.pages) == 1
    assert not final(updates, on.ui.read_first)["visible"]


@pytest.mark.parametrize("odd", ["cuckoo", None, ["pocket"], 3])
def test_a_choice_that_there_is_not_is_passed_over(on, engine, tmp_path, odd):
    opened(on, write(tmp_path))
    assert use(on, odd) == [gr.skip()]
    assert on.picker.choose("tab", odd, *[None] * 5) == gr.skip()
    assert list(on.picker.test("tab", odd, *[None] * 5)) == [gr.skip()]
    assert on.windows.get("tab").reading.state == "ready"
    assert engine.open_handles == 1
