"""One question to a document, timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Finished, Thinking, Token, Usage
from glyph_demo.engines.local.document import LocalDocument

QUESTIONS = ("这份白皮书讲了什么?", "文中提到了哪些数字?", "结论是什么?")


@dataclass(frozen=True)
class TimedAnswer:
    """Seconds until the first piece of the answer and until its end: of CPU time on a CPU, of the clock elsewhere."""

    turn: Turn
    ids: tuple[int, ...]
    first_token: float
    seconds: float
    usage: Usage


def time_answer(document: LocalDocument, history: Sequence[Turn], tokens: int, device: torch.device) -> TimedAnswer:
    """The next of QUESTIONS. The answer is drawn at random, by a seed that follows from the turn: with random weights a
    likeliest one would soon repeat itself and be ended for that."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    index = len(history)
    question = QUESTIONS[index % len(QUESTIONS)]
    options = AskOptions(tokens, temperature=1.0, top_p=1.0, repetition_penalty=1.0, seed=index, thinking=False)
    began, first, answer, usage = clock(), 0.0, "", Usage()
    for event in document.answer(question, history, options):
        if isinstance(event, (Token, Thinking)):
            first = first or clock() - began
        if isinstance(event, Token):
            answer += event.text
        elif isinstance(event, Finished):
            usage = event.usage
    seconds = clock() - began
    ids = document.answer_ids(answer)
    return TimedAnswer(Turn(question, answer), ids, first or seconds, seconds, usage)
