"""`python -m benchmarks NAME` runs a benchmark and prints JSON; docs/benchmarks/README.md lists them. It takes the
options that all commands of glyph_demo share. The ladder is in `python -m glyph_demo bench ladder`: the window runs it
too."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

from glyph_demo.cli import Parser, common_options, prepare, run_command
from glyph_demo.errors import Language

NAMES = ("render", "turns", "encode", "batch", "prefill", "decode", "document", "answers", "checked", "exactness")


def _run(arguments: list[str], language: Language) -> dict[str, Any]:
    parser = Parser(prog="python -m benchmarks", description="Measure.", parents=[common_options()])
    parser.add_argument("name", choices=NAMES)
    options = parser.parse_args(arguments)
    result: dict[str, Any] = import_module(f"benchmarks.{options.name}").run(prepare(options, keeps=True))
    if not options.json:
        print(json.dumps(result))
    return result


if __name__ == "__main__":
    sys.exit(run_command(_run, sys.argv[1:]))
