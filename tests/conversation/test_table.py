"""One set of questions to many documents: the table, and taking it up again where it was left."""

import csv
import io
import json
import threading
from dataclasses import replace

import pytest

from glyph_demo.cli import main
from glyph_demo.conversation import table as many
from glyph_demo.engines.events import FilePage, Progress
from glyph_demo.errors import SettingsError
from glyph_demo.settings import load_settings
from tests.documents.test_page_images import mixed
from tests.fakes import FakeEngine, FakeHandle


@pytest.fixture
def files(tmp_path):
    paths = {f"{n}.txt": tmp_path / f"{n}.txt" for n in range(4)}
    for name, path in paths.items():
        path.write_text(f"This is document {name}.\n" * 150 * (1 + int(name[0])))
    return paths


@pytest.fixture
def settings(tmp_path):
    return load_settings(flags={"cache_dir": str(tmp_path / "cache")})


def rows(events):
    return [event for event in events if isinstance(event, many.Row)]


def test_every_question_goes_to_every_document_in_order(files, settings):
    events = list(many.fill_table(FakeEngine(), settings, files, ["one?", "two?"]))
    table = rows(events)
    assert [(row.file, row.question) for row in table] == [(name, q) for name in files for q in ("one?", "two?")]
    pages = [int(row.answer.split()[0]) for row in table]
    assert pages[0] < pages[2] < pages[4] < pages[6], "each answer comes from its own document"
    assert all("turn 1:" in row.answer for row in table), "questions do not see each other"
    assert table[0].quotes == (many.QuotedLine(1, 1, "quoted line"),)
    done = [event.done for event in events if isinstance(event, Progress)]
    assert (done[0], done[-1]) == (0, 8)
    assert done == sorted(done)


def test_documents_are_held_one_at_a_time_and_by_an_engine_that_shares_its_steps_a_few(files, settings):
    class Watched(FakeEngine):
        most = 0

        def open_document(self, features=(), source=None):
            handle = super().open_document(features, source)
            self.most = max(self.most, self.open_handles)
            return handle

    one, few = Watched(token_seconds=0.01), Watched(token_seconds=0.01)
    few.name = "local"
    settings = replace(settings, inference=replace(settings.inference, max_batch_size=3))
    table = rows(many.fill_table(one, settings, files, ["one?", "two?"]))
    shared = rows(many.fill_table(few, settings, files, ["one?", "two?"]))
    assert sorted(row.key for row in shared) == sorted(row.key for row in table)
    assert (one.most, few.most) == (1, 3)
    assert one.open_handles == few.open_handles == 0


def test_a_short_document_is_not_held_up_by_a_long_one_before_it(files, settings):
    short_is_told = threading.Event()

    class Patient(FakeHandle):
        def answer(self, question, history, options):
            assert len(self.digests) < 8 or short_is_told.wait(60)
            yield from super().answer(question, history, options)

    class Engine(FakeEngine):
        name = "local"

        def open_document(self, features=(), source=None):
            return Patient(self, features)

    came = []
    for event in many.fill_table(Engine(), settings, {"long": files["3.txt"], "short": files["0.txt"]}, ["one?"]):
        if isinstance(event, many.Row):
            came.append(event.file)
            short_is_told.set()
    assert came == ["short", "long"]


def test_how_far_each_document_is_comes_also_while_nothing_moves_so_that_one_can_stop(files, settings):
    let_go = threading.Event()

    class Stuck(FakeEngine):
        def encode(self, page):
            if len(self.encoded) == 2:
                let_go.wait(60)
            return super().encode(page)

    engine, seen = Stuck(), []
    asking = many.fill_table(engine, settings, files, ["one?"])
    for event in asking:
        if isinstance(event, many.Working):
            seen.append(event.files)
            if len(seen) > 3 and seen[-1] == seen[-2]:
                break
    assert list(seen[-1]) == ["0.txt"]
    let_go.set()
    asking.close()
    assert engine.steps == 0


def test_a_scan_among_the_documents_is_read_as_page_images(settings, tmp_path):
    from tests.browser.files import scan

    (tmp_path / "scan.pdf").write_bytes(scan())
    (row,) = rows(many.fill_table(FakeEngine(), settings, {"scan.pdf": tmp_path / "scan.pdf"}, ["one?"]))
    assert (row.error, row.answer) == ("", "1 pages, turn 1: one? ")


def test_an_answer_is_known_again_under_another_name(files, settings):
    table = rows(many.fill_table(FakeEngine(), settings, {"old": files["0.txt"]}, ["one?"]))
    engine = FakeEngine()
    again = rows(many.fill_table(engine, settings, {"new": files["0.txt"], "copy": files["0.txt"]}, ["one?"], table))
    assert again == [replace(table[0], file="new"), replace(table[0], file="copy")]
    assert engine.steps == 0


def test_a_row_says_what_of_its_file_was_not_read_and_a_file_read_otherwise_is_asked_again(settings, tmp_path):
    (tmp_path / "mixed.pdf").write_bytes(mixed())
    files = {"mixed.pdf": tmp_path / "mixed.pdf"}
    textual = replace(settings, documents=replace(settings.documents, page_images="never"))
    (row,) = table = rows(many.fill_table(FakeEngine(), textual, files, ["absent"]))
    (notice,) = row.notices
    assert notice.startswith("Page(s) 2, 4–5 are pictures")
    assert notice in many.to_csv(table)
    many.save(table, tmp_path / "table.json")
    assert many.load(tmp_path / "table.json") == table
    assert rows(many.fill_table(FakeEngine(), textual, files, ["absent"], table)) == table

    (pictured,) = rows(many.fill_table(FakeEngine(), settings, files, ["absent"], table, "zh"))
    assert pictured.notices[0].startswith("第 2、4–5 页")
    assert pictured.key != row.key


def test_reports_show_a_page_of_a_file_in_one_way(settings, tmp_path):
    (tmp_path / "mixed.pdf").write_bytes(mixed())
    files = {"mixed.pdf": tmp_path / "mixed.pdf"}
    table = rows(many.fill_table(FakeEngine(), settings, files, ["one?"]))
    saved = json.loads(many.to_json(table))["rows"][0]
    assert saved["quotes"][0]["file_page"] == {"number": 1, "label": ""}
    assert many.Row.kept(saved) == table[0]


def test_closing_stops_the_work(files, settings):
    engine = FakeEngine(token_seconds=0.01)
    asking = many.fill_table(engine, settings, files, ["one?"])
    next(event for event in asking if isinstance(event, many.Row))
    asking.close()
    assert engine.open_handles == 0
    assert engine.steps < 4 * 5


def test_a_file_that_cannot_be_read_and_a_question_that_fails_stop_nobody_else(files, settings, tmp_path):
    files = {"0.txt": files["0.txt"], "gone.pdf": tmp_path / "gone.pdf", "1.txt": files["1.txt"]}
    table = rows(many.fill_table(FakeEngine(), settings, files, ["fail", "two?"], language="zh"))
    assert [bool(row.error) for row in table] == [True, False, True, True, True, False]
    assert "请重试" in table[0].error


def test_a_table_that_was_left_goes_on_and_asks_only_what_is_missing(files, settings, tmp_path):
    path = tmp_path / "table.json"
    asking = many.fill_table(FakeEngine(), settings, files, ["one?", "fail"])
    some = [row for _, row in zip(range(5), (e for e in asking if isinstance(e, many.Row)), strict=False)]
    asking.close()
    many.save(some, path)

    engine = FakeEngine()
    table = rows(many.fill_table(engine, settings, files, ["one?", "fail"], known=many.load(path)))
    assert len(table) == 8
    assert table[:5:2] == some[::2]
    # Answers of the first three documents were kept; their failed question was asked again, and the last one in full.
    fresh = FakeEngine()
    assert rows(many.fill_table(fresh, settings, files, ["one?"], known=table)) == table[::2]
    assert fresh.open_handles == fresh.steps == 0


def test_another_engine_or_a_changed_file_is_asked_again(files, settings):
    table = rows(many.fill_table(FakeEngine(), settings, files, ["one?"]))
    files["0.txt"].write_text("Now it says something else.")
    other = FakeEngine()
    again = rows(many.fill_table(other, settings, files, ["one?"], known=table))
    assert [new == old for new, old in zip(again, table, strict=True)] == [False, True, True, True]
    other.identity = "fake-2"
    assert all(row.engine == "fake-2" for row in rows(many.fill_table(other, settings, files, ["one?"], known=table)))


def test_a_table_survives_the_disk_and_something_else_is_refused(files, settings, tmp_path):
    table = rows(many.fill_table(FakeEngine(), settings, files, ["谁写的？"]))
    many.save(table, tmp_path / "new" / "table.json")
    assert many.load(tmp_path / "new" / "table.json") == table
    assert many.load(tmp_path / "none.json") == []
    for content in ("{}", "[1]", '{"rows": [{"file": 1}]}', "\x00"):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(SettingsError, match="not_a_table"):
            many.load(tmp_path / "bad.json")


def test_a_spreadsheet_shows_text_and_computes_nothing():
    row = many.Row(
        "a.pdf", "d", "e", "q", '=HYPERLINK("http://x")', (many.QuotedLine(3, 1, "@x, y"), many.QuotedLine(2, 9, "z"))
    )
    cells = next(csv.DictReader(io.StringIO(many.to_csv([row]).removeprefix("\ufeff"))))
    assert cells["answer"] == "'" + row.answer
    assert cells["quote"] == "'@x, y | z"
    assert cells["pages"] == "2, 3"


def test_a_spreadsheet_has_the_columns_that_a_person_reads_and_numbers_pages_as_the_file_does():
    quote = many.QuotedLine(3, 1, "z", FilePage(12, "iv"))
    read = many.Row("a.pdf", "digest", "engine", "Why?", "So.", (quote,), notices=("Page 2 is a picture.",), seconds=1)
    failed = many.Row("b.pdf", "digest", "engine", "Why?", error="It is locked.", settings="pages=1")
    table = csv.reader(io.StringIO(many.to_csv([read, failed]).removeprefix("\ufeff")))
    assert list(table) == [
        ["file", "question", "answer", "pages", "quote", "note"],
        ["a.pdf", "Why?", "So.", "12", "z", "Page 2 is a picture."],
        ["b.pdf", "Why?", "", "", "", "It is locked."],
    ]


def test_the_command_line_writes_the_table_and_takes_it_up_again(tmp_path, capsys):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"The keeper of {name[0]} house is Mara Quill.\n")
    command = ["ask", *(str(tmp_path / name) for name in ("a.txt", "b.txt")), "-q", "Who is the keeper?"]
    flags = ["--out", str(tmp_path / "t.json"), "--cache-dir", str(tmp_path / "cache"), "--engine", "pocket", "--json"]
    assert main([*command, *flags, "--csv", str(tmp_path / "t.csv")]) == 0
    first = json.loads(capsys.readouterr().out)["rows"]
    assert all("Mara Quill" in row["answer"] for row in first)
    assert (tmp_path / "t.csv").read_text(encoding="utf-8-sig").count("Mara Quill") >= 2
    assert main([*command, "-q", "Where is the house?", *flags]) == 0
    second = json.loads(capsys.readouterr().out)["rows"]
    assert second[::2] == first, "answers kept, timings and all"
    assert main(["ask", str(tmp_path / "a.txt"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_with_the_cache_off_nothing_is_reused_and_the_engine_holds_its_own_features(files, settings):
    class Recording(FakeEngine):
        def open_document(self, features=(), source=None):
            self.source = source
            self.open_handles += 1
            return Handle(self, features)

    class Handle(FakeHandle):
        def answer(self, question, history, options):
            self.engine.options = options
            yield from super().answer(question, history, options)

    engine = Recording()
    for reuse in (True, False):
        settings = replace(settings, inference=replace(settings.inference, reuse_cache=reuse))
        rows(many.fill_table(engine, settings, {"0.txt": files["0.txt"]}, [f"{reuse}?"]))
        assert (engine.source is not None, engine.options.reuse_kv) == (reuse, reuse)


@pytest.mark.parametrize(
    "asked", [["What is the total of invoice 3391?"], ["-q", "What is the total of invoice 3391?"]]
)
def test_the_command_line_says_once_what_was_not_read(asked, tmp_path, capsys):
    assert main(["ask", "tests/cases/portfolio.pdf", *asked, "--engine", "pocket", "--cache-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "does not seem to say" in printed.out
    assert printed.err.count("1 attached file(s) were not read") == 1
