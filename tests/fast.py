"""Which test files `--fast` leaves out: those of the whole app, and those that reach, through what they import, what
loads a model or starts a process. A single slow test in a fast file is marked `slow`."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHOLE_APP = {"browser", "fuzz", "questions", "reliability"}
CHECKPOINTS = {"checkpoint", "checkpoint_of", "local_settings"}  # fixtures of tests/conftest.py
HEAVY = (
    "glyph_demo.engines.create_engine",
    "glyph_demo.engines.local.engine",
    "glyph_demo.engines.pocket.PocketEngine",
    "glyph_demo.engines.pocket.detector",
    "glyph_demo.engines.pocket.engine",
    "glyph_demo.engines.pocket.reader",
    "onnxruntime",
    "subprocess",
    "transformers",
)


@cache
def imports(path: Path) -> set[str]:
    """Full names of all that a file imports, be it at the top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
def is_slow(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    if WHOLE_APP & set(path.relative_to(ROOT).parts) or CHECKPOINTS & arguments:
        return True
    names = imports(path)
    helpers = {ROOT / f"{part.replace('.', '/')}.py" for name in names for part in (name, name.rpartition(".")[0])}
    return any(f"{name}.".startswith(f"{heavy}.") for name in names for heavy in HEAVY) or any(
        is_slow(helper) for helper in helpers if helper.is_relative_to(ROOT / "tests") and helper.exists()
    )
