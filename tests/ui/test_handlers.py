"""The handlers on real components, without a browser: what a person does, and which updates come of it."""

import json
import re
import threading
from types import SimpleNamespace

import gradio as gr
import pytest

from glyph_demo.documents.extraction import extract
from glyph_demo.errors import DocumentError
from glyph_demo.settings import load_settings
from glyph_demo.ui.app import window_app
from glyph_demo.ui.examples import load_examples
from glyph_demo.ui.handlers import Handlers
from glyph_demo.ui.texts import TEXTS, say
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.visit import Visit
from tests.documents.test_page_images import mixed
from tests.ui.handling import answers, empty_list, final, listed, opened, request, sent, value, write


def test_following_a_document_never_writes_the_chat_which_belongs_to_the_answer_waiting_for_it(on, tmp_path):
    """An answer that came the moment the last page was read was overwritten by "Reading the document first"."""
    sent(on, "tab", write(tmp_path))
    assert all(on.ui.chat not in update for update in on.shelf.follow_reading("tab"))


@pytest.mark.parametrize(("accepted", "language"), [("zh-CN,en", "zh"), ("en-US", "en")])
def test_a_new_window_speaks_the_browsers_language(on, accepted, language):
    updates = on.load_page(Visit(), None, request(accepted))
    assert updates[on.ui.language]["value"] == language
    assert updates[on.ui.question]["placeholder"] == TEXTS["question.hint"].text(language)
    assert on.windows.get(updates[on.ui.memory]["window"]).language == language


def test_a_new_window_speaks_what_was_chosen_in_this_browser_before(on):
    updates = on.load_page(Visit(), {"language": "zh"}, request("en"))
    assert updates[on.ui.language]["value"] == "zh"
    assert on.load_page(Visit(), {"language": "fr"}, request("en"))[on.ui.language]["value"] == "en"


def test_a_file_dropped_before_the_page_has_its_window_is_read_in_that_window(on, tmp_path):
    visit, updates = Visit(), []
    dropped = threading.Thread(target=lambda: updates.append(sent(on, visit, write(tmp_path))))
    dropped.start()
    window = on.load_page(visit, None, request("en"))[on.ui.memory]["window"]
    dropped.join(60)
    assert listed(updates[0][on.ui.documents]) == ["a.txt"]
    assert on.windows.get(window).reading.name == "a.txt"


def test_two_page_loads_are_two_windows(on):
    assert (
        on.load_page(Visit(), None, request("en"))[on.ui.memory]["window"]
        != on.load_page(Visit(), None, request("en"))[on.ui.memory]["window"]
    )


def test_every_label_follows_the_language_also_of_components_that_change_otherwise(on, tmp_path):
    opened(on, write(tmp_path))
    updates = on.change_language("tab", "zh")
    for component, name, key in on.ui.labels.said:
        expected = "upload.more" if component is on.ui.upload else key
        assert updates[component][name] == say(expected, "zh")
    assert "提取" in updates[on.ui.progress]


def test_the_window_names_the_pocket_engine_for_what_it_is(on):
    updates = on.change_language("tab", "en")
    assert "not a vision-language model" in updates[on.ui.header]
    shown = on.picker.overview("tab")[on.ui.picked]
    assert "24 GB" in shown
    assert "20.6 GB" in shown


def test_an_upload_shows_stages_then_pages_then_figures(on, engine, tmp_path):
    engine.page_seconds = 0.4
    updates = opened(on, write(tmp_path, text="".join(f"Line {number} of it.\n" for number in range(100, 600))))
    shown = [u[on.ui.progress] for u in updates if on.ui.progress in u]
    pages = len(on.windows.get("tab").reading.pages)
    assert any("glyph-bar" in html and f" of {pages}" in html for html in shown)
    assert f"Pages {pages} · characters 8,000 · extract" in shown[-1]
    gallery = final(updates, on.ui.gallery)
    assert re.findall("<span>(.*?)</span>", gallery) == [f"Page {n}" for n in range(1, pages + 1)]
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]


def test_several_files_at_once_are_read_in_turn_the_first_in_front(on, engine, tmp_path, monkeypatch):
    all_opened, read = threading.Event(), engine.encode
    monkeypatch.setattr(engine, "encode", lambda page: all_opened.wait(60) and read(page))
    paths = [str(write(tmp_path, name)) for name in ("a.txt", "b.txt", "c.txt")]
    updates = [sent(on, "tab", *paths)]
    all_opened.set()
    updates += on.shelf.follow_reading("tab")
    lists = [u[on.ui.documents] for u in updates if on.ui.documents in u]
    assert listed(lists[0]) == ["a.txt", "b.txt", "c.txt"]
    assert listed(lists[-1], "aria-current='true'") == ["a.txt"]
    assert lists[0].count("waiting") >= 2
    assert lists[-1].count("640 tokens · kept in memory") == 3


def test_a_file_that_is_sent_after_a_larger_one_is_opened_after_it(on, tmp_path, monkeypatch):
    history, copying, go_on = on.windows.get("tab").history, threading.Event(), threading.Event()

    def adopt(window_id, upload, adopt=history.adopt):
        if upload.stat().st_size > 10_000:
            copying.set()
            go_on.wait(60)
        return adopt(window_id, upload)

    monkeypatch.setattr(history, "adopt", adopt)
    sizes = {"large.txt": 9_000, "small.txt": 90}
    paths = [write(tmp_path, name, "A line.\n" * size) for name, size in sizes.items()]
    threads = [threading.Thread(target=sent, args=(on, "tab", path)) for path in paths]
    for thread in threads:
        thread.start()
        copying.wait(60)
    threads[1].join(0.5)
    go_on.set()
    for thread in threads:
        thread.join(60)
    names = [reading.name for reading in on.windows.get("tab").session.documents.values()]
    assert names == ["large.txt", "small.txt"]


def test_a_file_that_comes_to_a_window_that_just_made_room_for_another_is_told(on, tmp_path):
    path = write(tmp_path)
    on.windows.get("tab").session.close()
    updates = sent(on, "tab", path)
    assert "was closed" in updates[on.ui.status]
    on.windows.close("tab")
    assert listed(sent(on, "tab", path)[on.ui.documents]) == ["a.txt"]


def test_a_line_under_an_answer_is_shown_on_its_page(on, tmp_path):
    opened(on, write(tmp_path, text="A line.\n" * 400))
    list(on.chat.ask_question("tab", "where?"))
    *_, last = [u for u in on.chat.ask_question("tab", "where else?") if on.ui.page in u]
    assert last[on.ui.page].count("glyph-box chosen") == 1
    turned = on.on_page("tab", SimpleNamespace(act="page", page="2"))
    assert "Page 2" in turned[on.ui.page]
    assert "glyph-box" not in turned[on.ui.page]
    back = on.on_page("tab", SimpleNamespace(act="line", exchange="0", line="0"))
    assert "Page 1" in back[on.ui.page]
    assert "glyph-box chosen" in back[on.ui.page]
    for odd in ("99", "-1", "10" * 20, "1e9", None, ["0"], "٣"):
        assert on.on_page("tab", SimpleNamespace(act="line", exchange=odd, line="0")) == gr.skip()
        assert on.on_page("tab", SimpleNamespace(act="line", exchange="0", line=odd)) == gr.skip()
        assert on.on_page("tab", SimpleNamespace(act="page", page=odd)) == gr.skip()


def test_an_answer_streams_and_its_first_source_is_selected(on, engine, tmp_path):
    opened(on, write(tmp_path))
    engine.token_seconds = 0.06
    updates = list(on.chat.ask_question("tab", "one two three"))
    growing = [u[on.ui.live] for u in updates if on.ui.live in u]
    assert len(set(growing)) > 3
    assert growing[-1] == ""
    conversations = [u[on.ui.chat] for u in updates if on.ui.chat in u]
    assert [len(messages) for messages in conversations] == [1, 2], "sent when it begins and when it is complete"
    assert answers(conversations[-1]) == ["2 pages, turn 1: one two three"]
    assert "glyph-box chosen" in next(u[on.ui.page] for u in updates if on.ui.page in u)
    before_the_last = [value for update in updates[:-1] for value in update.values()]
    assert not any(isinstance(value, dict) for value in before_the_last), "Gradio's page may lose a gr.update"
    assert updates[0][on.ui.question] == ""
    assert all(on.ui.question not in update for update in updates[1:]), "what was typed meanwhile stays"


def test_a_reload_finds_documents_and_conversation_again_also_after_a_restart(on, engine, tmp_path):
    first = on.load_page(Visit(), None, request("zh-CN"))
    memory = first[on.ui.memory]
    sent(on, memory["window"], write(tmp_path, "a.txt"), write(tmp_path, "b.txt", "Other."))
    list(on.shelf.follow_reading(memory["window"]))
    list(on.chat.ask_question(memory["window"], "kept?"))
    before = on.load_page(Visit(), memory, request("en"))
    on.windows.leave(Visit(memory["window"]))
    assert len(on.windows) == 1, "the page that was reloaded has gone, the one that took its place has not"
    on.windows.close_all()

    later = Windows(engine, load_settings())
    again = Handlers(later, on.ui, on.examples)
    updates = [again.load_page(Visit(), memory, request("en")), *again.shelf.follow_reading(memory["window"])]
    assert updates[0][on.ui.language]["value"] == "zh"
    assert listed(updates[0][on.ui.documents]) == ["a.txt", "b.txt"]
    assert listed(updates[0][on.ui.documents], "aria-current='true'") == ["a.txt"]
    assert answers(updates[0][on.ui.chat]) == ["2 pages, turn 1: kept?"]
    assert len(value(before[on.ui.chat])) == 2
    assert "glyph-box chosen" in final(updates, on.ui.page), "the place its answer rests on is shown again"
    assert "glyph-heat" in final(updates, on.ui.page)
    list(again.chat.ask_question(memory["window"], "and now?"))
    assert later.get(memory["window"]).transcript[1].answer.startswith("2 pages, turn 2")
    on.windows = later


def test_a_page_loaded_while_an_answer_is_written_shows_no_answer_that_nobody_goes_on_with(on, tmp_path):
    memory = on.load_page(Visit(), None, request("en"))[on.ui.memory]
    sent(on, memory["window"], write(tmp_path))
    list(on.shelf.follow_reading(memory["window"]))
    writing = on.chat.ask_question(memory["window"], "one two three")
    assert "glyph-live" in next(writing)[on.ui.live]
    loaded = on.load_page(Visit(), memory, request("en"))
    assert loaded[on.ui.live] == ""
    assert [message["content"] for message in value(loaded[on.ui.chat])] == ["one two three"]
    writing.close()


@pytest.mark.parametrize("memory", [{"window": "../../etc"}, {"window": 7}, ["x"], "tab", {}])
def test_what_the_browser_remembers_is_not_trusted(on, memory):
    assert re.fullmatch("[0-9a-f]{32}", on.load_page(Visit(), memory, request("en"))[on.ui.memory]["window"])


def test_a_conversation_is_exported_as_markdown_and_json(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "what is it?"))
    markdown = on.chat.export_conversation("tab", "md")
    assert markdown["name"] == "a.md"
    assert markdown["text"].startswith("# a.txt\n\n## what is it?\n\n2 pages, turn 1: what is it?")
    assert "page 1, line 1" in markdown["text"]
    exported = json.loads(on.chat.export_conversation("tab", "json")["text"])
    assert exported["document"] == "a.txt"
    assert exported["exchanges"][0]["finished"]["usage"]["output"] == 7


def test_what_was_not_read_is_said_once_beside_the_document_and_saved_with_the_conversation(on, tmp_path):
    path = tmp_path / "mixed.pdf"
    path.write_bytes(mixed())
    opened(on, write(tmp_path))
    on.preferences.change_setting(Visit("tab"), {}, "never", name="page_images")
    updates = opened(on, path)
    assert final(updates, on.ui.status) == ""
    assert "<li>Page(s) 2, 4–5 are pictures" in final(updates, on.ui.progress)
    on.change_language("tab", "zh")
    for question in ("what?", "absent"):
        list(on.chat.ask_question("tab", question))
    markdown = on.chat.export_conversation("tab", "md")["text"]
    assert markdown.startswith("# mixed.pdf\n\n> 第 2、4–5 页")
    assert markdown.count("第 2、4–5 页") == 1
    assert "*第 1 页*" in markdown
    exported = json.loads(on.chat.export_conversation("tab", "json")["text"])
    assert exported["warnings"] == exported["exchanges"][1]["notices"]
    assert exported["warnings"][0].startswith("第 2、4–5 页")
    assert exported["exchanges"][0]["regions"][0]["file_page"] == {"number": 1, "label": ""}


def test_after_a_bad_file_the_page_of_the_last_answer_is_shown_again(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "what is it?"))
    opened(on, write(tmp_path, "b.txt", ""))
    assert on.windows.get("tab").focus.chosen is not None
    opened(on, write(tmp_path, "c.txt"))
    on.shelf.remove("tab", on.windows.get("tab").session.current_id)
    assert on.windows.get("tab").focus.chosen is not None


def test_a_bad_file_is_one_line_in_the_language_chosen_and_the_document_before_it_stays(on, tmp_path):
    opened(on, write(tmp_path))
    list(on.chat.ask_question("tab", "kept?"))
    on.change_language("tab", "zh")
    bad = write(tmp_path, "b.txt", "")
    updates = opened(on, bad)
    with pytest.raises(DocumentError) as refused:
        extract(bad, "b.txt", load_settings().documents)
    assert refused.value.text("zh") in final(updates, on.ui.status)
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert value(final(updates, on.ui.chat))[0]["content"] == "kept?"
    assert refused.value.text("en") in on.change_language("tab", "en")[on.ui.status]


def test_of_files_dropped_together_every_bad_one_is_named(on, tmp_path):
    long = f"{'x' * 200}.txt"
    paths = [write(tmp_path, name, "") for name in ("b.txt", long)] + [write(tmp_path)]
    updates = [sent(on, "tab", *paths), *on.shelf.follow_reading("tab")]
    said = final(updates, on.ui.status)
    assert "b.txt: " in said
    assert f"{'x' * 30}…{'x' * 26}.txt: " in said
    assert f"{'x' * 26}.txt：" in on.change_language("tab", "zh")[on.ui.status]
    on.change_language("tab", "en")
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert "x" * 30 not in opened(on, write(tmp_path, "b.txt", ""))[-1][on.ui.status]


def test_a_failing_question_is_one_line_and_comes_back_to_be_changed(on, tmp_path):
    opened(on, write(tmp_path))
    for question in ("crash", "fail"):
        *_, last = on.chat.ask_question("tab", question)
        assert "role='status'" in last[on.ui.status]
        assert "Traceback" not in last[on.ui.status]
        assert value(last[on.ui.unasked]) == question
        assert value(last[on.ui.chat]) == []
    *_, last = on.chat.ask_question("tab", "fine?")
    assert len(value(last[on.ui.chat])) == 2


def test_pdfs_without_text_are_read_from_their_page_images_without_a_click(on, tmp_path):
    from reportlab.pdfgen.canvas import Canvas

    paths = [str(tmp_path / name) for name in ("scan.pdf", "another.pdf")]
    for path in paths:
        canvas = Canvas(path, pagesize=(300, 400))
        canvas.rect(50, 50, 100, 100, fill=1)
        canvas.save()
    updates = [sent(on, "tab", *paths), *on.shelf.follow_reading("tab")]
    assert listed(final(updates, on.ui.documents)) == ["scan.pdf", "another.pdf"]
    assert "characters" not in final(updates, on.ui.documents)
    assert final(updates, on.ui.gallery).count("<img") == 1
    assert on.windows.get("tab").reading.state == "ready"


def test_an_example_brings_its_sample_questions(on):
    updates = on.shelf.open_example("tab", 0)
    assert [updates[button].get("value") for button in on.ui.samples] == ["When?", "Who?", None], (
        "a hidden one keeps its text"
    )
    assert [updates[button]["visible"] for button in on.ui.samples] == [True, True, False]


def test_a_document_is_returned_to_with_its_conversation(on, tmp_path):
    opened(on, write(tmp_path, "a.txt"))
    list(on.chat.ask_question("tab", "about a"))
    opened(on, write(tmp_path, "b.txt", "Another text."))
    updates = [on.shelf.select("tab", "1"), *on.shelf.follow_reading("tab")]
    assert value(final(updates, on.ui.chat))[0]["content"] == "about a"
    assert listed(final(updates, on.ui.documents), "aria-current='true'") == ["a.txt"]
    assert "no longer open" in on.shelf.select("tab", "77")[on.ui.status]


def test_closing_a_document_stops_its_reading_and_brings_the_one_before_it_back(on, engine, tmp_path):
    opened(on, write(tmp_path, "a.txt"))
    engine.page_seconds = 0.2
    sent(on, "tab", write(tmp_path, "b.txt", "A line of text.\n" * 2000))
    engine.encoding.clear()
    assert engine.encoding.wait(60)
    updates = [on.shelf.remove("tab", "2"), *on.shelf.follow_reading("tab")]
    read = len(engine.encoded)
    assert listed(final(updates, on.ui.documents)) == ["a.txt"]
    assert on.windows.get("tab").reading.name == "a.txt"
    on.windows.get("tab").session.close()
    assert len(engine.encoded) <= read + 1
    assert on.change_language("tab", "en")[on.ui.documents] == empty_list(on)


def test_retry_edit_and_undo_act_on_the_message_chosen(on, tmp_path):
    opened(on, write(tmp_path))
    for question in ("a", "b"):
        list(on.chat.ask_question("tab", question))
    *_, last = on.chat.edit_question("tab", SimpleNamespace(index=2, value="<\u2060i>B"))
    assert on.windows.get("tab").transcript[1].question == "<i>B"
    *_, last = on.chat.retry_question("tab", SimpleNamespace(index=2))
    assert [exchange.question for exchange in on.windows.get("tab").transcript] == ["a", "<i>B"]
    assert value(on.chat.undo_exchange("tab")[on.ui.unasked]) == "<i>B"
    assert len(value(last[on.ui.chat])) == 4
    agreed = SimpleNamespace(sure="yes", id="1")
    assert value(on.chat.clear_if_sure("tab", agreed)[on.ui.chat]) == []


def test_the_app_offers_no_endpoint_to_programs_and_loads_no_foreign_thing(engine):
    app = window_app(Windows(engine, load_settings()))
    assert {fn.api_visibility for fn in app.fns.values()} == {"private"}
    assert app.analytics_enabled is False


def test_the_examples_that_come_with_the_app_are_complete():
    examples = load_examples()
    assert {e.path.suffix for e in examples} == {".pdf", ".docx"}
    assert all(len(e.questions) == 3 and e.title.en and e.title.zh for e in examples)
