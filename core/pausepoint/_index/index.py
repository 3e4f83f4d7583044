"""The index: built on first use, refreshed by every look, checked against the store before it is believed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

import anyio

from .._markers import Cursor, Markers
from .._models import MAX_PAGE
from .._settling import LATE, Settling
from .._store import Records
from ..errors import PausepointError, UnknownRequestError, UnreadableRecordError, UsageError
from .rows import FIRST, Entry, Place, Rows, State

Status = Literal["pending", "completed", "all"]

AT_ONCE = 16
"""How many events are read at the same time."""
RELIST_SECONDS = 300.0
"""How often all events are listed again: for lost markers, and for records that were repaired or removed."""

CURSOR = r"[0-9]{1,18}-[a-z2-7]{8}"
"""What a page's cursor looks like, as a regular expression: a `Place`."""

_SHOWN: dict[Status, tuple[State, ...]] = {
    "pending": (State.PENDING,),
    "completed": (State.SETTLED, State.OVERDUE),
    "all": (State.PENDING, State.SETTLED, State.OVERDUE),
}

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Listed:
    """
    One page of a list.

    Attributes:
        entries: The events, youngest first.
        next: The cursor of the next page; empty on the last.
        problems: Paths inside the store of records that cannot be read.
    """

    entries: tuple[Entry, ...]
    next: str
    problems: tuple[str, ...]


class Index:
    """
    What one store holds, for one app process.

    Args:
        records, markers, settling: Of the store.
    """

    def __init__(self, records: Records, markers: Markers, settling: Settling) -> None:
        self._records = records
        self._settling = settling
        self._markers = markers
        self._cursor = Cursor(markers, None)
        self._rows = Rows()
        self._refreshing = anyio.Lock()
        self._relisted: datetime | None = None
        self._unread: set[str] = set()

    async def page(self, status: Status = "pending", limit: int = 100, after: str = "") -> Listed:
        """
        Return one page of the list, youngest event first.

        Args:
            status: Which events.
            limit: How many at most, 1 to 500.
            after: The cursor of the page before; empty for the first page.

        Raises:
            UsageError: The limit or the cursor is none that may be given.
            StoreError: The store could not be read.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise UsageError(f"A page of a list holds 1 to {MAX_PAGE} events.", "Give a limit in that range.")
        place = _place_of(after)
        # One at a time: two at once would list and read the same new events.
        async with self._refreshing:
            await self._refresh()
        # What is settled elsewhere is still pending here; a page of pending ones finds out by itself, this one cannot.
        if status == "completed":
            await self._looked_at(await self._rows.all_pending())
        # One more than is shown tells whether there is a next page.
        found = await self._find(_SHOWN[status], place, limit + 1)
        more = len(found) > limit
        return Listed(
            entries=tuple(found[:limit]),
            next="{}-{}".format(*found[limit - 1].place) if more else "",
            problems=tuple(await self._rows.problems()),
        )

    async def expire_overdue(self, limit: int = MAX_PAGE) -> int:
        """
        Let the deadline settle the events that are past it by 5 s and more, for want of a workflow that would do it.

        Args:
            limit: How many are looked at, at most.

        Returns:
            How many were.

        Raises:
            StoreError: The store could not be read or written.
        """
        async with self._refreshing:
            await self._refresh()
        overdue = await self._rows.overdue(self._markers.clock() - LATE, limit)
        # Before the looks, so that one that fails each time moves to the end too.
        await self._rows.count_looks(overdue)
        await self._rows.update([entry for entry in await _each(overdue, self._expire) if entry is not None])
        return len(overdue)

    async def _expire(self, request_id: str) -> Entry | None:
        try:
            # Read again, because the index keeps no defaults, and the response must name the declared one.
            request = await self._records.request(request_id)
            response = await self._settling.settled(request)
        except (UnreadableRecordError, UnknownRequestError):
            return None
        return Entry(request, State.SETTLED, response.outcome, response.settled_at) if response else None

    async def _find(self, states: Sequence[State], place: Place, wanted: int) -> list[Entry]:
        found: list[Entry] = []
        # More than once where the look shows that some of the chunk are no longer in the state asked for.
        while len(found) < wanted:
            asked = wanted - len(found)
            chunk = await self._rows.page(states, place, asked)
            found += [entry for entry in await self._looked_at(chunk) if entry.state in states]
            if len(chunk) < asked:
                break
            place = chunk[-1].place
        return found

    async def _refresh(self) -> None:
        now = self._markers.clock()
        # Before the listing: what is asked during it has a marker that the next look finds.
        self._unread.update(await self._cursor.new())
        if self._relisted is None or abs((now - self._relisted).total_seconds()) >= RELIST_SECONDS:
            stored = await self._records.event_ids()
            await self._rows.keep_only(set(stored))
            self._unread.update(stored)
            self._relisted = now
        await _each(await self._rows.unknown(self._unread), self._read)
        # Only now: what a failing store kept from us is tried again by the next look.
        self._unread.clear()

    async def _read(self, request_id: str) -> None:
        try:
            request = await self._records.find_request(request_id)
        except UnreadableRecordError as error:
            await self._rows.add_problem(request_id, error.path)
            return
        if request is not None:
            await self._rows.add(request)

    async def _looked_at(self, entries: Iterable[Entry]) -> list[Entry]:
        """Look into the store for what can still change, remember it, and return the entries as they are now."""
        looked = await _each(entries, self._look)
        await self._rows.update(looked)
        return looked

    async def _look(self, entry: Entry) -> Entry:
        if entry.state is State.SETTLED:
            return entry
        request = entry.request
        try:
            response = await self._records.response(request.request_id)
            if response is not None:
                return Entry(request, State.SETTLED, response.outcome, response.settled_at)
            # Reads again, and candidates too, only where the deadline has passed.
            expected = await self._settling.outlook(request)
        except UnreadableRecordError as error:
            await self._rows.add_problem(request.request_id, error.path)
            return Entry(request, State.UNREADABLE)
        return Entry(request, State.OVERDUE, expected.outcome) if expected else Entry(request)


def _place_of(cursor: str) -> Place:
    if not cursor:
        return FIRST
    if not re.fullmatch(CURSOR, cursor):
        raise UsageError("This is not a cursor of this list.", "Leave it out, or give the `next` of the page before.")
    asked, _, beginning = cursor.partition("-")
    return int(asked), beginning


async def _each(items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """
    Do the work for every item, `AT_ONCE` at a time; results in order. The first of Pausepoint's own errors is raised
    at the end.
    """
    waiting = enumerate(items)
    results: dict[int, R] = {}
    failures: list[PausepointError] = []

    async def worker() -> None:
        for number, item in waiting:
            try:
                results[number] = await work(item)
            except PausepointError as error:
                # Kept, since a task group would wrap it into a group that no caller expects.
                failures.append(error)
            if failures:
                return

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(worker)
    if failures:
        raise failures[0]
    return [results[number] for number in sorted(results)]
