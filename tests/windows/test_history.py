import base64
import json
import math
import os
import time
import zlib

import pytest

from glyph_demo.conversation.checked.claim import Claim
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.events import FilePage, Finished, Heat, Region, Timings, Usage
from glyph_demo.errors import Message
from glyph_demo.scratch import DAY
from glyph_demo.windows.history import NAME, History, SavedDocument, SavedWindow, as_json, as_markdown

WINDOW = "0123456789abcdef" * 2
EXCHANGE = Exchange(
    "What?",
    "An answer.",
    thinking="Hm.",
    thinking_seconds=1.5,
    regions=(Region(2, 7, "Built in 1923.", ((1, 2, 3, 4), (5, 6, 7, 8)), 0.5),),
    notices=(Message("A notice.", "提示。"),),
    reused=(3, 4),
    heat=(Heat(2, 2, 3, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)), Heat(5, 1, 1, (1.0,), "digest")),
    finished=Finished(Usage(412, 120, 36, 9, 8), Timings(0.05, 0.06, 0.4, 0.47), "stop"),
    ranked=True,
    claims=(Claim(0, 2, "name"), Claim(3, 9, "number", Region(2, 7, "1923.", ((1, 2, 3, 4),), 1.0, FilePage(2, "ii")))),
    read_so_far=(3, 60),
)


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "windows")


def saved(history, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"text")
    copy = history.adopt(WINDOW, upload)
    document = SavedDocument("a.txt", copy.name, "1-3", ("When?",), [EXCHANGE])
    window = SavedWindow(language="zh", front=0, documents=[document])
    history.save(WINDOW, window)
    return window


def test_a_window_comes_back_as_it_was_saved(history, tmp_path):
    window = saved(history, tmp_path)
    loaded = History(tmp_path / "windows").load(WINDOW)
    (document,), (kept,) = loaded.documents, loaded.documents[0].exchanges
    assert (loaded.language, loaded.front) == ("zh", 0)
    assert (document.name, document.file, document.pages) == ("a.txt", window.documents[0].file, "1-3")
    assert {name: getattr(kept, name) for name in Exchange.__slots__} == {
        name: getattr(EXCHANGE, name) for name in Exchange.__slots__
    }
    assert (history.folder(WINDOW) / document.file).read_bytes() == b"text"


def test_a_saved_conversation_says_which_answers_are_from_some_pages():
    assert "> Answered from 3 of 60 pages" in as_markdown("a.txt", [EXCHANGE])
    assert json.loads(as_json("a.txt", [EXCHANGE]))["exchanges"][0]["read_so_far"] == [3, 60]


def test_a_saved_conversation_says_what_of_an_answer_the_document_has():
    absent, found = json.loads(as_json("a.txt", [EXCHANGE]))["exchanges"][0]["claims"]
    assert absent == {"start": 0, "end": 2, "kind": "name", "place": None}
    assert (found["place"]["line"], found["place"]["file_page"]) == (7, {"number": 2, "label": "ii"})


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"language": 7},
        {"documents": [{"name": "a", "file": "../../secret"}]},
        {"documents": [{"name": "a", "file": "0" * 32, "exchanges": [{"question": 7}]}]},
        {"front": "first"},
        *(
            {"documents": [{"name": "a", "file": "0" * 32, "exchanges": [{"question": "What?", "heat": [heat]}]}]}
            for heat in (
                {"page": 1, "rows": 1, "columns": 1},
                {"page": 1, "rows": 1, "columns": 1, "values": "AAAA"},
                {"page": 1, "rows": 1, "columns": 2, "values": base64.b64encode(zlib.compress(b"123")).decode()},
                {"page": 1, "rows": 1, "columns": "2", "values": base64.b64encode(zlib.compress(b"12")).decode()},
            )
        ),
    ],
)
def test_a_history_that_does_not_fit_is_none(history, tmp_path, change):
    saved(history, tmp_path)
    path = history.folder(WINDOW) / NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert history.load(WINDOW) is None


def test_a_map_is_kept_in_a_byte_a_cell_or_less(history, tmp_path):
    cells = tuple(math.exp(-(((row - 60) / 20) ** 2)) for row in range(292) for column in range(73))
    exchange = Exchange("What?", "It.", heat=(Heat(1, 292, 73, cells),))
    document = SavedDocument("a.txt", "0" * 32, exchanges=[exchange])
    history.save(WINDOW, SavedWindow(documents=[document]))
    assert (history.folder(WINDOW) / NAME).stat().st_size < len(cells)
    (kept,) = history.load(WINDOW).documents[0].exchanges[0].heat
    assert max(abs(a - b) for a, b in zip(kept.values, cells, strict=True)) <= 0.5 / 255
    assert "heat" not in json.loads(as_json("a.txt", [exchange]))["exchanges"][0]


def test_half_a_file_is_none_and_so_is_a_window_nobody_knows(history, tmp_path):
    saved(history, tmp_path)
    path = history.folder(WINDOW) / NAME
    path.write_bytes(path.read_bytes()[:100])
    assert history.load(WINDOW) is None
    assert history.load("f" * 32) is None


def test_what_has_not_changed_for_a_day_is_removed(history, tmp_path):
    saved(history, tmp_path)
    history.sweep()
    folder = history.folder(WINDOW)
    assert folder.exists()
    for path in folder.iterdir():
        yesterday(path)
    history.sweep()
    assert not folder.exists()


def test_a_document_goes_a_day_after_its_last_use_although_its_window_is_used(history, tmp_path):
    saved(history, tmp_path)
    used, unused = history.adopt(WINDOW, tmp_path / "upload"), history.adopt(WINDOW, tmp_path / "upload")
    yesterday(used)
    yesterday(unused)
    history.use(used)
    history.sweep()
    assert used.exists()
    assert not unused.exists()
    assert history.load(WINDOW) is not None


def yesterday(path):
    past = time.time() - DAY - 1
    os.utime(path, (past, past))


def test_only_who_knows_the_id_can_find_the_folder_and_only_its_owner_can_enter(history, tmp_path):
    saved(history, tmp_path)
    (folder,) = (tmp_path / "windows").iterdir()
    assert WINDOW not in str(folder)
    assert folder.stat().st_mode & 0o077 == 0


def test_without_a_disk_the_upload_itself_is_read(tmp_path):
    (tmp_path / "windows").write_text("a file where the folder should be")
    history, upload = History(tmp_path / "windows"), tmp_path / "upload"
    upload.write_bytes(b"text")
    assert history.adopt(WINDOW, upload) == upload
    history.save(WINDOW, SavedWindow())
    history.drop(upload)
    assert upload.exists()
