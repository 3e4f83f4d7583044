"""Waiting: deadlines, the one watcher per process and store, push and tick."""

from __future__ import annotations

import os

from .._store import Store
from .watcher import Watcher

__all__ = ["Watcher", "hint", "is_awake", "taken_resumptions", "watcher_of"]

_watchers: dict[tuple[int, str], Watcher] = {}


def watcher_of(store: Store) -> Watcher:
    """Return this process's only watcher of the store; after a fork the child has its own."""
    here = (os.getpid(), store.url)
    return _watchers.get(here) or _watchers.setdefault(here, Watcher(store))


def hint(store_url: str, request_id: str) -> None:
    """Tell this process's watcher of that store, if there is one, that something was stored for the event."""
    watcher = _watchers.get((os.getpid(), store_url))
    if watcher is not None:
        watcher.hint(request_id)


def is_awake(store_url: str, request_id: str) -> bool:
    """Say whether somebody in this process waits for the event."""
    watcher = _watchers.get((os.getpid(), store_url))
    return watcher is not None and watcher.is_waiting_for(request_id)


def taken_resumptions(store_url: str) -> list[float]:
    """Return what this process's watcher of that store, if there is one, has measured and not told yet; seconds."""
    watcher = _watchers.get((os.getpid(), store_url))
    return watcher.resumptions.take() if watcher is not None else []
