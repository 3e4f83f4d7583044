"""
What an app that runs on its own does beside answering: it settles what is overdue, wakes the engines that nobody woke,
and clears away what is left.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio

from .._index import Index
from .._store import Store
from ..errors import PausepointError
from .overlooked import Overlooked

EVERY = 5.0
"""Seconds between two looks for events that need something done."""
CLEAR_EVERY = 3600.0
"""Seconds between two looks for temporary files of writers that were killed."""

_log = logging.getLogger("pausepoint")


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
        while True:
            # Each by itself: what fails at every look must not keep the others from theirs.
            for work in (self._index.expire_overdue, self._overlooked.find, self._clear):
                await _tried(work)
            await anyio.sleep(self._every)

    async def _clear(self) -> None:
        if anyio.current_time() - self._cleared >= CLEAR_EVERY:
            # Before the sweep: one that fails is tried again in an hour, not every few seconds.
            self._cleared = anyio.current_time()
            await self._store.sweep()


async def _tried(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except PausepointError as error:
        _log.warning("The store could not be swept, which is tried again: %s", error)
    except Exception as error:  # noqa: BLE001 - one broken event must not end the sweep of all others
        _log.error("The store could not be swept, which is tried again: %s", type(error).__name__)
