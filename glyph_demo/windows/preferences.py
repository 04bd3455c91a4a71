"""The settings that people change in the window, and what a browser remembers of them."""

from __future__ import annotations

import re
from typing import Any

from glyph_demo.settings import Settings

WINDOW_ID = re.compile("[0-9a-f]{32}")
MAX_NEW_TOKENS = 8192

# The setting that each component of the sidebar shows.
PREFERENCES = {
    "cache": "inference.reuse_cache",
    "thinking": "inference.thinking",
    "max_new_tokens": "inference.max_new_tokens",
    "temperature": "inference.temperature",
    "font_size": "rendering.font_size",
    "dpi": "rendering.dpi",
    "page_images": "documents.page_images",
}
OF_PAGES = ("font_size", "dpi", "page_images")  # those that change how pages look

MODES: dict[str, dict[str, Any]] = {
    "latency": {
        "inference.thinking": False,
        "inference.max_new_tokens": 1024,
        "store.open_documents": 2,
        "inference.max_batch_size": 1,
        "inference.max_wait_ms": 0,
    },
    "balanced": {
        "inference.thinking": True,
        "inference.max_new_tokens": 8192,
        "store.open_documents": 8,
        "inference.max_batch_size": 8,
        "inference.max_wait_ms": 50,
    },
    "throughput": {
        "inference.thinking": False,
        "inference.max_new_tokens": 512,
        "store.open_documents": 32,
        "inference.max_batch_size": 8,
        "inference.max_wait_ms": 100,  # as in "memory and batch size for GLM-4.6V-Flash-WEB": max_wait_time 0.1 s
    },
}

RANGES = {
    "inference.max_new_tokens": (16, MAX_NEW_TOKENS),
    "inference.temperature": (0, 1.5),
    "rendering.font_size": (0, 72),
    "rendering.dpi": (0, 600),
}

CHOICES = {"documents.page_images": ("auto", "never", "always")}


def setting(settings: Settings, name: str) -> Any:
    """The value of a setting, by its dotted name."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def mode_of(settings: Settings) -> str | None:
    return next(
        (mode for mode, values in MODES.items() if all(setting(settings, n) == v for n, v in values.items())), None
    )


def offered(name: str, value: Any) -> bool:
    """Whether the sidebar offers this value for this setting. A page may send anything."""
    if name in CHOICES:
        return isinstance(value, str) and value in CHOICES[name]
    if type(value) not in (bool, int, float):
        return False
    if name in RANGES:
        least, most = RANGES[name]
        return least <= value <= most
    of_modes = [values[name] for values in MODES.values() if name in values]
    return value in of_modes if of_modes else name in PREFERENCES.values() and isinstance(value, bool)


def remembered(memory: Any) -> dict[str, Any]:
    """The settings by dotted name in what a browser remembers, without anything else that it may hold."""
    kept = memory.get("settings") if isinstance(memory, dict) else None
    return {name: value for name, value in kept.items() if offered(name, value)} if isinstance(kept, dict) else {}


def known_window(memory: Any) -> str | None:
    """The id of the window that a browser remembers, if it is a valid one."""
    named = memory.get("window") if isinstance(memory, dict) else None
    return named if isinstance(named, str) and WINDOW_ID.fullmatch(named) else None
