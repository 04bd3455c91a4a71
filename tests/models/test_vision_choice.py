"""`vision: auto` on a card takes the first runtime that works. There is no card here: what there is to try is faked at
the edge, and ONNX Runtime's own CPU provider stands for the one that works."""

import ctypes
import importlib.util
from types import SimpleNamespace

import onnxruntime
import pytest
import torch
from transformers import Glm4vForConditionalGeneration

from glyph_demo.models import random, vision, vision_onnx
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.memory import weight_bytes
from glyph_demo.models.vision import Rung
from glyph_demo.models.vision_language import VisionLanguageModel
from glyph_demo.models.vision_onnx import CPU, CUDA, TENSORRT

SIZE = (112, 140)


@pytest.fixture
def model(checkpoint, tmp_path):
    return load_vision_language_model(str(checkpoint), tmp_path)


def on_cuda(monkeypatch, tensorrt: bool, listed=(TENSORRT, CUDA, CPU)) -> list[str]:
    def load(name: str, mode: int = 0) -> None:
        if not tensorrt:
            raise OSError(name)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(listed))
    monkeypatch.setattr(ctypes, "CDLL", load)
    return vision_onnx.providers(torch.device("cuda"))


def test_tensorrt_counts_only_where_its_library_loads(monkeypatch):
    assert on_cuda(monkeypatch, tensorrt=True) == [TENSORRT, CUDA]
    assert on_cuda(monkeypatch, tensorrt=False) == [CUDA]
    assert on_cuda(monkeypatch, tensorrt=True, listed=[CPU]) == []
    assert vision_onnx.providers(torch.device("cpu")) == [CPU]


def test_on_a_cpu_auto_is_eager_and_says_nothing(model, tmp_path):
    assert model.prepare_vision("auto", *SIZE, tmp_path) is None
    assert model.vision.runtime == "eager"


def test_on_a_card_auto_takes_a_second_copy_of_the_weights_only_where_there_is_room_for_it(monkeypatch):
    on_cuda(monkeypatch, tensorrt=True)
    tower = vision.Vision(SimpleNamespace(device=torch.device("cuda")))
    assert [rung.name for rung in tower._rungs("auto", True)] == ["onnx (Tensorrt)", "onnx (CUDA)", "compiled"]
    assert [rung.name for rung in tower._rungs("auto", False)] == ["compiled"]
    assert [rung.name for rung in tower._rungs("onnx", False)] == ["onnx (Tensorrt)", "onnx (CUDA)"], "asked for"


@pytest.mark.parametrize(
    ("card", "precision", "again"), [(24.92e9, "fp16", False), (24.92e9, "int8", True), (80e9, "fp16", True)]
)
def test_glyph_in_16_bit_leaves_a_24_gb_card_no_room_for_its_tower_twice(card, precision, again):
    with torch.device("meta"):
        config, tokenizer = random._config("random:glyph")
        made = Glm4vForConditionalGeneration._from_config(config, dtype=torch.float16)
    model = VisionLanguageModel(made, tokenizer, random._preprocessing(0), "sha")
    model.precision = precision
    left = int(card) - weight_bytes(model.shape.parameters, model.shape.text, precision)
    assert model._room_for_tower(left) is again


def test_layer_norms_stay_in_float32_in_tensorrt(model, tmp_path, monkeypatch):
    asked = []

    class Session:
        def __init__(self, path, options, providers):
            asked.extend(providers)

        def disable_fallback(self): ...

        def get_providers(self):
            return [TENSORRT]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    vision_onnx._session(tmp_path, model.model.model.visual, TENSORRT)
    assert [name for name, _ in asked] == [TENSORRT, CUDA]
    assert asked[0][1]["trt_layer_norm_fp32_fallback"] == "1"


@pytest.mark.skipif(importlib.util.find_spec("onnxscript") is None, reason="exporting needs onnxscript")
def test_a_runtime_that_fails_costs_its_rung_and_one_notice(model, tmp_path, monkeypatch):
    monkeypatch.setattr(
        vision.Vision, "_rungs", lambda self, *_: [Rung("onnx", TENSORRT), Rung("onnx", CPU), Rung("compiled")]
    )
    notice = model.prepare_vision("auto", *SIZE, tmp_path)
    assert model.vision.runtime == "onnx (CPU)"
    assert "Pages are read by 'onnx (CPU)'" in notice.en
    assert "onnx (CPU)" in notice.zh
    assert len(model.vision._graphs) == 1
    assert len(list((tmp_path / "vision").iterdir())) == 1, "what failed left files"


def test_where_all_fail_eager_reads_and_the_notice_names_each(model, tmp_path, monkeypatch):
    def build(self, rung, *_):
        raise vision.failed(rung.name, "a reason", "原因")

    monkeypatch.setattr(vision.Vision, "_rungs", lambda self, *_: [Rung("onnx", CUDA), Rung("compiled")])
    monkeypatch.setattr(vision.Vision, "_build", build)
    notice = model.prepare_vision("auto", *SIZE, tmp_path)
    assert model.vision.runtime == "eager"
    for said in (notice.en, notice.zh):
        assert all(name in said for name in ("eager", "onnx (CUDA)", "compiled"))
