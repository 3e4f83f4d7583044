"""The tables of the index, used in worker threads, one caller at a time."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import IntEnum
from typing import cast

import anyio.to_thread

from .._models import Outcome, Request

Place = tuple[int, str]
"""Where an event stands in the list: the microsecond it was asked, and the first 8 characters of its id."""

FIRST: Place = (2**63 - 1, "")

_TABLES = """
CREATE TABLE event (
    request_id TEXT PRIMARY KEY, asked INTEGER NOT NULL, deadline REAL, state INTEGER NOT NULL, request TEXT NOT NULL,
    outcome TEXT, settled_at TEXT, looks INTEGER NOT NULL DEFAULT 0, rests_until REAL NOT NULL DEFAULT 0,
    engine TEXT NOT NULL, woken INTEGER NOT NULL DEFAULT 0, wake_turn INTEGER NOT NULL DEFAULT 0,
    mailbox TEXT NOT NULL, ended INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX by_end ON event (request_id, asked) WHERE ended = 0;
CREATE INDEX by_deadline ON event (deadline) WHERE settled_at IS NULL;
CREATE INDEX by_age ON event (state, asked DESC, request_id DESC);
CREATE INDEX by_wake ON event (wake_turn, asked DESC) WHERE woken = 0;
CREATE TABLE problem (request_id TEXT PRIMARY KEY, path TEXT NOT NULL);
"""
_REST, _LONGEST_REST = 5.0, 300.0
"""Seconds before an overdue event that stayed open is looked at again, doubled by each look."""

_SELECT = "SELECT request, state, outcome, settled_at FROM event"


class State(IntEnum):
    """What is known of an event; `OVERDUE` is expired, though nobody has stored that yet."""

    PENDING = 0
    SETTLED = 1
    OVERDUE = 2
    UNREADABLE = 3


@dataclass(frozen=True)
class Entry:
    """
    One event of a list.

    Attributes:
        request: The question without its prompt, schema, values and attachments, which a list does not show.
        state: What is known of it.
        outcome: How it ended; None while it is pending.
        settled_at: When it was settled, UTC; None while it is pending, or where its expiry is not stored yet.
    """

    request: Request
    state: State = State.PENDING
    outcome: Outcome | None = None
    settled_at: datetime | None = None

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return int(self.request.created_at.timestamp() * 1_000_000), self.request.request_id[:8]


class Rows:
    """The tables; every method may be called from any event loop."""

    def __init__(self) -> None:
        import sqlite3

        # One connection for all threads, in memory: sqlite3 leaves it to us that only one of them uses it at a time.
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.executescript(_TABLES)
        self._turn = 0
        # Python 3.13 warns about a database that is left to the garbage collector.
        weakref.finalize(self, self._database.close)

    async def add(self, request: Request) -> None:
        """Add a pending event; nothing happens if it is there."""
        # A prompt may be 64 KiB and a value private; a list shows neither.
        lean = request.model_copy(
            update={"prompt": "", "json_schema": {}, "initial": None, "default": None, "attachments": ()}
        )
        await self._change(
            "INSERT OR IGNORE INTO event (request_id, asked, deadline, state, request, engine, mailbox)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    request.request_id,
                    Entry(request).place[0],
                    request.deadline.timestamp() if request.deadline else None,
                    State.PENDING,
                    lean.model_dump_json(),
                    request.run.engine,
                    request.mailbox,
                )
            ],
        )

    async def add_problem(self, request_id: str, path: str) -> None:
        """Remember that an event has a record that cannot be read."""
        await self._change("INSERT OR REPLACE INTO problem VALUES (?, ?)", [(request_id, path)])

    async def update(self, entries: Iterable[Entry]) -> None:
        """Remember what became of events."""
        await self._change(
            "UPDATE event SET state = ?, outcome = ?, settled_at = ? WHERE request_id = ?",
            [
                (e.state, e.outcome, e.settled_at.isoformat() if e.settled_at else None, e.request.request_id)
                for e in entries
            ],
        )

    async def keep_only(self, stored: set[str]) -> None:
        """Drop events that are gone, and those with a record that could not be read, so that it is read again."""
        # Compared here and not in SQL, which takes a limited number of values in one statement.
        known = {request_id for (request_id,) in await self._query("SELECT request_id FROM event", ())}
        await self._change("DELETE FROM event WHERE request_id = ?", [(gone,) for gone in known - stored])
        await self._change("DELETE FROM event WHERE state = ?", [(State.UNREADABLE,)])
        await self._change("DELETE FROM problem", [()])

    async def unknown(self, request_ids: Iterable[str]) -> list[str]:
        """Return those ids, each once, that are not in the index."""
        asked = list(dict.fromkeys(request_ids))
        known = {found for (found,) in await self._query("SELECT request_id FROM event", ())} if asked else set()
        return [request_id for request_id in asked if request_id not in known]

    async def all_pending(self) -> list[Entry]:
        """Return every event that is not known to be settled."""
        return [_entry(*row) for row in await self._query(f"{_SELECT} WHERE state = ?", (State.PENDING,))]

    async def pending_after(self, after: str, limit: int) -> list[Entry]:
        """Return events that are not known to be settled and whose id comes after another, by their ids."""
        asked = f"{_SELECT} WHERE state = ? AND request_id > ? ORDER BY request_id LIMIT ?"
        return [_entry(*row) for row in await self._query(asked, (State.PENDING, after, limit))]

    async def pending_before(self, moment: datetime) -> list[Entry]:
        """Return events that are not known to be settled and whose deadline is before a moment."""
        asked = f"{_SELECT} WHERE state = ? AND settled_at IS NULL AND deadline < ?"
        return [_entry(*row) for row in await self._query(asked, (State.PENDING, moment.timestamp()))]

    async def mailboxes(self) -> list[str]:
        """Return the mailboxes of the events that are not known to be settled, each once."""
        asked = "SELECT DISTINCT mailbox FROM event WHERE state = ?"
        return [str(mailbox) for (mailbox,) in await self._query(asked, (State.PENDING,))]

    async def overdue(self, now: datetime, limit: int) -> list[str]:
        """
        Return ids of events with a deadline before *now* whose response is not known, and that do not rest.

        Those that were looked at least often come first, then those that are longest overdue, so that events that stay
        as they are (an answer waits for its verdict, a record cannot be read) never keep others from being looked at.
        """
        found = await self._query(
            "SELECT request_id FROM event WHERE settled_at IS NULL AND deadline < ? AND rests_until <= ?"
            " AND state IN (?, ?) ORDER BY looks, deadline LIMIT ?",
            (now.timestamp(), now.timestamp(), State.PENDING, State.OVERDUE, limit),
        )
        return [request_id for (request_id,) in found]

    async def count_looks(self, request_ids: Iterable[str], now: datetime) -> None:
        """Remember that these events, being overdue, are looked at once more, and let them rest a while."""
        counted = [(now.timestamp(), _REST, _LONGEST_REST, request_id) for request_id in request_ids]
        await self._change(
            "UPDATE event SET looks = looks + 1, rests_until = ? + min(? * (1 << min(looks, 16)), ?)"
            " WHERE request_id = ?",
            counted,
        )

    async def entry(self, request_id: str) -> Entry | None:
        """Return an event; None where it is not in the index."""
        found = await self._query(f"{_SELECT} WHERE request_id = ?", (request_id,))
        return _entry(*found[0]) if found else None

    async def next_unwoken(self, engines: Sequence[str]) -> Entry | None:
        """
        Return an event of these engines whose engine is not known to have been woken for its response: the youngest of
        those that were never returned, else the one that was not for the longest time.
        """
        marks = ", ".join("?" for _ in engines)
        found = await self._query(
            f"{_SELECT} WHERE woken = 0 AND state != ? AND engine IN ({marks}) ORDER BY wake_turn, asked DESC LIMIT 1",
            (State.UNREADABLE, *engines),
        )
        entries = [_entry(*row) for row in found]
        # Turns, and no count of looks: a young event would come again and again until it had been looked at as often as
        # one that has waited for days, and meanwhile no other would.
        self._turn += 1
        taken = [(self._turn, entry.request.request_id) for entry in entries]
        await self._change("UPDATE event SET wake_turn = ? WHERE request_id = ?", taken)
        return entries[0] if entries else None

    async def woken(self, request_id: str) -> None:
        """Remember that the engine was woken for the response, after which nothing more can be stored."""
        await self._change("UPDATE event SET woken = 1 WHERE request_id = ?", [(request_id,)])

    async def page(self, states: Sequence[State], after: Place, limit: int) -> list[Entry]:
        """Return events in these states, youngest first, that stand after a place."""
        marks = ", ".join("?" for _ in states)
        # The second comparison is the rule (many events can have one microsecond); the first lets it use the index.
        found = await self._query(
            f"{_SELECT} WHERE state IN ({marks}) AND asked <= ? AND (asked, substr(request_id, 1, 8)) < (?, ?)"
            " ORDER BY asked DESC, request_id DESC LIMIT ?",
            (*states, after[0], *after, limit),
        )
        return [_entry(*row) for row in found]

    async def unended(self, after: str, limit: int) -> list[Request]:
        """Return events that are not marked as ended and whose id comes after another, by their ids."""
        found = await self._query(
            "SELECT request FROM event WHERE ended = 0 AND request_id > ? ORDER BY request_id LIMIT ?", (after, limit)
        )
        return [Request.model_validate_json(request) for (request,) in found]

    async def unended_of(self, request_ids: Iterable[str]) -> list[Request]:
        """Return those of these events that are here and not marked as ended."""
        found: list[Request] = []
        for request_id in request_ids:
            rows = await self._query("SELECT request FROM event WHERE ended = 0 AND request_id = ?", (request_id,))
            found += [Request.model_validate_json(request) for (request,) in rows]
        return found

    async def mark_ended(self, request_ids: Iterable[str]) -> None:
        """Remember that the follower has seen how these events ended; what a list knows of them is its own matter."""
        await self._change("UPDATE event SET ended = 1 WHERE request_id = ?", [(each,) for each in request_ids])

    async def waiting(self) -> tuple[int, datetime | None, list[str]]:
        """Return how many events are not marked as ended, when the oldest was asked, UTC, and all their mailboxes."""
        sql = "SELECT mailbox, count(*), min(asked) FROM event WHERE ended = 0 AND state != ? GROUP BY mailbox"
        found = await self._query(sql, (State.UNREADABLE,))
        oldest = min((int(asked) for _, _, asked in found), default=None)
        return (
            sum(int(count) for _, count, _ in found),
            None if oldest is None else datetime.fromtimestamp(oldest / 1_000_000, timezone.utc),
            [str(mailbox) for mailbox, _, _ in found],
        )

    async def problems(self) -> list[str]:
        """Return the paths of the records that cannot be read."""
        return [str(path) for (path,) in await self._query("SELECT path FROM problem ORDER BY path", ())]

    async def _query(self, sql: str, values: Sequence[str | int | float]) -> list[tuple[str, ...]]:
        def run() -> list[tuple[str, ...]]:
            with self._lock:
                return self._database.execute(sql, values).fetchall()

        return await anyio.to_thread.run_sync(run)

    async def _change(self, sql: str, values: Sequence[Sequence[str | int | float | None]]) -> None:
        def run() -> None:
            with self._lock:
                self._database.executemany(sql, values)

        if values:
            await anyio.to_thread.run_sync(run)


def _entry(request: str, state: str, outcome: str | None, settled_at: str | None) -> Entry:
    return Entry(
        request=Request.model_validate_json(request),
        state=State(int(state)),
        outcome=cast("Outcome | None", outcome),
        settled_at=datetime.fromisoformat(settled_at) if settled_at else None,
    )
