"""The arrows between rooms point one way, and importing a room loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "glyph_demo"

BASE = {"errors", "settings", "scratch"}
DRAWN = {"documents", "rendering"}
# Each room, and the rooms below it that it may import from.
ALLOWED = {
    "languages": set(),
    "errors": {"languages"},
    "config_file": {"errors"},
    "settings": {"errors", "languages", "config_file"},
    "gpu": set(),
    "process": set(),
    "scratch": {"errors"},
    "surroundings": BASE,
    "documents": {"errors", "settings"},
    "rendering": {"errors", "settings", "documents"},
    "store": {"errors", "scratch"},
    "models": {"errors", "settings"},
    "decoding": {"errors"},
    "engines": {"errors", "settings", "rendering", "models", "decoding", "gpu", "store", "process"},
    "conversation": BASE | DRAWN | {"engines", "store"},
    "windows": BASE | {"languages", "documents", "engines", "store", "conversation"},
    "bench": {"errors", "settings", "documents", "rendering", "engines", "models", "decoding", "store", "conversation"},
    "ui": {"errors", "languages", "settings", "documents", "engines", "gpu", "bench", "conversation", "windows"},
    "serving": BASE | DRAWN | {"languages", "engines", "store", "process", "conversation", "__init__"},
    "web": BASE | {"engines", "conversation", "serving", "windows", "ui"},
    "commands": {"errors", "settings", "documents", "rendering", "engines", "gpu"}
    | {"surroundings", "conversation", "bench", "web"},
    "cli": {"commands", "languages", "documents", "rendering", "errors", "process", "settings", "surroundings"},
    "__main__": {"cli"},
    "notebook": {"errors", "settings"},
    "__init__": {"notebook"},
}
ONLY_IN = {
    "gradio": {"ui"},
    "pynvml": {"gpu"},
    "prometheus_client": {"serving"},
    "pypdf": {"documents"},
    "docx2txt": {"documents"},
    "pypdfium2": {"documents"},
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_below_it(path):
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "glyph_demo":
            there = parts[1] if len(parts) > 1 else "__init__"
            if (PACKAGE / there).is_dir() or (PACKAGE / f"{there}.py").exists():
                assert there == here or there in ALLOWED[here], f"{here} may not import {there}"
        if parts[0] in ONLY_IN:
            assert here in ONLY_IN[parts[0]], f"{here} may not import {parts[0]}"


def test_front_ends_start_without_loading_anything_heavy():
    code = (
        "import sys, glyph_demo.cli, glyph_demo.conversation.session, glyph_demo.engines, glyph_demo.bench\n"
        "heavy = {'torch', 'transformers', 'gradio', 'onnxruntime', 'rapidocr', 'pypdf', 'docx2txt', 'cv2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["engines", "decoding", "models", "bench", "store"])
def test_engines_import_where_gradio_and_the_parsers_are_missing(module):
    code = (
        "import sys\n"
        "for name in ('gradio', 'pypdf', 'docx2txt', 'pypdfium2'): sys.modules[name] = None\n"
        "import importlib, importlib.util, pkgutil\n"
        f"package = importlib.import_module('glyph_demo.{module}')\n"
        "for found in pkgutil.walk_packages(getattr(package, '__path__', []), package.__name__ + '.'):\n"
        "    if found.name != 'glyph_demo.decoding.kernels' or importlib.util.find_spec('triton'):\n"
        "        importlib.import_module(found.name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
