from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import anyio
import pytest

from pausepoint._markers import Markers
from pausepoint._models import Answer, Request, Response, RunContext, utc_now
from pausepoint._runs import request_id_of
from pausepoint._store import MemoryStore, layout
from pausepoint._waiting import Watcher, hint, watcher_of
from pausepoint._waiting.stream import Stream, library
from pausepoint.errors import AnswerError, StoreError, UnreadableRecordError

pytestmark = pytest.mark.anyio

RUN = RunContext(engine="local", run_id="r")
LIMIT = 60.0
"""Seconds after which something that should have happened counts as never happening."""


class CountingStore(MemoryStore):
    """A memory store that counts its calls and can fail the next reads."""

    def __init__(self) -> None:
        super().__init__()
        self.gets = 0
        self.lists = 0
        self.failing = 0

    async def get(self, path: str, limit: int = 1 << 20) -> bytes | None:
        self.gets += 1
        if self.failing and path.endswith("response.json"):
            self.failing -= 1
            raise StoreError("The network is down.")
        return await super().get(path, limit)

    async def list(self, prefix: str, after: str = "") -> Any:
        self.lists += 1
        return await super().list(prefix, after)


async def asked(watcher: Watcher, key: str = "k", seconds: float | None = 3600, **more: Any) -> Request:
    now = utc_now()
    request = Request.model_validate(
        {
            "request_id": request_id_of(b"s" * 32, RUN, key, 0),
            "name": "approve",
            "key": key,
            "run": RUN,
            "title": "t",
            "prompt": "p",
            "data_type": "int",
            "json_schema": {"type": "integer"},
            "schema_complete": True,
            "created_at": now,
            "deadline": None if seconds is None else now + timedelta(seconds=seconds),
            **more,
        }
    )
    await watcher.records.put_request(request)
    return request


async def until(condition: Any) -> None:
    with anyio.fail_after(LIMIT):
        while not condition():
            await anyio.sleep(0.005)


async def test_an_answer_given_before_waiting_is_returned_at_once() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    await watcher.settling.submit(request, Answer(value=3))

    assert (await watcher.wait(request, lambda value: value, 5)).value == 3


async def test_a_nudge_in_the_same_process_wakes_without_a_tick() -> None:
    store = CountingStore()
    watcher = Watcher(store)
    request = await asked(watcher)
    waiting = asyncio.create_task(watcher.wait(request, lambda value: value, 3600))
    await until(lambda: watcher.is_waiting_for(request.request_id))
    await watcher.settling.submit(request, Answer(value=3))

    with anyio.fail_after(LIMIT):
        assert (await waiting).value == 3
    assert store.lists == 0


async def test_an_answer_stored_by_another_process_is_found_by_its_marker() -> None:
    store = MemoryStore()
    here, elsewhere = Watcher(store), Watcher(store)
    request = await asked(here)
    waiting = asyncio.create_task(here.wait(request, lambda value: value, 5))
    await until(lambda: here.is_waiting_for(request.request_id))
    await elsewhere.settling.submit(request, Answer(value=3))

    with anyio.fail_after(LIMIT):
        assert (await waiting).value == 3


async def test_an_answer_whose_marker_was_lost_is_found_by_the_sweep() -> None:
    store = MemoryStore()
    watcher = Watcher(store)
    request = await asked(watcher)
    waiting = asyncio.create_task(watcher.wait(request, lambda value: value, 0.2))
    await until(lambda: watcher.is_waiting_for(request.request_id))
    response = Response(request_id=request.request_id, outcome="answered", value=3, source="reviewer")
    await watcher.records.put_response(response)

    with anyio.fail_after(LIMIT):
        assert (await waiting).value == 3


async def test_the_deadline_fires_by_the_clock_and_not_by_the_poll() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher, seconds=0.1)

    with anyio.fail_after(LIMIT):
        assert (await watcher.wait(request, lambda value: value, 3600)).outcome == "expired"


async def test_a_hundred_waiters_cost_no_more_listings_than_one() -> None:
    store = CountingStore()
    watcher = Watcher(store)
    requests = [await asked(watcher, key=str(number)) for number in range(100)]
    waits = [asyncio.create_task(watcher.wait(request, lambda value: value, 5)) for request in requests]
    await until(lambda: all(watcher.is_waiting_for(request.request_id) for request in requests))
    store.gets = store.lists = 0
    await until(lambda: store.lists >= 2)

    # A first look lists four minutes at most, and a slow machine may come to another one or two before this line.
    assert store.lists <= 10
    assert store.gets <= 10
    for wait in waits:
        wait.cancel()


async def test_the_author_judges_a_candidate_while_waiting_and_a_refusal_keeps_the_wait_open() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher, schema_complete=False)

    def even(value: Any) -> object:
        if value % 2:
            raise AnswerError("no", fields={"": "Only even numbers."})
        return value

    waiting = asyncio.create_task(watcher.wait(request, even, 3600))
    await until(lambda: watcher.is_waiting_for(request.request_id))
    refused = await watcher.settling.submit(request, Answer(value=1))
    assert refused.candidate is not None
    verdict = await watcher.settling.verdict_on(request, refused.candidate, within=LIMIT)
    assert verdict is not None
    assert not waiting.done()
    await watcher.settling.submit(request, Answer(value=2))

    with anyio.fail_after(LIMIT):
        assert (await waiting).value == 2


async def test_two_waits_for_one_event_get_the_same_response() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    waits = [asyncio.create_task(watcher.wait(request, lambda value: value, 3600)) for _ in range(2)]
    await until(lambda: watcher.is_waiting_for(request.request_id))
    await watcher.settling.submit(request, Answer(value=3))

    with anyio.fail_after(LIMIT):
        first, second = [await wait for wait in waits]
    assert first == second
    assert not watcher.is_waiting_for(request.request_id)


async def test_cancelling_one_wait_leaves_the_other_waiting() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    given_up, waiting = [asyncio.create_task(watcher.wait(request, lambda value: value, 3600)) for _ in range(2)]
    await until(lambda: watcher.is_waiting_for(request.request_id))
    given_up.cancel()
    await anyio.sleep(0.01)
    await watcher.settling.submit(request, Answer(value=3))

    with anyio.fail_after(LIMIT):
        assert (await waiting).value == 3


async def test_a_store_that_fails_for_a_while_does_not_end_the_wait() -> None:
    store = CountingStore()
    watcher = Watcher(store)
    request = await asked(watcher)
    await watcher.settling.submit(request, Answer(value=3))
    store.failing = 2

    with anyio.fail_after(LIMIT):
        assert (await watcher.wait(request, lambda value: value, 5)).value == 3


async def test_a_store_that_goes_on_failing_is_asked_less_and_less_often() -> None:
    watcher = Watcher(MemoryStore())
    pauses = [watcher._pause() for _ in range(1100)]

    assert 0.1 <= pauses[0] <= 0.2
    assert pauses[0] < pauses[2] < pauses[5]
    assert all(5 <= pause <= 10 for pause in pauses[10:])


async def test_a_store_that_is_back_is_asked_soon_again_when_it_fails_once_more() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    for _ in range(10):
        watcher._pause()
    await watcher.settling.submit(request, Answer(value=3))
    await watcher.wait(request, lambda value: value, 5)

    assert watcher._pause() <= 0.2


async def test_a_wait_that_the_store_failed_looks_again_by_itself() -> None:
    store = CountingStore()
    watcher = Watcher(store)
    # Whose turn in the sweep comes first, and again after a minute.
    others = [await asked(watcher, str(number)) for number in range(30)]
    waits = [asyncio.create_task(watcher.wait(other, lambda value: value, 3600)) for other in others]
    await until(lambda: all(watcher.is_waiting_for(other.request_id) for other in others))
    request = await asked(watcher)
    response = Response(request_id=request.request_id, outcome="answered", value=3, source="reviewer")
    await watcher.records.put_response(response)
    store.failing = 1

    with anyio.fail_after(20):
        assert (await watcher.wait(request, lambda value: value, 3600)).value == 3
    for wait in waits:
        wait.cancel()


async def test_two_waits_for_one_event_judge_an_answer_once() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher, schema_complete=False)
    judged: list[Any] = []
    both = threading.Event()

    def parse(value: Any) -> object:
        judged.append(value)
        both.wait(0.2)
        return value

    waits = [asyncio.create_task(watcher.wait(request, parse, 5)) for _ in range(2)]
    await until(lambda: watcher.is_waiting_for(request.request_id) and watcher._waiters[request.request_id].users == 2)
    await watcher.settling.submit(request, Answer(value=2))
    for wait in waits:
        await wait

    assert judged == [2]


async def test_a_deadline_that_a_clock_jumps_over_fires_though_nothing_else_happens() -> None:
    late = timedelta(0)
    watcher = Watcher(MemoryStore(), lambda: utc_now() + late)
    request = await asked(watcher, seconds=3000)
    waiting = asyncio.create_task(watcher.wait(request, lambda value: value, 3600))
    await until(lambda: watcher.is_waiting_for(request.request_id))
    # As it is a minute later: no look for markers before the deadline.
    watcher._fast_until = 0
    watcher._ticked = asyncio.get_running_loop().time()
    watcher._stirred.set()
    await anyio.sleep(0.7)
    late = timedelta(hours=1)

    with anyio.fail_after(20):
        assert (await waiting).outcome == "expired"


async def test_a_response_that_cannot_be_read_ends_the_wait_with_its_path() -> None:
    store = MemoryStore()
    watcher = Watcher(store)
    request = await asked(watcher)
    path = layout.response_path(request.request_id)
    await store.create(path, b'{"half')

    with pytest.raises(UnreadableRecordError) as caught:
        await watcher.wait(request, lambda value: value, 5)

    assert caught.value.path == path


async def test_a_broken_event_does_not_stop_another() -> None:
    store = MemoryStore()
    watcher = Watcher(store)
    broken, sound = await asked(watcher, "broken"), await asked(watcher, "sound")
    await store.create(layout.response_path(broken.request_id), b"[]")
    waits = [asyncio.create_task(watcher.wait(request, lambda value: value, 5)) for request in (broken, sound)]
    await until(waits[0].done)
    await watcher.settling.submit(sound, Answer(value=3))

    with anyio.fail_after(LIMIT):
        assert (await waits[1]).value == 3
    assert isinstance(waits[0].exception(), UnreadableRecordError)


async def gives_up(watcher: Watcher, request: Request) -> None:
    with anyio.move_on_after(0):
        await watcher.wait(request, lambda value: value, 3600)


async def test_waiting_again_and_again_for_one_event_piles_nothing_up() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    for _ in range(3000):
        await gives_up(watcher, request)

    assert len(watcher._round) < 2000
    assert len(watcher._deadlines) < 2000


async def test_a_wait_that_was_given_up_is_forgotten_while_another_goes_on() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    waiting = asyncio.create_task(watcher.wait(request, lambda value: value, 3600))
    await until(lambda: watcher.is_waiting_for(request.request_id))
    for _ in range(10):
        await gives_up(watcher, request)

    assert len(watcher._waiters[request.request_id].asleep) == 1
    waiting.cancel()


async def test_of_two_waits_for_one_event_the_shorter_poll_counts() -> None:
    store = MemoryStore()
    here, elsewhere = Watcher(store), Watcher(store)
    request = await asked(here)
    waits = [asyncio.create_task(here.wait(request, lambda value: value, poll)) for poll in (3600, 0.01)]
    await until(lambda: here.is_waiting_for(request.request_id) and here._waiters[request.request_id].users == 2)

    assert (min(here._polls), len(here._polls)) == (0.01, 1)
    await elsewhere.settling.submit(request, Answer(value=3))
    for wait in waits:
        await wait
    assert not here._polls


class HangingStore(MemoryStore):
    """A memory store whose listings never end."""

    def __init__(self) -> None:
        super().__init__()
        self.listing = asyncio.Event()

    async def list(self, prefix: str, after: str = "") -> Any:
        self.listing.set()
        await anyio.sleep_forever()


async def test_a_listing_that_hangs_holds_up_no_deadline() -> None:
    store = HangingStore()
    watcher = Watcher(store)
    request = await asked(watcher, "later", seconds=None)
    other = asyncio.create_task(watcher.wait(request, lambda value: value, 0.01))
    await store.listing.wait()
    due = await asked(watcher, "due", seconds=0.01)

    with anyio.fail_after(LIMIT):
        assert (await watcher.wait(due, lambda value: value, 0.01)).outcome == "expired"
    other.cancel()


async def test_a_listing_that_hangs_ends_with_the_last_wait() -> None:
    store = HangingStore()
    watcher = Watcher(store)
    waiting = asyncio.create_task(watcher.wait(await asked(watcher), lambda value: value, 0.01))
    await store.listing.wait()
    finding = watcher._finding
    assert finding is not None
    waiting.cancel()
    watcher._stirred.set()

    await until(finding.cancelled)


async def test_a_listing_that_takes_long_is_not_begun_again_meanwhile() -> None:
    store = HangingStore()
    watcher = Watcher(store)
    waiting = asyncio.create_task(watcher.wait(await asked(watcher), lambda value: value, 0.01))
    await store.listing.wait()
    finding = watcher._finding
    for _ in range(5):
        watcher._look_at_markers()
        await anyio.sleep(0.02)

    assert watcher._finding is finding
    waiting.cancel()


async def test_the_sweep_comes_back_to_an_event_again_and_again() -> None:
    store = CountingStore()
    watcher = Watcher(store)
    requests = [await asked(watcher, str(number)) for number in range(2)]
    waits = [asyncio.create_task(watcher.wait(request, lambda value: value, 3600)) for request in requests]
    await until(lambda: store.gets >= 2)
    await until(lambda: watcher._loop is not None)
    store.gets = 0
    for _ in range(6):
        watcher._sweep()
        await anyio.sleep(0.01)

    assert store.gets >= 6
    for wait in waits:
        wait.cancel()


class LookingStore(CountingStore):
    """A counting store that notes the context in which it is listed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    async def list(self, prefix: str, after: str = "") -> Any:
        self.seen.append(WHERE.get())
        return await super().list(prefix, after)


WHERE: ContextVar[str] = ContextVar("where", default="nowhere")


async def test_the_watch_does_not_keep_the_context_of_whoever_waits_first() -> None:
    store = LookingStore()
    watcher = Watcher(store)
    request = await asked(watcher)
    WHERE.set("in the author's task")
    waiting = asyncio.create_task(watcher.wait(request, lambda value: value, 0.01))
    await until(lambda: store.seen)
    waiting.cancel()

    assert set(store.seen) == {"nowhere"}


async def test_what_was_marked_while_nobody_waited_is_not_listed_afterwards() -> None:
    store = CountingStore()
    hours = timedelta(0)
    watcher = Watcher(store, lambda: utc_now() + hours)
    request = await asked(watcher, seconds=None)
    for after in range(2):
        hours = timedelta(hours=after)
        for minute in range(30):
            past = utc_now() + hours - timedelta(minutes=10 + minute)
            await Markers(store, lambda past=past: past).wake("default", request.request_id)  # type: ignore[misc]
        store.lists = 0
        waiting = asyncio.create_task(watcher.wait(request, lambda value: value, 0.01))
        await until(lambda: store.lists >= 3)
        waiting.cancel()
        await until(lambda: not watcher.is_waiting_for(request.request_id))

    # Of the first look three or four minutes of thirty, and one or two in each of the few that follow at once.
    assert store.lists < 20


class BrokenOnce:
    """Tells a secret, but not the first time."""

    def __init__(self) -> None:
        self.asked = 0
        self.asked_again = asyncio.Event()

    async def __call__(self) -> bytes:
        self.asked += 1
        if self.asked == 1:
            raise ValueError("The environment's proxy makes no sense.")
        self.asked_again.set()
        return b"s" * 32


async def test_a_stream_that_fails_in_an_unknown_way_is_opened_again(caplog: pytest.LogCaptureFixture) -> None:
    secret = BrokenOnce()
    stream = Stream("http://127.0.0.1:9", secret, lambda _: None, lambda: None)
    stream.open()
    with anyio.fail_after(LIMIT):
        await secret.asked_again.wait()
    stream.close()

    assert "is opened again" in caplog.text
    assert not stream.is_healthy


async def test_each_connect_looks_for_what_was_marked_before_it() -> None:
    store = CountingStore()
    watcher = Watcher(store)
    watcher.follow("http://127.0.0.1:9")
    stream = watcher._stream
    assert stream is not None
    waiting = asyncio.create_task(watcher.wait(await asked(watcher), lambda value: value, 3600))
    await until(lambda: watcher._watching is not None)
    watcher._fast_until = 0
    for _ in range(2):
        store.lists = 0
        stream._take("event: hello")
        await until(lambda: store.lists)
    waiting.cancel()


async def test_one_process_has_one_watcher_per_store_and_hints_reach_it() -> None:
    store = MemoryStore()
    watcher = watcher_of(store)
    assert watcher_of(store) is watcher
    request = await asked(watcher)
    waiting = asyncio.create_task(watcher.wait(request, lambda value: value, 3600))
    await until(lambda: watcher.is_waiting_for(request.request_id))
    response = Response(request_id=request.request_id, outcome="answered", value=3, source="reviewer")
    await watcher.records.put_response(response)
    hint(store.url, request.request_id)

    with anyio.fail_after(LIMIT):
        assert (await waiting).value == 3


def test_what_https_trusts_is_read_once_and_not_for_each_message_to_the_form_app() -> None:
    """It takes 15 ms, in which no wait of the process goes on."""
    assert library()[1] is library()[1]


ENDS_WHILE_A_STREAM_IS_OPENED = """
import asyncio, time
from pausepoint._sync import begin
from pausepoint._waiting.stream import Stream, library

async def secret():
    return b"s" * 32

async def opens():
    library()
    Stream("http://localhost:9", secret, lambda _: None, lambda: None).open()
    time.sleep(2)

begin(opens)
time.sleep(0.5)
"""


def test_a_process_that_ends_while_its_stream_is_opened_says_nothing_of_it(machine: Any) -> None:
    script = machine.start("-c", ENDS_WHILE_A_STREAM_IS_OPENED)
    script.finish()

    assert script.stderr == []
