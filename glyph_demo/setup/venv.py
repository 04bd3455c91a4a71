"""What stands in a venv, read from its files: importing torch would take seconds."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Venv:
    """A venv that may not be there yet."""

    folder: Path

    def installed(self) -> set[str]:
        """The names of its packages, with hyphens."""
        infos = self.folder.glob("lib/python*/site-packages/*.dist-info")
        return {info.name.split("-", 1)[0].replace("_", "-").lower() for info in infos}

    def torch_cuda(self) -> int | None:
        """The major CUDA version that torch was built for; None for a CPU build, and without torch."""
        for file in self.folder.glob("lib/python*/site-packages/torch/version.py"):
            return int(built_for(file).partition(".")[0] or 0) or None
        return None


def built_for(version_file: Path) -> str:
    """The CUDA version in torch/version.py, such as "13.0"; "" for a CPU build."""
    text = version_file.read_text(encoding="utf-8")
    found = re.search(r"^cuda\b[^=\n]*= '(\d+\.\d+)'", text, re.MULTILINE)
    return found[1] if found else ""


def torch_cuda() -> str:
    """The CUDA version that the torch of this process is built for; "" for a CPU build, and without torch."""
    spec = importlib.util.find_spec("torch")
    return built_for(Path(spec.origin).with_name("version.py")) if spec and spec.origin else ""
