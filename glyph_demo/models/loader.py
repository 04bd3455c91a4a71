"""From a folder or a hub id to a vision-language model that is known to be whole and to fit."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from glyph_demo.errors import EngineError, Message, ran_out_of_memory
from glyph_demo.models import budget, memory
from glyph_demo.models.base import LoadProgress, untold, unusable
from glyph_demo.models.budget import SHAPES, Shape
from glyph_demo.models.chat import load_tokenizer
from glyph_demo.models.checkpoint import Checkpoint, find_checkpoint, identity
from glyph_demo.models.download import hub_id
from glyph_demo.models.families import FAMILIES
from glyph_demo.models.memory import QUANTISED
from glyph_demo.models.on_machine import find_on_machine
from glyph_demo.models.precision import Pack, Precision, activations, adapt, resolve, widen
from glyph_demo.models.preprocessing import Preprocessing
from glyph_demo.models.sources import ModelSource
from glyph_demo.models.vision_language import VisionLanguageModel, named_size
from glyph_demo.models.weights import BUFFERS

# Precisions to name where the one wanted does not fit. A CPU quantises from 16 bit, which must fit then.
_SMALLER = {"cuda": ("fp16", *QUANTISED), "cpu": ("bf16",)}
_NAMED = 3  # tensors of those left out
_NAMES: dict[torch.dtype, Precision] = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}


def default_device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def load_vision_language_model(
    source: str,
    cache_dir: Path,
    progress: LoadProgress | None = None,
    precision: Precision | torch.dtype | None = None,
    limit: int = 0,
    image_size: int = 0,
    model_source: ModelSource = "auto",
    int8_kv: bool = False,
    pack: Pack | None = None,
) -> VisionLanguageModel:
    """The model that `source` names: `auto`, a folder, a hub id, `random:glyph` or `random:mid`. `cache_dir` keeps what
    is downloaded from `model_source`. `progress` counts bytes, of the download and then of loading. `precision` is
    `auto` where it is not given; a dtype is taken as it is, without what keeps float16 safe. `limit` are the bytes that
    the model may take with all it works with, 0 for what is free; `image_size` bounds what pages are read with, see
    `Preprocessing.within`. `int8_kv` says that keys and values will take 8 bits. On a CPU `pack` is given a text model
    that came in 16 bits and shall be float32, with its head, and keeps in 16 bits what it can. Raises EngineError:
    those of `find_checkpoint`, `precision_unavailable`, `model_too_large` and `model_unusable`."""
    report = progress or untold
    device = default_device()
    if device.type != "cpu":
        pack = None
    plain = precision if isinstance(precision, torch.dtype) else None
    asked: Precision = precision if isinstance(precision, str) else "auto"
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    if source.startswith("random:"):
        from glyph_demo.models.random import random_glm4v, random_shape

        shape = replace(random_shape(source, image_size), int8_kv=int8_kv)
        name = _NAMES[plain] if plain else _named(asked, shape, device, limit)
        _check_room(shape.parameters, shape.text, name, device, limit, pack)
        noise = random_glm4v(source, device, plain or activations(name), image_size, pack)
        if plain is None:
            adapt(noise.model, name, device)
        noise.precision = name
        return noise
    # What does not fit is not downloaded.
    known = SHAPES.get(hub_id(source))
    if known is not None and plain is None and find_on_machine(hub_id(source), cache_dir) is None:
        name = _named(asked, known.within(image_size, int8_kv), device, limit)
        _check_room(known.parameters, known.text, name, device, limit, pack)
    checkpoint = find_checkpoint(hub_id(source), frozenset(FAMILIES), cache_dir, report, model_source)
    stored: torch.dtype | None = None
    try:
        found = transformers.AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
        tokenizer = load_tokenizer(checkpoint.folder)
        family = FAMILIES[checkpoint.config["model_type"]]
        preprocessing = family.load_preprocessing(checkpoint.folder).within(image_size)
        text, patches = found.get_text_config().to_dict(), preprocessing.most_patches
        text["tie_word_embeddings"] = not any(name.endswith("lm_head.weight") for name in checkpoint.tensors)
        shape = Shape(checkpoint.parameters, text, found.vision_config.to_dict(), patches, int8_kv)
        name = _NAMES[plain] if plain else _named(asked, shape, device, limit)
        # What is quantised is read layer by layer on the way to the device, from files that are mapped, not copied, as
        # long as they hold what is wanted.
        quantised = plain is None and name in QUANTISED
        first = torch.device("cpu") if quantised else device
        if quantised and (found.dtype != activations(name) or checkpoint.nbytes != 2 * checkpoint.parameters):
            _check_room(checkpoint.parameters, text, "bf16", first, 0)
        dtype = plain or activations(name)
        stored = _stored(checkpoint) if pack and dtype == torch.float32 else None
        _check_room(checkpoint.parameters, text, name, device, limit, pack if stored else None)
        sha = identity(checkpoint, cache_dir)
        with _reporting(checkpoint, report):
            model, notices = _load(checkpoint, first, stored or dtype)
        if stored:
            widen(model, pack)
        family.check_config(model.config.get_text_config())
        _check_patches(model.config.vision_config, preprocessing)
        if plain is None:
            adapt(model, name, device)
        loaded = VisionLanguageModel(model, tokenizer, preprocessing, named_size(sha, image_size), notices=notices)
        loaded.precision = name
        return loaded
    except EngineError:
        raise
    except Exception as error:  # whatever transformers raises for files that are no such model
        if ran_out_of_memory(error):
            free = room(device)
            wanted = memory.plan(checkpoint.parameters, text, name, free, halves=stored is not None)
            raise memory.too_large(wanted, free) from error
        raise unusable(f"{type(error).__name__}", type(error).__name__) from error


def _named(asked: Precision, shape: Shape, device: torch.device, limit: int) -> Precision:
    """The precision that `asked` stands for here: on CUDA `auto` is the one that fits with a long document."""
    if asked == "auto" and device.type == "cuda":
        free = room(device)
        choice = budget.choose(shape, min(free, limit or free), budget.can_quantise())
        fitting: Any = choice.precision or "fp16"  # what is then missing is told by `_check_room`
        return resolve(fitting, device)
    return resolve(asked, device, shape.parameters)


def _check_patches(vision: Any, preprocessing: Preprocessing) -> None:
    cut = (preprocessing.patch, preprocessing.merge, preprocessing.temporal)
    if cut != (vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size):
        raise unusable(
            "preprocessor_config.json cuts pages into other patches than config.json",
            "preprocessor_config.json 与 config.json 的图像分块方式不一致",
        )


def room(device: torch.device) -> int:
    """Free bytes on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def _load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> tuple[Any, list[Message]]:
    """The model, and what to tell people of it."""
    auto: Any = transformers.AutoModelForImageTextToText
    model, info = auto.from_pretrained(
        checkpoint.folder,
        dtype=dtype,
        device_map={"": device} if device.type == "cuda" else None,  # straight to the card, not through host memory
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are told here, by name
    )
    return model, _check_tensors(info)


def _check_tensors(info: dict[str, Any]) -> list[Message]:
    """What to tell people of tensors that the model has no use for. Raises EngineError `model_unusable` unless every
    tensor that the config asks for was there, in its shape."""
    for name, stored, wanted in sorted(info["mismatched_keys"]):
        found, asked = tuple(stored), tuple(wanted)
        raise unusable(
            f"its tensor {name} is {found}, and config.json asks for {asked}",
            f"张量 {name} 的形状为 {found}，而 config.json 要求 {asked}",
        )
    for name in sorted(info["missing_keys"]):
        raise unusable(f"it has no tensor {name}", f"缺少张量 {name}")
    others = sorted(name for name in info["unexpected_keys"] if not BUFFERS.search(name))
    return [_left_out(others)] if others else []


def _left_out(names: list[str]) -> Message:
    """Heads for training and layers that predict further tokens come with some checkpoints, and do no harm. Layers that
    the config forgets would: the answers are nonsense then."""
    first = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return Message(
        f"The model's files hold tensors that config.json gives no place, {len(names)} in all ({first}). They are left "
        "out. If answers make no sense, download the model again.",
        f"模型文件中有 {len(names)} 个张量不属于 config.json 所描述的模型（{first}），已忽略。"
        "如果回答没有意义，请重新下载模型。",
    )


@contextlib.contextmanager
def _reporting(checkpoint: Checkpoint, report: LoadProgress) -> Iterator[None]:
    """Tell `report` how far transformers is, instead of letting it draw a bar in somebody's terminal."""
    logging = transformers.utils.logging
    total, files = checkpoint.nbytes, len(checkpoint.weights)
    done, left = 0, Counter(tensor.file for tensor in checkpoint.tensors.values())

    def bar(factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def told(items: list[Any]) -> Iterator[Any]:
            nonlocal done
            for item in items:
                yield item
                # Names that transformers has changed are not found, and told with the last report.
                stored = checkpoint.tensors.get(item[0] if isinstance(item, tuple) else item)
                if stored is not None:
                    done += stored.nbytes
                    left[stored.file] -= 1  # tensors of all files come mixed: told is how many files are done with
                    report(done, total, min(files, list(left.values()).count(0) + 1), files)

        return told(list(args[0])) if args else logging.EmptyTqdm(*args, **kwargs)

    report(0, total, 1, files)
    previous = logging.set_tqdm_hook(bar)
    try:
        yield
    finally:
        logging.set_tqdm_hook(previous)
    report(total, total, files, files)


def _stored(checkpoint: Checkpoint) -> torch.dtype | None:
    """What all of the weights are stored in, if that is 16 bits."""
    kinds = {tensor.dtype for name, tensor in checkpoint.tensors.items() if not BUFFERS.search(name)}
    return {"BF16": torch.bfloat16, "F16": torch.float16}.get(kinds.pop()) if len(kinds) == 1 else None


def _check_room(
    parameters: int,
    text: Mapping[str, Any],
    precision: str,
    device: torch.device,
    limit: int,
    pack: Pack | None = None,
) -> None:
    free = room(device)
    others = [name for name in _SMALLER[device.type] if name != precision]
    memory.check(parameters, text, precision, min(free, limit or free), others, halves=pack is not None)
