from pathlib import Path

import pytest

from glyph_demo.errors import SettingsError
from glyph_demo.settings import Documents, Settings, load_settings

PROJECT = Path(__file__).parents[1]


def test_the_shipped_config_file_holds_every_default():
    assert load_settings(PROJECT / "config.yaml", {}) == Settings()


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("server: {port: 1, host: filehost}\nlanguage: zh\n")
    environment = {"GLYPH_DEMO_SERVER__PORT": "2", "GLYPH_DEMO_STORE__DISK_MB": "5", "OTHER": "x"}
    settings = load_settings(config, environment, {"server.port": 3, "engine": None})
    assert (settings.server.port, settings.server.host, settings.language) == (3, "filehost", "zh")
    assert settings.store.disk_mb == 5
    assert settings.engine == "auto"


@pytest.mark.parametrize("key", ["nonsense", "server", "server.nonsense", "language.x", "", "server.port.x"])
def test_unknown_keys_raise(key):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {}, {key: "1"})
    assert caught.value.code == "unknown_setting"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("language", "fr"),
        ("server.port", "a"),
        ("server.port", True),
        ("server.port", -1),
        ("server.port", 1.5),
        ("inference.reuse_cache", "maybe"),
        ("inference.temperature", "nan"),
        ("cache_dir", 5),
        ("server.port", [1]),
    ],
)
def test_unusable_values_raise_and_say_what_is_taken(key, value):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {}, {key: value})
    assert caught.value.code == "bad_setting"
    assert key in caught.value.text("zh")


@pytest.mark.parametrize("content", ["just words", "a: [", "- 1\n- 2", b"\xff\xfe\x00"])
def test_a_config_file_that_is_not_settings_raises(tmp_path, content):
    config = tmp_path / "c.yaml"
    config.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {})
    assert caught.value.code == "config_unreadable"


def test_an_empty_config_file_means_the_defaults(tmp_path):
    (tmp_path / "c.yaml").write_text("# nothing\n")
    assert load_settings(tmp_path / "c.yaml", {}) == Settings()


def test_a_missing_config_file_raises(tmp_path):
    with pytest.raises(SettingsError):
        load_settings(tmp_path / "none.yaml", {})


@pytest.mark.parametrize(
    ("text", "expected"), [("", (1, None)), ("3", (3, 3)), ("1-40", (1, 40)), (" 12 - ", (12, None)), ("5-5", (5, 5))]
)
def test_a_page_range_is_understood(text, expected):
    assert Documents(pages=text).page_range == expected


@pytest.mark.parametrize("text", ["0", "4-2", "a", "1-2-3", "-3", "1,2"])
def test_a_page_range_that_is_none_raises(text):
    with pytest.raises(SettingsError):
        _ = Documents(pages=text).page_range
