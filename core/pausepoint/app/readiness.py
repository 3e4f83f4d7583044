"""
Whether the app can work: it can read and list its store, it has proven that it can write, its index is built.

Reading is tried whenever somebody asks. Writing is not, because a GET changes nothing: an app that runs on its own
tries it by itself, now and then, and tells what came of the last try.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import anyio

from .._store import Store, layout
from ..errors import PausepointError, StoreError
from .troubles import Troubles

PROVE_EVERY = 30.0
"""Seconds between two tries to write."""
PROVE_AGAIN = 5.0
"""Seconds after which a try that failed is made again."""
STALE = 2 * PROVE_EVERY + 60.0
"""Seconds after which a try that went well proves nothing any more: two further ones hang, or the loop does."""

PATIENCE = 3.0
"""Seconds that the store has to reply; those who ask wait 5 s, as a rule."""


@dataclass(frozen=True)
class Verdict:
    """
    What is known just now.

    Attributes:
        writes: `proven`, or `untried` in an app that is mounted in another and tries nothing by itself.
        index: `built`, or `untried` likewise: there, the first list builds it.
    """

    writes: Literal["proven", "untried"]
    index: Literal["built", "untried"]


class Readiness:
    """
    The readiness of one app process.

    Args:
        store: The store.
        patience: Seconds that it has to reply.
    """

    def __init__(self, store: Store, patience: float = PATIENCE) -> None:
        self._store = store
        self._patience = patience
        self._is_kept = False
        self._proven_at: float | None = None
        self._failure: tuple[str, str] | None = None
        self._troubles = Troubles("The store cannot be written")

    def expect(self) -> None:
        """Be ready only once writing is proven and the index is built; somebody is about to see to both."""
        self._is_kept = True

    async def keep(self) -> None:
        """Prove again and again, until cancelled, that the store can be written."""
        while True:
            await self.prove()
            await anyio.sleep(PROVE_AGAIN if self._failure else PROVE_EVERY)

    async def prove(self) -> None:
        """
        Try to write, and remember what came of it.

        The object is the same each time, so nothing piles up where the credentials may not delete: after the first
        time the store refuses it as one that exists, which takes the same permission, and on a disk the same room.
        """
        failure = await self._troubles.tried(partial(self._store.create, layout.PROBE, b""))
        if failure is None:
            self._failure = None
            self._proven_at = anyio.current_time()
        elif isinstance(failure, PausepointError):
            # Its words only: one error that is raised again and again has a traceback that grows and grows.
            self._failure = failure.what, failure.todo
        else:
            self._failure = "The store cannot be written.", "What happened is in the form app's log."

    async def verdict(self, is_indexed: bool) -> Verdict:
        """
        Say whether the app can work.

        Args:
            is_indexed: The index is built.

        Raises:
            StoreError: It cannot, or not yet.
        """
        try:
            with anyio.fail_after(self._patience):
                # Both kinds of access: permission to read an object does not include permission to list.
                await self._store.get(layout.STORE)
                await self._store.list(layout.KEYS)
        except TimeoutError:
            told = f"The store did not reply within {self._patience:g} seconds."
            raise StoreError(told, "See whether it can be reached from here; asking again tells.") from None
        if trouble := self._trouble(is_indexed):
            raise StoreError(*trouble)
        return Verdict("proven" if self._proven_at else "untried", "built" if is_indexed else "untried")

    def _trouble(self, is_indexed: bool) -> tuple[str, str] | None:
        if self._failure is not None or not self._is_kept:
            return self._failure
        if self._proven_at is None or anyio.current_time() - self._proven_at > STALE:
            return "It is not known yet whether the store can be written.", "Ask again in a moment."
        if not is_indexed:
            return "The list of the store's events is still being made.", "Ask again in a moment."
        return None
