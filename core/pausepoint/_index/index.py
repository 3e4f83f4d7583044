"""The index: built on first use, refreshed by every look, checked against the store before it is believed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

import anyio

from .._markers import Cursor, Markers
from .._models import MAX_PAGE
from .._settling import LATE, Settling
from .._store import Records, layout
from ..errors import PausepointError, StoreError, UnknownRequestError, UnreadableRecordError, UsageError
from .due import Due
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
        problems: Paths inside the store of records that cannot be read, for ever or just now; their events are not
            listed.
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
        self.rows = Rows()
        self._due = Due(self.rows, markers)
        self._refreshing = anyio.Lock()
        self._looking = anyio.Lock()
        self._relisted: datetime | None = None
        self.is_built = False
        self._unread: set[str] = set()
        # The paths that the store failed for, by event: tried again by every look.
        self._failing: dict[str, str] = {}
        self._engines: dict[str, set[str]] = {}

    @property
    def engines(self) -> Mapping[str, set[str]]:
        """The engines that events were asked in, as far as they are read, each with the mailboxes of its events."""
        return self._engines

    async def page(self, status: Status = "pending", limit: int = 100, after: str = "") -> Listed:
        """
        Return one page of the list, youngest event first.

        Args:
            status: Which events.
            limit: How many at most, 1 to 500.
            after: The cursor of the page before; empty for the first page.

        Raises:
            UsageError: The limit or the cursor is none that may be given.
            StoreError: The store as a whole could not be read.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise UsageError(f"A page of a list holds 1 to {MAX_PAGE} events.", "Give a limit in that range.")
        place = _place_of(after)
        await self.refresh()
        # What is settled elsewhere is still pending here; a page of pending ones finds out by itself, this one cannot.
        if status == "completed":
            await self._look_at_due()
        # One more than is shown tells whether there is a next page.
        found = await self._find(_SHOWN[status], place, limit + 1)
        more = len(found) > limit
        return Listed(
            entries=tuple(found[:limit]),
            next="{}-{}".format(*found[limit - 1].place) if more else "",
            problems=tuple(sorted({*await self.rows.problems(), *self._failing.values()})),
        )

    async def refresh(self) -> None:
        """
        Take in the events that were asked since the last look; all of them at the first.

        Raises:
            StoreError: The store could not be read.
        """
        # One at a time: two at once would list and read the same new events.
        async with self._refreshing:
            await self._refresh()

    async def expire_overdue(self, limit: int = MAX_PAGE) -> int:
        """
        Let the deadline settle the events that are past it by 5 s and more, for want of a workflow that would do it.

        Args:
            limit: How many are looked at, at most.

        Returns:
            How many were.

        Raises:
            StoreError: The store as a whole could not be read.
        """
        async with self._refreshing:
            await self._refresh()
        since = self._markers.clock() - LATE
        overdue = await self.rows.overdue(since, limit)
        # Before the looks, so that one that fails each time moves to the end too.
        await self.rows.count_looks(overdue, since)
        settled = await at_once(overdue, self._expire)
        await self._refuse_if_down()
        await self.rows.update([entry for entry in settled if entry is not None])
        return len(overdue)

    async def entry(self, request_id: str) -> Entry | None:
        """
        Return an event as far as it is known here; what is not known yet is read.

        Returns:
            None where there is no such event, or where it cannot be read.
        """
        found = await self.rows.entry(request_id)
        if found is None:
            # Something led to it, though its own marker was lost with whoever asked.
            await self._read(request_id)
            found = await self.rows.entry(request_id)
        return found

    async def next_unwoken(self, engines: Iterable[str]) -> Entry | None:
        """Return the next event of these engines that is not known to be `woken`, each in its turn."""
        return await self.rows.next_unwoken(list(engines))

    async def woken(self, request_id: str) -> None:
        """Remember that the engine was woken for the response, so that the event's turn comes no more."""
        await self.rows.woken(request_id)

    async def _expire(self, request_id: str) -> Entry | None:
        try:
            # Read again, because the index keeps no defaults, and the response must name the declared one.
            request = await self._records.request(request_id)
            response = await self._settling.settled(request)
        except (UnreadableRecordError, UnknownRequestError):
            return None
        except StoreError:
            self._failing[request_id] = layout.response_path(request_id)
            return None
        return Entry(request, State.SETTLED, response.outcome, response.settled_at) if response else None

    async def _find(self, states: Sequence[State], place: Place, wanted: int) -> list[Entry]:
        found: list[Entry] = []
        # More than once where the look shows that some of the chunk are no longer in the state asked for.
        while len(found) < wanted:
            asked = wanted - len(found)
            chunk = await self.rows.page(states, place, asked)
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
            await self.rows.keep_only(set(stored))
            self._unread.update(stored)
            self._relisted = now
            self._failing = {each: path for each, path in self._failing.items() if each in self._unread}
        await at_once(await self.rows.unknown(self._unread), self._read)
        await self._refuse_if_down()
        # Only now: what a failing store kept from us is tried again by the next look.
        self._unread = set(self._failing)
        self.is_built = True

    async def _read(self, request_id: str) -> None:
        try:
            request = await self._records.find_request(request_id)
        except UnreadableRecordError as error:
            await self.rows.add_problem(request_id, error.path)
            return
        except StoreError:
            self._failing[request_id] = layout.request_path(request_id)
            return
        self._failing.pop(request_id, None)
        if request is not None:
            await self.rows.add(request)
            self._due.name(request_id)
            self._engines.setdefault(request.run.engine, set()).add(request.mailbox)

    async def _refuse_if_down(self) -> None:
        """
        Raise what the store raises if it fails altogether. One that fails for some events only must not hide the
        others: those are named as problems.
        """
        if self._failing:
            await self._records.store.get(layout.STORE)

    async def _look_at_due(self) -> None:
        # One at a time: what the first has taken from the markers, the second must not list without.
        async with self._looking:
            due = await self._due.entries()
            self._due.looked(await self._looked_at({entry.request.request_id: entry for entry in due}.values()))

    async def _looked_at(self, entries: Iterable[Entry]) -> list[Entry]:
        """Look into the store for what can still change, remember it, and return the entries as they are now."""
        looked = [entry for entry in await at_once(entries, self._look) if entry is not None]
        # First, because it is true whatever becomes of the others.
        await self.rows.update(looked)
        await self._refuse_if_down()
        return looked

    async def _look(self, entry: Entry) -> Entry | None:
        if entry.state is State.SETTLED:
            return entry
        request = entry.request
        try:
            response = await self._records.response(request.request_id)
            # Reads candidates only where the deadline has passed.
            expected = None if response else await self._settling.expected(request)
        except UnreadableRecordError as error:
            await self.rows.add_problem(request.request_id, error.path)
            return Entry(request, State.UNREADABLE)
        except StoreError:
            # Not shown rather than shown as open: it may have been answered.
            self._failing[request.request_id] = layout.response_path(request.request_id)
            return None
        self._failing.pop(request.request_id, None)
        if response is not None:
            return Entry(request, State.SETTLED, response.outcome, response.settled_at)
        return Entry(request, State.OVERDUE, expected.outcome) if expected else Entry(request)


def _place_of(cursor: str) -> Place:
    if not cursor:
        return FIRST
    if not re.fullmatch(CURSOR, cursor):
        raise UsageError("This is not a cursor of this list.", "Leave it out, or give the `next` of the page before.")
    asked, _, beginning = cursor.partition("-")
    return int(asked), beginning


async def at_once(items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
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
