"""Keeps the figures of the store true, in one process of those that share them."""

from __future__ import annotations

import os
from datetime import datetime

import anyio

from .._index import Follower
from .._markers import Markers
from .._models import Response
from .._waiting import taken_resumptions
from .metrics import Metrics
from .tally import Tally
from .troubles import Troubles

EVERY = 5.0
"""Seconds between two looks for events that have ended."""
DECIDED = ("answered", "declined")


class Observer:
    """
    Looks what became of the store's events, and counts it.

    Each replica counts every event of the store, whoever settled it. Of the workers that share figures only one looks,
    or each event would be counted as often as there are workers.

    Args:
        follower: Of the store.
        markers: Of the store; their clock counts.
        metrics: Where it is counted.
        store_url: The store's URL.
    """

    def __init__(self, follower: Follower, markers: Markers, metrics: Metrics, store_url: str) -> None:
        self._follower = follower
        self._store_url = store_url
        self._markers = markers
        self._metrics = metrics
        self._looking = anyio.Lock()
        self._is_kept = False
        self._lock: int | None = None
        self._began = markers.clock()
        self._tally = Tally(None, self._began)
        self._troubles = Troubles("The figures could not be brought up to date")

    async def keep(self) -> None:
        """Look again and again, until cancelled, where figures are kept at all."""
        self._is_kept = self._metrics.are_kept
        while self._is_kept:
            if self._leads():
                await self._troubles.tried(self.look)
            await anyio.sleep(EVERY)

    async def refresh(self) -> None:
        """
        Look now, in an app that does not look by itself.

        Raises:
            StoreError: The store could not be read.
        """
        if not self._is_kept and self._leads():
            await self.look()

    async def look(self) -> None:
        """
        Look once.

        Raises:
            StoreError: The store could not be read.
        """
        async with self._looking:
            for each in await self._follower.ended():
                # What had ended before all this began was counted by whoever counted then.
                if each.response.settled_at < self._tally.since or not self._tally.take(each.request.request_id):
                    continue
                asked, response = each.request.created_at, each.response
                decided = decided_at(response)
                self._metrics.settled(response.outcome, (decided - asked).total_seconds() if decided else None)
            # Of workflows in this very process; those elsewhere tell theirs to `/api/v1/resumed`.
            self._metrics.resumed(taken_resumptions(self._store_url))
            waiting = await self._follower.waiting()
            self._metrics.saw(waiting.events, waiting.oldest, self._markers.clock())

    def _leads(self) -> bool:
        """Say whether this process is the one that looks; another takes over where that one has ended."""
        if self._metrics.folder is None:
            return True
        if self._lock is None:
            self._lock = _locked(str(self._metrics.folder / "observer.lock"))
            if self._lock is not None:
                self._tally = Tally(self._metrics.folder, self._began)
        return self._lock is not None


def decided_at(response: Response) -> datetime | None:
    """Return when a person answered or declined, UTC; None where nobody did."""
    return (response.answered_at or response.settled_at) if response.outcome in DECIDED else None


def _locked(path: str) -> int | None:
    """Lock a file for as long as this process lives; None where another has it."""
    import fcntl  # there are no several workers where there is none

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
