"""`benchmarks draft`: how many forwards an answer takes with drafts, on answers that quote, list, read tables and are
written freely.

There is no model: the answers were written down, a forward confirms what a draft has of them, and what it costs to
draft is measured beside it. So the figures hold for a model that gives these very answers, token by token. Tokens are
those of a byte-pair encoding trained on this project's own documentation, in which names and numbers take several
tokens, as in a model's vocabulary.

The ways: ours; an n-gram of three tokens that waits for two of its guesses to come true, as this project had before;
transformers' prompt lookup with its defaults, which drafts 10 tokens, and with 15 and an n-gram of 3; and suffix
decoding (Oliaro et al. 2024, arXiv 2411.04975) as the paper has it, restricted to one chain."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers.generation.candidate_generator import PromptLookupCandidateGenerator

from benchmarks.drafters import NGram, SuffixTree, fewest
from glyph_demo.decoding.draft import ADDED, DRAFTED, Drafter
from glyph_demo.decoding.suffixes import Suffixes
from glyph_demo.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ROOT / "tests" / "questions" / "documents"
ANSWERS = Path(__file__).with_name("drafted_answers.json")
VOCABULARY = 8000
ENTRIES = 131_072  # tokens of the text that the automaton's own time is measured on


class Case(NamedTuple):
    """Token ids of a document, a question to it, and the answer."""

    kind: str
    document: list[int]
    question: list[int]
    answer: list[int]


class PromptLookup:
    """transformers' own, asked for candidates at every step, as its assisted generation does."""

    def __init__(self, case: Case, tokens: int, ngram: int) -> None:
        self._ids = [*case.document, *case.question]
        self._lookup = PromptLookupCandidateGenerator(
            num_output_tokens=tokens, max_matching_ngram_size=ngram, max_length=1 << 30
        )

    def take(self, token: int) -> None:
        self._ids.append(token)

    def draft(self, most: int) -> list[int]:
        said: Any = torch.tensor([self._ids])
        ids, _ = self._lookup.get_candidates(said)
        drafted: list[int] = ids[0, len(self._ids) :].tolist()
        return drafted[:most]


WAYS: dict[str, Callable[[Case], Any]] = {
    "ours": lambda case: Drafter(Suffixes(case.document), case.question),
    "ngram": lambda case: NGram([*case.document, *case.question]),
    "prompt_lookup_10_2": lambda case: PromptLookup(case, 10, 2),
    "prompt_lookup_15_3": lambda case: PromptLookup(case, DRAFTED, 3),
    "suffix_decoding": lambda case: SuffixTree(case.document, case.question),
}


def run(settings: Settings) -> dict[str, Any]:
    """Replay every answer in every way. By kind and way: `forwards`; `per_token`, of them; `steps`, the time of all of
    them counted in steps without a draft, where a drafted token adds `added_per_drafted` of one; `worst`, the most
    steps a token that an answer took; and the CPU microseconds a token that drafting took. `fewest` are the forwards of
    one who always knew the right place to copy up to 15 tokens from: no such drafter can take fewer."""
    encode = tokenizer()
    found: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    worst: defaultdict[tuple[str, str], float] = defaultdict(float)
    limits: Counter[str] = Counter()
    for case in cases(encode):
        limits[case.kind] += fewest([*case.document, *case.question], case.answer, DRAFTED)
        for way, make in WAYS.items():
            counts = replay(make(case), case.answer)
            found[case.kind][way].update(counts)
            steps = (counts["forwards"] + ADDED * counts["drafted"]) / counts["tokens"]
            worst[case.kind, way] = max(worst[case.kind, way], steps)
    return {
        "vocabulary": VOCABULARY,
        "added_per_drafted": ADDED,
        "kinds": {
            kind: {
                "tokens": ways["ours"]["tokens"],
                "fewest": limits[kind],
                **{way: {**_rates(counts), "worst": round(worst[kind, way], 3)} for way, counts in ways.items()},
            }
            for kind, ways in found.items()
        },
        "automaton": _automaton(encode),
    }


def tokenizer() -> Tokenizer:
    split = Regex(r"\p{N}{1,3}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+")
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(split, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    found.train_from_iterator(_documentation(), trainer)
    return found


def cases(encode: Tokenizer) -> list[Case]:
    answers = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return [
        Case(
            each["kind"],
            encode.encode((DOCUMENTS / each["document"]).read_text(encoding="utf-8")).ids,
            encode.encode(each["question"]).ids,
            encode.encode(each["answer"]).ids,
        )
        for each in answers
    ]


def replay(drafter: Any, answer: list[int]) -> dict[str, float]:
    """The counts of one answer. Its first token comes from the prompt, without a forward of its own."""
    counts: dict[str, float] = {"tokens": len(answer) - 1, "forwards": 0, "drafted": 0, "accepted": 0}
    began = time.process_time()
    drafter.take(answer[0])
    done = 1
    while done < len(answer):
        draft = drafter.draft(len(answer) - done - 1)
        right = 0
        while right < len(draft) and draft[right] == answer[done + right]:
            right += 1
        for token in answer[done : done + right + 1]:
            drafter.take(token)
        done += right + 1
        counts["forwards"] += 1
        counts["drafted"] += len(draft)
        counts["accepted"] += right
    return {**counts, "seconds": time.process_time() - began}


def _rates(counts: Counter[str]) -> dict[str, float]:
    tokens = counts["tokens"]
    return {
        **{name: counts[name] for name in ("forwards", "drafted", "accepted")},
        "per_token": round(counts["forwards"] / tokens, 3),
        "steps_per_token": round((counts["forwards"] + ADDED * counts["drafted"]) / tokens, 3),
        "cpu_us_per_token": round(counts["seconds"] / tokens * 1e6, 1),
    }


def _documentation() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])]


def _automaton(encode: Tokenizer) -> dict[str, float]:
    """The time to make the automaton of a long text, and to draft at every token of it."""
    code = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "glyph_demo").rglob("*.py"))]
    ids = encode.encode("\n".join([*_documentation(), *code])).ids[:ENTRIES]
    began = time.process_time()
    suffixes = Suffixes(ids)
    made = time.process_time() - began
    said = ids[len(ids) // 2 :][:4096]
    drafter = Drafter(suffixes)
    began = time.process_time()
    for token in said:
        drafter.take(token)
        drafter.draft(DRAFTED)
    drafting = time.process_time() - began
    return {
        "tokens": len(ids),
        "cpu_us_per_token_made": round(made / len(ids) * 1e6, 2),
        "cpu_us_per_step_drafted": round(drafting / len(said) * 1e6, 2),
    }
