"""The drafters that are compared do what they are said to, and what is counted adds up."""

import json
import random

import pytest

from benchmarks.draft import ANSWERS, DOCUMENTS, WAYS, Case, replay
from benchmarks.drafters import SuffixTree, fewest

TEXT = random.Random(5).sample(range(1000), 400)
QUOTED = [2000, 2001, *TEXT[100:160], 2002]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_finds_a_quotation_and_its_counts_add_up(way):
    counts = replay(WAYS[way](Case("quoting", TEXT, [3000], QUOTED)), QUOTED)
    assert counts["tokens"] == len(QUOTED) - 1
    assert counts["forwards"] + counts["accepted"] == counts["tokens"]
    assert counts["accepted"] <= counts["drafted"]
    assert fewest([*TEXT, 3000], QUOTED, 15) <= counts["forwards"] <= 20


@pytest.mark.parametrize("way", WAYS)
def test_no_way_knows_what_stands_nowhere(way):
    answer = list(range(5000, 5040))
    counts = replay(WAYS[way](Case("free", TEXT, [3000], answer)), answer)
    assert (counts["forwards"], counts["accepted"]) == (39, 0)
    assert fewest(TEXT, answer, 7) == 39


def test_the_fewest_forwards_copy_the_longest_part_that_came_before():
    assert fewest([1, 2, 3, 4, 9], [7, 1, 2, 3, 8, 1, 2], 7) == 2  # 1 2 3 and 8; 1 and 2
    assert fewest([1, 2, 3, 4, 9], [7, 1, 2, 3, 8, 1, 2], 1) == 3
    assert fewest([], [7, 7, 7, 7, 7, 7], 7) == 2  # 7 and 7; 7, 7 and 7


def test_the_suffix_tree_drafts_what_came_most_often_and_no_more_than_it_matched():
    tree = SuffixTree([1, 2, 3, 9, 1, 2, 3, 4, 2, 3, 4])
    for token in (50, 2, 3):
        tree.take(token)
    assert tree.draft(7) == [4, 2]
    tree.take(60)
    assert tree.draft(7) == []


def test_every_recorded_answer_belongs_to_a_document_that_ships():
    answers = json.loads(ANSWERS.read_text(encoding="utf-8"))
    assert {each["kind"] for each in answers} == {"quoting", "list", "table", "free"}
    assert all((DOCUMENTS / each["document"]).is_file() for each in answers)
