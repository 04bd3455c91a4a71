"""`python -m benchmarks NAME` runs a benchmark and prints JSON; docs/benchmarks/README.md lists them. It takes the
options that all commands of glyph_demo share. The ladder is in `python -m glyph_demo bench ladder`: the window runs it
too."""

from __future__ import annotations

import argparse
import ast
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from glyph_demo.cli import Parser, common_options, prepare, run_command
from glyph_demo.errors import Language

NAMES = (
    "render",
    "turns",
    "encode",
    "batch",
    "prefill",
    "decode",
    "draft",
    "estimates",
    "document",
    "reopen",
    "answers",
    "checked",
    "exactness",
)


def _run(arguments: list[str], language: Language) -> dict[str, Any]:
    named = [name for name in NAMES if name in arguments] or NAMES
    parser = Parser(
        prog="python -m benchmarks",
        description="\n\n".join(map(_about, named)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common_options()],
    )
    parser.add_argument("name", choices=NAMES)
    options = parser.parse_args(arguments)
    result: dict[str, Any] = import_module(f"benchmarks.{options.name}").run(prepare(options, keeps=True))
    if not options.json:
        print(json.dumps(result))
    return result


def _about(name: str) -> str:
    """What a benchmark says of itself. Its file is read, not run: that would load the model's libraries."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or name


if __name__ == "__main__":
    sys.exit(run_command(_run, sys.argv[1:]))
