"""Metrics for Prometheus. Each app has a registry of its own, so that two can run in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from glyph_demo.engines.events import Finished
from glyph_demo.store import FeatureStore

if TYPE_CHECKING:
    from glyph_demo.serving.jobs import JobQueue
    from glyph_demo.serving.library import Library

SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Metrics:
    def __init__(self, queue: JobQueue, library: Library, store: FeatureStore) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "glyph_requests", "Requests by route and status", ["route", "status"], registry=registry
        )
        self._tokens = Counter(
            "glyph_tokens", "Tokens: given, found in the cache, generated", ["kind"], registry=registry
        )
        self._pages = Counter(
            "glyph_pages", "Pages read by the engine, or taken from the store", ["source"], registry=registry
        )
        self._first = Histogram(
            "glyph_first_token_seconds",
            "From the question to the answer's first piece",
            buckets=SECONDS,
            registry=registry,
        )
        self._total = Histogram(
            "glyph_answer_seconds", "From the question to the answer's end", buckets=SECONDS, registry=registry
        )
        gauges = {
            "glyph_queue_waiting": ("Requests that wait for the engine", lambda: queue.waiting),
            "glyph_queue_running": ("Requests that the engine answers", lambda: queue.running),
            "glyph_documents_open": ("Documents open in the API", lambda: len(library)),
            "glyph_store_device_bytes": ("Page features on the device", lambda: store.device_bytes),
            "glyph_store_memory_bytes": ("Page features in memory", lambda: store.memory_bytes),
            "glyph_store_disk_bytes": ("Page features on disk", lambda: store.disk_bytes),
            "glyph_store_kv_bytes": ("Keys and values on disk", lambda: store.kv.nbytes if store.kv else 0),
        }
        for name, (about, value) in gauges.items():
            Gauge(name, about, registry=registry).set_function(value)

    def request(self, route: str, status: int) -> None:
        self._requests.labels(route, str(status)).inc()

    def pages(self, read: int, from_store: int) -> None:
        """Count the `read` pages of a document, `from_store` of which came from the store."""
        self._pages.labels("engine").inc(read - from_store)
        self._pages.labels("store").inc(from_store)

    def answered(self, finished: Finished) -> None:
        usage = finished.usage
        for kind, count in (("given", usage.input), ("cached", usage.cached), ("generated", usage.output)):
            self._tokens.labels(kind).inc(count)
        self._first.observe(finished.timings.first_token)
        self._total.observe(finished.timings.total)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
