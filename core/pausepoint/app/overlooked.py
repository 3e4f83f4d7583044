"""
Finds what was stored by anybody and of which no engine was told: whoever stored it was killed, or has no plugin.

The wake markers lead to what was stored lately, at the cost of a listing per mailbox, however many events wait. What
has lost its marker, or is older than this app, is found by a look at a few events at a time. Events of engines that
cannot be woken from here are not looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

import anyio

from .._index import Index
from .._markers import Cursor, Markers
from .._models import MAX_CANDIDATES, Record, Request
from .._plugins import RESPONSE, Telling, Waking
from .._store import Records
from ..errors import StoreError, UnreadableRecordError

BACK = timedelta(hours=1)
"""How far the first look for markers reaches back: over a restart, and most failures; one LIST per minute of it."""


@dataclass(frozen=True)
class Looks:
    """
    How soon and how hard it is looked.

    Attributes:
        grace: Seconds that whoever stored something has to wake the engine by themselves.
        reads: GETs of one look for what has lost its marker, and a few more for its last event.
    """

    grace: float = 5.0
    reads: int = 5


class Overlooked:
    """
    Finds overlooked events of one store, and has their engines woken.

    Args:
        records, markers, index: Of the store.
        waking: Says what can be woken from here, and what is done.
        telling: Wakes.
        looks: How soon and how hard it is looked.
        clock: Returns seconds that only grow.
    """

    def __init__(
        self,
        records: Records,
        markers: Markers,
        index: Index,
        waking: Waking,
        telling: Telling,
        looks: Looks = Looks(),
        clock: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._records = records
        self._markers = markers
        self._index = index
        self._waking = waking
        self._telling = telling
        self._looks = looks
        self._clock = clock
        self._cursors: dict[str, Cursor] = {}
        self._marked: deque[tuple[float, str]] = deque()

    async def find(self) -> None:
        """
        Look once.

        Raises:
            StoreError: The store failed; the next look begins where this one ended.
        """
        engines = {name: boxes for name, boxes in self._index.engines.items() if await self._waking.can_wake(name)}
        for mailbox in set().union(*engines.values()):
            await self._read_markers(mailbox)
        failure = None
        try:
            await self._look_at_ready(engines)
        except StoreError as error:
            # Raised later: an event at which the store fails each time must not keep those without a marker waiting.
            failure = error
        if engines:
            await self._look_at_some(engines)
        if failure is not None:
            raise failure

    async def _read_markers(self, mailbox: str) -> None:
        cursor = self._cursors.get(mailbox)
        if cursor is None:
            cursor = Cursor(self._markers, mailbox)
            now = self._markers.clock()
            found = [request_id for _, request_id in await self._markers.listed(mailbox, now - BACK, now)]
        else:
            found = await cursor.new()
        self._cursors[mailbox] = cursor
        ready = self._clock() + self._looks.grace
        self._marked.extend((ready, request_id) for request_id in dict.fromkeys(found))

    async def _look_at_ready(self, engines: Collection[str]) -> None:
        while self._marked and self._marked[0][0] <= self._clock():
            _, request_id = self._marked.popleft()
            entry = await self._index.entry(request_id)
            if entry is not None and entry.request.run.engine in engines:
                await self._look_at_marked(entry.request)

    async def _look_at_marked(self, lean: Request) -> None:
        try:
            await self._look_at(lean)
        except StoreError:
            # Behind all others, so that an event at which the store fails each time keeps none of them waiting.
            self._marked.append((self._clock() + self._looks.grace, lean.request_id))
            raise

    async def _look_at_some(self, engines: Collection[str]) -> None:
        reads, seen = 0, set[str]()
        while reads < self._looks.reads:
            entry = await self._index.next_unwoken(engines)
            if entry is None or entry.request.request_id in seen:
                return
            seen.add(entry.request.request_id)
            reads += await self._look_at(entry.request)

    async def _look_at(self, lean: Request) -> int:
        """Have the engine woken for what it was not woken for yet; return how many objects were read, about."""
        request_id = lean.request_id
        if self._telling.is_telling(request_id, RESPONSE):
            return 1
        if await self._waking.is_done(request_id, RESPONSE):
            # For the candidates, too, then: nobody needs to wake up to judge what can no longer be taken.
            await self._index.woken(request_id)
            return 1
        if await _is_there(self._records.response(request_id)):
            await self._owe(request_id, RESPONSE)
            return 2
        # Where the schema is the whole type, there never is a candidate.
        return 2 + (0 if lean.schema_complete else await self._look_at_candidates(request_id))

    async def _look_at_candidates(self, request_id: str) -> int:
        for number in range(1, MAX_CANDIDATES + 1):
            if not await _is_there(self._records.candidate(request_id, number)):
                return 2 * number - 1
            if not await self._waking.is_done(request_id, number):
                await self._owe(request_id, number)
        return 2 * MAX_CANDIDATES

    async def _owe(self, request_id: str, number: int) -> None:
        # Read again, because the index keeps neither prompts nor schemas, and plugins get the whole question.
        request = await self._records.find_request(request_id)
        if request is not None:
            self._telling.owe(request, number)


async def _is_there(reading: Awaitable[Record | None]) -> bool:
    try:
        return await reading is not None
    except UnreadableRecordError:
        # Whoever is woken by it will say so, and better than we could.
        return True
