"""GGUF files of the llama architecture, turned once into a folder that transformers loads: safetensors, config,
tokenizer. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glyph_demo.models.base import LoadProgress, digest

if TYPE_CHECKING:
    import torch
    from gguf import GGUFReader
    from numpy.typing import NDArray
    from transformers import LlamaConfig, PreTrainedTokenizerFast

VERSION = 1  # of this conversion; part of the folder's name
CHECKSUMS = "checksums.json"
_CONTROL = 3  # ggml's token type for special tokens

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class UnsupportedGGUF(ValueError):
    """The file is GGUF, or claims to be, and is not of a kind that can be converted."""


def converted(path: Path, sha: str, cache_dir: Path, progress: LoadProgress) -> Path:
    """The folder in `cache_dir` that holds the GGUF file `path`, whose SHA-256 is `sha`, in float32. A folder that is
    missing, half written or changed since is built anew. Raises UnsupportedGGUF, OSError."""
    folder = cache_dir / f"gguf-{sha[:16]}-v{VERSION}"
    if _intact(folder):
        return folder
    cache_dir.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=cache_dir))
    try:
        _convert(path, building, progress)
        sums = {file.name: digest([file]) for file in sorted(building.iterdir())}
        (building / CHECKSUMS).write_text(json.dumps(sums, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _intact(folder: Path) -> bool:
    try:
        sums = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        return all(digest([folder / name]) == expected for name, expected in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _convert(path: Path, folder: Path, progress: LoadProgress) -> None:
    from gguf import GGUFReader
    from safetensors.torch import save_file

    try:
        reader = GGUFReader(path)
        config = _config(reader)
        tokenizer = _tokenizer(reader)
        tensors = _tensors(reader, config, progress)
    except (KeyError, IndexError, TypeError, ValueError, NotImplementedError, OverflowError) as error:
        raise UnsupportedGGUF(f"{type(error).__name__}: {error}") from error
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _field(reader: GGUFReader, name: str) -> Any:
    return reader.fields[name].contents()


def _config(reader: GGUFReader) -> LlamaConfig:
    from transformers import LlamaConfig

    architecture = _field(reader, "general.architecture")
    if architecture != "llama" or "llama.rope.scaling.type" in reader.fields:
        raise ValueError(f"architecture {architecture}, or a scaled RoPE")
    heads = _field(reader, "llama.attention.head_count")
    hidden = _field(reader, "llama.embedding_length")
    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=len(reader.fields["tokenizer.ggml.tokens"].data),
        hidden_size=hidden,
        head_dim=hidden // heads,
        intermediate_size=_field(reader, "llama.feed_forward_length"),
        num_hidden_layers=_field(reader, "llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=_field(reader, "llama.attention.head_count_kv"),
        max_position_embeddings=_field(reader, "llama.context_length"),
        rms_norm_eps=_field(reader, "llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": _field(reader, "llama.rope.freq_base")},
        tie_word_embeddings=all(tensor.name != "output.weight" for tensor in reader.tensors),
        bos_token_id=_field(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=_field(reader, "tokenizer.ggml.eos_token_id"),
        dtype="float32",
    )


def _tensors(reader: GGUFReader, config: LlamaConfig, progress: LoadProgress) -> dict[str, torch.Tensor]:
    import torch
    from gguf import dequantize

    total, done = sum(int(tensor.n_bytes) for tensor in reader.tensors), 0
    tensors = {}
    for tensor in reader.tensors:
        weights = dequantize(tensor.data, tensor.tensor_type)
        if tensor.name.endswith("attn_q.weight"):
            weights = _halves(weights, config.num_attention_heads)
        elif tensor.name.endswith("attn_k.weight"):
            weights = _halves(weights, int(config.num_key_value_heads or config.num_attention_heads))
        tensors[_name(tensor.name)] = torch.from_numpy(np.array(weights, dtype=np.float32))
        done += int(tensor.n_bytes)
        progress(done, total)
    return tensors


def _name(name: str) -> str:
    """`blk.3.attn_q.weight` as transformers calls it. Raises KeyError for a tensor that a plain llama does not have."""
    match = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.weight", name)
    if match is None:
        raise KeyError(name)
    layer = "" if match[1] is None else f"model.layers.{match[1]}."
    return f"{layer}{_NAMES[match[2]]}.weight"


def _halves(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of a query or key projection (heads * head_dim, hidden) from GGUF's order, rotary pairs side by side, to
    transformers' order, first members of all pairs and then the second ones."""
    rows, columns = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _tokenizer(reader: GGUFReader) -> PreTrainedTokenizerFast:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    kind = (_field(reader, "tokenizer.ggml.model"), _field(reader, "tokenizer.ggml.pre"))
    if kind != ("gpt2", "smollm"):
        raise ValueError(f"tokenizer {kind}")
    tokens = _field(reader, "tokenizer.ggml.tokens")
    merges = [(left, right) for left, right in (m.split(" ") for m in _field(reader, "tokenizer.ggml.merges"))]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    # "smollm" in llama.cpp: every digit by itself, then GPT-2's expression.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = _field(reader, "tokenizer.ggml.token_type")
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=tokens[_field(reader, "tokenizer.ggml.bos_token_id")],
        eos_token=tokens[_field(reader, "tokenizer.ggml.eos_token_id")],
        additional_special_tokens=control,
        chat_template=_field(reader, "tokenizer.chat_template"),
        clean_up_tokenization_spaces=False,
    )
