"""
What an app that runs on its own does beside answering: it settles what is overdue, wakes the engines that nobody woke,
and clears away what is left.
"""

from __future__ import annotations

import anyio

from .._index import Index
from .._store import Store
from .overlooked import Overlooked
from .troubles import Troubles

EVERY = 5.0
"""Seconds between two looks for events that need something done."""
CLEAR_EVERY = 3600.0
"""Seconds between two looks for temporary files of writers that were killed."""


class Sweeper:
    """
    Sweeps one store; several at once do no harm.

    Args:
        store: The store.
        index, overlooked: Of that store.
        every: Seconds between two looks.
    """

    def __init__(self, store: Store, index: Index, overlooked: Overlooked, every: float = EVERY) -> None:
        self._store = store
        self._index = index
        self._overlooked = overlooked
        self._every = every
        self._cleared = float("-inf")

    async def run(self) -> None:
        """Sweep until cancelled; a store that fails is tried again by the next look."""
        # Each by itself: what fails at every look must not keep the others from theirs.
        works = (
            (self._index.expire_overdue, Troubles("Overdue events could not be settled")),
            (self._overlooked.find, Troubles("It could not be looked which engines nobody woke")),
            (self._clear, Troubles("What killed writers left could not be cleared away")),
        )
        while True:
            for work, troubles in works:
                await troubles.tried(work)
            await anyio.sleep(self._every)

    async def _clear(self) -> None:
        if anyio.current_time() - self._cleared >= CLEAR_EVERY:
            # Before the sweep: one that fails is tried again in an hour, not every few seconds.
            self._cleared = anyio.current_time()
            await self._store.sweep()
