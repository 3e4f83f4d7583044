"""A store that is probed before its first use."""

from __future__ import annotations

from .._models import MAX_BODY_BYTES
from .._store import Store
from .._store.protocol import TEMPORARY_SECONDS


class ProbedStore:
    """
    Satisfies `Store`, and probes the store behind it once before anything else reaches it.

    A process learns with its first question, not with the first lost answer, that a store cannot keep what Pausepoint
    promises. A probe that fails is made again with the next use.

    Args:
        store: The store behind it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._probed = False

    @property
    def url(self) -> str:
        """The store's URL without credentials."""
        return self._store.url

    def __repr__(self) -> str:
        return f"ProbedStore({self._store!r})"

    async def create(self, path: str, body: bytes) -> bool:
        """See `Store.create`."""
        await self._ensure_probed()
        return await self._store.create(path, body)

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        """See `Store.get`."""
        await self._ensure_probed()
        return await self._store.get(path, limit)

    async def list(self, prefix: str, after: str = "") -> list[str]:
        """See `Store.list`."""
        await self._ensure_probed()
        return await self._store.list(prefix, after)

    async def probe(self) -> None:
        """See `Store.probe`."""
        await self._store.probe()
        self._probed = True

    async def sweep(self, older_than: float = TEMPORARY_SECONDS) -> int:
        """See `Store.sweep`."""
        return await self._store.sweep(older_than)

    async def _ensure_probed(self) -> None:
        # Two first uses at once probe twice, which does no harm; a lock would belong to one event loop.
        if not self._probed:
            await self.probe()
