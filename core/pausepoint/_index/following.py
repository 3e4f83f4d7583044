"""
Finds out which events have ended, whoever settled them: the app, a workflow, another replica, the command line.

Wake markers tell it, with one listing per mailbox however many events wait; a slow round finds what has no marker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .._markers import Markers
from .._models import MAX_PAGE, Request, Response
from .._store import Records
from ..errors import StoreError
from .due import Mailboxes
from .index import Index, at_once

ROUND = 5
"""Events that one look of the slow round takes beside those that have a marker: one GET a second, at a look in 5 s."""


@dataclass(frozen=True)
class Ended:
    """
    An event that has ended.

    Attributes:
        request: The question, as lean as the index has it.
        response: How it ended.
    """

    request: Request
    response: Response


@dataclass(frozen=True)
class Waiting:
    """
    What still waits.

    Attributes:
        events: How many.
        oldest: When the oldest of them was asked, UTC; None where none waits.
    """

    events: int
    oldest: datetime | None


class Follower:
    """
    Follows one store; for one task at a time.

    Args:
        index: Of the store.
        records, markers: Of the store.
    """

    def __init__(self, index: Index, records: Records, markers: Markers) -> None:
        self._index = index
        self._records = records
        self._mailboxes = Mailboxes(markers)
        self._place = ""
        self._has_looked_at_all = False

    async def ended(self) -> list[Ended]:
        """
        Return the events that have ended and that this follower has not returned before.

        The first call reads the response of every event of the store, and returns all that have ended.

        Raises:
            StoreError: The store could not be listed or read.
        """
        await self._index.refresh()
        if not self._has_looked_at_all:
            return await self._look_at_all()
        marked = await self._index.rows.unended_of(await self._marked())
        return await self._look_at([*marked, *await self._round()])

    async def waiting(self) -> Waiting:
        """Return what still waits, as of the last look."""
        events, oldest, _ = await self._index.rows.waiting()
        return Waiting(events, oldest)

    async def _look_at_all(self) -> list[Ended]:
        # Before the reads, so that what is stored during them is found by the next look.
        await self._marked()
        found: list[Ended] = []
        place = ""
        while chunk := await self._index.rows.unended(place, MAX_PAGE):
            found += await self._look_at(chunk)
            place = chunk[-1].request_id
        self._has_looked_at_all = True
        return found

    async def _marked(self) -> list[str]:
        _, _, mailboxes = await self._index.rows.waiting()
        return await self._mailboxes.new(mailboxes)

    async def _round(self) -> list[Request]:
        chunk = await self._index.rows.unended(self._place, ROUND)
        self._place = chunk[-1].request_id if len(chunk) == ROUND else ""
        return chunk

    async def _look_at(self, requests: list[Request]) -> list[Ended]:
        unique = {request.request_id: request for request in requests}
        found = [each for each in await at_once(unique.values(), self._look) if each is not None]
        await self._index.rows.mark_ended([each.request.request_id for each in found])
        return found

    async def _look(self, request: Request) -> Ended | None:
        try:
            response = await self._records.response(request.request_id)
        except StoreError:
            # One record that cannot be read, now or ever, must not hide the others.
            return None
        return Ended(request, response) if response else None
