"""From a map over a page to the lines that stand under it."""

from dataclasses import replace

import pytest

from glyph_demo.conversation.heat import MOST_LINES, hottest_lines, mean_heat
from glyph_demo.conversation.session import DocumentSession
from glyph_demo.engines.base import AskOptions
from glyph_demo.engines.events import Evidence, Heat
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.rendering.page import Line
from glyph_demo.settings import Rendering, Settings
from tests.checkpoints import make_checkpoint

SIZE = (300, 200)
MAP = Heat(7, 2, 3, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))


def line(text, left, top, right, bottom):
    return Line(text, 0, len(text), (left, top, right, bottom))


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        ((0, 0, 300, 200), 0.5),
        ((210, 110, 290, 190), 1.0),
        ((0, 0, 300, 100), 0.2),
        ((50, 50, 150, 150), (0.0 + 0.2 + 0.6 + 0.8) / 4),
        ((250, 150, 400, 900), 1.0),  # what hangs over the edge does not count
        ((400, 0, 500, 10), 0.0),
    ],
)
def test_heat_under_a_box_is_the_mean_of_the_cells_there(box, wanted):
    assert mean_heat(MAP, SIZE, box) == pytest.approx(wanted)


def test_the_lines_looked_at_most_come_first_with_page_number_and_box():
    lines = [line("top left", 0, 0, 90, 90), line(" ", 210, 110, 290, 190), line("bottom right", 210, 110, 290, 190)]
    lines.append(line("bottom", 110, 110, 190, 190))
    regions = hottest_lines([(MAP, SIZE, lines)])
    assert [(r.page, r.line, r.text) for r in regions] == [(7, 2, "bottom right"), (7, 3, "bottom")]
    assert regions[0].boxes == ((210, 110, 290, 190),)
    assert regions[0].score == pytest.approx(1.0)


def test_few_lines_are_named_and_none_where_nothing_was_looked_at():
    many = [line(f"line {i}", 210, 110, 290, 190) for i in range(MOST_LINES + 2)]
    assert len(hottest_lines([(MAP, SIZE, many)])) == MOST_LINES
    assert hottest_lines([(replace(MAP, values=(0.0,) * 6), SIZE, many)]) == ()
    assert hottest_lines([(MAP, SIZE, ())]) == hottest_lines([]) == ()


def test_an_answer_of_the_local_engine_names_lines_of_the_pages_it_was_given(tmp_path, one_thread, save):
    folder = make_checkpoint(tmp_path / "model")
    file = save(
        "story.txt", "".join(f"Sentence {i} tells of a mill by a river and of its wheel.\n" for i in range(400))
    )
    settings = Settings(model=str(folder), cache_dir=str(tmp_path / "cache"), rendering=Rendering(style="compact"))
    session = DocumentSession(LocalEngine(settings, kv_bytes=1 << 27), settings)
    try:
        session.open(file, pages="2-")
        events = list(session.ask("What stands by the river?", AskOptions(max_new_tokens=8)))
        (evidence,) = [event for event in events if isinstance(event, Evidence)]
        views = {view.number: view for view in session.current.pages}
        assert min(views) == 2
        assert all(heat.digest == views[heat.page].digest for heat in evidence.heat)
        assert 1 <= len(evidence.regions) <= MOST_LINES
        for region in evidence.regions:
            assert region.boxes == (views[region.page].lines[region.line - 1].box,)
            assert region.text == views[region.page].lines[region.line - 1].text
    finally:
        session.close()
