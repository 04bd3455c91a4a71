"""`doctor --config` says what became of every key."""

import json

import pytest

from glyph_demo.settings import file_values
from tests.command import run
from tests.test_pasted_config import PASTED


@pytest.mark.parametrize("language", ["en", "zh"])
def test_doctor_says_what_each_key_did(save, language):
    config = save("c.yaml", PASTED + "  kv: int8\n")
    report = json.loads(run("doctor", "--config", config, "--json", "--language", language).stdout)["config"]
    assert list(report) == list(file_values(config))
    assert "inference.max_batch_size = 4" in report["inference.batch_size"]
    assert "inference.vision = compiled" in report["inference.use_torch_compile"]
    ignored = {"en": "ignored: only the engine local", "zh": "只有引擎 local"}[language]
    assert all((ignored in said) == (key != "inference.max_new_tokens") for key, said in report.items())
