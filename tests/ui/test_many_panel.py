"""Questions to a window's documents: what is kept, asked again, stopped, and what the tab shows of it."""

import json
import re
import threading
from dataclasses import replace

import pytest

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.conversation.table import to_json
from glyph_demo.engines.events import FilePage, Progress, Region
from glyph_demo.errors import GlyphError
from glyph_demo.settings import load_settings
from glyph_demo.store import FeatureStore
from glyph_demo.ui.tabs.many import LONG, now_view, table_view
from glyph_demo.windows.collection import Windows
from glyph_demo.windows.table_run import TableRun
from tests.documents.test_page_images import mixed
from tests.fakes import FakeEngine, FakeHandle


@pytest.fixture
def settings(tmp_path):
    return load_settings(flags={"cache_dir": str(tmp_path / "cache")})


@pytest.fixture
def files(tmp_path):
    made = []
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(f"This is document {name}.\n" * 100)
        made.append((name, tmp_path / name))
    return made


def ask(table, settings, engine, question="one?", language="en"):
    """Ask, and wait for the end."""
    table.start(engine, settings, FeatureStore(settings.cache_path, 0, 0), question, language)
    for _ in table.changes():
        pass
    return answers(table)


def answers(table):
    """The answers to the first question by file name."""
    return {name: row for (name, question), row in table.rows().items() if question == table.questions[0]}


class Gated(FakeEngine):
    """Waits before the answer number `at`, counted from 1."""

    def __init__(self, at):
        super().__init__()
        self.at, self.asked = at, 0
        self.there, self.gate = threading.Event(), threading.Event()

    def open_document(self, features=(), source=None):
        self.asked += 1
        if self.asked == self.at:
            self.there.set()
            self.gate.wait(60)
        return super().open_document(features, source)


def test_a_table_fills_and_is_found_again_after_a_restart_without_asking(tmp_path, settings, files):
    table = TableRun(tmp_path / "kept")
    table.add(files)
    rows = ask(table, settings, FakeEngine())
    assert list(rows) == ["a.txt", "b.txt", "c.txt"]
    assert all(row.answer.endswith("one? ") for row in rows.values())
    for _, path in files:
        path.unlink()  # uploads go; our copies stay
    again, engine = TableRun(tmp_path / "kept"), FakeEngine()
    assert (answers(again), again.questions) == (rows, ("one?",))
    assert (again.answers(), again.answers("a.txt")) == (3, 1)
    assert ask(again, settings, engine) == rows
    assert engine.steps == 0


def test_what_was_stopped_goes_on_where_it_was_left(tmp_path, settings, files):
    table, slow = TableRun(tmp_path / "kept"), Gated(at=3)
    table.add(files)
    table.start(slow, settings, FeatureStore(settings.cache_path, 0, 0), "one?", "en")
    assert slow.there.wait(60)
    while len(table.rows()) < 2:
        pass
    with pytest.raises(GlyphError, match="busy"):
        ask(table, settings, slow)
    table.stop()
    slow.gate.set()
    table.close()
    assert slow.open_handles == 0
    assert list(answers(table)) == ["a.txt", "b.txt"]
    engine = FakeEngine()
    assert list(ask(table, settings, engine)) == ["a.txt", "b.txt", "c.txt"]
    assert engine.steps == 5, "words of one answer"


@pytest.mark.parametrize("stopped", [True, False])
def test_a_run_after_a_stop_or_with_another_question_is_taken_and_shows_no_answer_of_the_one_before(
    tmp_path, settings, files, stopped
):
    table, slow = TableRun(tmp_path / "kept"), Gated(at=2)
    table.add(files)
    table.start(slow, settings, FeatureStore(settings.cache_path, 0, 0), "one?", "en")
    assert slow.there.wait(60)
    if stopped:
        table.stop()
    asking = threading.Thread(target=ask, args=(table, settings, slow, "two?"))
    asking.start()
    while table.questions != ("two?",):
        pass
    assert (table.rows(), table.asked) == ({}, ())
    slow.gate.set()
    asking.join(60)
    assert [row.question for row in table.rows().values()] == ["two?"] * 3


def test_another_question_or_engine_asks_all_and_the_first_is_still_known(tmp_path, settings, files):
    table, other = TableRun(tmp_path / "kept"), FakeEngine()
    table.add(files)
    first = ask(table, settings, FakeEngine())
    assert ask(table, settings, FakeEngine(), "two?")["a.txt"].answer.endswith("two? ")
    other.identity = "fake-2"
    assert {row.engine for row in ask(table, settings, other, "two?").values()} == {"fake-2"}
    engine = FakeEngine()
    assert ask(table, settings, engine) == first
    assert engine.steps == 0
    table.forget()
    assert table.rows() == {}
    ask(table, settings, engine)
    assert engine.steps > 0


def test_a_file_is_taken_once_and_two_of_one_name_are_told_apart(tmp_path, settings, files):
    table = TableRun(tmp_path / "kept")
    other = tmp_path / "elsewhere" / "a.txt"
    other.parent.mkdir()
    other.write_text("Something else.")
    table.add([*files, ("a.txt", other), ("a.txt", other), files[0]])
    assert list(table.files) == ["a.txt", "b.txt", "c.txt", "a (2).txt"]
    rows = ask(table, settings, FakeEngine())
    assert rows["a.txt"].digest != rows["a (2).txt"].digest
    table.remove("a.txt")
    assert list(answers(table)) == ["b.txt", "c.txt", "a (2).txt"]
    assert len(list((tmp_path / "kept").iterdir())) == 3 + 2, "its copy has gone"
    assert files[0][1].exists()


def test_files_come_and_go_while_somebody_goes_through_them(tmp_path, files):
    table = TableRun(tmp_path / "kept")
    table.add(files)
    seen = []
    for name in table.files:  # as the run does that saves the table, and the page that shows it
        seen.append(name)
        table.add([(f"again {name}", files[0][1])])
    for name in table.files:
        table.remove(name)
    assert seen == [name for name, _ in files]
    assert not table.files


def test_several_questions_are_a_table_with_a_group_for_each_document(tmp_path, settings, files):
    table = TableRun(tmp_path / "kept")
    table.add(files[:2])
    ask(table, settings, FakeEngine(), " one <i>? \n\ntwo?\none <i>?\n")
    assert list(table.rows()) == [(name, question) for name in ("a.txt", "b.txt") for question in ("one <i>?", "two?")]
    assert table.rows()["b.txt", "two?"].answer.endswith("two? ")
    shown = table_view(table, "en")
    assert (shown.count("<tbody"), shown.count("rowspan='2'"), shown.count("<tr")) == (2, 2, 5)
    assert shown.count("data-name='Question'>one &lt;i&gt;?</td>") == 2
    assert "<caption>" not in shown
    again, engine = TableRun(tmp_path / "kept"), FakeEngine()
    assert (again.questions, again.rows()) == (("one <i>?", "two?"), table.rows())
    ask(again, settings, engine, "two?\nthree?")
    assert list(again.rows()) == [(name, question) for name in ("a.txt", "b.txt") for question in ("two?", "three?")]
    assert engine.steps == 2 * 5, "only what is new is asked"
    with pytest.raises(GlyphError, match="too_many_questions"):
        ask(again, settings, engine, "\n".join(map(str, range(21))))
    assert again.questions == ("two?", "three?")


def test_a_single_question_stands_above_its_answers_and_never_above_those_to_another(tmp_path, settings, files):
    table, slow = TableRun(tmp_path / "kept"), Gated(at=1)
    table.add(files)
    assert "<caption>" not in table_view(table, "en")
    ask(table, settings, FakeEngine(), "first <i>?")
    assert "<caption>first &lt;i&gt;?</caption>" in table_view(table, "en")
    table.start(slow, settings, FeatureStore(settings.cache_path, 0, 0), "second?", "en")
    assert slow.there.wait(60)
    shown = table_view(table, "en")
    assert "<caption>second?</caption>" in shown
    assert "first" not in shown
    slow.gate.set()
    table.close()


def test_each_answer_is_shown_and_kept_as_soon_as_it_is_there(tmp_path, settings, files):
    """Not once all questions to its document are answered: who stops in between keeps them."""
    table = TableRun(tmp_path / "kept")
    table.add(files[:1])
    second, gate = threading.Event(), threading.Event()

    class Slow(FakeHandle):
        def answer(self, question, history, options):
            if question == "two?":
                second.set()
                gate.wait(60)
            yield from super().answer(question, history, options)

    class Engine(FakeEngine):
        def open_document(self, features=(), source=None):
            self.open_handles += 1
            return Slow(self, features)

    table.start(Engine(), settings, FeatureStore(settings.cache_path, 0, 0), "one?\ntwo?\nthree?", "en")
    assert second.wait(60)
    while not (table.rows() and table.progress):
        pass
    assert list(table.rows()) == [("a.txt", "one?")]
    assert "1 of 3 answered" in now_view(table, "en")
    shown = table_view(table, "en")
    assert (shown.count("'><p class='glyph-note'>"), shown.count("waiting")) == (2, 1)
    table.stop()
    gate.set()
    table.close()
    assert list(TableRun(tmp_path / "kept").rows()) == [("a.txt", "one?")]


def test_nothing_to_ask_and_a_broken_engine_are_told(tmp_path, settings, files):
    table = TableRun(tmp_path / "kept")
    with pytest.raises(GlyphError, match="no_files"):
        ask(table, settings, FakeEngine())
    table.add(files)
    with pytest.raises(GlyphError, match="no_question"):
        ask(table, settings, FakeEngine(), "  ")

    class Broken(FakeEngine):
        @property
        def identity(self):
            raise RuntimeError("no engine")

    assert ask(table, settings, Broken()) == {}
    assert "Something went wrong inside" in now_view(table, "en")
    assert ask(table, settings, FakeEngine())
    assert now_view(table, "en") == ""


def test_what_is_kept_and_cannot_be_read_is_as_nothing(tmp_path, settings, files):
    for content in ("[]", "{}", '{"files": {}, "questions": 1}', "\x00", '{"files": {"a": 1}, "questions": []}'):
        (tmp_path / "kept").mkdir(exist_ok=True)
        (tmp_path / "kept" / "files.json").write_text(content)
        assert TableRun(tmp_path / "kept").files == {}
    (tmp_path / "kept" / "files.json").write_text('{"files": {"a": "../../a.txt"}, "questions": []}')
    assert TableRun(tmp_path / "kept").files == {}, "only files of our own folder"


def test_a_window_that_rests_or_closes_stops_its_asking(settings, files):
    engine = Gated(at=1)
    windows = Windows(engine, settings, make=lambda changed: FakeEngine())
    table = windows.get("tab").table_run
    table.add(files)
    for act in (lambda: windows.switch.change_engine(settings), lambda: windows.close("tab")):
        table.start(engine, settings, FeatureStore(settings.cache_path, 0, 0), "one?", "en")
        assert engine.there.wait(60)
        threading.Timer(0.1, engine.gate.set).start()
        act()
        assert not table.running
        assert engine.open_handles == 0
        engine.asked = 0
        engine.there.clear()
        engine.gate.clear()
    assert windows.get("tab").table_run.files.keys() == table.files.keys(), "and finds its documents again"
    windows.close_all()


def test_the_table_shows_answers_errors_evidence_and_what_waits(tmp_path, settings, files):
    table = TableRun(tmp_path / "kept")
    assert table_view(table, "en") == ""
    table.add([*files, ("gone.pdf", files[0][1])])
    assert table_view(table, "en").count("not asked yet") == 4
    table.files["gone.pdf"].write_bytes(b"no pdf")
    ask(table, settings, FakeEngine(), "one? " + "word " * LONG, "zh")
    shown = table_view(table, "en")
    assert shown.count("data-line='0'>page 1, line 1 <q>quoted line</q></button>") == 3
    assert shown.count("<details>") == 3, "long answers are folded"
    assert shown.count("glyph-notice error") == 1
    assert "0.60" in shown
    assert "第 1 页，第 1 行" in table_view(table, "zh")


def test_the_table_marks_what_the_document_has_and_what_is_nowhere_in_it(tmp_path, settings):
    (tmp_path / "a.txt").write_text("The sum is 1,234.")
    table = TableRun(tmp_path / "kept")
    table.add([("a.txt", tmp_path / "a.txt")])
    ask(table, settings, FakeEngine(), "other?\n1234 or 777?")
    shown = table_view(table, "en")
    assert "<p class='glyph-note'>1 of 4 figures found; underlined: not found</p>" in shown, (
        "of 1 pages, turn 1: 1234 or 777?"
    )
    assert "title='not found in the document'>777</span>" in shown
    (link,) = re.findall("<a [^>]*>1234</a>", shown)
    assert "data-act='quote' data-event='select' data-name='a.txt' data-question='1' data-claim='2'" in link
    again, engine = TableRun(tmp_path / "kept"), FakeEngine()
    assert table_view(again, "en") == shown, "after a restart"
    assert [row.claims for row in again.rows().values()] == [row.claims for row in table.rows().values()]
    ask(again, settings, engine, "other?\n1234 or 777?")
    assert (table_view(again, "en"), engine.steps) == (shown, 0), "nothing is asked again"


def test_marks_are_kept_for_the_table_alone_and_answers_kept_without_them_are_found(tmp_path, settings):
    (tmp_path / "mixed.pdf").write_bytes(mixed())
    table, kept = TableRun(tmp_path / "kept"), tmp_path / "kept" / "answers.json"
    table.add([("mixed.pdf", tmp_path / "mixed.pdf")])
    row = ask(table, settings, FakeEngine(), "Is it 777?")["mixed.pdf"]
    place = Region(1, 2, "a line", ((1, 2, 3, 4),), 0.5, FilePage(3, "iv"), "a page")
    table._take(replace(row, claims=(Claim(0, 1, "number", place), Claim(2, 3, "name"))))
    assert answers(TableRun(tmp_path / "kept"))["mixed.pdf"].claims == answers(table)["mixed.pdf"].claims
    exported = to_json(list(table.rows().values()))
    assert "claims" not in exported
    kept.write_text(exported)
    old = answers(TableRun(tmp_path / "kept"))
    assert (old["mixed.pdf"].answer, old["mixed.pdf"].claims) == (row.answer, ())
    for odd in (1, [1], [{}], [{"place": 1}], [{"place": {"boxes": 1}}]):
        kept.write_text(json.dumps({"rows": [{**row.as_json(), "claims": odd}]}))
        assert TableRun(tmp_path / "kept").files == {}, "as any file that is none of ours"


def test_the_table_says_what_of_a_document_was_not_read_unfolded_where_that_may_hold_the_answer(tmp_path, settings):
    (tmp_path / "mixed.pdf").write_bytes(mixed())
    table = TableRun(tmp_path / "kept")
    table.add([("mixed.pdf", tmp_path / "mixed.pdf")])
    settings = replace(settings, documents=replace(settings.documents, page_images="never"))
    ask(table, settings, FakeEngine())
    assert "<details class='glyph-notes'><summary>1 note about this document" in table_view(table, "en")
    ask(table, settings, FakeEngine(), "absent")
    assert "<details class='glyph-notes' open>" in table_view(table, "en")
    assert "<li>Page(s) 2, 4–5 are pictures" in table_view(table, "en")


def test_documents_read_in_another_way_are_shown_as_being_asked_again(tmp_path, settings, files):
    table, slow = TableRun(tmp_path / "kept"), Gated(at=1)
    table.add(files)
    ask(table, settings, FakeEngine())
    settings = replace(settings, documents=replace(settings.documents, page_images="always"))
    table.start(slow, settings, FeatureStore(settings.cache_path, 0, 0), "one?", "en")
    assert slow.there.wait(60)
    assert table.rows() == {}
    slow.gate.set()
    for _ in table.changes():
        pass
    assert [row.settings for row in table.rows().values()] == ["page_images=always"] * 3


def test_the_table_tells_what_is_being_done_while_it_runs(tmp_path, settings, files):
    table, slow = TableRun(tmp_path / "kept"), Gated(at=2)
    table.add(files)
    table.start(slow, settings, FeatureStore(settings.cache_path, 0, 0), "one?", "en")
    assert slow.there.wait(60)
    while not (len(table.rows()) == 1 and list(table.progress) == ["b.txt"]):
        pass
    table.add([("late.txt", files[0][1])])
    shown = table_view(table, "en")
    assert "Reading the document first" in shown
    assert (shown.count("waiting"), shown.count("not asked yet")) == (1, 1)
    assert "1 of 3 answered" in now_view(table, "en")
    assert "b.txt: Reading the document first" in now_view(table, "en")
    assert "b.txt：先阅读文档" in now_view(table, "zh")
    slow.gate.set()
    table.close()


def test_names_answers_and_quotes_are_text(tmp_path, settings, files):
    table = TableRun(tmp_path / "kept")
    table.add([("<img src=x>.txt", files[0][1])])
    ask(table, settings, FakeEngine(), "<img src=y>")
    table._progress = {"<img src=z>": Progress("encode", 1, 2)}
    assert "<img" not in table_view(table, "en") + now_view(table, "en")
