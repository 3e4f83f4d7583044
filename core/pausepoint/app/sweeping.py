"""What an app that runs on its own does beside answering: it settles what is overdue, and clears away what is left."""

from __future__ import annotations

import logging

import anyio

from .._index import Index
from .._store import Store
from ..errors import PausepointError

EVERY = 5.0
"""Seconds between two looks for events that are past their deadline and have no workflow."""
CLEAR_EVERY = 3600.0
"""Seconds between two looks for temporary files of writers that were killed."""

_log = logging.getLogger("pausepoint")


class Sweeper:
    """
    Sweeps one store; several at once do no harm.

    Args:
        store: The store.
        index: Of that store.
    """

    def __init__(self, store: Store, index: Index) -> None:
        self._store = store
        self._index = index

    async def run(self) -> None:
        """Sweep until cancelled; a store that fails is tried again by the next look."""
        cleared = float("-inf")
        while True:
            try:
                await self._index.expire_overdue()
                if anyio.current_time() - cleared >= CLEAR_EVERY:
                    # Before the sweep: one that fails is tried again in an hour, not every few seconds.
                    cleared = anyio.current_time()
                    await self._store.sweep()
            except PausepointError as error:
                _log.warning("The store could not be swept, which is tried again: %s", error)
            except Exception as error:  # noqa: BLE001 - one broken event must not end the sweep of all others
                _log.error("The store could not be swept, which is tried again: %s", type(error).__name__)
            await anyio.sleep(EVERY)
