"""From a place on a page that the model saw to the page of the file, and what was not read of it."""

from dataclasses import replace

import pytest

from glyph_demo.conversation.drawing import draw
from glyph_demo.conversation.places import file_page, lines_at
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.documents.model import Mark
from glyph_demo.engines.events import Finished, Notice, Timings, Token, Usage
from glyph_demo.settings import Documents, Settings
from tests.documents.test_page_images import mixed
from tests.documents.uploads import lines_pdf, read
from tests.fakes import FakeEngine, FakeHandle


def views(document, tmp_path):
    return [view for _, view in draw(document, Settings(), "pocket", tmp_path, [])]


@pytest.mark.parametrize("style", ["pocket", "glyph-en", "whitepaper"])
def test_every_line_knows_its_page_of_the_file(save, tmp_path, style):
    texts = [f"page {number} has a line\nand the word w{number}" for number in range(1, 41)]
    document = read(save("a.pdf", lines_pdf(*texts)))
    document = replace(document, marks=tuple(replace(mark, label=f"L{mark.number}") for mark in document.marks))
    pages = [view for _, view in draw(document, Settings(), style, tmp_path, [])]
    seen = []
    for view in pages:
        for line in view.lines:
            if line.text.strip():
                found = file_page(document, view, line.box)
                assert found == (found.number, f"L{found.number}")
                assert f"{found.number}" in line.text
                seen.append(found.number)
    assert sorted(set(seen)) == list(range(1, 41))


def test_lines_are_numbered_as_a_reader_counts_them(save, tmp_path):
    text = "The harbour.\n\n \nThe pier is 14.2 metres deep.\n"
    (view,) = views(read(save("a.txt", text.encode())), tmp_path)
    start = text.index("14.2")
    assert [(number, line.text) for number, line in lines_at(view, start, start + 4)] == [
        (2, "The pier is 14.2 metres deep.")
    ]


def test_a_picture_is_its_own_page_and_a_file_without_pages_has_none(save, tmp_path):
    document = read(save("mixed.pdf", mixed()))
    found = [file_page(document, view, (0, 0, 9, 9)) for view in views(document, tmp_path)]
    assert [page.number for page in found] == [1, 2, 3, 4, 5]
    text = read(save("a.txt", b"one line\nanother"))
    assert {mark.kind for mark in text.marks} == {"paragraph"}
    assert [file_page(text, view, (0, 0, 9, 9)) for view in views(text, tmp_path)] == [None]


def test_the_pages_of_a_text_are_those_it_is_on():
    from glyph_demo.documents.model import Document

    marks = tuple(Mark("page", number, 10 * (number - 1)) for number in (1, 2, 3))
    document = Document("a", "pdf", "x" * 30, "", marks)
    assert [mark.number for mark in document.pages_of(0, 10)] == [1]
    assert [mark.number for mark in document.pages_of(5, 11)] == [1, 2]
    assert [mark.number for mark in document.pages_of(29, 30)] == [3]


class NothingFound(FakeHandle):
    def answer(self, question, history, options):
        yield Token("Not there.")
        yield Finished(Usage(), Timings(), "not_found")


class Seeker(FakeEngine):
    def open_document(self, features=(), source=None):
        self.open_handles += 1
        return NothingFound(self, features)


def test_an_answer_that_is_not_there_tells_what_was_not_read(save, tmp_path):
    settings = Settings(cache_dir=str(tmp_path), documents=Documents(page_images="never"))
    session = DocumentSession(Seeker(), settings)
    session.open(save("mixed.pdf", mixed()))
    exchange = Exchange("Who?")
    events = list(session.converse(exchange))
    assert [event.message.en[:24] for event in events if isinstance(event, Notice)] == ["Page(s) 2, 4–5 are pictu"]
    assert len(exchange.notices) == 1
    session.close()
