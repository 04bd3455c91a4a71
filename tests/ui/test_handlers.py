"""The handlers on real components, without a browser: what a person does, and which updates come of it."""

import json
import re
import threading
from types import SimpleNamespace

import gradio as gr
import pytest

from glyph_demo.documents.extraction import extract
from glyph_demo.engines.base import Progress
from glyph_demo.errors import DocumentError, EngineError, Message
from glyph_demo.settings import load_settings
from glyph_demo.ui.app import create_app
from glyph_demo.ui.blocks import build
from glyph_demo.ui.examples import Example, load_examples
from glyph_demo.ui.handlers import Handlers
from glyph_demo.ui.sidebar import MODES
from glyph_demo.ui.texts import TEXTS
from glyph_demo.ui.visit import Visit
from glyph_demo.ui.window import Windows
from tests.fakes import FakeEngine


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def on(engine, tmp_path):
    sample = tmp_path / "sample.txt"
    sample.write_text("The office was founded in 1923.\n" * 60)
    examples = [Example(sample, Message("A sample", "示例"), ("When?", "Who?"))]
    windows = Windows(engine, load_settings())
    with gr.Blocks():
        components = build(windows.settings, examples, "en", windows.leave)
    yield Handlers(windows, components, examples)
    windows.close_all()


def opened(on, path):
    """Open a file as the upload does; the updates of opening it and of following it to its end."""
    updates = [on.open_files("tab", [str(path)]), *on.follow("tab")]
    assert updates
    return updates


def write(tmp_path, name="a.txt", text="A line.\n" * 90):
    path = tmp_path / name
    path.write_text(text)
    return path


def final(updates, component):
    return [u[component] for u in updates if component in u][-1]


def listed(html, mark=""):
    """Names of the documents in the list whose button carries `mark`."""
    return re.findall(f"<button[^>]*{mark}><span class='glyph-name'>(.*?)</span>", html)


def request(accept_language):
    return SimpleNamespace(headers={"accept-language": accept_language})


def test_following_a_document_never_writes_the_chat_which_belongs_to_the_answer_waiting_for_it(on, tmp_path):
    """An answer that came the moment the last page was read was overwritten by "Reading the document first"."""
    on.open_files("tab", [str(write(tmp_path))])
    assert all(on.ui.chat not in update for update in on.follow("tab"))


@pytest.mark.parametrize(("accepted", "language"), [("zh-CN,en", "zh"), ("en-US", "en")])
def test_a_new_window_speaks_the_browsers_language(on, accepted, language):
    updates = on.load(Visit(), None, request(accepted))
    assert updates[on.ui.language]["value"] == language
    assert updates[on.ui.question]["placeholder"] == TEXTS["question.hint"].text(language)
    assert on.windows.get(updates[on.ui.memory]["window"]).language == language


def test_a_new_window_speaks_what_was_chosen_in_this_browser_before(on):
    updates = on.load(Visit(), {"language": "zh"}, request("en"))
    assert updates[on.ui.language]["value"] == "zh"
    assert on.load(Visit(), {"language": "fr"}, request("en"))[on.ui.language]["value"] == "en"


def test_a_file_dropped_before_the_page_has_its_window_is_read_in_that_window(on, tmp_path):
    visit, updates = Visit(), []
    dropped = threading.Thread(target=lambda: updates.append(on.open_files(visit, [str(write(tmp_path))])))
    dropped.start()
    window = on.load(visit, None, request("en"))[on.ui.memory]["window"]
    dropped.join(10)
    assert listed(updates[0][on.ui.documents]) == ["a.txt"]
    assert on.windows.get(window).reading.name == "a.txt"


def test_two_page_loads_are_two_windows(on):
    assert (
        on.load(Visit(), None, request("en"))[on.ui.memory]["window"]
        != on.load(Visit(), None, request("en"))[on.ui.memory]["window"]
    )


def test_every_label_follows_the_language_also_of_components_that_change_otherwise(on, tmp_path):
    opened(on, write(tmp_path))
    updates = on.speak("tab", "zh")
    for component, name, key in on.ui.labels.said:
        assert updates[component][name] == TEXTS[key].zh
    assert "提取" in updates[on.ui.progress]


def test_the_window_names_the_pocket_engine_for_what_it_is(on):
    updates = on.speak("tab", "en")
    assert "not a vision-language model" in updates[on.ui.header]
    assert "24 GB" in updates[on.ui.engine]
    assert "20.6 GB" in updates[on.ui.engine]


def test_an_upload_shows_stages_then_pages_then_figures(on, engine, tmp_path):
    engine.page_seconds = 0.1
    updates = opened(on, write(tmp_path, text="A line of text.\n" * 500))
    shown = [u[on.ui.progress] for u in updates if on.ui.progress in u]
    pages = len(on.windows.get("tab").reading.pages)
    assert any("glyph-bar" in html and f"{pages} / {pages}" in html for html in shown)
    assert f"Pages {pages} · characters 8,000 · extract" in shown[-1]
    gallery = final(updates, on.ui.gallery)
    assert [caption for _, caption in gallery["value"]] == [f"Page {n}" for n in range(1, pages + 1)]
    assert updates[0][on.ui.upload]["value"] is None
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]


def test_several_files_at_once_are_read_in_turn_the_first_in_front(on, engine, tmp_path):
    engine.page_seconds = 0.05
    paths = [str(write(tmp_path, name)) for name in ("a.txt", "b.txt", "c.txt")]
    updates = [on.open_files("tab", paths), *on.follow("tab")]
    lists = [u[on.ui.documents] for u in updates if on.ui.documents in u]
    assert listed(lists[0]) == ["a.txt", "b.txt", "c.txt"]
    assert listed(lists[-1], "aria-current='true'") == ["a.txt"]
    assert lists[0].count("waiting") >= 2
    assert lists[-1].count("tokens 640 · kept in memory") == 3


def test_what_is_followed_is_sent_once_and_a_later_follower_takes_over(on, engine, tmp_path):
    engine.page_seconds = 0.3
    on.open_files("tab", [str(write(tmp_path))])
    first = on.follow("tab")
    next(first)
    updates = list(on.follow("tab"))
    assert list(first) == []
    assert all(updates)
    lists = [u[on.ui.documents] for u in updates if on.ui.documents in u]
    assert len(lists) == len(set(lists))


def test_a_line_under_an_answer_is_shown_on_its_page(on, tmp_path):
    opened(on, write(tmp_path, text="A line.\n" * 400))
    list(on.ask("tab", "where?"))
    *_, last = [u for u in on.ask("tab", "where else?") if on.ui.page in u]
    assert last[on.ui.page].count("glyph-box chosen") == 1
    turned = on.on_page("tab", SimpleNamespace(act="page", page="2"))
    assert "Page 2" in turned[on.ui.page]
    assert "glyph-box" not in turned[on.ui.page]
    back = on.on_page("tab", SimpleNamespace(act="line", exchange="0", line="0"))
    assert "Page 1" in back[on.ui.page]
    assert "glyph-box chosen" in back[on.ui.page]
    assert back[on.ui.gallery]["selected_index"] == 0
    assert "Page 2" in on.on_thumbnail("tab", SimpleNamespace(index=1))[on.ui.page]
    assert on.on_page("tab", SimpleNamespace(act="line", exchange="9", line="0")) == gr.skip()


def test_an_answer_streams_and_its_first_source_is_selected(on, engine, tmp_path):
    opened(on, write(tmp_path))
    engine.token_seconds = 0.06
    updates = list(on.ask("tab", "one two three"))
    growing = [u[on.ui.live] for u in updates if on.ui.live in u]
    assert len(set(growing)) > 3
    assert growing[-1] == ""
    conversations = [u[on.ui.chat]["value"] for u in updates if on.ui.chat in u]
    assert [len(messages) for messages in conversations] == [1, 2], "sent when it begins and when it is complete"
    assert conversations[-1][1]["content"][0].strip().endswith("one two three")
    assert {"selected_index": 0}.items() <= next(u[on.ui.gallery] for u in updates if on.ui.gallery in u).items()
    assert updates[0][on.ui.question]["stop_btn"] is True
    assert updates[0][on.ui.question]["value"] == ""
    assert updates[-1][on.ui.question]["submit_btn"] is True
    assert "value" not in updates[-1][on.ui.question], "what was typed meanwhile stays"


def test_a_reload_finds_documents_and_conversation_again_also_after_a_restart(on, engine, tmp_path):
    first = on.load(Visit(), None, request("zh-CN"))
    memory = first[on.ui.memory]
    on.open_files(memory["window"], [str(write(tmp_path, "a.txt")), str(write(tmp_path, "b.txt", "Other."))])
    list(on.follow(memory["window"]))
    list(on.ask(memory["window"], "kept?"))
    before = on.load(Visit(), memory, request("en"))
    on.windows.leave(Visit(memory["window"]))
    assert len(on.windows) == 1, "the page that was reloaded has gone, the one that took its place has not"
    on.windows.close_all()

    later = Windows(engine, load_settings())
    again = Handlers(later, on.ui, on.examples)
    updates = [again.load(Visit(), memory, request("en")), *again.follow(memory["window"])]
    assert updates[0][on.ui.language]["value"] == "zh"
    assert listed(updates[0][on.ui.documents]) == ["a.txt", "b.txt"]
    assert listed(updates[0][on.ui.documents], "aria-current='true'") == ["a.txt"]
    assert [m["content"][0] for m in updates[0][on.ui.chat]["value"][1:]] == ["2 pages, turn 1: kept? "]
    assert len(before[on.ui.chat]["value"]) == 2
    assert "glyph-box chosen" in final(updates, on.ui.page), "the place its answer rests on is shown again"
    assert "glyph-heat" in final(updates, on.ui.page)
    list(again.ask(memory["window"], "and now?"))
    assert later.get(memory["window"]).transcript[1].answer.startswith("2 pages, turn 2")
    on.windows = later


@pytest.mark.parametrize("memory", [{"window": "../../etc"}, {"window": 7}, ["x"], "tab", {}])
def test_what_the_browser_remembers_is_not_trusted(on, memory):
    assert re.fullmatch("[0-9a-f]{32}", on.load(Visit(), memory, request("en"))[on.ui.memory]["window"])


def test_a_conversation_is_exported_as_markdown_and_json(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.ask("tab", "what is it?"))
    markdown = on.export("tab", "md")
    assert markdown["name"] == "a.md"
    assert markdown["text"].startswith("# a.txt\n\n## what is it?\n\n2 pages, turn 1: what is it?")
    assert "page 1, line 1" in markdown["text"]
    exported = json.loads(on.export("tab", "json")["text"])
    assert exported["document"] == "a.txt"
    assert exported["exchanges"][0]["finished"]["usage"]["output"] == 7


def test_a_bad_file_is_one_line_in_the_language_chosen_and_the_document_before_it_stays(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.ask("tab", "kept?"))
    on.speak("tab", "zh")
    bad = write(tmp_path, "b.txt", "")
    updates = opened(on, bad)
    with pytest.raises(DocumentError) as refused:
        extract(bad, "b.txt", load_settings().documents)
    assert refused.value.text("zh") in final(updates, on.ui.status)
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert final(updates, on.ui.chat)["value"][0]["content"] == "kept?"
    assert refused.value.text("en") in on.speak("tab", "en")[on.ui.status]


def test_of_files_dropped_together_every_bad_one_is_named(on, tmp_path):
    long = f"{'x' * 200}.txt"
    paths = [write(tmp_path, name, "") for name in ("b.txt", long)] + [write(tmp_path)]
    updates = [on.open_files("tab", [str(path) for path in paths]), *on.follow("tab")]
    said = final(updates, on.ui.status)
    assert "b.txt: " in said
    assert f"{'x' * 30}…{'x' * 26}.txt: " in said
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert "x" * 30 not in opened(on, write(tmp_path, "b.txt", ""))[-1][on.ui.status]


def test_a_failing_question_is_one_line_and_comes_back_to_be_changed(on, tmp_path):
    opened(on, write(tmp_path))
    for question in ("crash", "fail"):
        *_, last = on.ask("tab", question)
        assert "role='status'" in last[on.ui.status]
        assert "Traceback" not in last[on.ui.status]
        assert last[on.ui.question]["value"] == question
        assert last[on.ui.chat]["value"] == []
    *_, last = on.ask("tab", "fine?")
    assert len(last[on.ui.chat]["value"]) == 2


def test_pdfs_without_text_offer_their_page_images_and_are_read_from_them(on, tmp_path):
    from reportlab.pdfgen.canvas import Canvas

    paths = [str(tmp_path / name) for name in ("scan.pdf", "another.pdf")]
    for path in paths:
        canvas = Canvas(path, pagesize=(300, 400))
        canvas.rect(50, 50, 100, 100, fill=1)
        canvas.save()
    updates = [on.open_files("tab", paths), *on.follow("tab")]
    assert final(updates, on.ui.read_images)["visible"] is True
    assert listed(final(updates, on.ui.documents)) == []
    updates = [on.read_images("tab"), *on.follow("tab")]
    assert final(updates, on.ui.read_images)["visible"] is False
    assert listed(final(updates, on.ui.documents)) == ["scan.pdf", "another.pdf"]
    assert "characters" not in final(updates, on.ui.documents)
    assert len(final(updates, on.ui.gallery)["value"]) == 1
    assert on.windows.get("tab").reading.state == "ready"


def test_an_example_brings_its_sample_questions(on):
    updates = on.open_example("tab", 0)
    assert [updates[button]["value"] for button in on.ui.samples] == ["When?", "Who?", ""]
    assert [updates[button]["visible"] for button in on.ui.samples] == [True, True, False]


def test_a_document_is_returned_to_with_its_conversation(on, tmp_path):
    opened(on, write(tmp_path, "a.txt"))
    list(on.ask("tab", "about a"))
    opened(on, write(tmp_path, "b.txt", "Another text."))
    updates = [on.select("tab", "1"), *on.follow("tab")]
    assert final(updates, on.ui.chat)["value"][0]["content"] == "about a"
    assert listed(final(updates, on.ui.documents), "aria-current='true'") == ["a.txt"]
    assert "no longer open" in on.select("tab", "77")[on.ui.status]


def test_closing_a_document_stops_its_reading_and_brings_the_one_before_it_back(on, engine, tmp_path):
    opened(on, write(tmp_path, "a.txt"))
    engine.page_seconds = 0.2
    on.open_files("tab", [str(write(tmp_path, "b.txt", "A line of text.\n" * 2000))])
    engine.encoding.clear()
    assert engine.encoding.wait(10)
    updates = [on.remove("tab", "2"), *on.follow("tab")]
    read = len(engine.encoded)
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert on.windows.get("tab").reading.name == "a.txt"
    on.windows.get("tab").session.close()
    assert len(engine.encoded) <= read + 1
    assert on.speak("tab", "en")[on.ui.documents] == ""


def test_retry_edit_and_undo_act_on_the_message_chosen(on, tmp_path):
    opened(on, write(tmp_path))
    for question in ("a", "b"):
        list(on.ask("tab", question))
    *_, last = on.edit("tab", SimpleNamespace(index=2, value="<\u2060i>B"))
    assert on.windows.get("tab").reading.turns[1].question == "<i>B"
    *_, last = on.retry("tab", SimpleNamespace(index=2))
    assert [t.question for t in on.windows.get("tab").reading.turns] == ["a", "<i>B"]
    assert on.undo("tab")[on.ui.question]["value"] == "<i>B"
    assert len(last[on.ui.chat]["value"]) == 4
    assert on.clear("tab")[on.ui.chat]["value"] == []


def test_a_setting_reaches_the_next_question_and_is_remembered(on, tmp_path):
    opened(on, write(tmp_path))
    session = on.windows.get("tab").session
    before = session.current
    updates = on.change(Visit("tab"), {"window": "tab"}, 16, name="max_new_tokens")
    assert session.settings.inference.max_new_tokens == 16
    assert session.current is before
    assert updates[on.ui.memory] == {"window": "tab", "settings": {"inference.max_new_tokens": 16}}
    assert updates[on.ui.mode]["value"] is None, "no mode has these settings"
    updates = on.change(Visit("tab"), updates[on.ui.memory], 0.5, name="temperature")
    assert set(updates[on.ui.memory]["settings"]) == {"inference.max_new_tokens", "inference.temperature"}


def test_a_setting_of_the_pages_has_them_read_again_and_says_so(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.ask("tab", "kept?"))
    session, before = on.windows.get("tab").session, on.windows.get("tab").reading
    changed = on.change(Visit("tab"), {}, 14.0, name="font_size")
    assert "read again" in changed[on.ui.status]
    updates = [changed, *on.follow("tab")]
    assert session.current is not before
    assert session.settings.rendering.font_size == 14.0
    assert "Pages " in final(updates, on.ui.progress)
    assert final(updates, on.ui.status) == ""
    assert len(final(updates, on.ui.chat)["value"]) == 2


@pytest.mark.parametrize("mode", MODES)
def test_a_performance_mode_is_several_settings_at_once(on, mode):
    updates = on.change_mode(Visit("tab"), None, mode)
    settings = on.windows.get("tab").session.settings
    assert settings.inference.thinking is (mode == "balanced")
    assert updates[on.ui.mode]["value"] == mode
    assert updates[on.ui.max_new_tokens]["value"] == settings.inference.max_new_tokens
    assert {"balanced": 8}.get(mode, settings.store.open_documents) == settings.store.open_documents
    assert settings.inference.max_batch_size == {"latency": 1}.get(mode, 8)


def test_a_performance_mode_holds_for_the_engine_that_runs_and_for_the_next_and_is_brought_back_by_a_browser(
    engine,
):
    shared, heard = [], []
    engine.share = lambda most, wait: shared.append((most, wait))
    windows = Windows(engine, load_settings(), shared=lambda inference: heard.append(inference.max_batch_size))
    with gr.Blocks():
        on = Handlers(windows, build(windows.settings, [], "en", windows.leave), [])
    on.change_mode(Visit("tab"), None, "latency")
    on.change(Visit("tab"), None, 0.5, name="temperature")
    assert (shared, heard) == ([(1, 0.0)], [1])
    assert windows.settings.inference.max_batch_size == 1, "an engine that is loaded later has it too"
    assert windows.settings.inference.thinking, "and nothing else of this window"
    on.load(Visit(), {"settings": MODES["throughput"]}, request("en"))
    assert shared[1:] == [(8, 0.1)]
    windows.close_all()


def test_settings_that_a_browser_remembers_come_back_and_nonsense_is_left_out(on):
    kept = {"inference.temperature": 0.7, "inference.thinking": "maybe", "cache_dir": "/", "rendering.dpi": -5}
    updates = on.load(Visit(), {"settings": kept}, request("en"))
    settings = on.windows.get(updates[on.ui.memory]["window"]).session.settings
    assert settings.inference.temperature == 0.7
    assert updates[on.ui.temperature]["value"] == 0.7
    assert settings.inference.thinking is True
    assert (settings.cache_dir, settings.rendering.dpi) == (load_settings().cache_dir, 0)


def test_another_engine_keeps_documents_and_conversations(on, engine, tmp_path):
    opened(on, write(tmp_path))
    list(on.ask("tab", "before?"))
    made = []
    on.windows._make = lambda settings: made.append(settings) or FakeEngine()
    first, *updates = [*on.change_engine("tab", "local", " some/model ", "bf16"), *on.follow("tab")]
    assert "Loading the engine" in first[on.ui.status]
    assert (made[0].engine, made[0].model, made[0].inference.precision) == ("local", "some/model", "bf16")
    assert engine.open_handles == 0
    assert on.windows.get("tab").session.engine is on.windows.engine is not engine
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    list(on.ask("tab", "after?"))
    assert [e.question for e in on.windows.get("tab").transcript] == ["before?", "after?"]
    assert on.windows.get("tab").transcript[1].answer.startswith("2 pages, turn 2")


def test_while_the_engine_is_loaded_every_page_sees_how_far_it_is_and_then_what_it_is(on, engine):
    on.load(Visit("tab"), {"window": "0" * 32}, request("en"))
    more = Message("file 1 of 4, 42 s left", "第 1/4 个文件，剩余 42 秒")
    engine.loading = Progress("load", 5 * 10**9, 20 * 10**9, more)
    steps = on.follow("0" * 32)
    first = next(steps)
    for part in (on.ui.status, on.ui.engine):
        assert "Loading the model… 5.0/20.0 GB, file 1 of 4, 42 s left" in first[part]
        assert "aria-valuenow='25'" in first[part]
    assert "正在加载模型… 5.0/20.0 GB，第 1/4 个文件，剩余 42 秒" in on.speak("0" * 32, "zh")[on.ui.engine]
    engine.loading = None
    last = [*steps][-1]
    assert last[on.ui.status] == ""
    assert "加载" not in last[on.ui.engine]
    assert on.ui.header in last


def test_an_engine_that_cannot_be_had_leaves_the_one_before(on, tmp_path):
    opened(on, write(tmp_path))

    def make(settings):
        if settings.model == "nowhere":
            raise EngineError("model_missing", "There is no such model. Choose another.", "没有该模型。请另选。")
        return FakeEngine()

    on.windows._make = make
    updates = [*on.change_engine("tab", "local", "nowhere", "auto"), *on.follow("tab")]
    assert "There is no such model" in final(updates, on.ui.status)
    assert final(updates, on.ui.model)["value"] == "auto"
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    *_, last = on.ask("tab", "still there?")
    assert len(last[on.ui.chat]["value"]) == 2


def test_the_app_offers_no_endpoint_to_programs_and_loads_no_foreign_thing(engine):
    app = create_app(engine, load_settings())
    assert {fn.api_visibility for fn in app.fns.values()} == {"private"}
    assert app.analytics_enabled is False


def test_the_examples_that_come_with_the_app_are_complete():
    examples = load_examples()
    assert {e.path.suffix for e in examples} == {".pdf", ".docx"}
    assert all(len(e.questions) == 3 and e.title.en and e.title.zh for e in examples)
