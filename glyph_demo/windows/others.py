"""A question to the documents that are open and not in front."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Generator, Sequence
from dataclasses import replace
from pathlib import Path

from glyph_demo.conversation.errors import as_user_error
from glyph_demo.conversation.row import Row
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.conversation.table import answered, digest_of, fill_table, reading_settings
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.base import Turn
from glyph_demo.errors import Message
from glyph_demo.languages import Language
from glyph_demo.windows.table_run import TableRun, lines_of

NOT_ANSWERED = "Not answered: "


def ask_others(
    session: DocumentSession, exchange: Exchange, language: Language, left_out: Collection[str] = ()
) -> Generator[None, None, None]:
    """Add the answers of all but those `left_out` to `exchange.others`; each is asked behind what it answered before in
    this conversation. Yields at least a few times a second; closing it stops the engine, and a notice names those that
    were not asked. Raises GlyphErrors only."""
    files: dict[str, Path] = {}
    titles: dict[str, str] = {}
    history: dict[str, list[Turn]] = {}
    pages: dict[str, str] = {}
    before = _answered_before(session, exchange)
    for identifier, reading in session.documents.items():
        if identifier == session.current_id or identifier in left_out:
            continue
        name, number = reading.name, 1
        while name in titles:
            number += 1
            name = f"{Path(reading.name).stem} ({number}){Path(reading.name).suffix}"
        titles[name] = reading.transcript.title or name
        if reading.path.exists():
            files[name], pages[name] = reading.path, reading.settings.documents.pages
            history[name] = before.get(digest_of(reading.path), []) if before else []
    question = [exchange.question]
    asking = fill_table(session.engine, session.settings, files, question, (), language, session.store, history, pages)
    with contextlib.closing(asking) as events:
        try:
            for event in events:
                if isinstance(event, Row):
                    exchange.others += (replace(event, file=titles.pop(event.file)),)
                yield
        except Exception as error:
            raise as_user_error(error) from error
        finally:
            if titles:
                exchange.notices += (_not_asked(list(titles.values())),)


def _not_asked(names: Sequence[str]) -> Message:
    return Message(f"{NOT_ANSWERED}{', '.join(names)}.", f"未回答：{'、'.join(names)}。")


def _answered_before(session: DocumentSession, exchange: Exchange) -> dict[str, list[Turn]]:
    """What documents that are not in front answered before an exchange, by digest."""
    turns: dict[str, list[Turn]] = {}
    exchanges = session.current.transcript.exchanges if session.current else []
    for earlier in exchanges[: exchanges.index(exchange)] if exchange in exchanges else exchanges:
        answers = {row.digest: row.answer for row in earlier.others if row.answer and not row.error}
        for digest, answer in answers.items():  # copies of a file answer alike
            turns.setdefault(digest, []).append(Turn(earlier.question, answer))
    return turns


def asked_together(session: DocumentSession) -> list[Exchange]:
    """The exchanges of this conversation that several documents have answered."""
    exchanges = session.current.transcript.exchanges if session.current else []
    return [each for each in exchanges if each.document and not each.running]


def answered_together(session: DocumentSession, together: Sequence[Exchange], language: Language) -> list[Row]:
    """The answers of these exchanges of this conversation, those of the document in front too."""
    rows: list[Row] = []
    if (reading := session.current) is None or not together:  # no file is read for nothing
        return rows
    digest, read = digest_of(reading.path), reading_settings(reading.settings.documents)
    pages = {view.digest for view in list(reading.pages)}
    for exchange in together:
        # One engine answered for all; it is not named, so that it is asked again, where the pages are others since.
        same = exchange.regions and all(region.digest in pages for region in exchange.regions)
        engine = exchange.others[0].engine if same and exchange.others else ""
        own = replace(
            exchange, notices=tuple(each for each in exchange.notices if not each.en.startswith(NOT_ANSWERED))
        )
        front = Row(reading.name, digest, engine, exchange.question, settings=read)
        rows += [answered(front, own, reading.warnings, language), *exchange.others]
    return rows


def show_in_table(
    session: DocumentSession, table: TableRun, language: Language, question: str = "", again: bool = False
) -> bool:
    """Have the table show, beside what it has, what several documents answered together in this conversation; unless
    `again`, what it has not taken over yet. Returns whether there was any. Nothing happens while the table is being
    filled, or where `question`, which is about to be asked there, is something else."""
    if table.running or lines_of(question) not in ((), lines_of("\n".join(table.questions))):
        return False
    together = [each for each in asked_together(session) if again or not each.tabled]
    if not (rows := answered_together(session, together, language)):
        return False
    digests = {row.digest for row in rows}
    opened = [reading for reading in session.documents.values() if digest_of(reading.path) in digests]
    table.add([(reading.name, reading.path) for reading in opened])
    table.take_over(rows)
    for exchange in together:
        exchange.tabled = True
    return True


def opened_as(session: DocumentSession, row: Row) -> str | None:
    """The id of the open document that an answer is about; None if there is none any more."""
    return next(
        (identifier for identifier, each in session.documents.items() if digest_of(each.path) == row.digest), None
    )
