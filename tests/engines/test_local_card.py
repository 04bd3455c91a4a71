"""What the local engine does for a card, as far as a CPU can show it."""

import gc
import os
import weakref
from pathlib import Path

import pytest
import torch

from glyph_demo import process
from glyph_demo.bench.measure import as_asked, how_it_ran
from glyph_demo.engines.loading import LoadLines, loaded
from glyph_demo.engines.local import engine as module
from glyph_demo.engines.local import warm_up
from glyph_demo.errors import EngineError
from glyph_demo.models.loader import load_vision_language_model
from tests.engines.local import ask, opened, page

pytestmark = pytest.mark.usefixtures("one_thread")


def test_idle_documents_let_go_of_a_decoder_that_was_replaced(start):
    engine = start(precision="fp16")
    idle = opened(engine)
    old = weakref.ref(engine.decoder)
    engine.fall_back(torch.float16)
    gc.collect()
    assert old() is None
    assert ask(idle, "What?")


def test_a_smaller_image_size_reads_a_page_with_fewer_tokens_and_gives_its_features_another_name(start):
    plain, small = start(), start({"inference.image_size": 512})
    full = page(1, 842, 595)
    tokens = [len(engine.encode(full).arrays["embeds"]) for engine in (plain, small)]
    assert tokens == [630, 330]
    assert small.identity != plain.identity
    assert small.capacity() >= 1.8 * plain.capacity()
    small.encode(page(1))  # 112x112 is smaller and stays as it is
    assert small.model.preprocessing.page_tokens(112, 112) == plain.model.preprocessing.page_tokens(112, 112)


def test_a_benchmark_measures_no_plainer_runtime_under_the_name_of_another(start, monkeypatch):
    engine = start()
    as_asked(engine)
    assert how_it_ran(engine) == {
        "runtimes": {"vision": "eager", "decode": "eager", "prefill": "the model's own"},
        "notices": [],
    }
    monkeypatch.setattr(module.Decoder, "prepare_step", lambda self, runtime: module.NOISE)
    engine = start({"inference.decode": "compiled"})
    assert how_it_ran(engine)["runtimes"]["decode"] == "plainer than compiled"
    assert how_it_ran(engine)["notices"] == [module.NOISE.en]
    with pytest.raises(EngineError, match="bench_fell_back"):
        as_asked(engine)


def test_what_is_reserved_is_the_largest_page_and_the_larger_of_forward_and_evidence(start, monkeypatch):
    engine, read, peaks = start(), [], iter([300, 2_000, 700_000_000, 300, 2_000, 5])
    monkeypatch.setattr(type(engine.model), "encode", lambda self, pixels: read.append(pixels.shape))
    for name in ("synchronize", "empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda *given: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: next(peaks))
    monkeypatch.setattr(warm_up, "_prefill_noise", lambda decoder, arena: None)
    assert warm_up.most_held(engine.model, engine.decoder, (842, 595)) == 2_000 + 700_000_000
    assert read == [(842, 595), (8192, 8192)]
    assert warm_up.most_held(engine.model, engine.decoder, (842, 595)) == 2_000 + warm_up.EVIDENCE_WEIGHTS * 12


def test_quantised_weights_are_read_from_files_that_are_mapped_and_take_no_memory_of_their_own(checkpoint_of, tmp_path):
    if not Path("/proc/self/maps").exists():
        pytest.skip("Linux only")
    from glyph_demo.models import loader

    source = checkpoint_of("deep")
    held = load_vision_language_model(str(source), tmp_path, precision="bf16").model
    held.save_pretrained(tmp_path / "bf16")
    for file in source.iterdir():
        target = tmp_path / "bf16" / file.name
        if not target.exists() and file.suffix in (".json", ".jinja"):
            target.write_bytes(file.read_bytes())
    found = loader.find_checkpoint(str(tmp_path / "bf16"), frozenset(loader.FAMILIES), tmp_path, lambda *_: None)
    model, _ = loader._load(found, torch.device("cpu"), torch.bfloat16)
    weight = model.model.language_model.layers[0].mlp.down_proj.weight
    assert str(tmp_path / "bf16") in _mapping(weight.data_ptr())


def _mapping(address: int) -> str:
    """The line of /proc/self/maps for an address (proc(5))."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= address < last:
            return line
    return ""


def test_compilers_keep_what_they_make_in_the_cache_folder_unless_the_user_says_where(monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", "/mine")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    process.keep_kernels(tmp_path)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "inductor")
    assert os.environ["TRITON_CACHE_DIR"] == "/mine"


def test_loading_says_that_it_compiles(capsys):
    lines = LoadLines()
    lines(20, 20)
    lines(1, 2, what=module.COMPILING)
    assert "compiling kernels" in loaded(lines.now, "en")
    assert loaded(lines.now, "zh").endswith("1/2")
    assert "compiling kernels" in capsys.readouterr().err
