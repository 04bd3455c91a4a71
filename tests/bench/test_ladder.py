"""The ladder runs to its end on a small model, every rung is there or says why, and its chart shows what it found."""

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from glyph_demo.bench import ladder
from glyph_demo.bench.charts import ladder_chart
from glyph_demo.bench.ladder import RUNGS, Scale, line, run
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import EngineError
from glyph_demo.rendering.style import STYLES
from glyph_demo.settings import Settings

TINY = Scale(200, (196, 280), 6, 1)


@pytest.fixture(scope="module")
def settings(checkpoint_of, tmp_path_factory):
    return Settings(model=str(checkpoint_of("grouped", std=0.02)), cache_dir=str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def climbed(settings):
    told: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder, "_FAST_VISION", {"cpu": ("compiled",)})
        return run(settings, told.append, TINY), told


def rung(result: dict[str, Any], key: str, case: str = "pages") -> dict[str, Any]:
    return next(found for found in result["rungs"] if (found["rung"], found["case"]) == (key, case))


def test_every_rung_is_reported_as_it_comes_and_measured_or_says_why_not(climbed):
    result, told = climbed
    assert told == result["rungs"]
    assert [(found["rung"], found["case"]) for found in told] == [
        (rung.key, case) for rung in RUNGS for case in ("whitepaper", "pages")
    ]
    for found in told:
        if "unavailable" in found:
            assert found["rung"] in ("fp16", "async_io", "compiled_decode")
            assert found["unavailable"]["en"] in line(found)
        else:
            assert 0 < found["first_first_token"] <= found["first"]
            assert 0 < found["later_first_token"] <= found["later"]
            assert found["peak_bytes"] > 0
    assert result["scale"]["full"] is False
    assert set(result["gain"]) == {"whitepaper", "pages"}


def test_each_rung_reads_with_its_runtime_and_only_the_last_one_drafts(climbed):
    result, _ = climbed
    assert rung(result, "fast_vision")["vision"] == "compiled"
    assert rung(result, "fp32")["vision"] == "eager"
    drafting = rung(result, "speculation")
    assert drafting["accepted"] == drafting["drafted"] > 0
    assert rung(result, "kv_reuse")["drafted"] == 0


@pytest.mark.long
def test_a_rung_that_fails_costs_itself_alone(settings, monkeypatch):
    def none(*args: Any) -> Any:
        raise EngineError("model_too_large", "It does not fit. Choose int8.", "放不下。请选择 int8。")

    monkeypatch.setattr(ladder, "_fast_vision", none)
    result = run(settings, scale=TINY)
    assert rung(result, "kv_reuse")["unavailable"] == {
        "en": "It does not fit. Choose int8.",
        "zh": "放不下。请选择 int8。",
    }
    assert "unavailable" not in rung(result, "fp32")
    assert result["gain"]["pages"] is None


def test_overlapping_stages_read_the_same_document_as_one_by_one(settings):
    engine = LocalEngine(settings)
    text = "文本在页面上。" * 40
    kept = next(each for each in RUNGS if each.key == "kv_reuse")
    rounds = {
        overlap: ladder._Measuring(
            engine, replace(kept, overlap=overlap), text, STYLES["glyph-zh"], TINY, [], settings
        ).round()
        for overlap in (False, True)
    }
    assert rounds[True][1] == rounds[False][1] != []
    assert rounds[True][0]["document_tokens"] == rounds[False][0]["document_tokens"]
    assert rounds[True][0]["first"] > 0
    engine.close()


def test_what_report_raises_stops_it(settings):
    def stop(found: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(settings, stop, TINY)


def test_the_chart_names_every_rung_in_both_languages_and_draws_what_was_measured(climbed):
    result, told = climbed
    picture = ElementTree.fromstring(ladder_chart(result))
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    for each in RUNGS:
        assert texts.count(each.name.en) >= 2
        assert texts.count(each.name.zh) >= 2
    bars = [element for element in picture.iter("{http://www.w3.org/2000/svg}rect") if element.get("height") == "16"]
    published = sum(
        figure is not None for row in result["published"].values() for figure in (row["first"], row["later"])
    )
    assert len(bars) == 2 * sum("unavailable" not in found for found in told) + published
    widths = {float(bar.get("width", 0)) for bar in bars}
    assert max(widths) == 440.0


def test_a_chart_takes_any_name(climbed):
    ElementTree.fromstring(ladder_chart({**climbed[0], "device": "<&\"'"}))
