"""A phrased sentence is shown only when one sentence of the document bears it out."""

import pytest

from glyph_demo.engines.pocket.phrasing import is_supported

SOURCES = [
    "The trust bought the old signal works on Canal Street for 240,000 crowns in 1978.",
    "The lamp at Barrow Ledge was 91 feet high.",
    "The keeper did not leave the tower.",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "The trust bought the signal works for 240,000 crowns.",
        "The trust bought the signal works for 240000 crowns.",
        "The lamp was 91 feet high.",
        "The keeper did not leave.",
    ],
)
def test_what_a_quote_says_is_shown(sentence):
    assert is_supported(sentence, SOURCES)


@pytest.mark.parametrize(
    "sentence",
    [
        "The trust bought the signal works for 250,000 crowns.",  # a number of its own
        "The trust bought the harbour for 240,000 crowns.",  # a word of its own
        "The lamp was 240,000 feet high.",  # words of one sentence, number of another
        "The lamp was not 91 feet high.",  # denies what the source states
        "The keeper did leave the tower.",  # states what the source denies
        "The trust bought the signal works for",  # broken off
        "The lamp was 91 feet high?",
        "It was.",  # says nothing
        "",
    ],
)
def test_what_no_quote_says_is_not_shown(sentence):
    assert not is_supported(sentence, SOURCES)
