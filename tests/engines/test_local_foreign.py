"""Checkpoints as others make them, with transformers' own classes: unlike ours in tokenizer, template, sizes, files and
what their configs leave out. The command line answers as `generate` does from scratch."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers import models as tokens
from transformers import Glm4vConfig, Glm4vForConditionalGeneration, Glm46VConfig, Glm46VForConditionalGeneration
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

from glyph_demo import cli
from glyph_demo.documents.extraction import extract
from glyph_demo.engines.local.speech import Speech
from glyph_demo.rendering import render, resolve_style
from glyph_demo.settings import Settings

pytestmark = pytest.mark.usefixtures("one_thread")

STOP, IMAGE = "<eos>", "<|image|>"
MARKERS = ["<|begin_of_image|>", "<|end_of_image|>"]
ROLES = ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>"]
CONTENT = "A keeper counts ships, and writes each one down. 看守人数船。 " * 200
QUESTIONS = ["What is it?", "And why 为什么?"]
TEMPLATE = """[gMASK]<sop>
{%- for message in messages -%}
<|{{ message.role }}|>{{ '\\n' }}
{%- if message.content is string -%}{{ message.content }}
{%- else -%}
{%- for item in message.content -%}
{%- if item.type == 'image' -%}PAGE{%- else -%}{{ item.text }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{{ '\\n' }}{%- endif -%}"""
OTHER_ROLES = """{%- for message in messages -%}<|user|>{{ message.role }}:
{% if message.content is string %}{{ message.content | trim }}{% else %}{% for item in message.content -%}
{%- if item['type'] == 'image' -%}PAGE{%- else -%}{{ item['text'] | trim }}{%- endif -%}
{%- endfor %}{% endif %}<sop>
{% endfor %}{% if add_generation_prompt %}<|user|>assistant:
{% endif %}"""
ALL_IN_PARTS = """[gMASK]<sop>
{%- for message in messages -%}
<|{{ message.role }}|>
{% for item in message.content -%}
{%- if item.type == 'image' -%}PAGE{%- elif item.type == 'text' -%}{{ item.text }}{%- endif -%}
{%- endfor -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"""
SAID = "\ue123"  # stands for an answer
MARKED = "<|begin_of_image|><|image|><|end_of_image|>"

SMALL = {"heads": 4, "kv_heads": 2, "head_dim": 16}
ROPE = {"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.5, "mrope_section": [1, 1, 2]}
VARIANTS: dict[str, dict[str, Any]] = {
    "pages on lines of their own, marker ids not in the config": {"page": MARKED + "{{ '\\n' }}", "marker_ids": False},
    "numbered by a word before each page": {"page": "Page: " + MARKED},
    "rope facts left to the defaults": {"heads": 2, "kv_heads": 1, "head_dim": 64, "rope": None},
    "words as tokens, special tokens first": {"letters": "words"},
    "tied, shards of bfloat16, no generation config": {"tied": True, "shard": "40KB", "dtype": torch.bfloat16},
    "other patches, template in the tokenizer's config": {"patch": 8, "merge": 4, "temporal": 1, "inline": True},
    "spaces as letters": {"letters": "metaspace never"},
    "spaces as letters, one before the first word": {"letters": "metaspace first", "page": "Page: <|image|>"},
    "spaces as letters, one before every text": {"letters": "metaspace always"},
    "bytes of letters it lacks": {"letters": "fallback"},
    "pieces of words": {"letters": "pieces"},
    "roles in words": {"template": OTHER_ROLES, "page": MARKED + "\n"},
    "answers in parts, too, template in chat_template.json": {"template": ALL_IN_PARTS, "older": True},
    "Glm46v, one head each, processor_config.json": {"kind": "glm46v", "kv_heads": 4, "nested": True, "bias": 0.1},
}


def tokenizer(letters: str, template: str) -> transformers.PreTrainedTokenizerFast:
    special = [STOP, IMAGE, "<|video|>", *MARKERS, *ROLES]
    kind, _, scheme = letters.partition(" ")
    if kind == "fallback":  # as Llama's
        made = Tokenizer(tokens.BPE(unk_token="<unk>", byte_fallback=True))
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        made.decoder = decoders.Sequence(parts)
        known = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
        trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=known, show_progress=False)
        made.train_from_iterator([CONTENT], trainer)
        plain = json.loads(made.to_str())
        made = Tokenizer.from_str(json.dumps({**plain, "added_tokens": plain["added_tokens"][:1]}))
    elif kind == "pieces":
        made = Tokenizer(tokens.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        made.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[UNK]"], show_progress=False)
        made.train_from_iterator([CONTENT], trainer)
    elif kind == "metaspace":
        made = Tokenizer(tokens.BPE(unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
        made.decoder = decoders.Metaspace(prepend_scheme=scheme)
        trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False)
        made.train_from_iterator([CONTENT], trainer)
    elif letters == "words":
        made = Tokenizer(tokens.WordLevel(unk_token=STOP))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        made.train_from_iterator([CONTENT], trainers.WordLevelTrainer(special_tokens=special, show_progress=False))
    else:
        made = Tokenizer(tokens.BPE())
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
        made.train_from_iterator([CONTENT], trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token=STOP, chat_template=template)
    fast.add_special_tokens({"additional_special_tokens": special[1:]})
    return fast


def make(
    folder: Path,
    *,
    kind: str = "glm4v",
    heads: int = 4,
    kv_heads: int = 2,
    head_dim: int = 16,
    rope: dict[str, Any] | None = ROPE,
    letters: str = "bytes",
    template: str = TEMPLATE,
    page: str = MARKED,
    marker_ids: bool = True,
    tied: bool = False,
    shard: str = "50GB",
    dtype: torch.dtype = torch.float32,
    patch: int = 14,
    merge: int = 2,
    temporal: int = 2,
    inline: bool = False,
    older: bool = False,
    nested: bool = False,
    bias: float = 0.0,
) -> Path:
    words = tokenizer(letters, template.replace("PAGE", page))
    ids = {"image_token_id": IMAGE, "video_token_id": "<|video|>"}
    if marker_ids:
        ids |= {"image_start_token_id": MARKERS[0], "image_end_token_id": MARKERS[1]}
    text = {"vocab_size": len(words) + 3, "hidden_size": heads * head_dim, "intermediate_size": 80}
    text |= {"num_hidden_layers": 2, "num_attention_heads": heads, "num_key_value_heads": kv_heads}
    text |= {"model_type": "glm4v_text", "max_position_embeddings": 4096} | ({"rope_parameters": rope} if rope else {})
    vision = {"model_type": "glm4v_vision", "hidden_size": 32, "num_heads": 2, "depth": 1, "intermediate_size": 48}
    vision |= {"out_hidden_size": heads * head_dim, "image_size": patch * 8, "patch_size": patch}
    vision |= {"spatial_merge_size": merge, "temporal_patch_size": temporal}
    config, model = (
        (Glm46VConfig, Glm46VForConditionalGeneration)
        if kind == "glm46v"
        else (Glm4vConfig, Glm4vForConditionalGeneration)
    )
    torch.manual_seed(0)
    made = model(
        config(
            text_config=text,
            vision_config=vision,
            tie_word_embeddings=tied,
            **{name: words.convert_tokens_to_ids(token) for name, token in ids.items()},
        )
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(0.0, 0.35) if weight.ndim > 1 else weight.add_(bias * torch.randn_like(weight))
        # Never said: special tokens, and the rows that no token has.
        silent = words.convert_tokens_to_ids([IMAGE, "<|video|>", *MARKERS, *ROLES])
        made.get_output_embeddings().weight[[*silent, *range(len(words), len(words) + 3)]] = 0.0
    made.generation_config.eos_token_id = [words.eos_token_id]
    made.to(dtype).save_pretrained(folder, max_shard_size=shard)
    words.save_pretrained(folder)
    processor = Glm4vImageProcessorPil(patch_size=patch, merge_size=merge, temporal_patch_size=temporal)
    processor.save_pretrained(folder)
    if tied:
        (folder / "generation_config.json").unlink()
    if inline or older:
        (folder / "chat_template.jinja").unlink()
        into = folder / ("chat_template.json" if older else "tokenizer_config.json")
        merge_json(into, {"chat_template": words.chat_template})
    if nested:
        settings = json.loads((folder / "preprocessor_config.json").read_text())
        (folder / "preprocessor_config.json").unlink()
        (folder / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
    return folder


def merge_json(file: Path, more: dict[str, Any]) -> None:
    before = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**before, **more}))


def from_scratch(folder: Path, file: Path, template: str) -> list[tuple[str, int]]:
    """transformers' answer to every question, and how many tokens its prompt had."""
    settings = Settings()
    document = extract(file, file.name, settings.documents)
    pages = list(render(document, resolve_style(settings.rendering, document.text)))
    words = transformers.AutoTokenizer.from_pretrained(folder)
    words.chat_template = template
    processor = Glm4vImageProcessorPil.from_pretrained(folder)
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    read = processor([Image.fromarray(page.pixels) for page in pages], return_tensors="pt")
    messages: list[dict[str, Any]] = []
    answers: list[tuple[str, int]] = []
    spoken: list[list[int]] = []  # answers stand in the prompt as the ids they came as
    for question in QUESTIONS:
        messages.append({"role": "user", "content": [{"type": "text", "text": question}]})
        if not answers:
            messages[0]["content"] = [{"type": "image"}] * len(pages) + messages[0]["content"]
        prompt = words.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        for grid in read["image_grid_thw"]:
            prompt = prompt.replace(IMAGE, "@" * int(grid.prod() // processor.merge_size**2), 1)
        first, *others = (
            words.encode(part, add_special_tokens=False) for part in prompt.replace("@", IMAGE).split(SAID)
        )
        ids = torch.tensor([sum((said + after for said, after in zip(spoken, others, strict=True)), first)])
        said = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == model.config.image_token_id).int(),
            **read,
            max_new_tokens=6,
            do_sample=False,
            repetition_penalty=1.1,
            eos_token_id=words.eos_token_id,
        )[0, ids.shape[1] :]
        answers.append((words.decode(said, skip_special_tokens=True).strip(), ids.shape[1]))
        spoken.append([i for i in said.tolist() if i != words.eos_token_id])
        content = SAID if "is string" in template else [{"type": "text", "text": SAID}]
        messages.append({"role": "assistant", "content": content})
    return answers


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_answered_as_from_scratch(variant, tmp_path, capsys):
    folder, file = make(tmp_path / "model", **VARIANTS[variant]), tmp_path / "story.txt"
    template = VARIANTS[variant].get("template", TEMPLATE).replace("PAGE", VARIANTS[variant].get("page", MARKED))
    file.write_text(CONTENT, encoding="utf-8")
    asked = ["ask", str(file), *QUESTIONS, "--engine", "local", "--model", str(folder), "--max-new-tokens", "6"]
    capsys.readouterr()
    assert cli.main([*asked, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["document"]["pages"] >= 2
    expected = from_scratch(folder, file, template)
    found = [(answer["text"].strip(), answer["tokens"]["input"]) for answer in result["answers"]]
    assert found == expected
    assert expected[0][0]


@pytest.mark.parametrize("letters", ["bytes", "words", "pieces", "fallback", "metaspace first", "metaspace always"])
def test_pieces_join_to_what_the_tokenizer_decodes_at_once(letters):
    words, draw = tokenizer(letters, TEMPLATE), random.Random(0)
    for _ in range(60):
        said = [draw.randrange(len(words)) for _ in range(12)] + words.encode(
            "ships 看守人船。", add_special_tokens=False
        )
        speech = Speech(words, "")
        pieces = [event.text for token in said for event in speech.feed(token)]
        pieces += [event.text for event in speech.finish()]
        assert "".join(pieces) == words.decode(said, skip_special_tokens=True).lstrip()
