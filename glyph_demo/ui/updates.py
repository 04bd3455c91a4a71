"""Updates of components, and how often they are sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import gradio as gr

T = TypeVar("T")

# A page may lose a `gr.update` of a handler that yields more at once: Gradio's page changes it in place to what comes
# next. Handlers that yield therefore show what matters by plain values.
Updates = dict[Any, Any]  # by component


def merged(*parts: Updates) -> Updates:
    """All updates in one. Those of the same component become one, in which later values win."""
    together: Updates = {}
    for part in parts:
        for component, update in part.items():
            earlier = together.get(component)
            if isinstance(earlier, dict):
                together[component] = {**earlier, **(update if isinstance(update, dict) else gr.update(value=update))}
            else:
                together[component] = update
    return together


def unsent(updates: Updates, sent: Updates) -> Updates:
    """The updates that differ from those in `sent`, which then holds them too."""
    changed = {component: update for component, update in updates.items() if sent.get(component) != update}
    sent |= changed
    return changed


def paced(steps: Iterable[T], interval: float, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """Of `steps` the first, then each that comes `interval` seconds or more after the one yielded before, and the
    last. `clock` counts seconds."""
    yielded_at = float("-inf")
    held: list[T] = []
    for step in steps:
        held = [step]
        if clock() - yielded_at >= interval:
            yielded_at = clock()
            yield held.pop()
    yield from held
