"""Questions answered while a document is being read: from the pages that there are, and again from all of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from glyph_demo.conversation.errors import as_user_error
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Event, Finished
from glyph_demo.errors import GlyphError, Message

if TYPE_CHECKING:
    from glyph_demo.conversation.reading import Reading

TRY_SECONDS = 1.0  # between two tries of a question, at least
TRY_SHARE = 3  # a try waits this many times the seconds that the last one took: reading goes first


def answer_early(reading: Reading, exchange: Exchange, options: AskOptions, at: int) -> Generator[Event, None, bool]:
    """Try the question of `exchange`, the exchange `at` of the conversation, on the pages read so far, and again when
    there are more. Yields Progress until they suffice, then Finished, and returns True: the answer has entered the
    conversation with `read_so_far`. Returns False once all pages are read. Raises the error that reading ends with."""
    options = replace(options, max_new_tokens=0)  # see `Engine.answers_partial_reading`
    tried, due, pages = 0, 0.0, reading.pages
    with contextlib.closing(reading.events()) as steps:
        for progress in steps:
            read = reading.prefilled
            due_now = read > tried and time.monotonic() >= due and reading.state == "reading"
            if due_now and reading.engine.answers_partial_reading:
                yield progress  # a try over many pages takes seconds
                start = time.monotonic()
                answer: list[Event] = []
                with contextlib.closing(
                    reading.answered(exchange.question, reading.transcript.turns(at), options)
                ) as events:
                    for event in events:
                        answer.append(event)
                        yield progress  # so that it can be stopped
                ended = answer[-1] if answer else None
                if isinstance(ended, Finished) and ended.reason != "not_found":
                    if reading.enter_early(exchange, answer, read):
                        yield ended
                        return True
                    continue  # all pages were read meanwhile
                now = time.monotonic()
                tried, due = read, now + max(TRY_SECONDS, TRY_SHARE * (now - start))
            if tried and progress.stage == "encode":
                yield replace(progress, more=_not_yet(pages[0].number, tried, reading.total))
            else:
                yield progress
    return False


def _not_yet(number: int, tried: int, total: int | None) -> Message:
    """What is said when the first `tried` pages, from page `number` on, did not answer: which pages the question waits
    for, of `total`."""
    first, last = number + tried, total and number + total - 1
    if last is None:
        waits, waits_zh = f"the pages from {first}", f"{first} 页以后的页面"
    elif last > first:
        waits, waits_zh = f"the pages from {first} to {last}", f"{first} 至 {last} 页"
    else:
        waits, waits_zh = f"page {first}", f"{first} 页"
    read = "page" if tried == 1 else f"{tried} pages"
    return Message(
        f"Not found on the {read} read so far. Waiting for {waits}; what is read is looked through at once…",
        f"已读的 {tried} 页中没有找到。正在等待第 {waits_zh}，读完即继续查找…",
    )


def answer_again(reading: Reading, options: AskOptions) -> None:
    """Answer, in order, every question of the conversation that was answered from the pages read so far, from all pages
    now, and list it in `renewed`. Where that fails, or another engine reads now, the answer stays, with a notice."""
    for exchange in reading.transcript.exchanges:
        if exchange.read_so_far is None:
            continue
        anew = Exchange(exchange.question, reused=(exchange.reused[0], len(reading.pages)))
        try:
            if not reading.engine.answers_partial_reading:
                raise _only_some(exchange.read_so_far[0])
            for event in reading.answered(exchange.question, reading.transcript.before(exchange), options):
                anew.take(event)
            anew.check_off(reading.checked(anew.answer))
        except Exception as error:
            anew = _as_final(exchange, as_user_error(error).message)
        _renew(reading, exchange, anew)


def keep_answers(reading: Reading) -> None:
    """Reading has failed, so no answer from the pages read so far will be given again: each stays, with a notice that
    says so, and is listed in `renewed`."""
    for exchange in reading.transcript.exchanges:
        if exchange.read_so_far is not None:
            _renew(reading, exchange, _as_final(exchange, _not_read_on(exchange.read_so_far[0])))


def _as_final(exchange: Exchange, notice: Message) -> Exchange:
    return replace(exchange, running=False, read_so_far=None, notices=(*exchange.notices, notice))


def _renew(reading: Reading, exchange: Exchange, anew: Exchange) -> None:
    reading.transcript.replace(exchange, anew)
    reading.renewed.append((exchange, anew))


def _first(pages: int) -> str:
    return "the first page" if pages == 1 else f"the first {pages} pages"


def _not_read_on(pages: int) -> Message:
    return Message(
        f"This answer is from {_first(pages)} only, because reading the rest failed. Open the document again "
        "and ask again for one from all pages.",
        f"其余页面读取失败，此回答只依据前 {pages} 页。请重新打开该文档并再次提问，以依据全部页面回答。",
    )


def _only_some(pages: int) -> GlyphError:
    return GlyphError(
        "some_pages",
        f"This answer is from {_first(pages)}. Ask again for one from all pages.",
        f"此回答只依据前 {pages} 页。请重新提问，以依据全部页面回答。",
    )
