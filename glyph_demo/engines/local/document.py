"""One document in the local engine: its pages, or its text, as a prefix in the KV arena, and turns as token ids."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from glyph_demo.decoding.decoder import Segment, text
from glyph_demo.decoding.kept import chain
from glyph_demo.decoding.prefix import CachedPrefix
from glyph_demo.decoding.sampling import NonFiniteLogits
from glyph_demo.decoding.suffixes import Suffixes
from glyph_demo.engines.base import AskOptions, FeatureSource, OpenDocument, TooLong, Turn
from glyph_demo.engines.events import Event, Events, Notice
from glyph_demo.engines.local.answer import Answer, memory_errors
from glyph_demo.engines.local.evidence import Grid, evidence
from glyph_demo.engines.local.kept import LONGEST_CLOSE
from glyph_demo.engines.local.pages import grid_of, on_device
from glyph_demo.engines.local.speech import Speech
from glyph_demo.errors import GlyphError, ran_out_of_memory
from glyph_demo.rendering.page import Page
from glyph_demo.store import PageFeatures

if TYPE_CHECKING:
    from glyph_demo.engines.local.engine import LocalEngine

ROOM_FOR_TURNS = 1024  # tokens of the context reserved for questions and answers, at most
TEXT_STEP = 1024  # tokens of a text document per report of progress


class LocalDocument(OpenDocument):
    """`append` prefills the page at once, so that only the question is left when it comes. After an eviction features
    come from `source`; without a `source` the document keeps them."""

    def __init__(self, engine: LocalEngine, source: FeatureSource | None = None) -> None:
        self._engine = engine
        self._source = source
        self._features: dict[int, PageFeatures] = {}  # by page: all if there is no source, else the one being appended
        self._segments: list[Segment] = [text(engine.model.chat.head)]
        self._pages: list[Segment] = []
        self._coming = list(self._segments)  # the document as far as `knows` was asked
        self._grids: list[Grid] = []  # of the pages
        self._held = False  # pages are not prefilled before a question
        self._quotable: Suffixes | None = None  # ids of the text that answers may quote
        self._answer_ids: dict[str, tuple[int, ...]] = {}  # answers of the history → the ids that the model generated
        self._notified = 0  # how many of the engine's notices this document has yielded
        self._closing = self._abandoned = False
        self._asking = self._appending = False
        self._pool = engine.pool
        self._prefix = self._open()

    @property
    def tokens(self) -> int:
        """Tokens of the document: visual tokens and their markers, or text tokens."""
        return sum(len(segment.ids) for segment in self._segments)

    def append(self, features: PageFeatures) -> None:
        """Add a page after the others. Raises TooLong, and leaves the document unchanged, if it does not fit."""
        page = len(self._pages)
        self._features[page] = features
        try:
            self._append(page, grid_of(features), "" if self._source is None else self._source.digest(page))
        finally:
            if self._source is not None:
                del self._features[page]

    def knows(self, page: Page) -> bool:
        keeper = self._engine.keeper
        if keeper is None or self._held:
            return False
        between = self._engine.model.chat.between if len(self._coming) > 1 else ()
        self._coming += [text(between)] if between else []
        self._coming.append(self._page(0, self._engine.grid(page), page.digest))
        return keeper.has(chain(keeper.root, self._coming)[-1])

    def append_known(self, page: Page) -> None:
        self._append(len(self._pages), self._engine.grid(page), page.digest)

    @memory_errors()
    def _append(self, page: int, grid: tuple[int, int], digest: str) -> None:
        segment = self._page(page, grid, digest)
        between = self._engine.model.chat.between if self._grids else ()
        if self.tokens + len(between) + len(segment.ids) > self._engine.prefix_limit:
            fit = len(self._grids)
            if not fit:
                raise _no_page_fits(len(segment.ids), self._engine.prefix_limit - self.tokens)
            room = "the first page" if fit == 1 else f"the first {fit} pages"
            raise TooLong(
                fit,
                f"The model's context has room for {room} and not for more. Choose a smaller size under Settings → "
                f"Text size (on the command line: --font-size), or leave the rest out (on the command line: --pages "
                f"1-{fit}).",
                f"模型的上下文只能容纳前 {fit} 页。请减小“设置 → 字号”（命令行：--font-size），"
                f"或只读这些页（命令行：--pages 1-{fit}）。",
            )
        self._appending = True
        try:
            self._extend([*([text(between)] if between else ()), segment])
            self._pages.append(segment)
            self._grids.append(self._grid(self.tokens - len(segment.ids), *grid))
            if not self._held:
                self._prepare()
        finally:
            self._appending = False

    @memory_errors()
    def append_text(self, content: str) -> None:
        """Add the document's text as tokens. They are prefilled with the first question, so that its timings show what
        text costs. Raises TooLong if they do not fit."""
        ids = self._engine.model.chat.document(content)[len(self._segments[0].ids) :]
        limit = self._engine.prefix_limit - self.tokens
        if len(ids) > limit:
            raise TooLong(
                0,
                f"As text, the document takes {len(ids)} tokens, and there is room for {limit}. Ask it as pages.",
                f"该文档的文字需要 {len(ids)} 个词元，只能容纳 {limit} 个。请以页面图像方式提问。",
            )
        self._quotable = Suffixes(ids)
        self._extend([text(ids[i : i + TEXT_STEP]) for i in range(0, len(ids), TEXT_STEP)])

    def hold_pages(self) -> None:
        self._held = True

    def hint_text(self, text: str) -> None:
        self.hint_ids(self._engine.model.chat.plain(text))

    def hint_ids(self, ids: Sequence[int]) -> None:
        """`hint_text` with the text as token ids."""
        self._quotable = Suffixes(ids)

    def answer_ids(self, answer: str) -> tuple[int, ...]:
        """An answer of the history as token ids: those that were generated if it came from this document, else, as
        after a restart, its text tokenized."""
        return self._answer_ids.get(answer) or tuple(self._engine.model.chat.plain(answer))

    def answer(self, question: str, history: Sequence[Turn], options: AskOptions) -> Events:
        chat = self._engine.model.chat
        self._answer_ids = {turn.answer: self.answer_ids(turn.answer) for turn in history}
        turns = [(turn.question, self._answer_ids[turn.answer]) for turn in history]
        speech = Speech(self._engine.model.tokenizer, chat.opening(options.thinking))
        places = [(i, place) for i, turn in enumerate(history) for place in turn.places]
        places += [(len(history), place) for place in options.places]
        if places:
            tail = self._arrange([*turns, (question, ())], places, options.thinking)
        else:
            tail = chat.tail(turns, question, options.thinking)
        answer = Answer(tail, speech, options, self._quotable)
        self._asking = True
        try:
            with memory_errors():
                yield from self._notices()
                if not options.reuse_kv:
                    self._prefix.release()
                yield from self._answer(answer)
                finished = answer.finished(self.tokens, self._engine.decoder.bytes_per_entry)
                yield from evidence(self._prefix, answer.origin, self._grids, self._engine.decoder.layers)
        finally:
            self._answer_ids[speech.answer] = speech.ids
            self._asking = False
            if options.reuse_kv:
                self._prefix.keep(answer.lasting)
            if self._closing:
                self._give_back()
        yield finished

    def compression(self, text: str) -> float | None:
        """Tokens of the text per token of the pages, markers included."""
        visual = self.tokens - len(self._engine.model.chat.head)
        return len(self._engine.model.chat.plain(text)) / visual if text and visual else None

    def abandon(self) -> None:
        self._abandoned = True

    def close(self) -> None:
        """Free the KV cache, or, while an answer is being written, as soon as that ends."""
        self._closing = True
        if not self._asking:
            self._give_back()

    def _give_back(self) -> None:
        if self._engine.keeper is not None:
            self._engine.keeper.flush(LONGEST_CLOSE)  # from the memory that is given back
        self._pool.close(self._prefix)

    def _open(self) -> CachedPrefix:
        return self._pool.open(self._segments, self._engine.model.stop_ids)

    def _extend(self, segments: list[Segment]) -> None:
        self._reopen_if_replaced()
        for segment in segments:
            self._segments.append(segment)
            self._prefix.append(segment)

    def _arrange(
        self, turns: Sequence[tuple[str, Sequence[int]]], places: list[tuple[int, int]], thinking: bool
    ) -> list[int]:
        """Move the last pages to `places` of `turns`, see `Chat.around`. Returns the ids after the last page."""
        chat, first = self._engine.model.chat, len(self._pages) - len(places)
        before: list[Sequence[int]]
        if first > 0:  # the ids before the first page, between pages, and after them
            behind, *others = chat.around(turns, [(0, 0), *places], thinking)[1:]
            before = [chat.head, *[chat.between] * (first - 1), behind, *others]
        else:
            before = [*chat.around(turns, places, thinking)]
        *before, tail = before
        self._segments, self._grids, grids = [], [], self._grids
        for ids, page, grid in zip(before, self._pages, grids, strict=True):
            self._segments += [text(ids)] if ids else []
            self._grids.append(self._grid(self.tokens, grid.rows, grid.columns))
            self._segments.append(page)
        self._reopen_if_replaced()
        self._prefix.arrange(self._segments)
        return list(tail)

    def _grid(self, start: int, rows: int, columns: int) -> Grid:
        """The Grid of a page whose first marker is at `start`."""
        return Grid(start + len(self._engine.model.chat.begin), rows, columns)

    def _prepare(self) -> None:
        try:
            with memory_errors():
                try:
                    self._prefill()
                except Exception as error:
                    if not ran_out_of_memory(error):
                        raise
                    self._engine.relieve(keep=self._prefix)
                    self._prefill()
        except GlyphError as error:
            if error.code != "memory_full":  # another document is using it; `answer` prefills what is missing
                raise

    def _prefill(self) -> None:
        """Compute what is missing of the prefix, unless the document is abandoned meanwhile."""
        with contextlib.closing(self._prefix.prefilling()) as steps:  # type: ignore[type-var]
            while not self._abandoned and next(steps, None):
                pass
        self._prefix.keep()

    def _page(self, page: int, grid: tuple[int, int], digest: str) -> Segment:
        model = self._engine.model
        rows, columns = grid
        before, after = model.chat.begin, model.chat.end
        ids = (*before, *[model.image_id] * (rows * columns), *after)

        def embeds() -> torch.Tensor:
            pixels = self._visual_embeds(page)
            around = self._engine.decoder.embed(text(ids))
            around = pad(around, (0, pixels.shape[1] - around.shape[1]))  # nothing is added to markers in deeper layers
            return torch.cat([around[: len(before)], pixels.to(around.dtype), around[len(ids) - len(after) :]])

        return Segment(ids, embeds, model.positions(rows, columns, len(before), len(after)), digest)

    def _visual_embeds(self, page: int) -> torch.Tensor:
        """Embeddings of a page (visual tokens, width) on the device, see `Encoded`. Those that had to be copied there
        are offered to the source for caching."""
        transfer = self._engine.model.transfer
        features = self._features.get(page)
        if features is None:
            assert self._source is not None
            features = self._source.reload(page)
        device = on_device(features, transfer)
        if transfer.apart and features.device is None and self._source is not None:
            self._source.cache_on_device(page, device)
        return transfer.used(device.embeds)

    def _notices(self) -> Iterator[Event]:
        while self._notified < len(self._engine.notices):
            self._notified += 1
            yield Notice(self._engine.notices[self._notified - 1])

    def follow(self) -> None:
        """Let go of a pool that the engine has replaced, unless something is being done with it."""
        if not self._asking and not self._appending:
            self._reopen_if_replaced()

    def _reopen_if_replaced(self) -> None:
        """Reopen if the engine replaced its pool, as it does when its precision changes."""
        if self._pool is not self._engine.pool:
            self._pool = self._engine.pool
            self._prefix = self._open()

    def _answer(self, answer: Answer) -> Iterator[Event]:
        """Run rounds of generation until the answer ends."""
        relieved = False
        while True:
            self._reopen_if_replaced()
            precision = self._engine.model.dtype
            try:
                if (yield from answer.round(self._prefix)):
                    break
            except NonFiniteLogits:
                self._engine.fall_back(precision)
                yield from self._notices()
            except Exception as error:
                if relieved or not ran_out_of_memory(error):  # once; the tokens so far are kept
                    raise
                relieved = True
                self._engine.relieve(keep=self._prefix)
            else:
                yield from answer.say(self._engine.model.chat.enough)
        yield from answer.speech.finish()


def _no_page_fits(needed: int, room: int) -> TooLong:
    return TooLong(
        0,
        f"Not even one page fits: it takes {needed} tokens, and there is room for {room}. Choose fewer dots per "
        "inch under Settings → Page resolution (on the command line: --dpi), or a model with a longer context.",
        f"连一页也放不下：一页需要 {needed} 个词元，只能容纳 {room} 个。请降低"
        "“设置 → 页面分辨率”（命令行：--dpi），或换用上下文更长的模型。",
    )
