"""Times one question to a document."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Finished, Thinking, Token, Usage
from glyph_demo.engines.local.document import LocalDocument

QUESTIONS = ("这份白皮书讲了什么？", "文中提到了哪些数字？", "结论是什么？")


@dataclass(frozen=True)
class TimedAnswer:
    """Seconds to the first piece of the answer and to its end, in the device's `unit`."""

    turn: Turn
    ids: tuple[int, ...]
    first_token: float
    seconds: float
    usage: Usage


def time_answer(document: LocalDocument, history: Sequence[Turn], tokens: int, device: torch.device) -> TimedAnswer:
    """Ask the next of QUESTIONS. The answer is sampled with the turn's number as seed: with random weights a greedy
    answer would soon repeat itself and be ended for that."""
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
