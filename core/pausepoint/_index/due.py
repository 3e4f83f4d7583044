"""
Which of the events that a list holds to be pending have to be looked at, because they may have ended.

Wake markers name them, at the cost of one listing per mailbox, however many events wait. What has ended without a
marker, since whoever settled it was killed just then, is found by a round through all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from .._markers import Cursor, Markers
from .._settling import LATE
from .rows import Entry, Rows, State

ROUND = 100
"""Events that one look takes beside those that have a marker."""
LONGEST = timedelta(hours=1)
"""How long it may be since the last look at all of them; markers of a longer time would cost more than the events."""


class Mailboxes:
    """
    Reads the wake markers of several mailboxes; for one task at a time.

    Args:
        markers: Of the store.
    """

    def __init__(self, markers: Markers) -> None:
        self._markers = markers
        self._cursors: dict[str, Cursor] = {}
        self._found: list[str] = []

    async def new(self, mailboxes: Iterable[str]) -> list[str]:
        """
        Return the ids of events with a marker in these mailboxes that was not returned before.

        Raises:
            StoreError: The store could not be listed.
        """
        # A mailbox that nobody uses any more is forgotten: each one costs a listing.
        self._cursors = {each: self._cursors.get(each) or Cursor(self._markers, each) for each in mailboxes}
        for cursor in self._cursors.values():
            # Kept until all are read: a listing that fails must not lose what those before it found.
            self._found += await cursor.new()
        found, self._found = self._found, []
        return found


class Due:
    """
    The events that are due for a look; for one task at a time.

    Args:
        rows: Of the index.
        markers: Of the store.
    """

    def __init__(self, rows: Rows, markers: Markers) -> None:
        self._rows = rows
        self._markers = markers
        self._mailboxes = Mailboxes(markers)
        self._named: set[str] = set()
        self._place = ""
        self._began: datetime | None = None
        self._all_at: datetime | None = None

    def name(self, request_id: str) -> None:
        """Have an event looked at, which was just taken in: it may have ended before anybody looked for markers."""
        self._named.add(request_id)

    async def entries(self) -> list[Entry]:
        """
        Return the events to be looked at now: all that are pending at first and once an hour, few otherwise.

        Raises:
            StoreError: The store could not be listed.
        """
        now = self._markers.clock()
        if is_all := self._all_at is None or abs(now - self._all_at) >= LONGEST:
            self._mailboxes, self._named = Mailboxes(self._markers), set()
        # Before the looks, so that what is stored during them is found by the next one.
        self._named.update(await self._mailboxes.new(await self._rows.mailboxes()))
        if is_all:
            self._began = now
            return await self._rows.all_pending()
        chunk = await self._rows.pending_after(self._place, ROUND)
        self._place = chunk[-1].request.request_id if len(chunk) == ROUND else ""
        late = await self._rows.pending_before(now - LATE)
        return [*await self._marked(), *late, *chunk]

    def looked(self, entries: Iterable[Entry]) -> None:
        """Take note that these were looked at; what was named and could not be read stays due."""
        self._named.difference_update(entry.request.request_id for entry in entries)
        if self._began is not None:
            self._all_at, self._began = self._began, None

    async def _marked(self) -> list[Entry]:
        # Of a copy: others are named while this waits.
        found = [entry for each in list(self._named) if (entry := await self._rows.entry(each)) is not None]
        # What is not known here stays among them: its question is about to be read.
        self._named.difference_update(each.request.request_id for each in found if each.state is not State.PENDING)
        return [each for each in found if each.state is State.PENDING]
