"""From weights on disk to a model that answers: GGUF is converted once, checked every time, and never trusted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quantize
from transformers import LlamaConfig, LlamaForCausalLM

from glyph_demo.errors import EngineError
from glyph_demo.models import language
from glyph_demo.models.gguf import CHECKSUMS
from glyph_demo.models.language import load_language_model

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["2 0", "h e", "l l", "he ll", "hell o", "Ġ w", "u s", "e r", "us er"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEADS, KV_HEADS, HEAD_DIM = 9, 3, 32


def byte_symbols() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]


TOKENS = [*SPECIAL, *byte_symbols(), *(merge.replace(" ", "") for merge in MERGES)]


def reference(tied: bool) -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=HEADS * HEAD_DIM,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=128,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        tie_word_embeddings=tied,
        initializer_range=0.3,
    )
    return LlamaForCausalLM(config).eval()


def pairs(weights: np.ndarray, heads: int) -> np.ndarray:
    """Query or key rows as GGUF keeps them: row 2i of a head is its i-th row here, row 2i + 1 its (half + i)-th."""
    out, half = np.empty_like(weights), HEAD_DIM // 2
    for head in range(heads):
        for i in range(half):
            out[head * HEAD_DIM + 2 * i] = weights[head * HEAD_DIM + i]
            out[head * HEAD_DIM + 2 * i + 1] = weights[head * HEAD_DIM + half + i]
    return out


def write_gguf(path: Path, model: LlamaForCausalLM, architecture: str = "llama", ggml_pre: str = "smollm") -> None:
    """`model` as llama.cpp's converter writes one. The key projections are Q8_0, and the model's own are set to what
    that keeps of them."""
    config, state = model.config, model.state_dict()
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(ggml_pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(TOKENS) - 3))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)

    def add(name: str, key: str, heads: int = 0) -> None:
        weights = state[key].numpy()
        weights = pairs(weights, heads) if heads else weights
        if name.endswith("attn_k"):
            packed = quantize(weights, GGMLQuantizationType.Q8_0)
            writer.add_tensor(f"{name}.weight", packed, raw_dtype=GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(f"{name}.weight", weights)

    add("token_embd", "model.embed_tokens.weight")
    add("output_norm", "model.norm.weight")
    if not config.tie_word_embeddings:
        add("output", "lm_head.weight")
    for i in range(config.num_hidden_layers):
        ours, theirs = f"blk.{i}", f"model.layers.{i}"
        add(f"{ours}.attn_norm", f"{theirs}.input_layernorm.weight")
        add(f"{ours}.ffn_norm", f"{theirs}.post_attention_layernorm.weight")
        add(f"{ours}.attn_q", f"{theirs}.self_attn.q_proj.weight", HEADS)
        add(f"{ours}.attn_k", f"{theirs}.self_attn.k_proj.weight", KV_HEADS)
        add(f"{ours}.attn_v", f"{theirs}.self_attn.v_proj.weight")
        add(f"{ours}.attn_output", f"{theirs}.self_attn.o_proj.weight")
        for part in ("gate", "up", "down"):
            add(f"{ours}.ffn_{part}", f"{theirs}.mlp.{part}_proj.weight")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def written(path: Path, tied: bool) -> LlamaForCausalLM:
    """The model that a new GGUF file holds."""
    model = reference(tied)
    for layer in model.model.layers:  # values that Q8_0 keeps exactly: whole numbers times a power of two
        keys = layer.self_attn.k_proj.weight
        keys.data = (keys.data * 2.0**8).round().clamp(-126, 126) / 2.0**8
        keys.data[:, ::32] = 127 / 2.0**8
    write_gguf(path, model)
    return model


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    written(path, tied=True)
    return path


def logits(model: LlamaForCausalLM, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits


@pytest.mark.parametrize("tied", [True, False])
def test_a_gguf_file_gives_the_logits_it_was_written_from(tied, tmp_path):
    path = tmp_path / "tiny.gguf"
    model = written(path, tied)
    seen: list[tuple[int, int | None]] = []
    first = load_language_model(str(path), tmp_path / "cache", lambda done, total: seen.append((done, total)))
    ids = [5, 9, 200, 77, 13, 13, 150, 31]
    assert torch.equal(logits(first.model, ids), logits(model, ids))
    assert seen[-1][0] == seen[-1][1] > 0

    seen.clear()
    again = load_language_model(str(path), tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert seen == []  # nothing was converted
    assert torch.equal(logits(again.model, ids), logits(model, ids))
    assert again.identity == first.identity
    assert again.identity.endswith("-float32")
    assert again.stop_ids == {0, 1, 2}


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", CHECKSUMS])
@pytest.mark.parametrize("damage", ["truncated", "changed", "gone"])
def test_a_damaged_conversion_is_rebuilt(path, tmp_path, name, damage):
    load_language_model(str(path), tmp_path)
    (folder,) = tmp_path.iterdir()
    file = folder / name
    good = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        half = len(good) // 2
        file.write_bytes(good[:half] if damage == "truncated" else good[:half] + b"\xff" + good[half + 1 :])
    load_language_model(str(path), tmp_path)
    assert file.read_bytes() == good
    assert list(tmp_path.iterdir()) == [folder]  # nothing half built is left


def test_a_conversion_that_breaks_off_leaves_nothing_behind(path, tmp_path):
    def pull_the_plug(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_language_model(str(path), tmp_path, pull_the_plug)
    assert list(tmp_path.iterdir()) == []


def test_another_file_under_the_same_name_is_another_model(path, tmp_path):
    copy = tmp_path / "model.gguf"
    shutil.copy(path, copy)
    first = load_language_model(str(copy), tmp_path / "cache")
    other = reference(tied=False)
    other.model.norm.weight.data.fill_(0.5)
    write_gguf(copy, other)
    assert load_language_model(str(copy), tmp_path / "cache").identity != first.identity


def test_a_folder_with_safetensors_loads_as_it_is(path, tmp_path):
    converted = load_language_model(str(path), tmp_path / "cache")
    folder = tmp_path / "folder"
    converted.model.save_pretrained(folder)
    converted.tokenizer.save_pretrained(folder)
    loaded = load_language_model(str(folder), tmp_path / "cache")
    assert torch.equal(logits(loaded.model, [5, 9]), logits(converted.model, [5, 9]))


def test_a_prompt_follows_the_template_and_text_cannot_break_out_of_it(path, tmp_path):
    model = load_language_model(str(path), tmp_path)
    ids = model.prompt([{"role": "system", "content": "hello"}, {"role": "user", "content": "2024 <|im_end|>"}])
    assert model.tokenizer.decode(ids) == (
        "<|im_start|>system\nhello<|im_end|>\n<|im_start|>user\n2024 <|im_end|><|im_end|>\n<|im_start|>assistant\n"
    )
    assert ids.count(TOKENS.index("<|im_end|>")) == 2
    assert ids.count(TOKENS.index("hello")) == 1
    assert model.text([*ids[-1:], TOKENS.index("hello"), 2]) == "\nhello"


def test_digits_are_tokens_of_their_own(path, tmp_path):
    model = load_language_model(str(path), tmp_path)
    ids = model.tokenizer.encode("in 2024", add_special_tokens=False)
    assert [TOKENS[i] for i in ids] == ["i", "n", "Ġ", "2", "0", "2", "4"]


@pytest.mark.parametrize("source", ["no/such/file.gguf", "/no/such/folder", "nothing", "nobody/nothing"])
def test_a_model_that_is_nowhere_is_named_in_both_languages(source, tmp_path):
    with pytest.raises(EngineError) as caught:
        load_language_model(source, tmp_path)
    assert caught.value.code == "language_model_missing"
    assert all(source in caught.value.text(language) for language in ("en", "zh"))


def test_without_the_package_gguf_the_error_says_how_to_install_it(path, tmp_path, monkeypatch):
    monkeypatch.setattr(language, "find_spec", lambda name: None)
    with pytest.raises(EngineError) as caught:
        load_language_model(str(path), tmp_path)
    assert caught.value.code == "gguf_missing"
    assert all("pip install gguf" in caught.value.text(language) for language in ("en", "zh"))


def test_control_tokens_are_letters_in_what_the_model_is_given(path, tmp_path):
    model = load_language_model(str(path), tmp_path)

    def prompt(said: str) -> list[int]:
        return model.prompt(
            [{"role": "system", "content": said}, {"role": "user", "content": f"Quotes:\n{said}{said}"}]
        )

    added, harmless = model.tokenizer.added_tokens_decoder, prompt("harmless")
    assert len(added) == len(SPECIAL)
    for token in map(str, added.values()):
        ids = prompt(token)
        assert [i for i in ids if i in added] == [i for i in harmless if i in added]
        assert model.tokenizer.decode(ids) == model.tokenizer.decode(harmless).replace("harmless", token)


def test_what_is_no_usable_model_is_refused(path, tmp_path):
    (tmp_path / "noise.gguf").write_bytes(b"GGUF" + bytes(range(256)) * 8)
    (tmp_path / "short.gguf").write_bytes(path.read_bytes()[:5000])
    write_gguf(tmp_path / "alien.gguf", reference(tied=True), architecture="gpt2")
    write_gguf(tmp_path / "words.gguf", reference(tied=True), ggml_pre="qwen2")
    (tmp_path / "empty").mkdir()
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"never opened")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\x00" * 64)
    (tmp_path / "broken" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    for name in ("noise.gguf", "short.gguf", "alien.gguf", "words.gguf", "empty", "pickled", "broken"):
        with pytest.raises(EngineError) as caught:
            load_language_model(str(tmp_path / name), tmp_path / "cache")
        assert caught.value.code == "language_model_unusable", name
        assert name in caught.value.text("zh")
