"""A model that is stored in 16 bits and computes in float32 is one that was loaded in float32, in less memory."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from glyph_demo.decoding.halves import HalfProduct
from glyph_demo.decoding.products import keep_halves, keeps_halves, kept_beside, use_even_products
from glyph_demo.engines.local.engine import LocalEngine
from glyph_demo.errors import EngineError
from glyph_demo.models import loader, memory
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.memory import held_bytes, weight_bytes
from tests.checkpoints import KINDS, make_checkpoint
from tests.engines.local import SHORT, opened

pytestmark = pytest.mark.skipif(not keeps_halves(), reason="only x86 has these products")
BOTH = [torch.bfloat16, torch.float16]


def loaded(folder, cache, pack=keep_halves):
    return load_vision_language_model(str(folder), cache, precision="fp32", pack=pack).model


def states(model):
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stored", BOTH)
def test_it_is_the_same_model_in_every_family(kind, stored, checkpoint_of, tmp_path):
    folder = checkpoint_of("grouped", kind, stored=stored)
    ours, whole = loaded(folder, tmp_path), loaded(folder, tmp_path, pack=None)
    in_halves = {f"{name}.weight" for name, module in ours.named_modules() if "forward" in vars(module)}
    assert len(in_halves) > 8
    assert ours.dtype == whole.dtype == torch.float32
    mine, others = states(ours), states(whole)
    assert mine.keys() == others.keys()
    for name in mine.keys() - in_halves:
        assert mine[name].dtype == others[name].dtype, name
        assert torch.equal(mine[name], others[name]), name
    use_even_products(whole.get_decoder(), whole.get_output_embeddings())
    ids = torch.randint(0, 256, (1, 40), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(ours(input_ids=ids).logits, whole(input_ids=ids).logits)


@pytest.mark.parametrize("kind", ["glm4v", "qwen3_vl"])
def test_the_bytes_are_those_that_are_said_before(kind, checkpoint_of, tmp_path):
    """The second one's head shares its weight with the embeddings."""
    folder = checkpoint_of("grouped", kind, stored=torch.bfloat16)
    model = loaded(folder, tmp_path)
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert tied == (kind == "qwen3_vl")
    text = {**model.config.get_text_config().to_dict(), "tie_word_embeddings": tied}
    parameters = sum(weight.numel() for weight in model.parameters())
    held = sum(held_bytes(weight) for weight in model.parameters())
    held += kept_beside(model.get_decoder(), model.get_output_embeddings())
    assert held == weight_bytes(parameters, text, "fp32", halves=True)


@pytest.fixture
def asked(monkeypatch):
    """The dtypes that models are loaded in."""
    dtypes, original = [], loader._load
    monkeypatch.setattr(loader, "_load", lambda *given: dtypes.append(given[2]) or original(*given))
    return dtypes


def test_no_float32_copy_of_all_is_made(checkpoint_of, tmp_path, asked):
    for stored in (torch.bfloat16, torch.float16, torch.float32):
        loaded(checkpoint_of(stored=stored), tmp_path)
    assert asked == [torch.bfloat16, torch.float16, torch.float32]


def test_a_file_that_is_not_all_of_one_type_loses_nothing(tmp_path):
    """Nor one whose config.json names another type than it holds."""
    folder = make_checkpoint(tmp_path / "model", stored=torch.bfloat16)
    file = folder / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if name.endswith("q_proj.weight"))
    tensors[name] = tensors[name].float() * (1 + 2.0**-12)
    save_file(tensors, file, {"format": "pt"})
    found = dict(loaded(folder, tmp_path / "cache").named_parameters())
    assert any(torch.equal(weight, tensors[name]) for weight in found.values() if weight.shape == tensors[name].shape)

    other = make_checkpoint(tmp_path / "other", stored=torch.float16)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    norms = [name for name in load_file(other / "model.safetensors") if name.endswith("embed_tokens.weight")]
    embeddings = loaded(other, tmp_path / "cache").get_input_embeddings().weight
    assert torch.equal(embeddings, load_file(other / "model.safetensors")[norms[0]].float())


@pytest.mark.parametrize("kind", ["glm4v", "qwen3_vl"])
def test_what_fits_so_is_loaded_and_what_does_not_is_refused(kind, checkpoint_of, tmp_path, monkeypatch):
    folder = checkpoint_of("grouped", kind, stored=torch.bfloat16)
    tied = kind == "qwen3_vl"
    shape = {**loaded(folder, tmp_path).config.get_text_config().to_dict(), "tie_word_embeddings": tied}
    parameters = sum(tensor.numel() for tensor in load_file(Path(folder) / "model.safetensors").values())
    least = 1.0
    while not memory.plan(parameters, shape, "fp32", int(least), halves=True).fits:
        least *= 1.01
    monkeypatch.setattr(loader, "room", lambda device: int(least))
    loaded(folder, tmp_path)
    for fewer, pack in ((least, None), (least / 1.02, keep_halves)):
        monkeypatch.setattr(loader, "room", lambda device, fewer=fewer: int(fewer))
        with pytest.raises(EngineError, match="fp32"):
            loaded(folder, tmp_path, pack=pack)


@pytest.mark.parametrize(("decode", "kept"), [("auto", True), ("compiled", False)])
def test_the_engine_keeps_them_unless_a_compiler_is_to_read_them(decode, kept, checkpoint_of, local_settings):
    folder = checkpoint_of(stored=torch.bfloat16)
    settings = replace(local_settings, model=str(folder))
    settings = replace(settings, inference=replace(settings.inference, decode=decode, precision="fp32"))
    engine = LocalEngine(settings)
    head = engine.model.model.get_output_embeddings()
    assert isinstance(vars(head).get("forward"), HalfProduct) == kept
    document = opened(engine, pages=1)
    assert list(document.answer("What is this?", (), SHORT))[-1].usage.output > 0
    engine.close()
    engine.close()  # as an app does that ends while it is changed for another


def test_buffers_in_another_type_do_not_count(tmp_path, asked):
    folder = make_checkpoint(tmp_path / "model", stored=torch.bfloat16)
    file = folder / "model.safetensors"
    save_file({**load_file(file), "model.rotary_emb.inv_freq": torch.ones(4)}, file, {"format": "pt"})
    loaded(folder, tmp_path / "cache")
    assert asked == [torch.bfloat16]
