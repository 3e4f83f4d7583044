"""Markers: found once each, whatever the clocks and the writers do, at one listing per look."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from pausepoint._markers import Cursor, Markers
from pausepoint._models import MAX_BODY_BYTES
from pausepoint._store import MemoryStore
from pausepoint.errors import StoreError, UnknownRequestError, UsageError

START = datetime(2026, 11, 20, 10, 58, 30, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
IDS = [letter * 26 for letter in "abcdefghijkl"]

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class CountingStore(MemoryStore):
    """Counts listings, and fails as many of them as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.lists = 0
        self.failures = 0

    async def list(self, prefix: str, after: str = "") -> Any:
        self.lists += 1
        if self.failures:
            self.failures -= 1
            raise StoreError("The connection broke.")
        return await super().list(prefix, after)

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        raise AssertionError("a marker's name is all there is to read")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def markers(store: CountingStore, clock: Clock) -> Markers:
    return Markers(store, clock)


def writer(store: MemoryStore, clock: Clock, skew: float) -> Markers:
    """Return the markers of a host whose clock differs by *skew* seconds."""
    return Markers(store, lambda: clock.now + timedelta(seconds=skew))


async def test_a_marker_lies_in_its_utc_minute_under_its_millisecond(store: CountingStore, clock: Clock) -> None:
    elsewhere = Markers(store, lambda: clock.now.astimezone(timezone(timedelta(hours=5, minutes=30))))
    await elsewhere.wake("default", IDS[0])
    await elsewhere.opened(IDS[0])
    name = f"{int(START.timestamp() * 1000)}-{IDS[0]}"
    assert await store.list("v1/wake/default/20261120T1058") == [name]
    assert await store.list("v1/opened/20261120T1058") == [name]


async def test_opened_and_each_mailbox_are_apart(markers: Markers) -> None:
    await markers.opened(IDS[0])
    await markers.wake("one", IDS[1])
    await markers.wake("two", IDS[2])
    for mailbox, request_id in ((None, IDS[0]), ("one", IDS[1]), ("two", IDS[2])):
        found = await markers.listed(mailbox, START - SECOND, START + SECOND)
        assert [marker[1] for marker in found] == [request_id]


@pytest.mark.parametrize("mailbox", ["", ".", "..", "a/b", "../x", "a b", "x" * 65, ".hidden", "end.", "a\n"])
async def test_a_malformed_mailbox_is_refused(markers: Markers, mailbox: str) -> None:
    with pytest.raises(UsageError):
        await markers.wake(mailbox, IDS[0])
    with pytest.raises(UsageError):
        await markers.listed(mailbox, START, START)


async def test_a_malformed_id_gets_no_marker(markers: Markers) -> None:
    for request_id in ("", "../x", IDS[0][1:]):
        with pytest.raises(UnknownRequestError):
            await markers.opened(request_id)


async def test_listed_holds_both_ends_and_nothing_beyond(store: CountingStore, clock: Clock) -> None:
    for seconds in range(-3, 4):
        await writer(store, clock, seconds).opened(IDS[seconds + 3])
    found = await Markers(store, clock).listed(None, START - 2 * SECOND, START + 2 * SECOND)
    assert [request_id for _, request_id in found] == IDS[1:6]
    assert found == sorted(found)


async def test_listed_crosses_minutes_hours_and_days(store: CountingStore, clock: Clock) -> None:
    clock.now = datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    markers = Markers(store, clock)
    await markers.opened(IDS[0])
    clock.forward(2)
    await markers.opened(IDS[1])
    found = await markers.listed(None, clock.now - 5 * SECOND, clock.now)
    assert [request_id for _, request_id in found] == IDS[:2]


async def test_a_long_look_back_lists_only_minutes_that_exist(store: CountingStore, clock: Clock) -> None:
    markers = Markers(store, clock)
    for number in range(3):
        await markers.opened(IDS[number])
        clock.forward(86_400)
    for since in (START, datetime.min.replace(tzinfo=timezone.utc)):
        store.lists = 0
        assert [marker[1] for marker in await markers.listed(None, since, clock.now)] == IDS[:3]
        assert store.lists == 4


async def test_names_that_are_no_markers_are_skipped(store: CountingStore, clock: Clock) -> None:
    folder = "v1/wake/default/20261120T1058"
    good = f"{int(START.timestamp() * 1000)}-{IDS[0]}"
    for name in (good, f"{good}a", "1-a", good.upper(), good.replace("-", "_"), "9999999999999", f"x{good[1:]}"):
        await store.create(f"{folder}/{name}", b"")
    await store.create("v1/wake/default/not-a-minute/x", b"")
    assert await Cursor(Markers(store, clock), "default").new() == [IDS[0]]
    found = await Markers(store, clock).listed("default", START - timedelta(days=1), START + timedelta(days=1))
    assert [marker[1] for marker in found] == [IDS[0]]


async def test_a_cursor_returns_each_marker_once_and_each_id_once_per_look(markers: Markers, clock: Clock) -> None:
    cursor = Cursor(markers, "default")
    await markers.wake("default", IDS[1])
    clock.forward(0.1)
    await markers.wake("default", IDS[0])
    clock.forward(0.1)
    await markers.wake("default", IDS[1])
    assert await cursor.new() == [IDS[1], IDS[0]]
    assert await cursor.new() == []
    clock.forward(0.5)
    await markers.wake("default", IDS[1])
    assert await cursor.new() == [IDS[1]]


async def test_two_hints_of_one_millisecond_are_two_hints(markers: Markers) -> None:
    cursor = Cursor(markers, "default")
    for _ in range(3):
        await markers.wake("default", IDS[0])
        assert await cursor.new() == [IDS[0]]


async def test_a_look_is_one_listing_and_two_where_a_minute_ends(
    store: CountingStore, markers: Markers, clock: Clock
) -> None:
    cursor = Cursor(markers, "default", wide_every=timedelta(days=1))
    await cursor.new()
    counts = []
    for _ in range(120):
        clock.forward(0.5)
        store.lists = 0
        await cursor.new()
        counts.append(store.lists)
    assert set(counts) == {1, 2}
    assert counts.count(2) < 25


@pytest.mark.parametrize("skew", [-4.5, -1.0, 1.0, 4.5, 90.0])
async def test_markers_of_hosts_with_other_clocks_are_found(
    store: CountingStore, markers: Markers, clock: Clock, skew: float
) -> None:
    cursor = Cursor(markers, "default")
    await cursor.new()
    other = writer(store, clock, skew)
    found: list[str] = []
    for request_id in IDS:
        clock.forward(7)
        await other.wake("default", request_id)
        found += await cursor.new()
    for _ in range(200):
        clock.forward(0.5)
        found += await cursor.new()
    assert found == IDS


async def test_a_marker_that_arrives_late_is_found_by_the_wide_look(
    store: CountingStore, markers: Markers, clock: Clock
) -> None:
    cursor = Cursor(markers, "default")
    await cursor.new()
    named_at = clock.now
    clock.forward(60)
    await cursor.new()
    clock.forward(40)
    await Markers(store, lambda: named_at).wake("default", IDS[0])
    assert await cursor.new() == []
    clock.forward(10)
    assert await cursor.new() == [IDS[0]]


async def test_nothing_is_lost_while_nobody_looked_for_hours(markers: Markers, clock: Clock) -> None:
    cursor = Cursor(markers, "default")
    await cursor.new()
    for request_id in IDS:
        clock.forward(1800)
        await markers.wake("default", request_id)
    clock.forward(1800)
    assert await cursor.new() == IDS


async def test_a_clock_that_is_set_back_hides_nothing(markers: Markers, clock: Clock) -> None:
    cursor = Cursor(markers, "default")
    await cursor.new()
    clock.forward(-3600)
    await markers.wake("default", IDS[0])
    assert await cursor.new() == [IDS[0]]
    clock.forward(1)
    await markers.wake("default", IDS[1])
    assert await cursor.new() == [IDS[1]]


async def test_a_failed_look_loses_nothing(store: CountingStore, markers: Markers, clock: Clock) -> None:
    cursor = Cursor(markers, "default")
    await cursor.new()
    clock.forward(30)
    await markers.wake("default", IDS[0])
    clock.forward(60)
    store.failures = 1
    with pytest.raises(StoreError):
        await cursor.new()
    clock.forward(60)
    assert await cursor.new() == [IDS[0]]


async def test_a_failed_look_between_two_wide_ones_loses_nothing(
    store: CountingStore, markers: Markers, clock: Clock
) -> None:
    cursor = Cursor(markers, "default")
    await cursor.new()
    clock.forward(1)
    await markers.wake("default", IDS[0])
    clock.forward(30)
    store.failures = 1
    with pytest.raises(StoreError):
        await cursor.new()
    clock.forward(2)
    assert await cursor.new() == [IDS[0]]


async def test_a_clock_that_is_set_back_does_not_end_the_wide_looks(
    store: CountingStore, markers: Markers, clock: Clock
) -> None:
    cursor = Cursor(markers, "default")
    await cursor.new()
    clock.forward(-3600)
    await cursor.new()
    named_at = clock.now
    for _ in range(3):
        clock.forward(20)
        await cursor.new()
    await Markers(store, lambda: named_at).wake("default", IDS[0])
    clock.forward(50)
    assert await cursor.new() == [IDS[0]]


async def test_a_cursor_does_not_remember_for_ever(markers: Markers, clock: Clock) -> None:
    cursor = Cursor(markers, "default")
    for _ in range(2000):
        clock.forward(1)
        await markers.wake("default", IDS[0])
        await cursor.new()
    assert len(cursor._seen) < 300


async def test_skewed_and_slow_writers_are_each_found_exactly_once(
    store: CountingStore, markers: Markers, clock: Clock
) -> None:
    chance = random.Random(3)
    cursor = Cursor(markers, "default")
    expected: list[str] = []
    found: list[str] = []
    slow: list[tuple[datetime, Callable[[], datetime], str]] = []
    for number in range(1500):
        clock.forward(0.5)
        request_id = an_id(number)
        named_at = clock.now + timedelta(seconds=chance.uniform(-2.4, 2.4))
        arrives = clock.now + timedelta(seconds=chance.choice([0, 0, 0, 0, 1, 60]))
        slow.append((arrives, partial(datetime.fromtimestamp, named_at.timestamp(), timezone.utc), request_id))
        expected.append(request_id)
        for late in [late for late in slow if late[0] <= clock.now]:
            slow.remove(late)
            await Markers(store, late[1]).wake("default", late[2])
        found += await cursor.new()
    for _, named, request_id in slow:
        await Markers(store, named).wake("default", request_id)
    clock.forward(50)
    found += await cursor.new()
    assert sorted(found) == sorted(expected)


def an_id(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[number // 26**power % 26] for power in range(26))
