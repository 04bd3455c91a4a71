"""The tab that shows what the machine is doing: each card's figures with a minute of history, or the processor's."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from glyph_demo.errors import Language
from glyph_demo.gpu import HISTORY, INTERVAL, Card, Monitor, Sample
from glyph_demo.store import FeatureStore
from glyph_demo.ui.tabs.charts import history
from glyph_demo.ui.tabs.panels import ACTIONS, Labels
from glyph_demo.ui.texts import listed, say
from glyph_demo.windows.collection import Windows

MONITOR = Monitor()  # shared, so that several windows together take one sample a second

Figure = tuple[str, str, list[float | None] | None]  # key of its name, value in words, shares 0 to 1 for its chart


class MachinePanel:
    """Shows a new sample each second while its page is open, and what is kept for later when it is opened."""

    def __init__(self, labels: Labels) -> None:
        self._shown = gr.HTML(elem_id="machine")
        self._kept = gr.HTML(elem_id="kept", js_on_load=ACTIONS)
        self._timer = gr.Timer(INTERVAL)
        self.components: list[Any] = []

    def connect(
        self, tab: gr.Tab, window: gr.State, language: gr.Radio, windows: Windows, private: dict[str, Any]
    ) -> None:
        # Outside Gradio's queue: there a sample would wait until an answer is finished.
        quiet = {name: value for name, value in private.items() if name != "concurrency_limit"}
        self._timer.tick(show, language, self._shown, queue=False, **quiet)
        language.change(show, language, self._shown, queue=False, **quiet)
        look, forget = partial(kept, windows.store), partial(forget_all, windows.store)
        for event in (tab.select, language.change):
            event(look, language, self._kept, queue=False, **quiet)
        self._kept.click(forget, language, self._kept, queue=False, **quiet)


def show(language: Language) -> str:
    """HTML of the machine as it is now."""
    return machine(MONITOR.look(), language)


def kept(store: FeatureStore, language: Language) -> str:
    """HTML: what is kept of documents, where, how much of what it may be, and a button that removes all of it."""
    tiers = [
        ("kept.features", "memory", store.memory_bytes, store.memory_bytes_limit),
        ("kept.features", "disk", store.disk_bytes, store.disk_bytes_limit),
        ("kept.computed", "disk", store.kv.nbytes, store.kv.limit) if store.kv else None,
    ]
    if store.device_bytes:
        tiers.insert(0, ("kept.features", "device", store.device_bytes, store.device_bytes_limit))
    rows = [
        f"<div><dt>{say(what, language)} · {say(f'kept.{where}', language)}</dt>"
        f"<dd>{_mib(used)} / {_mib(limit)} MiB</dd></div>"
        for what, where, used, limit in filter(None, tiers)
    ]
    button = f"<button type='button' class='glyph-act' data-act='forget'>{say('kept.remove', language)}</button>"
    return (
        f"<div class='glyph-machine'><section><h2>{say('kept.title', language)}</h2>"
        f"<p class='glyph-note'>{say('kept.about', language)}</p><dl>{''.join(rows)}</dl>{button}</section></div>"
    )


def forget_all(store: FeatureStore, language: Language) -> str:
    """Remove all that is kept; see `kept`."""
    store.clear()
    return kept(store, language)


def machine(samples: Sequence[Sample], language: Language) -> str:
    """HTML: warnings, then a group of figures for each GPU, or for the processor if there is none."""
    now = samples[-1]
    warnings = [say("machine.lost", language, name=html.escape(name)) for name in now.lost]
    groups = []
    for index, card in enumerate(now.cards):
        if card.throttled:
            reasons = listed((say(f"throttled.{reason}", language) for reason in card.throttled), language)
            warnings.append(say("machine.throttled", language, name=html.escape(card.name), reasons=reasons))
        past = [s.cards[index] if index < len(s.cards) and s.cards[index].name == card.name else None for s in samples]
        groups.append(_group(html.escape(card.name), _card_figures(card, past, language), samples, language))
    if not now.cards:
        groups.append(f"<p class='glyph-note'>{say('machine.no_card', language)}</p>")
        groups.append(_group(say("machine.processor", language), _own_figures(samples, language), samples, language))
    shown = "".join(f"<div role='alert' class='glyph-notice error'>{warning}</div>" for warning in warnings)
    return f"<div class='glyph-machine'>{shown}{''.join(groups)}</div>"


def _card_figures(card: Card, past: Sequence[Card | None], language: Language) -> list[Figure]:
    """The figures that the driver reports for this GPU."""
    memory = f"{_gib(card.memory_used)} / {_gib(card.memory_total)} GiB"
    if card.allocated is not None and card.reserved is not None:
        memory += f" · {say('machine.allocated', language)} {_gib(card.allocated)} GiB"
        memory += f" · {say('machine.reserved', language)} {_gib(card.reserved)} GiB"
    shares = [None if c is None else c.memory_used / c.memory_total for c in past]
    figures: list[Figure] = [("machine.card_memory", memory, shares)]
    if card.load is not None:
        figures.append(("machine.load", f"{card.load:.0%}", [None if c is None else c.load for c in past]))
    if card.power is not None:
        limit = card.power_limit
        drawn = [None if c is None or c.power is None or not limit else c.power / limit for c in past]
        of = f" / {limit:.0f}" if limit else ""
        figures.append(("machine.power", f"{card.power:.0f}{of} W", drawn if limit else None))
    if card.clock is not None:
        of = f" / {card.clock_max}" if card.clock_max else ""
        figures.append(("machine.clock", f"{card.clock}{of} MHz", None))
    if card.memory_clock is not None:
        figures.append(("machine.memory_clock", f"{card.memory_clock} MHz", None))
    if card.temperature is not None:
        figures.append(("machine.temperature", f"{card.temperature} °C", None))
    return figures


def _own_figures(samples: Sequence[Sample], language: Language) -> list[Figure]:
    now = samples[-1]
    memory = (
        f"{_gib(now.memory_used)} / {_gib(now.memory_total)} GiB · {say('machine.own', language)} {_gib(now.own)} GiB"
    )
    return [
        ("machine.load", f"{now.processor:.0%}", [s.processor for s in samples]),
        ("machine.memory", memory, [s.memory_used / s.memory_total for s in samples]),
    ]


def _group(name: str, figures: Sequence[Figure], samples: Sequence[Sample], language: Language) -> str:
    rows = []
    for key, value, shares in figures:
        title = say(key, language)
        points = [(samples[-1].time - s.time, share) for s, share in zip(samples, shares or [], strict=False)]
        known = [(age, share) for age, share in points if share is not None]
        chart = ""
        if known:
            low, high = min(share for _, share in known), max(share for _, share in known)
            label = say("machine.minute", language, name=title, low=f"{low:.0%}", high=f"{high:.0%}")
            chart = history(known, HISTORY * INTERVAL, label)
        rows.append(f"<div><dt>{title}</dt><dd>{value}{chart}</dd></div>")
    return f"<section><h2>{name}</h2><dl>{''.join(rows)}</dl></section>"


def _mib(count: int) -> str:
    return f"{count / 2**20:,.0f}"


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f}"
