"""What a document is, told once it is ready: by its engine, else from its text."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from glyph_demo.conversation.drawing import PageView
from glyph_demo.conversation.overview import of_text, overview_of
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.documents.model import Document, Listed, Mark
from glyph_demo.engines.base import Heading, Overview
from glyph_demo.engines.events import FilePage
from glyph_demo.settings import Settings
from glyph_demo.store import FeatureStore
from tests.fakes import FakeEngine, FakeHandle, PageByPage

PAGES = (
    "# The Harrow Valley Trust\n\n## How it began\n\nThe trust was founded in 1962. It has two rooms.\n",
    "\n## What it costs\n\nThe rooms cost 11 crowns a month.\n\nItem | 2023\nRent | 132\n",
)
TEXT = "".join(PAGES)


def viewed(pages, pictures=()):
    """A document of these pages of a file, and the views of them."""
    starts = [sum(map(len, pages[:i])) for i in range(len(pages))]
    marks = tuple(Mark("page", i, start, label) for i, start, label in zip((1, 2), starts, ("", "ii"), strict=False))
    spans = [(start, start + len(page)) for start, page in zip(starts, pages, strict=True)]
    views = [
        PageView(i, span, (595, 842), "", (), Path("none"), i if i in pictures else 0)
        for i, span in enumerate(spans, 1)
    ]
    return Document("a.pdf", "pdf", "".join(pages), "0" * 64, marks), views


@pytest.mark.parametrize("pictures", [(), (1, 2)])
def test_title_outline_and_first_lines_come_from_the_text_on_the_pages(pictures):
    assert of_text(*viewed(PAGES, pictures)) == Overview(
        "The Harrow Valley Trust",
        (Heading("How it began", 1, FilePage(1)), Heading("What it costs", 2, FilePage(2, "ii"))),
        "The trust was founded in 1962. It has two rooms.",
    )


@pytest.mark.parametrize("pictures", [(), (1, 2)])
def test_a_files_own_outline_is_told_with_the_pages_that_the_model_saw(pictures):
    document, views = viewed(PAGES, pictures)
    listed = tuple(Listed(*one) for one in (("The Harrow Valley Trust", 1), ("Of the money", 2), ("Rent", 2)))
    found = overview_of(None, replace(document, outline=listed), views)
    assert found.headings == (Heading("Of the money", 2, FilePage(2, "ii")), Heading("Rent", 2, FilePage(2, "ii")))
    assert (found.title, found.lead) == ("The Harrow Valley Trust", "The trust was founded in 1962. It has two rooms.")
    assert overview_of(None, replace(document, outline=listed), views[:1]).headings == (
        Heading("How it began", 1, FilePage(1)),
    ), "one page of two was read"


def test_an_outline_leads_to_the_page_where_its_words_are_drawn():
    document, views = viewed(PAGES)
    cut = PAGES[0].index("## How")
    first, second = (replace(views[0], number=i, span=span) for i, span in ((1, (0, cut)), (2, (cut, len(PAGES[0])))))
    document = replace(document, outline=(Listed("How it began", 1), Listed("Not in the text", 1)))
    found = overview_of(None, document, [first, second, replace(views[1], number=3)])
    assert [(heading.text, heading.page) for heading in found.headings] == [("How it began", 2), ("Not in the text", 1)]


def test_only_pages_that_were_read_count():
    document, views = viewed(PAGES)
    found = of_text(document, views[1:])
    assert (found.title, found.headings) == ("What it costs", ())
    assert found.lead == "The rooms cost 11 crowns a month."


def test_a_line_that_goes_on_on_the_next_page_is_no_heading():
    pages = ["# The trust\n\nThe trust was founded in 1962 by three people. In", " 1980 it had two rooms.\n"]
    found = of_text(*viewed(pages))
    assert (found.headings, found.lead) == (
        (),
        "The trust was founded in 1962 by three people. In 1980 it had two rooms.",
    )


def test_without_headings_the_title_is_the_first_line():
    found = of_text(*viewed(["A letter\nDear Ruth, the trust has two rooms and a kitchen.\n"]))
    assert (found.title, found.headings) == ("A letter", ())


def test_pages_without_text_have_no_overview():
    assert of_text(*viewed(["", " \n"])) is None
    assert of_text(*viewed([])) is None


def test_control_characters_stay_out():
    found = of_text(*viewed(["# A \x07bad \u202etitle\n\nThe \x1b[31mtrust was founded in 1962 by its members.\n"]))
    assert (found.title, found.lead) == ("A bad title", "The [31mtrust was founded in 1962 by its members.")


class Telling(FakeEngine):
    """Its documents tell what they are, as `told` does."""

    def __init__(self, told):
        super().__init__()
        self.told = told

    def open_document(self, features=(), source=None):
        handle = super().open_document(features, source)
        handle.overview = self.told
        return handle


@pytest.fixture
def read(save):
    """A function that opens a text with an engine and gives its reading."""
    sessions = []

    def through(engine, text=TEXT):
        session = DocumentSession(engine, Settings(), FeatureStore(None, 1 << 26, 0))
        sessions.append(session)
        session.open(save("a.txt", text))
        return session.current

    yield through
    for session in sessions:
        session.close()


def test_an_engine_that_tells_nothing_leaves_it_to_the_text(read):
    reading = read(FakeEngine())
    reading.wait()
    assert reading.overview.title == "The Harrow Valley Trust"
    assert [heading.text for heading in reading.overview.headings] == ["How it began", "What it costs"]
    assert reading.overview.questions == ()


def test_there_is_no_overview_before_the_document_is_ready(read):
    engine = PageByPage()
    reading = read(engine, TEXT + "\n\n".join("A paragraph of a story. " * 30 for _ in range(24)))
    engine.let(reading, 1)
    assert reading.overview is None
    engine.pages.release(100)
    reading.wait()
    assert reading.overview is not None


def test_an_overview_is_worked_out_when_it_is_wanted_and_once_for_all_threads(read):
    told = Overview("Told", (), "")
    calls = []

    def tell():
        calls.append(1)
        threading.Event().wait(0.05)
        return told

    reading = read(Telling(tell))
    reading.wait()
    assert not calls
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: reading.overview, range(4))) == {told}
    assert len(calls) == 1


def test_a_failure_to_tell_leaves_the_document_ready(read, caplog):
    def fail():
        raise RuntimeError("a bug inside")

    reading = read(Telling(fail))
    reading.wait()
    assert reading.overview is None
    assert reading.overview is None
    assert reading.state == "ready"
    assert [record.message for record in caplog.records] == ["no overview of the document"]


def test_a_document_given_as_text_has_an_overview(read):
    class AsText(FakeEngine):
        def open_text(self, text):
            return FakeHandle(self, [])

    reading = read(AsText())
    reading.wait()
    assert reading.overview.title == "The Harrow Valley Trust"
