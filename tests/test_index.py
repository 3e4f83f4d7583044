"""The index is a cache: it may be gone, late or wrong, and the list is right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pausepoint._index import Index, Status
from pausepoint._index.due import LONGEST, ROUND
from pausepoint._index.index import AT_ONCE, RELIST_SECONDS
from pausepoint._markers import Markers
from pausepoint._models import Answer, DefaultValue, Request, Response, RunContext, utc_now
from pausepoint._settling import Settling
from pausepoint._store import MemoryStore, Records, layout
from pausepoint.errors import StoreError, UsageError

pytestmark = pytest.mark.anyio

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
EVERYTHING: tuple[Status, ...] = ("pending", "completed", "all")


class CountingStore(MemoryStore):
    """Counts, and fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.listed: list[str] = []
        self.created: list[str] = []
        self.at_once = self.most_at_once = 0
        self.fails: Callable[[str], bool] = lambda path: False

    async def get(self, path: str, limit: int = 1024 * 1024) -> bytes | None:
        self.read.append(path)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await anyio.lowlevel.checkpoint()
            if self.fails(path):
                raise StoreError("The store does not reply.")
            return await super().get(path, limit)
        finally:
            self.at_once -= 1

    async def list(self, prefix: str, after: str = "") -> Any:
        self.listed.append(prefix)
        return await super().list(prefix, after)

    async def create(self, path: str, body: bytes) -> bool:
        self.created.append(path)
        return await super().create(path, body)

    def forget(self) -> None:
        self.read.clear()
        self.listed.clear()
        self.created.clear()


class Bench:
    """A store, a clock that can be moved, and indexes on it."""

    def __init__(self) -> None:
        self.now = utc_now()
        self.store = CountingStore()
        self.records = Records(self.store, delays=(0,))
        self.markers = Markers(self.store, self.clock)
        self.settling = Settling(self.records, self.markers, self.clock)
        self.index = self.another()
        self.asked = 0

    def clock(self) -> datetime:
        return self.now

    def another(self) -> Index:
        return Index(self.records, self.markers, self.settling)

    async def ask(self, marked: bool = True, **more: Any) -> Request:
        self.asked += 1
        first, second = divmod(self.asked, 32)
        given: dict[str, Any] = {
            "request_id": LETTERS[second] + LETTERS[first] + "q" * 24,
            "name": f"event {self.asked}",
            "key": f"k{self.asked}",
            "run": RunContext(engine="local", run_id="r"),
            "title": "T",
            "prompt": "a long prompt",
            "data_type": "int",
            "json_schema": {"type": "integer"},
            "schema_complete": True,
            "initial": DefaultValue(value="private"),
            "created_at": self.now + timedelta(seconds=self.asked),
            "deadline": self.now + timedelta(hours=1),
        }
        request = Request.model_validate({**given, **more})
        await self.records.put_request(request)
        if marked:
            await self.markers.opened(request.request_id)
        return request

    async def names(self, status: Status = "pending", index: Index | None = None, limit: int = 500) -> list[str]:
        """All names of a list, page by page."""
        names, after = [], ""
        while True:
            listed = await (index or self.index).page(status, limit, after)
            assert len(listed.entries) <= limit
            names += [entry.request.name for entry in listed.entries]
            if not listed.next:
                return names
            after = listed.next


def ended(request: Request, now: datetime) -> Response:
    """A response as a process stores it that is killed before it has left its marker."""
    return Response(request_id=request.request_id, outcome="cancelled", source="workflow", settled_at=now)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
async def test_the_pages_together_are_the_list_youngest_first(bench: Bench, limit: int) -> None:
    requests = [await bench.ask() for _ in range(7)]
    for request in requests[::3]:
        await bench.settling.submit(request, Answer(value=1))

    assert await bench.names("pending", limit=limit) == ["event 6", "event 5", "event 3", "event 2"]
    assert await bench.names("completed", limit=limit) == ["event 7", "event 4", "event 1"]
    assert await bench.names("all", limit=limit) == [f"event {n}" for n in range(7, 0, -1)]


async def test_events_of_the_same_moment_are_each_listed_once(bench: Bench) -> None:
    for _ in range(9):
        await bench.ask(created_at=bench.now)

    assert sorted(await bench.names(limit=2)) == sorted(f"event {n}" for n in range(1, 10))


async def test_a_page_continues_where_the_one_before_ended_though_events_come_and_go(bench: Bench) -> None:
    requests = [await bench.ask() for _ in range(6)]
    first = await bench.index.page("pending", 2)
    await bench.ask()
    await bench.settling.submit(requests[4], Answer(value=1))
    await bench.settling.submit(requests[3], Answer(value=1))
    second = await bench.index.page("pending", 2, first.next)

    assert [entry.request.name for entry in first.entries] == ["event 6", "event 5"]
    assert [entry.request.name for entry in second.entries] == ["event 3", "event 2"]


async def test_events_whose_engine_was_not_woken_take_turns_and_the_youngest_is_first(bench: Bench) -> None:
    for engine in ("toy", "toy", "other", "toy"):
        await bench.ask(run=RunContext(engine=engine, run_id="r"))
    await bench.names()
    named: list[str] = []
    for _ in range(5):
        entry = await bench.index.next_unwoken(["toy"])
        assert entry is not None
        named.append(entry.request.name)
    await bench.index.woken(entry.request.request_id)
    rest = {(await bench.index.next_unwoken(["toy"])).request.name for _ in range(4)}  # type: ignore[union-attr]

    assert named == ["event 4", "event 2", "event 1", "event 4", "event 2"]
    assert rest == {"event 4", "event 1"}
    assert await bench.index.next_unwoken(["nobody's"]) is None


async def test_the_engines_are_known_with_their_mailboxes(bench: Bench) -> None:
    for engine, mailbox in (("toy", "default"), ("toy", "mine"), ("local", "default")):
        await bench.ask(run=RunContext(engine=engine, run_id="r"), mailbox=mailbox)
    await bench.names()

    assert bench.index.engines == {"toy": {"default", "mine"}, "local": {"default"}}


async def test_a_question_asked_later_costs_no_listing_of_all_events(bench: Bench) -> None:
    for _ in range(3):
        await bench.ask()
    await bench.names()
    bench.store.forget()
    await bench.ask()

    assert len(await bench.names()) == 4
    assert layout.EVENTS not in bench.store.listed
    assert sum(path.endswith("/request.json") for path in bench.store.read) == 1


async def test_what_is_settled_is_not_looked_at_again(bench: Bench) -> None:
    for _ in range(20):
        await bench.settling.submit(await bench.ask(), Answer(value=1))
    await bench.names("all")
    bench.store.forget()

    assert await bench.names() == []
    assert len(await bench.names("completed")) == len(await bench.names("all")) == 20
    assert bench.store.read == []


async def test_an_event_settled_elsewhere_is_never_shown_as_pending(bench: Bench) -> None:
    request = await bench.ask()
    assert await bench.names() == ["event 1"]
    await bench.settling.cancel(request, "by another process")

    assert await bench.names() == []
    listed = await bench.another().page("completed")
    assert [(entry.outcome, entry.settled_at) for entry in listed.entries] == [("cancelled", bench.now)]


async def test_an_overdue_event_is_no_longer_pending_and_nothing_is_written(bench: Bench) -> None:
    await bench.ask()
    await bench.names()
    bench.store.forget()
    bench.now += timedelta(hours=2)

    assert await bench.names("pending") == []
    listed = await bench.index.page("completed")
    assert [(entry.outcome, entry.settled_at) for entry in listed.entries] == [("expired", None)]
    assert not bench.store.created


async def test_an_overdue_event_that_was_answered_in_time_is_shown_as_answered_in_the_end(bench: Bench) -> None:
    request = await bench.ask(schema_complete=False)
    submitted = await bench.settling.submit(request, Answer(value=1))
    bench.now += timedelta(hours=2)
    assert await bench.names("pending") == ["event 1"], "its answer still waits for a verdict"
    assert submitted.candidate is not None
    await bench.settling.judge(request, lambda value: value)

    assert [entry.outcome for entry in (await bench.index.page("completed")).entries] == ["answered"]


async def test_a_deleted_index_is_made_again(bench: Bench) -> None:
    requests = [await bench.ask() for _ in range(5)]
    await bench.settling.submit(requests[1], Answer(value=1))
    for status in EVERYTHING:
        assert await bench.names(status, bench.another()) == await bench.names(status)


async def test_a_question_whose_marker_was_lost_is_found_by_the_next_full_listing(bench: Bench) -> None:
    assert await bench.names() == []
    await bench.ask(marked=False)
    assert await bench.names() == []
    bench.now += timedelta(seconds=RELIST_SECONDS)

    assert await bench.names() == ["event 1"]


async def test_a_new_index_finds_questions_without_markers(bench: Bench) -> None:
    await bench.ask(marked=False)

    assert await bench.names() == ["event 1"]


async def test_a_store_that_fails_altogether_gives_no_list_rather_than_a_short_one(bench: Bench) -> None:
    for _ in range(5):
        await bench.ask()
    bench.store.fails = lambda path: True
    with pytest.raises(StoreError):
        await bench.names()
    bench.store.fails = lambda path: False

    assert len(await bench.names()) == 5


async def test_an_event_that_the_store_fails_for_is_named_and_hides_no_other(bench: Bench) -> None:
    asked = [await bench.ask() for _ in range(4)]
    bench.store.fails = lambda path: asked[0].request_id in path or path == layout.response_path(asked[1].request_id)
    broken = [layout.request_path(asked[0].request_id), layout.response_path(asked[1].request_id)]
    for _ in range(2):
        listed = await bench.index.page("pending")
        assert [entry.request.name for entry in listed.entries] == ["event 4", "event 3"]
        assert list(listed.problems) == sorted(broken)
    bench.store.fails = lambda path: False

    listed = await bench.index.page("pending")
    assert (len(listed.entries), listed.problems) == (4, ())


async def test_a_record_that_cannot_be_read_is_named_and_hides_no_other(bench: Bench) -> None:
    await bench.ask()
    settled = await bench.ask()
    paths = [f"v1/events/{'b' * 26}/request.json", layout.response_path(settled.request_id)]
    for path in paths:
        await bench.store.create(path, b'{"foreign": true}')
    listed = await bench.index.page("pending")

    assert [entry.request.name for entry in listed.entries] == ["event 1"]
    assert list(listed.problems) == sorted(paths)


async def test_what_is_no_event_in_the_store_is_left_alone(bench: Bench) -> None:
    await bench.store.create("v1/events/README", b"")
    await bench.store.create("v1/events/not-an-id/request.json", b"{}")
    await bench.store.create(f"v1/events/{'b' * 26}/files/{'0' * 64}", b"written before its question")
    await bench.store.create("v1/opened/20260101T0000/odd", b"")
    listed = await bench.index.page("all")

    assert (listed.entries, listed.problems) == ((), ())
    bench.store.forget()
    await bench.names("all")
    assert bench.store.read == []


async def test_a_record_that_was_repaired_is_listed_again(bench: Bench) -> None:
    request = await bench.ask(marked=False)
    answered = await bench.ask(marked=False)
    await bench.settling.submit(answered, Answer(value=1))
    paths = layout.request_path(request.request_id), layout.response_path(answered.request_id)
    backup = {path: bench.store._objects.pop(path) for path in paths}
    for path in paths:
        await bench.store.create(path, b"truncated {")
    assert (await bench.index.page("all")).problems == tuple(sorted(paths))
    bench.store._objects.update(backup)
    bench.now += timedelta(seconds=RELIST_SECONDS)

    listed = await bench.index.page("all")
    assert ([entry.outcome for entry in listed.entries], listed.problems) == (["answered", None], ())


async def test_an_event_that_was_removed_from_the_store_is_forgotten(bench: Bench) -> None:
    request = await bench.ask()
    assert await bench.names() == ["event 1"]
    bench.store._folders[layout.EVENTS].discard(request.request_id)
    bench.now += timedelta(seconds=RELIST_SECONDS)

    assert await bench.names() == []


async def test_the_store_is_read_a_few_events_at_a_time(bench: Bench) -> None:
    for _ in range(100):
        await bench.ask()

    assert len(await bench.names()) == 100
    assert 1 < bench.store.most_at_once <= AT_ONCE


async def test_two_looks_at_once_see_the_same(bench: Bench) -> None:
    for _ in range(30):
        await bench.ask()
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(await bench.names(limit=7))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(look)

    assert len(seen[0]) == 30
    assert all(names == seen[0] for names in seen)


async def test_the_index_keeps_no_prompt_and_no_value(bench: Bench) -> None:
    await bench.ask()
    (entry,) = (await bench.index.page()).entries

    assert (entry.request.prompt, entry.request.initial, entry.request.default) == ("", None, None)


@pytest.mark.parametrize(
    "after", ["x", "-", "1-", "1-ABCDEFGH", "9" * 40 + "-aaaaaaaa", "1-aaaaaaaa\n", "'; DROP TABLE--"]
)
async def test_a_cursor_that_is_none_is_refused(bench: Bench, after: str) -> None:
    with pytest.raises(UsageError):
        await bench.index.page("pending", 10, after)


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_page_beyond_its_limit_is_refused(bench: Bench, limit: int) -> None:
    with pytest.raises(UsageError):
        await bench.index.page("pending", limit)


async def test_an_overdue_event_without_a_workflow_is_expired_with_its_declared_default(bench: Bench) -> None:
    overdue = await bench.ask(default=DefaultValue(value=7))
    in_time = await bench.ask(deadline=bench.now + timedelta(hours=9))
    for_ever = await bench.ask(deadline=None)
    bench.now += timedelta(hours=1, seconds=6)

    assert await bench.index.expire_overdue() == 1
    response = await bench.records.response(overdue.request_id)
    assert response is not None
    assert (response.outcome, response.value, response.source) == ("expired", 7, "default")
    for request in (in_time, for_ever):
        assert await bench.records.response(request.request_id) is None
    assert await bench.index.expire_overdue() == 0


async def test_events_that_cannot_be_expired_do_not_keep_others_from_it(bench: Bench) -> None:
    """Each look takes those that were looked at least often, so nothing that stays overdue stands in the way."""
    stuck = [await bench.ask(schema_complete=False) for _ in range(2)]
    for request in stuck:
        await bench.settling.submit(request, Answer(value=3))
    other = await bench.ask(deadline=bench.now + timedelta(hours=1, minutes=1))
    bench.now += timedelta(hours=2)

    assert await bench.index.expire_overdue(limit=2) == 2
    assert await bench.records.response(other.request_id) is None
    await bench.index.expire_overdue(limit=2)
    assert await bench.records.response(other.request_id) is not None


async def test_events_that_are_looked_at_again_after_a_rest_let_others_go_first(bench: Bench) -> None:
    stuck = [await bench.ask(schema_complete=False) for _ in range(2)]
    for request in stuck:
        await bench.settling.submit(request, Answer(value=3))
    other = await bench.ask(deadline=bench.now + timedelta(hours=1, minutes=1))
    bench.now += timedelta(hours=2)
    await bench.index.expire_overdue(limit=2)
    bench.now += timedelta(hours=1)

    await bench.index.expire_overdue(limit=2)

    assert await bench.records.response(other.request_id) is not None


async def test_an_event_at_which_a_store_went_down_lets_others_go_first_when_it_is_back(bench: Bench) -> None:
    broken = await bench.ask()
    other = await bench.ask(deadline=bench.now + timedelta(hours=1, minutes=1))
    await bench.names()
    bench.now += timedelta(hours=2)
    bench.store.fails = lambda path: True
    with pytest.raises(StoreError):
        await bench.index.expire_overdue(limit=1)
    bench.store.fails = lambda path: broken.request_id in path

    await bench.index.expire_overdue(limit=1)

    assert await bench.records.response(other.request_id) is not None


async def test_an_event_that_the_store_failed_for_and_that_is_gone_is_no_problem_any_more(bench: Bench) -> None:
    gone = await bench.ask()
    await bench.index.refresh()
    bench.store.fails = lambda path: gone.request_id in path
    assert (await bench.index.page()).problems
    bench.store._forget(layout.request_path(gone.request_id))
    bench.store._folders[layout.EVENTS].discard(gone.request_id)
    bench.store.fails = lambda path: False
    bench.now += timedelta(seconds=RELIST_SECONDS)

    assert (await bench.index.page()).problems == ()


async def test_two_looks_at_once_read_each_new_event_once(bench: Bench) -> None:
    requests = [await bench.ask() for _ in range(5)]
    bench.store.forget()

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(bench.index.refresh)

    assert sorted(bench.store.read) == sorted(layout.request_path(request.request_id) for request in requests)


async def test_a_store_that_fails_for_one_event_lets_the_others_expire(bench: Bench) -> None:
    broken = await bench.ask()
    others = [await bench.ask(deadline=bench.now + timedelta(hours=1, minutes=1)) for _ in range(3)]
    await bench.names()
    bench.now += timedelta(hours=2)
    bench.store.fails = lambda path: broken.request_id in path

    for _ in range(4):
        await bench.index.expire_overdue(limit=1)
    for request in others:
        assert await bench.records.response(request.request_id) is not None


async def test_an_event_that_is_late_by_less_than_five_seconds_is_left_to_its_workflow(bench: Bench) -> None:
    request = await bench.ask()
    bench.now += timedelta(hours=1, seconds=4)

    assert await bench.index.expire_overdue() == 0
    assert await bench.records.response(request.request_id) is None


async def test_an_overdue_event_with_an_answer_to_be_judged_is_not_expired(bench: Bench) -> None:
    request = await bench.ask(schema_complete=False)
    await bench.settling.submit(request, Answer(value=3))
    bench.now += timedelta(hours=2)
    await bench.index.expire_overdue()

    assert await bench.records.response(request.request_id) is None


async def test_an_overdue_event_that_stays_open_is_read_less_and_less_often(bench: Bench) -> None:
    request = await bench.ask(schema_complete=False)
    await bench.settling.submit(request, Answer(value=3))
    bench.now += timedelta(hours=2)
    looks = 0
    for _ in range(720):
        bench.now += timedelta(seconds=5)
        looks += await bench.index.expire_overdue()

    # 5, 10, 20, ... seconds apart, then five minutes: an hour, and not 720 looks.
    assert 10 < looks < 25


@pytest.mark.parametrize("waiting", [2 * ROUND, 5 * ROUND])
async def test_a_list_of_what_is_completed_costs_the_same_however_many_events_wait(bench: Bench, waiting: int) -> None:
    requests = [await bench.ask() for _ in range(waiting)]
    assert await bench.names("completed") == []
    bench.store.forget()
    await bench.settling.submit(requests[-1], Answer(value=1))

    assert await bench.names("completed") == [requests[-1].name]
    assert len(bench.store.read) <= ROUND + 5
    assert len(bench.store.listed) <= 4


async def test_what_was_completed_without_a_marker_is_listed_after_a_round_of_all(bench: Bench) -> None:
    requests = [await bench.ask() for _ in range(2 * ROUND + 5)]
    await bench.names("completed")
    await bench.records.put_response(ended(requests[-1], bench.now))
    found = [await bench.names("completed") for _ in range(4)]

    assert [requests[-1].name] in found


async def test_what_was_completed_without_a_marker_is_listed_by_the_first_look_of_an_hour(bench: Bench) -> None:
    requests = [await bench.ask(deadline=None) for _ in range(2 * ROUND + 5)]
    await bench.names("completed")
    for request in requests:
        await bench.records.put_response(ended(request, bench.now))
    bench.now += LONGEST
    bench.store.forget()

    assert len(await bench.names("completed")) == len(requests)
    assert len(bench.store.listed) < 10, "not one for each minute of the hour"


async def test_what_the_store_failed_for_is_completed_once_it_can_be_read_and_no_problem_any_more(bench: Bench) -> None:
    requests = [await bench.ask() for _ in range(2 * ROUND)]
    await bench.names("completed")
    request = requests[-1]
    await bench.settling.submit(request, Answer(value=1))
    path = layout.response_path(request.request_id)
    bench.store.fails = lambda each: each == path
    failing = await bench.index.page("completed")
    bench.store.fails = lambda each: False
    listed = await bench.index.page("completed")
    bench.store.forget()
    await bench.index.page("pending", 1)

    assert (failing.entries, failing.problems) == ((), (path,))
    assert [entry.request.name for entry in listed.entries] == [request.name]
    assert listed.problems == ()
    assert layout.STORE not in bench.store.read, "the store is taken to be well"


async def test_a_store_that_was_down_for_one_list_loses_none_of_the_next(bench: Bench) -> None:
    requests = [await bench.ask() for _ in range(2 * ROUND)]
    await bench.names("completed")
    for request in requests[-3:]:
        await bench.settling.submit(request, Answer(value=1))
    bench.store.fails = lambda path: True
    with pytest.raises(StoreError):
        await bench.names("completed")
    bench.store.fails = lambda path: False

    assert await bench.names("completed") == [request.name for request in reversed(requests[-3:])]


async def test_what_was_asked_in_a_new_mailbox_and_completed_long_before_the_look_is_listed(bench: Bench) -> None:
    # Behind all others in every round.
    for _ in range(2 * ROUND):
        await bench.ask(deadline=None)
    await bench.names("completed")
    last = await bench.ask(mailbox="new", request_id="z" * 26, deadline=None)
    await bench.settling.submit(last, Answer(value=1))
    bench.now += timedelta(minutes=10)

    assert await bench.names("completed") == [last.name]


async def test_a_listing_that_fails_for_one_mailbox_loses_nothing_of_another(bench: Bench) -> None:
    for number in range(2 * ROUND):
        await bench.ask(mailbox=f"box{number % 2}")
    requests = [await bench.ask(mailbox=f"box{number}", request_id="z" * 25 + "yz"[number]) for number in range(2)]
    await bench.names("completed")
    for request in requests:
        await bench.settling.submit(request, Answer(value=1))
    listed, seen = bench.store.list, []

    async def failing(prefix: str, after: str = "") -> Any:
        if prefix.startswith("v1/wake/"):
            seen.append(prefix.split("/")[2])
            # Of the second one, whichever that is.
            if seen[-1] != seen[0]:
                raise StoreError("The store does not reply.")
        return await listed(prefix, after)

    bench.store.list = failing  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await bench.names("completed")
    bench.store.list = listed  # type: ignore[method-assign]

    assert len(await bench.names("completed")) == 2


async def test_two_lists_at_once_both_have_what_was_completed_just_before(bench: Bench) -> None:
    requests = [await bench.ask() for _ in range(2 * ROUND)]
    await bench.names("completed")
    await bench.settling.submit(requests[-1], Answer(value=1))
    found: list[list[str]] = []

    async def look() -> None:
        found.append(await bench.names("completed"))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(look)

    assert found == [[requests[-1].name]] * 3


async def test_what_is_asked_and_answered_while_a_list_is_made_is_in_the_next_one(bench: Bench) -> None:
    for _ in range(2 * ROUND):
        await bench.ask()
    await bench.names("completed")
    asked: list[Request] = []
    listed = bench.store.list

    async def late(prefix: str, after: str = "") -> Any:
        # Between the look for new questions and the look for what has ended.
        if prefix.startswith("v1/wake/") and not asked:
            asked.append(await bench.ask())
            await bench.settling.submit(asked[0], Answer(value=1))
        return await listed(prefix, after)

    bench.store.list = late  # type: ignore[method-assign]
    assert await bench.names("completed") == []
    assert await bench.names("completed") == [asked[0].name]
