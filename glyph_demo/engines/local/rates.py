"""How fast keys and values are computed, and how fast they come from the disk: what is slower is not done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from pathlib import Path
from typing import Any, TypedDict

from glyph_demo.scratch import write_whole

FILE = "rates.json"
_WEIGHT = 0.9  # of all measurements before, at each one


class Rated(TypedDict, total=False):
    """What was measured of a model: tokens a second."""

    model: str
    computed: float
    read: float


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
        """Tell the rates to later runs, where anything is kept and the disk takes them."""
        if not self._folder.is_dir():
            return
        known = _load(self._folder)
        found: Rated = {**known.get(self._key, {}), "model": self._label}
        if self.computed.value is not None:
            found["computed"] = self.computed.value
        if self.read.value is not None:
            found["read"] = self.read.value
        known[self._key] = found
        with contextlib.suppress(OSError):
            write_whole(self._folder / FILE, json.dumps(known, indent=1).encode())


def measured(folder: Path) -> list[Rated]:
    """The rates of every model whose keys and values were kept in `folder`, as far as they were measured."""
    return list(_load(folder).values())


def _load(folder: Path) -> dict[str, Rated]:
    """An unreadable or foreign file says nothing."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {key: _rated(one) for key, one in found.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _rated(one: dict[str, Any]) -> Rated:
    rated: Rated = {"model": str(one["model"])}
    if "computed" in one:
        rated["computed"] = _positive(one["computed"])
    if "read" in one:
        rated["read"] = _positive(one["read"])
    return rated


def _positive(value: Any) -> float:
    if not 0 < float(value) < math.inf:
        raise ValueError
    return float(value)
