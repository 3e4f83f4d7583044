"""
Empty objects that say "look here", so that one listing tells a process what happened to any number of events.

A marker is a hint, written after the truth it points at, and named `{ms}-{request_id}` (13 digits of Unix
milliseconds by the writer's clock) in a folder of its UTC minute. Clocks differ and writes take time, so a reader
looks back over an overlap and remembers what it has seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from ._models import utc_now
from ._store import Store, layout
from .errors import StoreError

OVERLAP = timedelta(seconds=5)
"""How far every look reaches back, and ahead: more than the clocks of two hosts should differ."""

WIDE_OVERLAP = timedelta(seconds=120)
WIDE_EVERY = timedelta(seconds=45)

_NAME = re.compile(r"([0-9]{13})-([a-z2-7]{26})")
_MINUTE_NAME = re.compile(r"[0-9]{8}T[0-9]{4}")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MINUTE = timedelta(minutes=1)
_MANY_MINUTES = 4
_TRIES = 50

Marker = tuple[int, str]
"""Unix milliseconds and a request id."""


class Markers:
    """
    The markers of one store.

    Args:
        store: Where they are.
        clock: Returns the present moment, UTC.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self.clock = clock

    async def opened(self, request_id: str) -> None:
        """
        Say that a question was stored.

        Raises:
            StoreError: The marker may be missing. The question is stored all the same, so callers log this and go on.
        """
        await self._write(layout.OPENED, request_id)

    async def wake(self, mailbox: str, request_id: str) -> None:
        """
        Say that a candidate or a response was stored.

        Args:
            mailbox: The request's mailbox.
            request_id: The event.

        Raises:
            UsageError: That is no mailbox's name.
            StoreError: The marker may be missing. What it points at is stored all the same, so callers log this and
                go on.
        """
        await self._write(layout.wake_folder(mailbox), request_id)

    async def listed(self, mailbox: str | None, since: datetime, until: datetime) -> list[Marker]:
        """
        List markers; one LIST per minute between the two moments that has any, and one more if they are more than
        four minutes apart.

        Args:
            mailbox: Whose wake markers; None for the opened markers.
            since: The earliest marker that counts, UTC.
            until: The latest, UTC.

        Returns:
            The markers, earliest first. Names that are no marker's are left out.
        """
        since = max(since, _EPOCH)
        earliest, latest = _milliseconds(since), _milliseconds(until)
        folder = layout.OPENED if mailbox is None else layout.wake_folder(mailbox)
        found: list[Marker] = []
        for minute in await self._minutes(folder, since, until):
            # `-` sorts before the digits, so a marker of this very millisecond comes after the bare number.
            names = await self._store.list(layout.minute_folder(folder, minute), after=f"{earliest:013d}")
            found += [marker for name in names if (marker := _marker(name)) and earliest <= marker[0] <= latest]
        return sorted(found)

    async def _write(self, folder: str, request_id: str) -> None:
        layout.request_path(request_id)  # refuses what is not an id
        moment = self.clock()
        for _ in range(_TRIES):
            name = f"{_milliseconds(moment):013d}-{request_id}"
            if await self._store.create(f"{layout.minute_folder(folder, _minute(moment))}/{name}", b""):
                return
            # A reader may have seen the marker that is there already, and would not look again.
            moment += timedelta(milliseconds=1)
        raise StoreError(
            "A marker could not be written: too many of this moment are there.",
            "Nothing is lost; what it points at is found by the next sweep.",
            request_id[:8],
        )

    async def _minutes(self, folder: str, since: datetime, until: datetime) -> list[str]:
        first, last = _minute(since), _minute(until)
        if until - since > _MANY_MINUTES * _MINUTE:
            # One character short, so that the first minute itself comes after it.
            names = await self._store.list(folder, after=first[:-1])
            return [name for name in names if first <= name <= last and _MINUTE_NAME.fullmatch(name)]
        minutes: list[str] = []
        moment = since
        while _minute(moment) <= last:
            minutes.append(_minute(moment))
            moment += _MINUTE
        return minutes


class Cursor:
    """
    Reads one sequence of markers as it grows; for one task.

    Args:
        markers: The store's markers.
        mailbox: Whose wake markers; None for the opened markers.
        overlap: How far each look reaches back before the last one, and ahead of the clock.
        wide_overlap: How far the first look and, every `wide_every`, another one reach back: for slow writes and
            clocks that are far off.
        wide_every: How often.
    """

    def __init__(
        self,
        markers: Markers,
        mailbox: str | None,
        overlap: timedelta = OVERLAP,
        wide_overlap: timedelta = WIDE_OVERLAP,
        wide_every: timedelta = WIDE_EVERY,
    ) -> None:
        self._markers = markers
        self._mailbox = mailbox
        self._overlap = overlap
        self._wide_overlap = wide_overlap
        self._wide_every = wide_every
        self._looked = self._looked_wide = markers.clock()
        self._is_first = True
        self._seen: set[Marker] = set()

    async def new(self) -> list[str]:
        """
        Return the ids of events with a marker that was not returned before, each once; one LIST, two where a minute
        ends.

        Raises:
            StoreError: The store could not be listed; the next call looks at the same markers again.
        """
        now = self._markers.clock()
        wide = self._is_first or abs(now - self._looked_wide) >= self._wide_every
        # The earlier of the two moments, so that a clock that was set back hides nothing.
        since = min(self._looked_wide if wide else self._looked, now) - (self._wide_overlap if wide else self._overlap)
        listed = await self._markers.listed(self._mailbox, since, now + self._overlap)
        fresh = [marker for marker in listed if marker not in self._seen]
        self._seen.update(fresh)
        self._looked = now
        self._is_first = False
        if wide:
            self._looked_wide = now
            self._forget(since)
        return list(dict.fromkeys(request_id for _, request_id in fresh))

    def _forget(self, since: datetime) -> None:
        """Drop what no later look can reach."""
        earliest = _milliseconds(since)
        self._seen = {marker for marker in self._seen if marker[0] >= earliest}


def _marker(name: str) -> Marker | None:
    found = _NAME.fullmatch(name)
    return (int(found.group(1)), found.group(2)) if found else None


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(timezone.utc):%Y%m%dT%H%M}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
