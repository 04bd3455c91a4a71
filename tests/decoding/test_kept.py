"""Keys and values beyond the arena, kept here in memory: what is taken is what would have been computed."""

import itertools

import pytest
import torch

from glyph_demo.decoding.arena import Mark
from glyph_demo.decoding.decoder import Segment, text
from glyph_demo.decoding.kept import BLOCK, behind, chain, nbytes, slots
from glyph_demo.decoding.prefix import Answering, CachedPrefix
from tests.decoding.tiny import NEVER, RecordingDecoder

PAGES = [list(range(start, start + 20)) for start in (1, 31, 61)]
PROMPT = [(7 * i) % 90 + 1 for i in range(BLOCK + 20)]


class Shelf:
    """Copies by key, made at once."""

    root = "tiny"

    def __init__(self):
        self.kept = {}
        self.tokens = 0

    def take(self, link, following, arena, mark):
        if link.key not in self.kept:
            return False
        arena.rollback(mark)
        for part, slot in slots(self.kept[link.key], arena.parts(mark.length, mark.length + link.tokens)):
            part.copy_(slot)
        return True

    def give(self, link, arena, start):
        parts = arena.parts(start, start + link.tokens)
        self.kept[link.key] = torch.zeros(nbytes(parts), dtype=torch.uint8)
        for part, slot in slots(self.kept[link.key], parts):
            slot.copy_(part)

    def computed(self, tokens, seconds):
        assert seconds() >= 0
        self.tokens += tokens


@pytest.fixture(params=["16bit", "int8"])
def decoder(request, model):
    made = RecordingDecoder(model)
    made.int8 = request.param == "int8"
    return made


def page(decoder, ids, digest) -> Segment:
    return Segment(tuple(ids), lambda: decoder.embed(text(ids)), None, digest)


def segments(decoder, count=3):
    return [text([5, 6]), *(page(decoder, ids, f"page {i}") for i, ids in enumerate(PAGES[:count]))]


def opened(decoder, shelf, count=3, made=None) -> CachedPrefix:
    return CachedPrefix(decoder, decoder.arena(), made or segments(decoder, count), NEVER, shelf)


def answer(prefix, ids=PROMPT, keep=True):
    for _ in prefix.prefilling(ids):
        pass
    said = list(prefix.complete(ids, Answering(max_tokens=6)))
    if keep:
        prefix.keep([*ids, *said])
    return said


def test_a_prefix_and_its_conversation_are_taken_and_only_the_rest_is_computed(decoder):
    shelf, alone = Shelf(), answer(opened(decoder, None))
    assert answer(opened(decoder, shelf)) == alone
    assert shelf.tokens == 62, "how long computing takes is told"
    decoder.computed = 0
    again = opened(decoder, shelf)
    assert list(again.prefilling()) == [(0, 40), (0, 20), (0, 0)], "a step for each page, none of it computed"
    assert answer(again) == alone
    assert decoder.computed == len(PROMPT) - BLOCK + 5, "the prompt behind its kept block, and a step a token"


def test_what_is_taken_is_what_was_computed_to_the_last_bit(decoder):
    shelf = Shelf()
    first, again = opened(decoder, shelf), opened(decoder, shelf)
    answer(first)
    for _ in again.prefilling(PROMPT):
        pass
    length = 62 + BLOCK
    for one, other in zip(first._arena.parts(0, length), again._arena.parts(0, length), strict=True):
        assert torch.equal(one, other)


def test_a_page_that_is_not_kept_is_computed_and_those_behind_it_are_taken(decoder):
    shelf = Shelf()
    said = answer(opened(decoder, shelf))
    links = chain("tiny", segments(decoder))
    del shelf.kept[links[1].key]
    decoder.computed = 0
    again = opened(decoder, shelf)
    assert sum(1 for _ in again.prefilling()) > 3
    assert decoder.computed == 20
    assert answer(again) == said


def test_without_reuse_nothing_is_taken(decoder):
    shelf = Shelf()
    answer(opened(decoder, shelf))
    decoder.computed = 0
    for _ in opened(decoder, shelf).prefilling((), reuse=False):
        pass
    assert decoder.computed == 62


def test_another_conversation_about_the_same_pages_takes_what_both_begin_with(decoder):
    shelf = Shelf()
    answer(opened(decoder, shelf))
    other = [*PROMPT[:BLOCK], 3, 4, 5, 6]
    alone = answer(opened(decoder, None), other)
    decoder.computed = 0
    assert answer(opened(decoder, shelf), other) == alone
    assert decoder.computed == 4 + 5
    different = [9, *PROMPT[1:]]
    assert answer(opened(decoder, shelf), different) == answer(opened(decoder, None), different)


def test_what_nothing_names_and_all_behind_it_is_not_kept(decoder):
    made = segments(decoder)
    made[2] = page(decoder, PAGES[1], "")
    shelf = Shelf()
    said = answer(opened(decoder, shelf, made=made))
    assert len(shelf.kept) == 1
    assert answer(opened(decoder, shelf, made=made)) == said


def keys(*made) -> list[str]:
    return [link.key for link in chain("tiny", made)]


def test_a_chain_tells_apart_whatever_makes_other_keys_and_values():
    ids, positions = tuple(range(70)), torch.arange(70)
    one, two = Segment(ids, lambda: None, positions, "one"), Segment(ids, lambda: None, positions, "two")
    moved = Segment(ids, lambda: None, positions * 2, "one")
    longer = Segment((*ids, 1), lambda: None, None, "one")
    chains = [[one], [two], [moved], [longer], [text(ids)], [one, two], [two, one], [one, one], [text([1]), one]]
    for first, second in itertools.combinations(chains, 2):
        assert keys(*first)[-1] != keys(*second)[-1]
    assert keys(one, two)[0] == keys(one, one)[0] == keys(one)[0], "what begins alike has one beginning"
    assert chain("tiny", [one])[0].key != chain("other", [one])[0].key
    assert len({len(key) for key in keys(one, two)}) == 1 == len(set(map(len, keys(one)))), "SHA-256 at full width"
    assert len(keys(one)[0]) == 64


def test_links_end_with_a_page_or_with_a_block_of_text_and_prompts_are_cut_into_blocks():
    shown = Segment((1, 2, 3), lambda: None, None, "page")
    made = [text([1, 2]), shown, text([3]), shown, text(range(100)), text([4]), text([5])]
    links = chain("tiny", made)
    assert [(link.first, len(link.segments), link.tokens, link.end, link.whole) for link in links] == [
        (0, 2, 5, 5, True),
        (2, 2, 4, 9, True),
        (4, 1, 100, 109, True),
        (5, 2, 2, 111, False),
    ]
    blocks = list(behind("tiny", links, list(range(3 * BLOCK - 1))))
    assert [(link.tokens, link.end) for link in blocks] == [(BLOCK, 111 + BLOCK), (BLOCK, 111 + 2 * BLOCK)]


def test_a_copy_that_was_made_while_its_entries_were_forgotten_is_known_to_be_of_no_use(decoder):
    arena = decoder.arena()
    arena.reserve(10)
    arena.advance(10, 10)
    early, late = arena.watch(4), arena.watch(8)
    arena.rollback(Mark(8, 8))
    assert early.whole
    assert late.whole
    arena.rollback(Mark(7, 7))
    arena.advance(3, 10)
    assert early.whole
    assert not late.whole, "although there are as many entries again"
    arena.free()
    assert not early.whole
