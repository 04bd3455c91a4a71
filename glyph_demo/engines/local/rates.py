"""How fast keys and values are computed, and how fast they come from the disk: what is slower is not done."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from glyph_demo.scratch import write_whole

FILE = "rates.json"
_WEIGHT = 0.9  # of all measurements before, at each one


class Rate:
    """Tokens a second, by the last measurements; None before the first."""

    def __init__(self, value: float | None = None) -> None:
        self._tokens, self._seconds = (0.0, 0.0) if value is None else (value, 1.0)

    def add(self, tokens: int, seconds: float) -> None:
        self._tokens, self._seconds = _WEIGHT * self._tokens + tokens, _WEIGHT * self._seconds + seconds

    @property
    def value(self) -> float | None:
        return self._tokens / max(self._seconds, 1e-9) if self._tokens else None


class Rates:
    """`computed` and `read` of the model that `root` names and people call `label`. What computing took in earlier runs
    is kept in `folder`; reading is measured anew in every run, as the disk may be another."""

    def __init__(self, folder: Path, root: str, label: str) -> None:
        self._folder, self._label = folder, label
        self._key = hashlib.sha256(root.encode()).hexdigest()
        self.computed = Rate(_load(folder).get(self._key, {}).get("computed"))
        self.read = Rate()

    @property
    def pays(self) -> bool:
        """Whether reading is faster, or not yet known to be slower."""
        computed, read = self.computed.value, self.read.value
        return computed is None or read is None or read > computed

    def save(self) -> None:
        """Tell the rates to later runs; on a disk that takes none nothing happens."""
        known = _load(self._folder)
        before = known.get(self._key, {})
        found = {"computed": self.computed.value, "read": self.read.value}
        known[self._key] = before | {"model": self._label} | {k: round(v, 1) for k, v in found.items() if v is not None}
        with contextlib.suppress(OSError):
            write_whole(self._folder / FILE, json.dumps(known, indent=1).encode())


def measured(folder: Path) -> list[dict[str, str | float]]:
    """The rates of every model whose keys and values were kept in `folder`: `model`, and in tokens a second `computed`
    and `read`, where they were measured."""
    return list(_load(folder).values())


def _load(folder: Path) -> dict[str, dict]:
    """An unreadable or foreign file says nothing."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {
            key: {"model": str(one["model"])} | {k: float(one[k]) for k in ("computed", "read") if k in one}
            for key, one in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
