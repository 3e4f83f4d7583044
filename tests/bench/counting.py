"""A store that counts what is asked of it."""

from __future__ import annotations

from collections import Counter

from pausepoint import open_store
from pausepoint._store import Store


class CountingStore:
    """
    Satisfies `Store`, and counts by operation.

    In a process that waits and is not answered, every `list` is the watcher's tick and every `get` its sweep.

    Args:
        store: The store behind it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.counts: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """The store's URL."""
        return self._store.url

    async def create(self, path: str, body: bytes) -> bool:
        """See `Store.create`."""
        self.counts["create"] += 1
        return await self._store.create(path, body)

    async def get(self, path: str, limit: int = 1024 * 1024) -> bytes | None:
        """See `Store.get`."""
        self.counts["get"] += 1
        return await self._store.get(path, limit)

    async def list(self, prefix: str, after: str = "") -> list[str]:
        """See `Store.list`."""
        self.counts["list"] += 1
        return await self._store.list(prefix, after)

    async def probe(self) -> None:
        """See `Store.probe`."""
        await self._store.probe()

    async def sweep(self, older_than: float = 86_400.0) -> int:
        """See `Store.sweep`."""
        return await self._store.sweep(older_than)


def counted(url: str) -> CountingStore:
    """Open a store and make the counting one what this process's only watcher of it uses; before the first question."""
    from pausepoint._waiting import watcher_of

    store = CountingStore(open_store(url))
    used = watcher_of(store).store
    assert used is store, "somebody waits already"
    return store
