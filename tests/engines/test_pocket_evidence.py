"""The pocket engine's evidence: the page that its first quote stands on is the page that holds the fact asked for."""

from random import Random

import pytest

from glyph_demo.bench.texts import chinese, story
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Evidence
from glyph_demo.engines.pocket.engine import PocketEngine
from glyph_demo.rendering.page import Page
from tests.engines.drawing import draw

PLACES = (
    ("Alder Bridge", "青石桥"),
    ("Corn Mill", "南磨坊"),
    ("Eastgate Tower", "东门塔"),
    ("Fuller's Yard", "西染坊"),
    ("Grange Station", "农庄站"),
    ("Harbour Light", "海港灯塔"),
    ("Ivy Chapel", "常春堂"),
    ("Lower Quarry", "下采石场"),
    ("Mount Observatory", "山顶天文台"),
    ("North Granary", "北粮仓"),
)
WANTED = 0.9


def needle(language: str, number: int) -> tuple[str, str, str]:
    """A fact, the question for it, and what marks its page. Every place comes with two facts."""
    place = PLACES[number // 2 % len(PLACES)][language == "zh"]
    figure = str(3107 + 391 * number)
    if language == "zh":
        what = ("修缮费用", "藏书数量")[number % 2]
        return f"{place}的{what}为{figure}。", f"{place}的{what}是多少？", figure
    what = ("repair of the roof cost", "yearly number of visitors is")[number % 2]
    asked = ("What did the repair of the roof of {} cost?", "What is the yearly number of visitors of {}?")[number % 2]
    return f"At {place} the {what} {figure}.", asked.format(place), figure


def haystack(language: str, needles: int, filler: int, seed: int = 7) -> tuple[list[Page], list[tuple[str, int]]]:
    """Pages of made-up text with a fact between every `filler` characters; the questions, each with its page."""
    random, parts, asked = Random(seed), [], []
    for number in range(needles):
        fact, question, mark = needle(language, number)
        asked.append((question, mark))
        parts += [chinese(random, filler, 2) if language == "zh" else story(random, filler), fact]
    pages = draw("\n".join(parts))
    holding = [(q, next(p.index + 1 for p in pages if any(mark in line.text for line in p.lines))) for q, mark in asked]
    return pages, holding


def share_right(engine: PocketEngine, pages: list[Page], asked: list[tuple[str, int]]) -> float:
    document = engine.open_document([engine.encode(page) for page in pages])
    right = 0
    for question, page in asked:
        events = document.answer(question, (), AskOptions(max_new_tokens=0))
        regions = next((event.regions for event in events if isinstance(event, Evidence)), ())
        right += bool(regions) and regions[0].page == page
    return right / len(asked)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_quote_stands_on_the_right_page(language, engine):
    pages, asked = haystack(language, needles=5, filler=700 if language == "en" else 350)
    assert len({page for _, page in asked}) >= 2
    assert share_right(engine, pages, asked) >= WANTED


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_quote_stands_on_the_right_page_of_many(language, engine, artifacts):
    pages, asked = haystack(language, needles=20, filler=2800 if language == "en" else 1400)
    assert len({page for _, page in asked}) >= 8
    right = share_right(engine, pages, asked)
    (artifacts / f"needles-{language}.txt").write_text(f"{right:.2f} of {len(asked)} on {len(pages)} pages\n")
    assert right >= WANTED
