"""Files that browsers send, and who may use them."""

import pytest

from glyph_demo.windows import uploads as module
from glyph_demo.windows.uploads import Uploads
from tests.fakes import finished
from tests.ui.handling import kept


@pytest.fixture
def uploads():
    made = Uploads(limit=1)
    yield made
    made.close()


def file(tmp_path, content, name="a.txt"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_an_upload_is_whole_and_for_its_sender_only(uploads, tmp_path):
    identifier = kept(uploads, "me", file(tmp_path, b"private words"))
    (mine,), failures = uploads.sent("me", [{"id": identifier}])
    assert (mine.name, mine.path.read_bytes(), failures) == ("a.txt", b"private words", [])
    assert mine.path.stat().st_mode & 0o077 == 0 or mine.path.parent.stat().st_mode & 0o077 == 0
    found, failures = uploads.sent("you", [{"id": identifier}])
    assert found == []
    assert "not here" in failures[0].en


@pytest.mark.parametrize(
    "said", ["/etc/passwd", "../../etc/passwd", None, 3, ["a"], {"id": "/etc/passwd"}, {"path": "/etc/passwd"}, {}]
)
def test_nothing_that_a_page_says_is_taken_for_a_path(uploads, said):
    found, failures = uploads.sent("me", [said])
    assert found == []
    assert len(failures) == 1
    assert "/etc" not in failures[0].en
    assert uploads.sent("me", said)[0] == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(413, "the limit is 1 MB"), (507, "disk"), (0, "did not come"), (None, "did not come"), ([], "did not")],
)
def test_what_did_not_come_is_said_with_what_to_do(uploads, status, words):
    _, (failure,) = uploads.sent("me", [{"name": "../big.pdf", "status": status}])
    assert failure.en.startswith("big.pdf: ")
    assert words in failure.en
    assert failure.zh != failure.en


def test_all_uploads_together_stay_in_their_budget_and_the_newest_stays(uploads, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FILES", 3)
    ids = [kept(uploads, "me", file(tmp_path, b"x" * 10)) for _ in range(5)]
    found, failures = uploads.sent("me", [{"id": identifier} for identifier in ids])
    assert (len(found), len(failures)) == (3, 2)
    newest = kept(uploads, "me", file(tmp_path, b"x" * (uploads._most + 1)))
    (last,), _ = uploads.sent("me", [{"id": newest}])
    assert [path.name for path in last.path.parent.iterdir()] == [newest]


def test_an_upload_that_breaks_off_leaves_nothing(uploads, tmp_path):
    async def chunks():
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        finished(uploads.receive("me", "a.txt", chunks()))
    whole = kept(uploads, "me", file(tmp_path, b"whole"))
    (upload,), _ = uploads.sent("me", [{"id": whole}])
    assert list(upload.path.parent.iterdir()) == [upload.path]
