from dataclasses import replace

import pytest

from glyph_demo.engines.loading import engine_closed
from glyph_demo.errors import EngineError
from glyph_demo.settings import load_settings, named
from glyph_demo.windows.choice import ENGINE_NAMES, NOT_SURVIVED, EngineChoice
from glyph_demo.windows.collection import Windows
from tests.fakes import FakeEngine

CHOSEN = {"engine": "local", "model": "some/model", "inference.precision": "int8"}


def configured(**flags):
    return load_settings(flags=flags)


def chosen(settings):
    return (settings.engine, settings.model, settings.inference.precision)


@pytest.fixture
def kept():
    """An engine was chosen in the window of an earlier run."""
    settings = load_settings(flags=CHOSEN)
    EngineChoice(configured()).keep(settings)
    return settings


def test_the_engine_chosen_in_the_window_is_that_of_the_next_start(kept):
    for _ in range(2):
        choice = EngineChoice(configured())
        assert chosen(choice.start()) == ("local", "some/model", "int8")
        choice.survived()


def test_flags_and_the_environment_win_over_it_and_leave_it_for_later(kept):
    assert not ENGINE_NAMES.isdisjoint(named({"engine": "pocket"}, {}))
    assert not ENGINE_NAMES.isdisjoint(named({"port": None}, {"GLYPH_DEMO_INFERENCE__PRECISION": "fp32"}))
    assert ENGINE_NAMES.isdisjoint(named({"engine": None, "server.port": 1}, {"GLYPH_DEMO_CACHE_DIR": "x", "A": "b"}))
    assert EngineChoice(configured(engine="pocket"), given=True).start().engine == "pocket"
    assert EngineChoice(configured()).start().engine == "local"


def test_settings_changed_since_then_win_over_it(kept):
    assert EngineChoice(configured(model="another/model")).start().model == "another/model"


def test_what_was_chosen_in_a_run_with_flags_is_taken_by_one_without(kept):
    EngineChoice(configured(engine="remote"), given=True).keep(replace(kept, model="other"))
    choice = EngineChoice(configured())
    assert choice.start().model == "other"
    choice.keep(configured())
    assert EngineChoice(configured()).start() == configured(), "choosing what the settings say forgets the choice"


def test_a_choice_that_took_the_app_down_with_it_is_not_tried_again(kept):
    EngineChoice(configured()).start()
    choice = EngineChoice(configured())
    assert choice.start() == configured()
    assert choice.notice is NOT_SURVIVED
    assert EngineChoice(configured()).notice is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"chosen": {"cache_dir": "/"}}', b'{"chosen": {"engine": "x"}}'])
def test_a_file_that_makes_no_sense_changes_nothing(kept, content):
    (kept.cache_path / "engine.json").write_bytes(content)
    assert EngineChoice(configured()).start() == configured()


def test_a_choice_that_cannot_be_loaded_gives_way_to_the_settings_with_a_notice(kept):
    class Broken(FakeEngine):
        @property
        def identity(self):
            raise EngineError("model_missing", "There is no such model. Choose another.", "没有该模型。请另选。")

    choice = EngineChoice(configured())
    made = []
    windows = Windows(Broken(), choice.start(), lambda s: made.append(s) or FakeEngine(), choice=choice)
    window = windows.get("tab")
    windows.switch.settle()
    assert made == [configured()]
    assert windows.settings == configured()
    assert windows.switch.loading is None
    assert "There is no such model" in window.notice[0].en
    assert windows.switch.notice == window.notice[0]
    assert EngineChoice(configured()).start().engine == "local", "it may be there the next time"
    windows.switch.choose_engine(configured(engine="pocket"))
    assert windows.switch.notice is None
    assert EngineChoice(configured()).start().engine == "pocket"
    windows.close_all()


def test_what_is_chosen_while_the_choice_before_is_loaded_is_not_taken_away_when_that_ends(kept):
    class Closed(FakeEngine):
        @property
        def identity(self):
            raise engine_closed()  # as another is chosen

    choice, made = EngineChoice(configured()), []
    windows = Windows(Closed(), choice.start(), lambda s: made.append(s) or FakeEngine(), choice=choice)
    windows.switch.settle()
    assert made == []
    assert windows.get("tab").notice is None
    windows.close_all()


def test_the_server_chosen_is_that_of_the_next_start_and_its_key_is_not_kept():
    server = configured(engine="remote", **{"remote.urls": "http://chosen/v1", "remote.api_key": "sesame"})
    EngineChoice(configured()).keep(server)
    assert b"sesame" not in (server.cache_path / "engine.json").read_bytes()
    choice = EngineChoice(configured())
    assert (choice.start().remote.urls, choice.start().remote.api_key) == ("http://chosen/v1", "")
    choice.survived()
    assert EngineChoice(configured(**{"remote.urls": "http://set/v1"})).start().remote.urls == "http://set/v1"


def test_a_choice_kept_before_there_were_servers_to_choose_is_taken(kept):
    old = (
        b'{"chosen": {"engine": "local", "model": "m"}, "over": {"engine": "auto", "model": "auto"}, "loading": false}'
    )
    (kept.cache_path / "engine.json").write_bytes(old)
    assert EngineChoice(configured()).start().model == "m"
