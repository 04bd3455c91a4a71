"""Every vision runtime reads pages as transformers' tower does; where one cannot, eager goes on and says why."""

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from glyph_demo.models import tower, vision, vision_onnx
from glyph_demo.models.loader import load_vision_language_model
from glyph_demo.models.precision import activations
from glyph_demo.models.tower import FixedTower
from glyph_demo.models.vision_language import VisionLanguageModel
from tests.checkpoints import SHAPES

SIZES = [(112, 140), (280, 168), (84, 364)]  # height and width in pixels, all within the checkpoint's limits

needs_exporter = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript")),
    reason="exporting needs onnx and onnxscript",
)


@pytest.fixture
def model(checkpoint, tmp_path):
    return load_vision_language_model(str(checkpoint), tmp_path)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def shared(checkpoint, tmp_path_factory):
    """A cache that holds the graph for pages of SIZES[0]."""
    cache = tmp_path_factory.mktemp("built")
    steps(load_vision_language_model(str(checkpoint), cache), SIZES[0], cache)
    return cache


@pytest.fixture
def built(shared, cache):
    return Path(shutil.copytree(shared, cache))


def page(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width), dtype=np.uint8)


def patches_of(model: VisionLanguageModel, pixels: np.ndarray) -> tuple[torch.Tensor, int, int]:
    return model.preprocessing.patches(torch.from_numpy(model.preprocessing.resized(pixels)))


def eager(model: VisionLanguageModel, pixels: np.ndarray) -> torch.Tensor:
    """What transformers' own tower gives."""
    patches, high, wide = patches_of(model, pixels)
    with torch.inference_mode():
        grid = torch.tensor([[1, high, wide]])
        return model.model.model.get_image_features(patches, grid).pooler_output[0]


def steps(model: VisionLanguageModel, size: tuple[int, int], cache: Path) -> list[tuple[int, int | None]]:
    """Prepare ONNX Runtime for pages of `size`, which has to work; what progress told."""
    told: list[tuple[int, int | None]] = []
    assert model.prepare_vision("onnx", *size, cache, lambda done, total: told.append((done, total))) is None
    return told


def assert_reads_as_eager(model: VisionLanguageModel, size: tuple[int, int] = SIZES[0]) -> None:
    pixels = page(*size)
    expected, encoded = eager(model, pixels), model.encode(pixels)
    assert (encoded.rows, encoded.columns) == (size[0] // 28, size[1] // 28)
    assert torch.allclose(encoded.embeds, expected, atol=1e-5 * float(expected.abs().max()))


def used(model: VisionLanguageModel) -> int:
    return len(model.vision._graphs)


@pytest.mark.parametrize("kind", ["glm4v", "glm46v"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_tower_of_one_page_size_equals_transformers(shape, kind, checkpoint_of, tmp_path):
    model = load_vision_language_model(str(checkpoint_of(shape, kind)), tmp_path)
    for size in SIZES:
        patches, high, wide = patches_of(model, page(*size))
        with torch.inference_mode():
            ours = FixedTower(model.model.model.visual, high, wide)(patches)
        expected = eager(model, page(*size))
        assert ours.shape == expected.shape
        assert torch.allclose(ours, expected, atol=1e-5 * float(expected.abs().max()))


def test_it_is_compiled_without_a_break_and_still_equals_transformers(model, cache):
    assert model.prepare_vision("compiled", *SIZES[0], cache) is None
    assert used(model) == 1
    for size in SIZES[:2]:  # the second is not prepared
        assert_reads_as_eager(model, size)


needs_bfloat16 = pytest.mark.skipif(
    not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()),
    reason="this processor has no bfloat16 products",
)


@needs_bfloat16
def test_mixed_is_within_bfloat16_of_transformers_and_its_features_have_a_name_of_their_own(model, cache):
    plain = model.identity
    assert model.prepare_vision("mixed", *SIZES[0], cache) is None
    assert model.identity == f"{plain}-mixed"
    pixels = page(*SIZES[0])
    ours, expected = model.encode(pixels).embeds, eager(model, pixels)
    assert ours.dtype == torch.float32
    error = float((ours - expected).norm() / expected.norm())
    assert 1e-4 < error <= vision.TOLERANCE[torch.bfloat16]


def test_mixed_is_refused_where_it_is_no_gain(checkpoint, tmp_path, model, cache, monkeypatch):
    half = load_vision_language_model(str(checkpoint), tmp_path, precision="bf16")
    notice = half.prepare_vision("mixed", *SIZES[0], cache)
    assert "float32 on a CPU" in notice.en
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    plain = model.identity
    notice = model.prepare_vision("mixed", *SIZES[0], cache)
    assert "no bfloat16" in notice.en
    assert model.identity == plain
    assert used(model) == 0


def test_the_first_page_does_not_wait_for_the_graph_to_be_compiled_again(model, cache):
    assert model.prepare_vision("compiled", *SIZES[0], cache) is None
    with torch._dynamo.config.patch(error_on_recompile=True):
        model.encode(page(*SIZES[0]))


@needs_exporter
@pytest.mark.parametrize("size", SIZES)
def test_onnx_runtime_equals_transformers(size, model, cache):
    assert steps(model, size, cache) == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert used(model) == 1
    assert_reads_as_eager(model, size)
    assert not torch.equal(model.encode(page(*size)).embeds, eager(model, page(*size))), "eager read it"


@needs_exporter
def test_the_graph_for_tensorrt_has_standard_operators_only_and_equals_transformers(model, cache):
    import onnx

    pixels = page(*SIZES[0])
    patches, high, wide = patches_of(model, pixels)
    visual = model.model.model.visual
    cache.mkdir()
    with torch.no_grad():
        vision_onnx._export(visual, high, wide, vision_onnx.TENSORRT, cache)
    graph = onnx.load(cache / "model.onnx", load_external_data=False)
    assert {node.domain for node in graph.graph.node} == {""}
    assert [entry.version for entry in graph.opset_import if not entry.domain] == [vision_onnx.OPSET]
    expected = eager(model, pixels)
    session = vision_onnx._session(cache, visual, vision_onnx.CPU)
    ours = vision_onnx.OnnxGraph(session, tuple(expected.shape))(patches)
    assert torch.allclose(ours, expected, atol=1e-5 * float(expected.abs().max()))


@needs_exporter
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_in_16_bit_onnx_runtime_is_within_tolerance_or_eager_goes_on(precision, checkpoint, tmp_path, cache):
    model = load_vision_language_model(str(checkpoint), tmp_path, precision=precision)
    dtype = activations(precision)
    notice = model.prepare_vision("onnx", *SIZES[0], cache)
    print(notice or "ONNX Runtime reads")
    assert used(model) == (notice is None)
    pixels = page(*SIZES[0])
    ours, expected = model.encode(pixels).embeds, eager(model, pixels)
    assert ours.dtype == dtype
    assert (ours.float() - expected.float()).norm() <= vision.TOLERANCE[dtype] * expected.float().norm()


@needs_exporter
def test_what_was_built_is_loaded_the_next_time(model, built):
    assert steps(model, SIZES[0], built) == []
    assert_reads_as_eager(model)
    assert used(model) == 1


@needs_exporter
@pytest.mark.parametrize("name", ["model.onnx", "model.onnx.data", "manifest.json"])
def test_a_damaged_file_is_noticed_and_built_again(name, model, built):
    (file,) = built.rglob(name)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert steps(model, SIZES[0], built)[-1] == (3, 3)
    assert steps(model, SIZES[0], built) == []
    assert_reads_as_eager(model)


@needs_exporter
def test_other_weights_and_other_sizes_have_files_of_their_own_and_the_oldest_go(
    model, checkpoint_of, tmp_path, built, monkeypatch
):
    monkeypatch.setattr(vision_onnx, "KEPT", 2)
    other = load_vision_language_model(str(checkpoint_of(seed=1)), tmp_path)
    (ours,) = (built / "vision").iterdir()
    assert steps(other, SIZES[0], built)
    (theirs,) = set((built / "vision").iterdir()) - {ours}
    assert steps(model, SIZES[0], built) == []  # used last: the other's is now the oldest
    assert steps(model, SIZES[1], built)
    kept = set((built / "vision").iterdir())
    assert ours in kept
    assert theirs not in kept
    assert len(kept) == 2


def test_without_the_exporter_eager_goes_on_and_says_what_to_install(model, cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    notice = model.prepare_vision("onnx", *SIZES[0], cache)
    assert "pip install onnx onnxscript" in notice.en
    assert "pip install onnx onnxscript" in notice.zh
    assert not list(cache.rglob("*.onnx"))
    pixels = page(*SIZES[0])
    assert torch.equal(model.encode(pixels).embeds, eager(model, pixels))


@needs_exporter
@pytest.mark.parametrize("runtime", ["compiled", "onnx"])
def test_a_graph_that_gives_something_else_is_refused(runtime, model, cache, monkeypatch):
    torch._dynamo.reset()  # it does not see that the class is another now
    monkeypatch.setattr(tower.FixedTower, "_rotated", lambda self, states: states * 1.0)
    notice = model.prepare_vision(runtime, *SIZES[0], cache)
    assert "differ" in notice.en
    assert used(model) == 0
    assert not list(cache.rglob("*.onnx"))


@needs_exporter
def test_after_a_change_of_precision_no_graph_of_the_old_one_is_used(model, built):
    steps(model, SIZES[0], built)
    model.to_bfloat16()
    pixels = page(*SIZES[0])
    assert torch.equal(model.encode(pixels).embeds, eager(model, pixels))


def test_more_sizes_than_there_is_room_for_are_read_by_eager(model, cache, monkeypatch):
    monkeypatch.setattr(vision, "MAX_GRAPHS", 0)
    notice = model.prepare_vision("compiled", *SIZES[0], cache)
    assert notice is not None
    assert used(model) == 0
