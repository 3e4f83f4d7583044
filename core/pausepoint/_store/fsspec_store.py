"""The store behind every URL but `memory://`: one front, and behind it one backend per way to create exclusively."""

from __future__ import annotations

from typing import Protocol
from uuid import uuid4

from .._models import MAX_BODY_BYTES
from .probing import probe_creates
from .protocol import TEMPORARY_SECONDS, Names, checked_path


class Backend(Protocol):
    """
    What differs from one kind of storage to another; the methods keep the promises of their namesakes in `Store`.

    fsspec's own `mode="create"` is exclusive on some of its file systems only, so each kind has its own class here.
    """

    @property
    def url(self) -> str:
        """The root's URL without credentials."""

    async def create(self, path: str, body: bytes) -> bool:
        """Create an object; False if there is one."""

    async def get(self, path: str, limit: int) -> bytes | None:
        """Read an object of at most *limit* bytes; None if there is none."""

    async def list(self, prefix: str, after: str = "") -> Names:
        """Return the names directly below a folder, in any order; those up to *after* may be left out."""

    async def remove(self, path: str) -> None:
        """Remove a throw-away object."""

    async def sweep(self, older_than: float) -> int:
        """Remove temporary files older than *older_than* seconds; return how many."""


class FsspecStore:
    """
    A `Store` on files or objects; made by `open_store`.

    Args:
        backend: How its kind of storage creates, reads and lists.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def url(self) -> str:
        """The root's URL without credentials."""
        return self._backend.url

    def __repr__(self) -> str:
        return f"FsspecStore({self.url!r})"

    async def create(self, path: str, body: bytes) -> bool:
        """See `Store.create`."""
        return await self._backend.create(checked_path(path), body)

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        """See `Store.get`."""
        return await self._backend.get(checked_path(path), limit)

    async def list(self, prefix: str, after: str = "") -> Names:
        """See `Store.list`."""
        # Filtered and sorted here, whatever a backend promises: one server that was tried ignores its own start-after.
        return sorted(name for name in await self._backend.list(checked_path(prefix), after) if name > after)

    async def probe(self) -> None:
        """See `Store.probe`."""
        path = f"v1/probe/{uuid4().hex}"
        await probe_creates(self, path)
        await self._backend.remove(path)

    async def sweep(self, older_than: float = TEMPORARY_SECONDS) -> int:
        """See `Store.sweep`."""
        return await self._backend.sweep(older_than)
