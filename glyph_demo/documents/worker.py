"""The child process that parses untrusted files: `python -m glyph_demo.documents.worker JOB`, JOB being JSON.

Text comes back as one JSON object in ASCII, page images and originals as in `rasters`. Memory is limited for the whole
process, CPU time for the whole job or for each page image; both limits exist where Python has `resource`.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glyph_demo.documents.file_types import Parsed
from glyph_demo.documents.problems import problem
from glyph_demo.errors import DocumentError


def main() -> None:
    job = json.loads(sys.argv[1])
    _limit_memory(job["max_memory_mb"])
    _limit_cpu(job["max_seconds"])
    path, out = Path(job["path"]), sys.stdout.buffer
    if job["task"] == "page_images":
        _function(job["function"])(path, out, lambda: _limit_cpu(job["max_seconds"]), job["numbers"])
        return
    if job["task"] == "original":
        _function(job["function"])(path, out, job["number"], job["width"], job["texts"])
        return
    try:
        answer: dict[str, Any] = {"parsed": parse(job)}
    except DocumentError as error:
        answer = {"error": (error.code, *error.message)}
    sys.stdout.write(json.dumps(answer))


def parse(job: dict[str, Any]) -> Parsed:
    """What the parser of the job returns. Raises DocumentError only."""
    try:
        parser = _function(job["function"])
        return parser(Path(job["path"]), job["max_pages"], job["max_characters"], job["encoding"])
    except DocumentError:
        raise
    except (MemoryError, RecursionError, ImportError):  # a library that finds no memory cannot be mapped
        raise problem("too_complex") from None
    except Exception as error:  # whatever a parser makes of hostile bytes, the user hears one of two things
        raise problem(
            "too_complex" if type(error).__name__ == "LimitReachedError" else "damaged", kind=job["type"]
        ) from None


def _function(name: str) -> Callable[..., Any]:
    """The function of a name "module:function"."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _limit_memory(megabytes: int) -> None:
    _set_limit("RLIMIT_AS", megabytes << 20)


def _limit_cpu(seconds: int) -> None:
    """From now on."""
    _set_limit("RLIMIT_CPU", int(time.process_time()) + 1 + seconds)


def _set_limit(name: str, value: int) -> None:
    try:
        import resource

        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (ImportError, AttributeError, OSError, ValueError):
        pass  # Windows has no such limits and macOS not all of them: the parent's clock is the limit there


if __name__ == "__main__":
    main()
