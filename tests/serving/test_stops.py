import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_demo.engines.stops import StopFilter

pieces = st.lists(st.text("abc", max_size=3), max_size=12)
stops = st.lists(st.text("abc", min_size=1, max_size=3), max_size=3)


@given(pieces, stops, st.booleans())
def test_pieces_end_where_the_whole_text_would(pieces, stops, keep):
    text = "".join(pieces)
    # The stop whose last letter comes first counts; of two that end together the longer.
    ends = sorted((text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text)
    filtered = StopFilter(stops, keep)
    shown = "".join(map(filtered.feed, pieces)) + filtered.finish()
    assert filtered.found == bool(ends)
    assert shown == (text[: ends[0][not keep]] if ends else text)


@pytest.mark.parametrize(("keep", "shown"), [(False, "one two"), (True, "one two\n\n")])
def test_nothing_of_a_stop_shows_before_it_is_clear(keep, shown):
    filtered = StopFilter(["\n\n"], keep)
    assert filtered.feed("one two\n") == "one two"
    assert filtered.feed("\nthree") == shown.removeprefix("one two")
    assert filtered.feed("four") == filtered.finish() == ""


def test_the_beginning_of_a_stop_that_never_ends_is_part_of_the_answer():
    filtered = StopFilter(["END"], False)
    assert filtered.feed("the EN") == "the "
    assert filtered.feed("D") == ""
    assert filtered.found
    again = StopFilter(["END"], False)
    assert again.feed("the EN") + again.feed("try") + again.finish() == "the ENtry"


def test_a_thousand_stops_cost_a_piece_no_more_than_one():
    stops = ["a" * 200 + "b", *(f"{number:03}" + "b" * 187 for number in range(1000))]
    filtered = StopFilter(stops, False)
    start = time.process_time()
    assert "".join(filtered.feed("a") for _ in range(300)) + filtered.finish() == "a" * 300
    assert time.process_time() - start < 1, "second, for what takes a thousandth of one"
