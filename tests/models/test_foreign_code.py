"""Checkpoints that bring code: none of it runs, whatever their settings name."""

import pytest

from glyph_demo.engines import create_engine
from glyph_demo.errors import EngineError
from glyph_demo.models.language import load_language_model
from glyph_demo.settings import load_settings
from tests.checkpoints import edited, make_checkpoint

AUTO = ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoModelForImageTextToText", "AutoProcessor")
AUTO += ("AutoTokenizer", "AutoImageProcessor", "AutoModelForConditionalGeneration")


def armed(folder, kind):
    """The checkpoint with code beside it that leaves a mark when it is run; `kind` is a model type of its own or ""."""
    mark = folder.parent / "ran"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Evil:\n    pass\n")
    (folder / "__init__.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    for file in folder.glob("*.json"):
        with edited(file) as settings:
            if "weight_map" not in settings and "version" not in settings:
                settings["auto_map"] = dict.fromkeys(AUTO, "evil.Evil")
                settings["custom_pipelines"] = {"x": {"impl": "evil.Evil"}}
                if kind and "model_type" in settings:
                    settings["model_type"] = kind
    return mark


@pytest.mark.parametrize("kind", ["", "evil"])
def test_a_vision_language_model_s_own_code_is_not_run(tmp_path, kind):
    folder = make_checkpoint(tmp_path / "model")
    mark = armed(folder, kind)
    settings = load_settings(flags={"engine": "local", "model": str(folder), "cache_dir": str(tmp_path / "cache")})
    if kind:
        with pytest.raises(EngineError):
            create_engine(settings)
    else:
        create_engine(settings).close()
    assert not mark.exists()


def test_nor_is_a_language_model_s(tmp_path):
    folder = make_checkpoint(tmp_path / "model")
    mark = armed(folder, "evil")
    with pytest.raises(EngineError):
        load_language_model(str(folder), tmp_path / "cache")
    assert not mark.exists()
