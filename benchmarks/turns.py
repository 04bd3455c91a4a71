"""`benchmarks turns`: what caching features and KV saves per turn. Compares the published quick start, which runs
transformers' `generate` over all pages in every turn, with this engine on the same weights and pages in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.decode import published
from glyph_demo.bench.measure import PAGE, unit
from glyph_demo.engines.base import AskOptions, Turn
from glyph_demo.engines.events import Finished, Thinking, Token
from glyph_demo.engines.local.document import LocalDocument
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.rendering.page import Page
from glyph_demo.settings import Settings

QUESTIONS = ("What is it?", "And why?")

Clock = Callable[[], float]


def run(settings: Settings, pages: int = 4, tokens: int = 12) -> dict[str, Any]:
    """Measure two turns of `tokens` greedy tokens over `pages` pages in both ways, in `unit`; on a CPU with one thread,
    because the CPU time of several includes their waiting for each other. Our `turn1_first_token` includes encoding the
    pages; `ratio_turn2` is how many times sooner our second turn's first token comes. `compared` counts each answer's
    tokens before the first that differs from `generate`'s, and says how much larger the logit of its choice was there,
    by the norm of all logits. Raises EngineError."""
    import torch

    from glyph_demo.models.loader import default_device

    cuda = default_device().type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    threads = torch.get_num_threads()
    if not cuda:
        torch.set_num_threads(1)  # before the products are chosen for so many
    engine = LocalEngine(settings)
    # The cost of a page does not depend on its content.
    draw = np.random.default_rng(0)
    pictures = [Page(i, draw.integers(0, 256, PAGE, dtype=np.uint8)) for i in range(pages)]
    ours, document, answers = _ours(engine, pictures, tokens, clock)
    with published(engine.model.model):
        original, compared = _quick_start(engine, pictures, answers, tokens, clock)
    result = {
        "model": engine.label,
        "precision": str(engine.model.dtype).removeprefix("torch."),
        "device": torch.cuda.get_device_name() if cuda else "CPU, 1 thread",
        "unit": unit(engine.model.transfer.device),
        "pages": pages,
        "document_tokens": document.tokens,
        "quick_start": original,
        "ours": ours,
        "ratio_turn2": round(original["turn2_first_token"] / ours["turn2_first_token"], 1),
        "same_tokens": all(answer["equal_tokens"] == answer["of"] for answer in compared),
        "compared": compared,
    }
    torch.set_num_threads(threads)
    document.close()
    engine.close()
    return result


def _ours(
    engine: LocalEngine, pages: list[Page], tokens: int, clock: Clock
) -> tuple[dict[str, float], LocalDocument, list[tuple[int, ...]]]:
    began = clock()
    document = engine.open_document()
    encode = 0.0
    for page in pages:
        before = clock()
        features = engine.encode(page)
        encode += clock() - before
        document.append(features)
    ready = clock()
    history: list[Turn] = []
    first, steps = [], []
    options = AskOptions(max_new_tokens=tokens, repetition_penalty=1.0)
    for question in QUESTIONS:
        asked, answer, times, said = clock(), "", [], 0
        for event in document.answer(question, tuple(history), options):
            if isinstance(event, Token | Thinking):
                times.append(clock())
            if isinstance(event, Token):
                answer += event.text
            elif isinstance(event, Finished):  # after the places that the answer is from, which are no token's time
                said = event.usage.output
        first.append(times[0] - asked)
        steps.append((times[-1] - times[0]) / max(1, said - 1))
        history.append(Turn(question, answer))
    return (
        {
            "turn1_first_token": round(ready - began + first[0], 3),
            "turn2_first_token": round(first[1], 3),
            "decode_per_token": round(sum(steps) / len(steps), 4),
            "encode": round(encode, 3),
            "prefill": round(ready - began - encode, 3),
        },
        document,
        [document.answer_ids(turn.answer) for turn in history],
    )


def _quick_start(
    engine: LocalEngine, pages: list[Page], answers: Sequence[Sequence[int]], tokens: int, clock: Clock
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The published way: in every turn all pages go through the image processor, the vision tower and prefill. Also
    returns how its tokens compare with ours, `answers`."""
    import torch
    from PIL import Image
    from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

    model, device = engine.model.model, engine.model.transfer.device
    model.get_decoder().config._attn_implementation = "sdpa"  # the original's own
    processor, chat = Glm4vImageProcessorPil(), engine.model.chat
    image = engine.model.image_id
    first, steps, compared = [], [], []
    for i, question in enumerate(QUESTIONS):
        asked = clock()
        read = processor([Image.fromarray(page.pixels) for page in pages], return_tensors="pt").to(device)
        prompt = [*chat.head]
        for grid in read["image_grid_thw"].tolist():
            prompt += [*chat.begin, *[image] * (grid[1] * grid[2] // processor.merge_size**2), *chat.end]
        prompt += chat.tail(list(zip(QUESTIONS, answers[:i], strict=False)), question)
        ids = torch.tensor([prompt], device=device)
        stamps = _Stamps(clock)
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == image).int(),
            **read,
            max_new_tokens=tokens,
            do_sample=False,
            streamer=stamps,
            output_logits=True,
            return_dict_in_generate=True,
        )
        said = output.sequences[0, len(prompt) :].tolist()
        first.append(stamps.times[0] - asked)
        steps.append((stamps.times[-1] - stamps.times[0]) / max(1, len(said) - 1))
        compared.append(_compared(answers[i], said, output.logits))
    return {
        "turn1_first_token": round(first[0], 3),
        "turn2_first_token": round(first[1], 3),
        "decode_per_token": round(sum(steps) / len(steps), 4),
    }, compared


def equal_tokens(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens come before the first that differs."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))


def _compared(ours: Sequence[int], theirs: Sequence[int], logits: Sequence[Any]) -> dict[str, Any]:
    """`logits` (1, vocabulary) of each of their tokens."""
    equal = equal_tokens(ours, theirs)
    gap = None
    if equal < len(ours):
        row = logits[equal][0].float()
        gap = float((row[theirs[equal]] - row[ours[equal]]) / row.norm())
    return {"equal_tokens": equal, "of": len(ours), "gap": gap}


class _Stamps:
    """A transformers streamer that records when tokens come; the first call brings the prompt."""

    def __init__(self, clock: Clock) -> None:
        self.times: list[float] = []
        self._clock = clock
        self._prompt = True

    def put(self, value: Any) -> None:
        if not self._prompt:
            self.times.append(self._clock())
        self._prompt = False

    def end(self) -> None: ...
