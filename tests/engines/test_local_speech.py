"""Thinking and answer are told apart in tokens as they come, and nothing of a tag ever shows."""

import json
import random
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from glyph_demo.engines.events import Thinking, Token
from glyph_demo.engines.local.speech import Speech, loops
from glyph_demo.engines.splitter import TAGS
from glyph_demo.models.random import byte_tokenizer
from glyph_demo.models.tokens import token_ids


def without_tags() -> PreTrainedTokenizerFast:
    """A tokenizer that has no tokens for the tags, so that a model has to spell them."""
    state = json.loads(byte_tokenizer(300).backend_tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in TAGS]
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)))


TOKENIZER = byte_tokenizer(300)
SPELLING = without_tags()
OPENING = "<|assistant|>\n"


def ids(text: str, tokenizer: Any = TOKENIZER) -> list[int]:
    return tokenizer.encode(text)


def spoken(
    tokens: list[int], opening: str = OPENING, tokenizer: Any = TOKENIZER
) -> tuple[str, str, Speech, list[Thinking | Token]]:
    speech = Speech(tokenizer, opening)
    events: list[Thinking | Token] = []
    for token in tokens:
        if speech.done:
            break
        events += speech.feed(token)
    events += speech.finish()
    thinking = "".join(e.text for e in events if isinstance(e, Thinking))
    answer = "".join(e.text for e in events if isinstance(e, Token))
    assert answer == speech.answer
    return thinking, answer, speech, events


@pytest.mark.parametrize("tokenizer", [TOKENIZER, SPELLING], ids=["tags are tokens", "tags are letters"])
@pytest.mark.parametrize(
    ("said", "thinking", "answer"),
    [
        ("<think>Let me see.</think><answer>42</answer>", "Let me see.", "42"),
        ("\n<think>a < b</think>\n\n<answer>\nb > a", "a < b", "b > a"),
        ("<think>hm</think>\nForty-two", "hm", "Forty-two"),
        ("Plain </think> words <answer>", "", "Plain </think> words <answer>"),
        ("<answer>a</b></answer>never shown", "", "a</b>"),
        ("<think>never ends", "never ends", ""),
        ("<thi", "", "<thi"),
        ("<think></think><answer>你好。</answer>", "", "你好。"),
        ("", "", ""),
    ],
)
def test_thinking_and_answer_are_told_apart(said, thinking, answer, tokenizer):
    found = spoken(ids(said, tokenizer), tokenizer=tokenizer)
    assert found[:2] == (thinking, answer)
    assert list(found[2].ids) == ids(answer, tokenizer)


def test_letters_that_say_a_tag_are_no_tag_where_the_tokenizer_has_a_token_for_it():
    thought, answer = "It says </think><answer>no</answer>", "<think> \ud7ff </think> and </answer> end nothing </ans"
    begin, end, opened, closed = ([TOKENIZER.convert_tokens_to_ids(tag)] for tag in TAGS)
    said = [*begin, *token_ids(TOKENIZER, thought), *end, *opened, *token_ids(TOKENIZER, answer), *closed]
    *found, speech, events = spoken(said)
    assert found == [thought, answer]
    assert speech.done
    assert list(speech.ids) == token_ids(TOKENIZER, answer)
    assert len(events) == len(thought) + len(answer.encode()) - 2  # nothing waits for what may be a tag
    assert spoken(token_ids(TOKENIZER, answer))[:2] == ("", answer)


def test_pieces_never_hold_half_a_tag_or_half_a_character():
    text = "<think>一 < 二 </thin</think> <answer>三</answe 四</answer>"
    *_, events = spoken(ids(text, SPELLING), tokenizer=SPELLING)
    assert [e.text for e in events if "�" in e.text or "<answer>" in e.text or "</think>" in e.text] == []
    shown = ""
    for event in events:
        shown += event.text
        assert not shown.endswith(("</answer", "<answer", "</think"))


def test_the_prompt_may_have_opened_the_answer_or_the_thinking():
    assert spoken(ids("42"), "<|assistant|>\n<think></think><answer>")[:2] == ("", "42")
    assert spoken(ids("42"), "/nothink<|assistant|>\n<think></think>\n")[:2] == ("", "42")
    assert spoken(ids("hm</think>42"), "<|assistant|>\n<think>")[:2] == ("hm", "42")


def test_other_special_tokens_do_not_show():
    assert spoken(ids("<answer><|begin_of_box|>7<|end_of_box|>!"))[1] == "7!"


def test_words_that_were_added_to_a_vocabulary_show_as_others_do():
    tokenizer = byte_tokenizer(300)
    tokenizer.add_tokens(["lantern"])
    speech = Speech(tokenizer, OPENING)
    said = tokenizer.encode("<answer>lantern<|begin_of_box|>s")
    assert "".join(event.text for token in said for event in speech.feed(token)) == "lanterns"


def test_white_space_that_a_plain_answer_begins_with_is_not_shown_and_stays_in_its_tokens():
    _, answer, speech, _ = spoken(ids("\n 42"))
    assert answer == "42"
    assert list(speech.ids) == ids("\n 42")


def test_bytes_that_are_no_text_do_not_hold_the_answer_back():
    broken = [i for i in range(256) if TOKENIZER.decode([i]) == "�"][:40]
    _, answer, speech, events = spoken(broken + ids("end"))
    assert answer.endswith("end")
    assert len(events) > 8
    assert list(speech.ids) == broken + ids("end")


def test_repetition_is_noticed_and_plain_text_is_not():
    assert loops([7] * 96)
    assert loops([1, 2, 3, *[4, 5, 6, 7, 8] * 20])
    assert loops(list(range(120)) * 4)
    assert not loops([7] * 95)
    assert not loops(list(range(120)) * 3)
    draw = random.Random(0)
    assert not loops([draw.randrange(50) for _ in range(2000)])
    assert not loops([7] * 200 + [8])
