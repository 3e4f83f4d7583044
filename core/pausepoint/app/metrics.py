"""
The figures that Prometheus asks for: of the store's events, of how fast people and workflows are, of failures.

They hold no name, no id and no value. Without prometheus-client nothing is counted. With several worker processes the
library keeps the figures in files that all of them read; their folder is what `MULTIPROCESS` names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .._models import MAX_BODY_BYTES, Outcome
from .._store import Store
from .._store.protocol import TEMPORARY_SECONDS, Names
from ..errors import StoreError, UnreadableRecordError

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus-client learns of the folder; it must be set before it is imported."""
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

OUTCOMES: tuple[Outcome, ...] = ("answered", "declined", "expired", "cancelled")
OPERATIONS = ("create", "get", "list", "sweep")
# People take minutes or days; a workflow that is pushed takes milliseconds, one that looks takes seconds.
DECISION_BUCKETS = (5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600)
RESUME_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600)


class Metrics:
    """
    The figures of one app process, or of all workers where they share a folder.

    Attributes:
        are_kept: prometheus-client is installed.
        folder: Where workers share figures; None for a process on its own.
    """

    def __init__(self) -> None:
        self.are_kept = find_spec("prometheus_client") is not None
        given = os.environ.get(MULTIPROCESS)
        self.folder = Path(given) if given else None
        if self.are_kept:
            self._make()

    def saw(self, open_events: int, oldest: datetime | None, now: datetime) -> None:
        """Remember how many events wait, and when the oldest of them was asked."""
        self._open.set(open_events)
        self._oldest.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)

    def settled(self, outcome: Outcome, seconds: float | None) -> None:
        """Count one more that ended; *seconds* from the question to the decision, where somebody decided."""
        self._settled.labels(outcome).inc()
        if seconds is not None:
            self._decided.observe(max(0.0, seconds))

    def resumed(self, seconds: Iterable[float]) -> None:
        """Count workflows that went on, each so many seconds after its answer was given."""
        if self.are_kept:
            for each in seconds:
                self._resumed.observe(max(0.0, each))

    def failed(self, operation: str) -> None:
        """Count a failure of the store."""
        if self.are_kept:
            self._failures.labels(operation).inc()

    def text(self) -> bytes:
        """Return the figures in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest, multiprocess

        registry = self._registry
        if self.folder is not None:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, path=str(self.folder))  # type: ignore[no-untyped-call]
        found: bytes = generate_latest(registry)
        return found

    def _make(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        # Of its own: an application that this one is mounted in has figures, too, and may mount several.
        own: dict[str, Any] = {"registry": CollectorRegistry(), "namespace": "pausepoint"}
        latest: dict[str, Any] = {**own, "multiprocess_mode": "mostrecent"}
        self._registry: Any = own["registry"]
        self._open = Gauge("open_events", "Events of the store that wait for an answer.", **latest)
        self._oldest = Gauge("oldest_open_seconds", "Since when the oldest of them waits; 0 if none does.", **latest)
        self._settled = Counter("settled_events", "Events of the store that ended, by how.", ["outcome"], **own)
        self._decided = Histogram(
            "decision_seconds", "From the question to a person's answer.", buckets=DECISION_BUCKETS, **own
        )
        self._resumed = Histogram(
            "resume_seconds", "From an answer until the workflow went on with it.", buckets=RESUME_BUCKETS, **own
        )
        self._failures = Counter("store_errors", "Failures of the store, by what was tried.", ["operation"], **own)
        # So that the first scrape has them all, with zeros: a rate of what is not there cannot be alerted on.
        for outcome in OUTCOMES:
            self._settled.labels(outcome)
        for operation in OPERATIONS:
            self._failures.labels(operation)


class CountedStore:
    """
    Satisfies `Store`, and counts what the store behind it fails to do.

    Args:
        store: The store behind it.
        metrics: Where it is counted.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    @property
    def url(self) -> str:
        """The store's URL without credentials."""
        return self._store.url

    def __repr__(self) -> str:
        return f"CountedStore({self._store!r})"

    async def create(self, path: str, body: bytes) -> bool:
        """See `Store.create`."""
        try:
            return await self._store.create(path, body)
        except StoreError:
            self._metrics.failed("create")
            raise

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        """See `Store.get`."""
        try:
            return await self._store.get(path, limit)
        except UnreadableRecordError:
            # What was written is at fault, and not the store.
            raise
        except StoreError:
            self._metrics.failed("get")
            raise

    async def list(self, prefix: str, after: str = "") -> Names:
        """See `Store.list`."""
        try:
            return await self._store.list(prefix, after)
        except StoreError:
            self._metrics.failed("list")
            raise

    async def probe(self) -> None:
        """See `Store.probe`."""
        await self._store.probe()

    async def sweep(self, older_than: float = TEMPORARY_SECONDS) -> int:
        """See `Store.sweep`."""
        try:
            return await self._store.sweep(older_than)
        except StoreError:
            self._metrics.failed("sweep")
            raise
