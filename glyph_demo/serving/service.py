"""What the routes for questions share: from a question about pages to the events of its answer."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from glyph_demo.conversation.reading import ReadingTimings
from glyph_demo.conversation.transcript import Exchange
from glyph_demo.engines.base import AskOptions, Engine, Turn
from glyph_demo.engines.events import Event, Events, Finished, Notice, Thinking, Token, quote, round_seconds
from glyph_demo.engines.stops import StopFilter
from glyph_demo.errors import GlyphError
from glyph_demo.scratch import scratch_folder
from glyph_demo.serving.bodies import BodyReader
from glyph_demo.serving.fields import MAX_QUESTION, too_long
from glyph_demo.serving.files import FileShelf
from glyph_demo.serving.jobs import Job, JobQueue
from glyph_demo.serving.library import DocumentPart, Library
from glyph_demo.serving.metrics import Metrics
from glyph_demo.settings import Inference, Settings
from glyph_demo.store import FeatureStore

GREEDY_BELOW = 1e-5  # lower temperatures overflow logits, and would choose the likeliest token anyway


@dataclass(frozen=True, slots=True)
class Query:
    """A question about the pages of `parts`, and the turns before it."""

    parts: tuple[DocumentPart, ...]
    question: str
    history: tuple[Turn, ...] = ()
    options: AskOptions = AskOptions()  # noqa: RUF009  frozen
    keep_stop: bool = False  # the stop text stays in the answer
    owner: str = field(default="", repr=False)  # the API key it was sent with; documents of others are not reused

    @property
    def placed(self) -> bool:
        """Whether pages have places in the texts."""
        return bool(self.options.places) or any(turn.places for turn in self.history)


class ServedAnswer:
    """An answer as it grows, up to a stop text. `take` adds an event and returns what to show of it now."""

    def __init__(self, query: Query) -> None:
        self.so_far = Exchange(query.question)
        self._stops = StopFilter(query.options.stop, query.keep_stop)

    def take(self, event: Event) -> Thinking | Token | None:
        if isinstance(event, Token):
            text = self._stops.feed(event.text)
        elif isinstance(event, Finished):
            text = self._stops.finish()
        else:
            self.so_far.take(event)
            return event if isinstance(event, Thinking) else None
        shown = Token(text) if text else None
        if shown is not None:
            self.so_far.take(shown)
        if isinstance(event, Finished):
            self.so_far.take(event)
        return shown

    @property
    def finished(self) -> Finished | None:
        return self.so_far.finished

    @property
    def reason(self) -> str:
        """Why it ended, as OpenAI's `finish_reason`."""
        length = self.finished is not None and self.finished.reason == "length" and not self._stops.found
        return "length" if length else "stop"

    def evidence(self) -> list[dict[str, Any]]:
        return [quote(region) | {"boxes": list(region.boxes)} for region in self.so_far.regions]


class Service:
    """Owns its documents, files and queue, and shares engine and store with the window. `ready` returns whether the
    engine is loaded, and raises EngineError if it cannot be."""

    def __init__(self, engine: Engine, settings: Settings, store: FeatureStore, ready: Callable[[], bool]) -> None:
        self.engine = engine
        self.settings = settings
        self._ready: Callable[[], bool] | None = ready
        self._folder = scratch_folder()
        (self._folder / "files").mkdir()
        self.library = Library(engine, settings, store, self._folder)
        self.files = FileShelf(self._folder / "files", settings.documents.max_file_mb, settings.store.disk_mb)
        self.bodies = BodyReader()
        self.queue = JobQueue(max(1, settings.inference.max_batch_size))
        self.metrics = Metrics(self.queue, self.library, store)

    @property
    def model(self) -> str:
        """The model's name in answers."""
        kind = self.engine.kind
        if not kind.default_model:
            return kind.name
        return kind.default_model if self.settings.model == "auto" else Path(self.settings.model).name or kind.name

    def ready(self) -> bool:
        """Whether the engine is loaded. Raises EngineError if it cannot be."""
        return self._ready is not None and self._ready()

    def rest(self) -> None:
        """Let go of the engine, which is about to be closed. Requests are refused until `use`."""
        self._ready = None
        self.queue.empty(changing())
        self.library.close()

    def use(self, engine: Engine, ready: Callable[[], bool]) -> None:
        """Answer with another engine from now on."""
        self.engine, self._ready = engine, ready
        self.library.use(engine)

    def share(self, inference: Inference) -> None:
        """Answer as many requests at once as these settings say."""
        self.queue.limit(inference.max_batch_size)

    def submit(self, query: Query) -> QueuedQuestion:
        """Queue a question. Raises GlyphError `no_question`, `context_full`, `queue_full` or `loading`."""
        if self._ready is None:
            raise changing()
        said = [query.question, *(text for turn in query.history for text in (turn.question, turn.answer))]
        if not query.question.strip():
            raise GlyphError("no_question", "There is no question. Send one as text.", "没有问题。请发送文字问题。")
        if sum(map(len, said)) > MAX_QUESTION:
            raise too_long()
        return QueuedQuestion(self, query)

    def options(self, **given: Any) -> AskOptions:
        """The settings' options, replaced by those `given` that are not None. Without a seed every sampled answer is
        different."""
        inference = self.settings.inference
        options = replace(AskOptions.of(inference), seed=secrets.randbits(32))
        options = replace(options, **{name: value for name, value in given.items() if value is not None})
        return replace(
            options,
            max_new_tokens=min(options.max_new_tokens, inference.max_new_tokens),
            temperature=options.temperature if options.temperature >= GREEDY_BELOW else 0.0,
            top_k=max(options.top_k, 0),
        )

    def close(self) -> None:
        self.queue.close()
        self.library.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class QueuedQuestion(Job):
    """A question in the queue, with its answer and times."""

    def __init__(self, service: Service, query: Query) -> None:
        super().__init__(self._answering)
        self.answer = ServedAnswer(query)
        self.read = ReadingTimings()  # zeros for a document that was open before
        self._service = service
        self._query = query
        service.queue.submit(self)

    def _answering(self) -> Events:
        query = self._query
        with self._service.library.using(query.parts, query.placed, query.owner) as (reading, known):
            try:
                yield from reading.events()
            except GeneratorExit:
                reading.cancel()
                raise
            if not known:
                self.read = reading.timings
                self._service.metrics.pages(len(reading.pages), reading.pages_from_store)
            told = []  # by this thread: another one fills the answer, later
            with contextlib.closing(reading.ask(query.question, query.history, query.options)) as events:
                for event in events:
                    if isinstance(event, Notice):
                        told.append(event.message)
                    elif isinstance(event, Finished):  # a program sees no window that tells of the others
                        yield from (Notice(warning) for warning in reading.warnings if warning not in told)
                        self._service.metrics.answered(event)
                    yield event

    def timings(self) -> dict[str, float]:
        """Seconds: waiting in the queue, reading the document, answering."""
        assert self.answer.finished is not None
        return round_seconds({"queue": self.waited, **asdict(self.read), **asdict(self.answer.finished.timings)})


def changing() -> GlyphError:
    return GlyphError(
        "loading", "The engine is being changed in the window. Try again in a moment.", "窗口正在更换引擎。请稍后重试。"
    )


def usage(finished: Finished) -> dict[str, Any]:
    """Token counts under OpenAI's names."""
    tokens = finished.usage
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
    }


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text of the `user` or the `assistant`, with pictures at `places`, see Turn."""

    role: str
    text: str
    places: tuple[int, ...] = ()


def as_turns(said: Sequence[Utterance]) -> tuple[list[Turn], Turn]:
    """The turns of a conversation, and the question after them as a turn without an answer. Successive texts of one
    side are joined by newlines. The question is empty if the assistant's text is the last."""
    turns: list[Turn] = []
    now = Turn("", "")
    for one in said:
        if one.role != "user":
            now = replace(now, answer=_lines(now.answer, one.text))
            continue
        if now.answer:
            turns.append(now)
            now = Turn("", "")
        question = _lines(now.question, one.text)
        shift = len(question) - len(one.text)
        now = Turn(question, "", (*now.places, *(shift + place for place in one.places)))
    return turns, replace(now, question="") if now.answer else now


def _lines(first: str, second: str) -> str:
    return "\n".join(filter(None, (first, second)))
