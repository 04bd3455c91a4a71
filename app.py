"""Entry for `python app.py`, which is also what a Hugging Face Space runs. Takes the flags of `serve`."""

import contextlib
import os
import sys
from collections.abc import Mapping

from glyph_demo.cli import main


def space_flags(environment: Mapping[str, str]) -> list[str]:
    """The flags that a Space needs: its proxy connects from another machine, and checks visitors itself."""
    if "SPACE_ID" not in environment:
        return []
    flags = ["--host", "0.0.0.0", "--no-auth"]
    return [*flags, "--engine", "pocket"] if environment.get("SPACES_ZERO_GPU") else flags


def register_with_zero_gpu() -> None:
    """A ZeroGPU Space refuses to start an app that has no function for its GPU."""
    with contextlib.suppress(ImportError):
        import spaces

        spaces.GPU(lambda: None)


if __name__ == "__main__":
    flags = space_flags(os.environ)
    # On a Space, Gradio would watch the sources and reload `__main__.demo`, which this app does not have.
    os.environ.pop("SYSTEM", None)
    if os.environ.get("SPACES_ZERO_GPU"):
        register_with_zero_gpu()
    sys.exit(main(["serve", *flags, *sys.argv[1:]]))
