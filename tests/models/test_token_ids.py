"""Token ids of text for several answers at once: what one asks for must not change what another gets, or hold it up."""

import time
from concurrent.futures import ThreadPoolExecutor

from glyph_demo.models.random import byte_tokenizer
from glyph_demo.models.tokens import token_ids

TEXT = "<|user|>a question of some length" * 20


def test_special_tokens_of_one_thread_are_letters_of_another():
    tokenizer = byte_tokenizer(first_special=300)
    expected = {plain: token_ids(tokenizer, TEXT, plain) for plain in (True, False)}
    assert len(expected[True]) > len(expected[False])
    fresh = byte_tokenizer(first_special=300)

    def differing(plain: bool) -> int:
        return sum(token_ids(fresh, TEXT, plain) != expected[plain] for _ in range(500))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(differing, (True, False, True, False))) == [0, 0, 0, 0]


def test_a_long_text_lets_other_threads_run():
    tokenizer = byte_tokenizer(first_special=300)
    token_ids(tokenizer, "")
    turns = 0
    with ThreadPoolExecutor(1) as threads:
        ids = threads.submit(token_ids, tokenizer, "a keeper counts ships " * 40_000)
        while not ids.done():
            time.sleep(0.001)
            turns += 1
    assert len(ids.result()) == 880_000
    assert turns > 20


def test_an_empty_text_has_none():
    assert token_ids(byte_tokenizer(first_special=300), "") == []
