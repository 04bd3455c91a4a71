"""What is set for the whole process."""

import os

import pytest

from glyph_demo import cli, process


@pytest.mark.parametrize(
    ("variable", "ours", "theirs"),
    [
        ("OMP_WAIT_POLICY", "PASSIVE", "ACTIVE"),
        ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True", "expandable_segments:False"),
    ],
)
def test_a_command_sets_what_libraries_read_unless_the_user_has_set_it(variable, ours, theirs, monkeypatch):
    monkeypatch.delenv(variable, raising=False)
    cli.main(["doctor"])
    assert os.environ[variable] == ours
    monkeypatch.setenv(variable, theirs)
    cli.main(["doctor"])
    assert os.environ[variable] == theirs


def test_settings_of_the_cuda_allocator_under_their_newer_name_are_not_overruled(monkeypatch):
    monkeypatch.delenv("PYTORCH_CUDA_ALLOC_CONF", raising=False)
    monkeypatch.setenv("PYTORCH_ALLOC_CONF", "expandable_segments:False")
    cli.main(["doctor"])
    assert "PYTORCH_CUDA_ALLOC_CONF" not in os.environ


def test_gradio_finds_none_of_its_variables_but_ours(monkeypatch, tmp_path):
    for name in ("GRADIO_SHARE", "GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "True")
    process.isolate_gradio(tmp_path)
    found = {name: value for name, value in os.environ.items() if name.startswith("GRADIO_")}
    assert found == {"GRADIO_TEMP_DIR": str(tmp_path), "GRADIO_ANALYTICS_ENABLED": "False"}
