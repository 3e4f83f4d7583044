"""A store in the memory of one process, for tests and for scripts that need not survive it."""

from __future__ import annotations

import os
import threading
from typing import NoReturn
from uuid import uuid4

from .._models import MAX_BODY_BYTES
from ..errors import UsageError
from .probing import probe_creates
from .protocol import TEMPORARY_SECONDS, Names, checked_path, too_large


class MemoryStore:
    """
    Keeps objects in a dictionary; for all threads and event loops of one process.

    Args:
        name: Tells one memory store of the process from another; random where it is left out.

    Raises:
        UsageError: From every method, in another process than the one that made it (a forked child), and when it is
            pickled.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = uuid4().hex if name is None else name
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._objects: dict[str, bytes] = {}
        # Kept beside the objects, so that a listing need not look at all of them.
        self._folders: dict[str, set[str]] = {}

    @property
    def url(self) -> str:
        """`memory://` and the name."""
        return f"memory://{self._name}"

    def __repr__(self) -> str:
        return f"MemoryStore({self._name!r})"

    def __reduce__(self) -> NoReturn:
        self._refuse_sharing()

    async def create(self, path: str, body: bytes) -> bool:
        """See `Store.create`; the lock makes check and write one step."""
        self._refuse_other_process()
        checked_path(path)
        with self._lock:
            if path in self._objects:
                return False
            # A copy: a bytearray's owner may go on writing to it.
            self._objects[path] = bytes(body)
            child = path
            while "/" in child:
                folder, _, name = child.rpartition("/")
                self._folders.setdefault(folder, set()).add(name)
                child = folder
        return True

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        """See `Store.get`."""
        self._refuse_other_process()
        # Without the lock: an object is never replaced, and to look one up is a single step.
        body = self._objects.get(checked_path(path))
        if body is not None and len(body) > limit:
            raise too_large(path, len(body), limit)
        return body

    async def list(self, prefix: str, after: str = "") -> Names:
        """See `Store.list`."""
        self._refuse_other_process()
        checked_path(prefix)
        with self._lock:
            names = list(self._folders.get(prefix, ()))
        return sorted(name for name in names if name > after)

    async def probe(self) -> None:
        """See `Store.probe`."""
        self._refuse_other_process()
        path = f"v1/probe/{uuid4().hex}"
        try:
            await probe_creates(self, path)
        finally:
            self._forget(path)

    async def sweep(self, older_than: float = TEMPORARY_SECONDS) -> int:  # noqa: ARG002 - the protocol's parameter
        """Return 0: a write in memory is never half done."""
        self._refuse_other_process()
        return 0

    def _forget(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        with self._lock:
            self._objects.pop(path, None)
            self._folders.get(folder, set()).discard(name)

    def _refuse_other_process(self) -> None:
        # Before the lock: a lock that another thread held while the process forked is never released in the child.
        if os.getpid() != self._pid:
            self._refuse_sharing()

    def _refuse_sharing(self) -> NoReturn:
        raise UsageError(
            f"The store {self.url} lives in the memory of one process and cannot be shared with another.",
            "Set PAUSEPOINT_STORE to a store that both can reach, for example a folder: file:///path/to/folder.",
        )
