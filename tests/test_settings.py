import os
import time
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest

from glyph_demo import errors
from glyph_demo.config_file import DEFAULTS_FILE, own_config, read_config
from glyph_demo.errors import SettingsError
from glyph_demo.settings import Documents, Settings, _flatten, load_settings

PROJECT = Path(__file__).parents[1]


def test_the_shipped_config_files_hold_the_defaults():
    listed = _flatten(read_config(DEFAULTS_FILE))
    assert listed == _flatten(asdict(Settings()))
    assert _flatten(read_config(PROJECT / "config.yaml")).items() <= listed.items()


def test_the_settings_file_of_the_project_is_read_and_no_other_that_lies_about(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("name: of something else\n")
    assert own_config() == PROJECT / "config.yaml"
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "config.yaml", {})
    assert caught.value.code == "unknown_setting"
    assert all(str(tmp_path / "config.yaml") in text and "--config" in text for text in caught.value.message)


def test_flags_win_over_the_environment_and_that_over_the_file(save):
    config = save("c.yaml", "server: {port: 1, host: filehost}\nlanguage: zh\n")
    environment = {"GLYPH_DEMO_SERVER__PORT": "2", "GLYPH_DEMO_STORE__DISK_MB": "5", "OTHER": "x"}
    settings = load_settings(config, environment, {"server.port": 3, "engine": None})
    assert (settings.server.port, settings.server.host, settings.language) == (3, "filehost", "zh")
    assert settings.store.disk_mb == 5
    assert settings.engine == "auto"


@pytest.mark.parametrize("key", ["nonsense", "server", "server.nonsense", "language.x", "", "server.port.x"])
def test_unknown_keys_raise(key):
    with pytest.raises(SettingsError, match="unknown_setting"):
        load_settings(None, {}, {key: "1"})


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
        ("server.port", 65_536),
        ("server.port", float("inf")),
        ("inference.temperature", float("inf")),
        ("inference.temperature", "1e400"),
        ("documents.max_memory_mb", 2**60),
        ("cache_dir", ""),
    ],
)
def test_unusable_values_raise_and_say_what_is_taken(key, value):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {}, {key: value})
    assert caught.value.code == "bad_setting"
    assert key in caught.value.text("zh")


@pytest.mark.parametrize("content", ["just words", "a: [", "- 1\n- 2", b"\xff\xfe\x00"])
def test_a_config_file_that_is_not_settings_raises(save, content):
    config = save("c.yaml", content)
    with pytest.raises(SettingsError, match="config_unreadable"):
        load_settings(config, {})


HOSTILE = {
    "aliases that double": "a: &a {x: 1, y: 1}\n"
    + "".join(f"{b}: &{b} {{x: *{a}, y: *{a}}}\n" for a, b in pairwise("abcdefghijklmopqrstuvw")),
    "a list in itself": "a: &a [*a]",
    "a mapping in itself": "server: &a {b: *a}",
    "a merge of itself": "server: &a {<<: *a}",
    "infinity": "inference: {temperature: .inf}",
    "no number": "inference: {temperature: .nan}",
    "a number beyond floats": "inference: {temperature: 1e400}",
    "a number of 50,000 digits": "server: {port: 0x" + "f" * 50_000 + "}",
    "a key of 50,000 letters": "x" * 50_000 + ": 1",
    "no date": "server: {port: 2001-99-99}",
    "10,000 brackets": "a: " + "[" * 10_000,
    "10,000 braces": "{a: " * 10_000,
    "a list as a key": "? [a]\n: 1",
    "an object": "a: !!python/object/apply:os.system [ls]",
    "two documents": "a: 1\n---\nb: 2",
    "UTF-16": "language: zh".encode("utf-16"),
    "bytes": bytes(range(256)),
    "a large file": b"# " + b"x" * 2_000_000,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_config_file_ends_in_a_short_line(save, content):
    config = save("c.yaml", content)
    began = time.process_time()
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {})
    assert time.process_time() - began < 5
    for language in ("en", "zh"):
        said = caught.value.text(language)
        assert len(said) < 1000
        assert "\n" not in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files")
def test_what_is_no_regular_file_is_no_config_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    (tmp_path / "link").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path):
        with pytest.raises(SettingsError, match="config_unreadable"):
            load_settings(path, {})


def test_an_empty_variable_is_as_none():
    assert load_settings(None, {"GLYPH_DEMO_SERVER__PORT": "", "GLYPH_DEMO_CACHE_DIR": ""}) == Settings()


@pytest.mark.parametrize("name", ["", "SERVER__", "SERVER__PORT__X", "\udcff", "X" * 9999])
def test_a_variable_that_names_no_setting_raises_a_short_line(name):
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {f"GLYPH_DEMO_{name}": "1"})
    assert caught.value.code == "unknown_setting"
    assert len(caught.value.text("en").encode()) < 1000


def test_what_a_message_repeats_is_cut_and_has_nothing_that_a_terminal_obeys():
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {"GLYPH_DEMO_LANGUAGE": "\x1b[2J\n\u202e\udcff" + "x" * 100_000})
    said = caught.value.text("en")
    assert len(said) < 400
    assert not set(said) & set("\x1b\n\u202e\udcff")
    assert errors.shown("短") == "短"
    assert len(errors.shown("y" * 201)) == 200
    assert errors.shown(16**50_000) == "int"


def test_a_home_that_nobody_has_is_a_users_mistake():
    with pytest.raises(SettingsError, match="home"):
        _ = Settings(cache_dir="~nobody-of-this-name/cache").cache_path


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
