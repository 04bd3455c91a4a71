"""A phrased sentence is shown only when one sentence of the document bears it out."""

import pytest

from glyph_demo.engines.pocket.phrasing import is_supported

SOURCES = [
    "The trust bought the old signal works on Canal Street for 240,000 crowns in 1978.",
    "The lamp at Barrow Ledge was 91 feet high.",
    "The keeper did not leave the tower.",
    "Invoice number 40718 Customer number 2291 Date of delivery 14 May 2024 Date of invoice 3 June 2024 Account 5512",
    "port, fare, captain Elvik, 45, Brandt, Ole Morra, 60, Lie, Hanna",
    "Tomas Ek was paid 45 crowns by Hanna Lie and Ole Brandt pays 60.",
    "The deputy of Ingrid Dahl is Eva Moe.",
    "The plant cost 1,240,000 crowns less than the bridge.",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "The trust bought the signal works for 240,000 crowns.",
        "The trust bought the signal works for 240000 crowns.",
        "The lamp was 91 feet high.",
        "The keeper did not leave the tower.",
        "The deputy is Eva Moe.",
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
        "The customer number is 5512.",  # the number of another label
        "Customer number 5512.",
        "The date of invoice is 14 May 2024.",
        "Elvik is the captain to Morra.",  # another order of the same names
        "Elvik 60.",
        "Tomas Ek paid 45 crowns.",  # he was paid
        "Hanna Lie paid 45 crowns to Tomas Ek.",
        "Tomas Ek pays 60.",  # a name left out between
        "Ingrid Dahl is Eva Moe.",  # the head of the name left out
        "The plant cost 1,240,000 crowns.",  # what it is compared with left out
        "It was.",  # says nothing
        "",
    ],
)
def test_what_no_quote_says_is_not_shown(sentence):
    assert not is_supported(sentence, SOURCES)
