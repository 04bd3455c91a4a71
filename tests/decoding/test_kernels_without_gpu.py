"""What can be known of the kernels where there is no GPU: their numbers, from Triton's interpreter, and that
each kind of card has the registers and the shared memory that they take, from Triton's compiler."""

import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton", reason="Triton is for Linux on x86-64")

import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

from glyph_demo.decoding import kernels, kernels_int8, kernels_row
from glyph_demo.decoding.arena import KVArena
from glyph_demo.decoding.step import WIDTHS

CUOBJDUMP = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
REGISTERS = 255  # of a thread

# Bytes of shared memory that a block of threads may take (CUDA C++ Programming Guide, "Compute Capabilities").
SHARED = {80: 166_912, 86: 101_376, 89: 101_376, 90: 232_448, 100: 232_448, 120: 101_376}


@pytest.mark.skipif(torch.cuda.is_available(), reason="the GPU runs them itself")
@pytest.mark.parametrize("file", ["test_kernels.py", "test_kernels_int8.py", "test_kernels_row.py"])
def test_the_interpreter_gives_what_float64_gives(file):
    interpreted = subprocess.run(
        [sys.executable, "-m", "pytest", str(Path(__file__).with_name(file))],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert interpreted.returncode == 0, interpreted.stdout
    assert " passed" in interpreted.stdout
    assert "skipped" not in interpreted.stdout


class AbsentCard:
    """Triton's driver of a card that is not here: enough to compile for it."""

    def __init__(self, capability: int) -> None:
        self.capability = capability

    def get_current_target(self):
        return GPUTarget("cuda", self.capability, 32)

    def get_current_device(self):
        return self.capability  # kernels are kept by device

    def get_current_stream(self, device):
        return 0


def compiling(run, launched):
    """A kernel's `run` that compiles only, and notes the grid and what it made."""

    def compile_only(*given, grid, warmup, **options):
        launched.append((grid, run(*given, grid=grid, warmup=True, **options)))

    return compile_only


def compiled(monkeypatch, capability, dtype, n, int8):
    """Grids and binaries of what `attend_behind`, or `attend_behind_int8`, launches with Glyph's heads."""
    launched = []

    def states(heads, entries):
        return torch.empty(1, entries, heads, 128, dtype=dtype, device="meta").transpose(1, 2)

    for kernel in (kernels._partial, kernels._combine, kernels_int8._partial):
        monkeypatch.setattr(kernel, "run", compiling(kernel.run, launched))
    arena = KVArena(1, 2, 128, 4096, dtype, "meta", int8=int8)
    arena.reserve(4096)
    (kept,) = arena.layers
    at = torch.empty(n, dtype=torch.int64, device="meta")
    monkeypatch.setattr(driver, "_active", AbsentCard(capability))
    new = (states(32, n), states(2, n), states(2, n))
    if int8:
        kernels_int8.attend_behind_int8(*new, kept, at)
    else:
        kernels.attend_behind(*new, kept.keys, kept.values, at)
    return launched


def cases():
    """Those that differ little from another one are left to the long run."""
    dtypes = (torch.float16, torch.bfloat16, torch.float32)
    for int8, capability, dtype, n in product((False, True), SHARED, dtypes, WIDTHS):
        if int8 and dtype == torch.float32:
            continue  # attends without kernels
        alike = n not in (1, WIDTHS[-1]) or (
            dtype != torch.float16 and (capability not in (86, 90, 120) or n != WIDTHS[-1])
        )
        yield pytest.param(capability, dtype, n, int8, marks=[pytest.mark.long] if alike else [])


@pytest.mark.parametrize(("capability", "dtype", "n", "int8"), cases())
def test_a_card_has_room_for_the_kernels(monkeypatch, tmp_path, capability, dtype, n, int8):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    (grid, partial), (_, combine) = compiled(monkeypatch, capability, dtype, n, int8)
    if dtype.itemsize == 2:
        passes = 1 if n <= 8 else 2  # keys and values are read so often
        assert grid == (kernels.SPLITS // passes, 2, passes)
    for made in (partial, combine):
        check_room(made, tmp_path, capability, f"{dtype} {n} int8 {int8}")


def check_room(made, folder, capability, what):
    binary = folder / "kernel.cubin"
    binary.write_bytes(made.asm["cubin"])
    usage = subprocess.run([CUOBJDUMP, "-res-usage", binary], capture_output=True, text=True, check=True).stdout
    registers, stack, local = map(int, re.search(r"REG:(\d+) STACK:(\d+) .*LOCAL:(\d+)", usage).groups())
    print(f"sm_{capability} {what} {made.metadata.name}: {made.metadata.shared} bytes, {registers} registers")
    assert made.metadata.shared <= SHARED[capability]
    assert registers * made.metadata.num_warps * 32 <= 65_536  # of a multiprocessor
    assert registers <= REGISTERS
    assert (stack, local) == (0, 0)  # nothing is spilled


@pytest.mark.parametrize("capability", SHARED)
def test_a_card_has_room_for_products_of_one_row(monkeypatch, tmp_path, capability):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    launched = []
    monkeypatch.setattr(kernels_row._product, "run", compiling(kernels_row._product.run, launched))
    monkeypatch.setattr(driver, "_active", AbsentCard(capability))

    def nothing(*shape, dtype=torch.float16):
        return torch.empty(shape, dtype=dtype, device="meta")

    for what, dtype, rows, width, gated in (  # of Glyph
        ("states", torch.float16, 4608, 4096, False),
        ("fed", torch.float16, 13696, 4096, True),
        ("down", torch.float32, 4096, 13696, False),
    ):
        weight, out = nothing(rows, width), nothing(1, 1, rows, dtype=dtype)
        kernels_row._launch(
            nothing(1, 1, width, dtype=dtype), weight, weight, nothing(rows), out, BIAS=True, GATED=gated
        )
        made = launched[-1][1]
        check_room(made, tmp_path, capability, what)
        assert made.metadata.shared <= 64, "no more than for the sum: the row keeps its layout"
