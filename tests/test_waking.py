"""Engines are woken at least once, whatever fails, and the store remembers it; nobody is asked more often than that."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pausepoint._models import Answer, Candidate, Request, Response, RunContext, Wake, utc_now
from pausepoint._plugins import RESPONSE, Hooks, Pace, Telling, Waking
from pausepoint._plugins.plugin import Plugin
from pausepoint._plugins.threads import MOST, Threads
from pausepoint._store import MemoryStore, Records, layout
from pausepoint.errors import AdapterError, StoreError
from pausepoint.hooks import hookimpl

from rousing import Plugins, fail, failing, hang

pytestmark = pytest.mark.anyio

QUICK = Pace(first=0.001, longest=0.002)
SOON = 60.0
"""Seconds after which what should have happened long ago never will."""


class Store(MemoryStore):
    """Remembers what it is asked, and fails to create as often as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.left_to_fail = 0

    async def create(self, path: str, body: bytes) -> bool:
        self.asked.append(path)
        if self.left_to_fail:
            self.left_to_fail -= 1
            raise StoreError("The store does not reply.")
        return await super().create(path, body)

    async def get(self, path: str, limit: int = 1024 * 1024) -> bytes | None:
        self.asked.append(path)
        return await super().get(path, limit)


class Bench:
    """A store, and tellings that end with the test."""

    def __init__(self) -> None:
        self.store = Store()
        self.records = Records(self.store, delays=(0,))

    @asynccontextmanager
    async def telling(
        self, plugins: Any, pace: Pace = QUICK, patience: float = 30.0, **more: Any
    ) -> AsyncIterator[Telling]:
        telling = Telling(Waking(self.records, lambda: plugins, patience), pace=pace, **more)
        try:
            yield telling
        finally:
            await telling.rest(0)

    async def remembered(self, letter: str = "a", number: int = RESPONSE) -> Wake:
        """Wait until it is remembered that an engine was woken."""
        with anyio.fail_after(SOON):
            while (wake := await self.records.wake(letter * 26, number)) is None:
                await anyio.sleep(0.001)
        return wake


@pytest.fixture
def bench() -> Bench:
    return Bench()


def asked(letter: str = "a", engine: str = "toy") -> Request:
    given: dict[str, Any] = {
        "request_id": letter * 26,
        "name": "approve",
        "key": "k",
        "run": RunContext(engine=engine, run_id="r"),
        "title": "Approve?",
        "prompt": "Do you?",
        "data_type": "int",
        "json_schema": {"type": "integer"},
        "schema_complete": True,
        "created_at": utc_now(),
    }
    return Request.model_validate(given)


def answered(request: Request) -> Response:
    return Response(request_id=request.request_id, outcome="answered", value=1, source="reviewer")


def a_candidate(request: Request, number: int = 1) -> Candidate:
    return Candidate(request_id=request.request_id, number=number, answer=Answer(value=1))


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(SOON):
        while not holds():
            await anyio.sleep(0.001)


# Waking


async def test_the_engine_is_woken_for_a_response_and_it_is_remembered_whose_plugin_did_it(bench: Bench) -> None:
    plugins, request = Plugins("toy"), asked()
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        wake = await bench.remembered()

    assert plugins.woken == [("a", "response")]
    assert (wake.number, wake.by) == (0, "pausepoint-toy 1.0")


async def test_the_engine_is_woken_for_each_candidate_under_its_number(bench: Bench) -> None:
    plugins, request = Plugins("toy"), asked()
    async with bench.telling(plugins) as telling:
        for number in (1, 2):
            telling.stored(request, a_candidate(request, number))
            await bench.remembered(number=number)

    assert plugins.woken == [("a", "candidate")] * 2
    assert plugins.ended == []


async def test_nothing_is_remembered_before_the_engine_was_woken(bench: Bench) -> None:
    plugins, request = Plugins("toy", obstacle=hang), asked()
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await until(lambda: plugins.tried)

    assert bench.store.asked == []


async def test_an_engine_without_a_plugin_here_costs_no_storage_request(bench: Bench) -> None:
    plugins, request = Plugins("other"), asked()
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await until(lambda: not telling.is_telling(request.request_id, RESPONSE))

    assert (plugins.tried, bench.store.asked) == ([], [])


async def test_what_no_plugin_here_cares_for_is_not_even_begun_once_that_is_known(bench: Bench) -> None:
    plugins, request = Plugins("other", cares=False), asked()
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        # Not known yet: nobody has needed the plugins before.
        assert telling.is_telling(request.request_id, RESPONSE)
        await until(lambda: not telling.is_telling(request.request_id, RESPONSE))

        telling.stored(asked("b"), answered(asked("b")))
        assert not telling.is_telling("b" * 26, RESPONSE)
        telling.stored(asked("c", "other"), answered(asked("c", "other")))
        await bench.remembered("c")


async def test_whoever_waits_in_this_process_is_not_woken_and_that_is_not_remembered(bench: Bench) -> None:
    """The process may be killed before the author's code gets the answer."""
    plugins, request = Plugins("toy"), asked()
    async with bench.telling(plugins, is_awake=lambda request_id: request_id == request.request_id) as telling:
        telling.stored(request, a_candidate(request))
        telling.stored(request, answered(request))
        await until(lambda: plugins.ended)
        telling.stored(asked("b"), answered(asked("b")))
        await bench.remembered("b")

    assert plugins.tried == [("b", "response")]
    assert await bench.records.wake(request.request_id, RESPONSE) is None


# Trying again


async def test_a_plugin_that_fails_three_times_is_tried_a_fourth_time_and_then_no_more(bench: Bench) -> None:
    plugins, request = Plugins("toy", obstacle=failing(3)), asked()
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await bench.remembered()
        await until(lambda: not telling.is_telling(request.request_id, RESPONSE))

    assert plugins.tried == [("a", "response")] * 4
    assert plugins.woken == [("a", "response")]


async def test_pauses_grow_twofold_with_jitter_up_to_the_longest(bench: Bench) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await anyio.lowlevel.checkpoint()

    async with bench.telling(Plugins("toy", obstacle=failing(12)), Pace(), sleep=sleep) as telling:
        telling.stored(asked(), answered(asked()))
        await bench.remembered()

    longest = [min(2.0**number, 300.0) for number in range(12)]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len({pause / most for pause, most in zip(pauses, longest, strict=True)}) > 1


async def test_a_failure_is_logged_with_the_plugins_words_and_8_characters_of_the_event(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench.telling(Plugins("toy", obstacle=failing(1))) as telling:
        telling.stored(asked(), answered(asked()))
        await bench.remembered()

    assert "The engine does not answer." in caplog.text
    assert "a" * 8 in caplog.text
    assert "a" * 9 not in caplog.text


async def test_a_plugin_that_breaks_in_an_unforeseen_way_is_tried_again(bench: Bench) -> None:
    left = [ZeroDivisionError("out of luck")]

    async def obstacle(request: Request) -> None:
        if left:
            raise left.pop()

    async with bench.telling(Plugins("toy", obstacle=obstacle)) as telling:
        telling.stored(asked(), answered(asked()))
        await bench.remembered()


async def test_a_plugin_that_hangs_is_cut_off_and_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    left = [hang]

    async def obstacle(request: Request) -> None:
        if left:
            await left.pop()(request)

    plugins = Plugins("toy", obstacle=obstacle)
    async with bench.telling(plugins, patience=0.01) as telling:
        telling.stored(asked(), answered(asked()))
        await bench.remembered()

    # A slow machine may cut off one that does not hang, too, and tries again.
    assert len(plugins.tried) >= 2
    assert "pausepoint-toy 1.0 did not return within 0.01 seconds" in caplog.text


async def test_the_plugin_of_an_engine_that_hangs_keeps_no_other_engine_asleep(bench: Bench) -> None:
    async def obstacle(request: Request) -> None:
        if request.run.engine == "stuck":
            await anyio.sleep_forever()

    plugins = Plugins("toy", "stuck", obstacle=obstacle)
    async with bench.telling(plugins, Pace(at_once=2)) as telling:
        for letter in "bcdef":
            telling.stored(asked(letter, "stuck"), answered(asked(letter, "stuck")))
        await until(lambda: len(plugins.tried) == 2)
        telling.stored(asked(), answered(asked()))
        await bench.remembered()

    assert sorted(letter for letter, _ in plugins.tried) == ["a", "b", "c"]


async def test_a_plugin_that_blocks_for_ever_takes_a_bounded_number_of_threads_and_none_of_another_plugin(
    bench: Bench,
) -> None:
    released, blocked = threading.Event(), list[int]()

    class Stuck:
        @hookimpl
        def pausepoint_engine(self) -> None:
            return None

        @hookimpl
        def pausepoint_wake(self) -> None:
            blocked.append(1)
            released.wait()

    class Fine(Stuck):
        @hookimpl
        def pausepoint_wake(self) -> None:
            return None

    hooks = Hooks([("stuck", Stuck()), ("fine", Fine())])
    pace = Pace(first=0.001, longest=0.001, at_once=MOST * 2, most=MOST * 3)
    try:
        async with bench.telling(hooks, pace, patience=0.05) as telling:
            for number in range(MOST * 2):
                telling.owe(asked("b", "stuck"), number + 1)
            await until(lambda: len(blocked) >= MOST)
            telling.stored(asked(engine="fine"), answered(asked(engine="fine")))
            assert (await bench.remembered()).by == "fine"
            with pytest.raises(AdapterError, match="stuck has 64 calls that do not return"):
                await hooks.wake(asked("b", "stuck"), "response")
        assert len(blocked) == MOST
    finally:
        released.set()


def test_a_call_that_was_given_up_before_it_had_a_thread_does_not_begin_when_it_gets_one() -> None:
    calls: list[int] = []
    given_up = threading.Lock()
    given_up.acquire()
    with pytest.raises(TimeoutError):
        Threads(Plugin("toy", object(), "pausepoint-toy", "1.0"))._work(lambda: calls.append(1), given_up)

    assert calls == []


async def test_one_event_whose_waking_fails_keeps_no_other_event_asleep(bench: Bench) -> None:
    async def obstacle(request: Request) -> None:
        if request.request_id.startswith("b"):
            await fail(request)

    plugins = Plugins("toy", obstacle=obstacle)
    async with bench.telling(plugins, Pace(first=0.001, longest=0.001, at_once=1)) as telling:
        telling.stored(asked("b"), answered(asked("b")))
        await until(lambda: len(plugins.tried) > 3)
        telling.stored(asked(), answered(asked()))
        await bench.remembered()


async def test_what_another_process_has_done_meanwhile_is_not_tried_again(bench: Bench) -> None:
    plugins, request = Plugins("toy", obstacle=fail), asked()
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await until(lambda: plugins.tried)
        await bench.records.put_wake(Wake(request_id=request.request_id, number=RESPONSE, by="pausepoint-toy 1.0"))
        await until(lambda: not telling.is_telling(request.request_id, RESPONSE))

    assert plugins.woken == []


async def test_a_store_that_fails_to_remember_it_has_the_engine_woken_again(bench: Bench) -> None:
    plugins, request = Plugins("toy"), asked()
    bench.store.left_to_fail = 1
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await bench.remembered()

    assert plugins.woken == [("a", "response")] * 2


async def test_a_record_of_waking_that_cannot_be_read_is_left_alone_and_counts_as_done(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    plugins, request = Plugins("toy"), asked()
    await bench.store.create(layout.wake_path(request.request_id, RESPONSE), b"{torn")
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await until(lambda: not telling.is_telling(request.request_id, RESPONSE))

    assert plugins.woken == [("a", "response")]
    assert "cannot be read" in caplog.text
    assert await bench.store.get(layout.wake_path(request.request_id, RESPONSE)) == b"{torn"


async def test_what_is_under_way_is_not_begun_twice(bench: Bench) -> None:
    plugins, request = Plugins("toy", obstacle=hang), asked()
    async with bench.telling(plugins) as telling:
        for _ in range(3):
            telling.owe(request, RESPONSE)
        await until(lambda: plugins.tried)

    assert plugins.tried == [("a", "response")]


async def test_more_than_may_be_behind_is_left_to_a_later_look(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    plugins = Plugins("toy", obstacle=hang)
    async with bench.telling(plugins, Pace(most=2)) as telling:
        for letter in "abcd":
            telling.owe(asked(letter), RESPONSE)
        await until(lambda: len(plugins.tried) == 2)

        assert [telling.is_telling(letter * 26, RESPONSE) for letter in "abcd"] == [True, True, False, False]
    assert "Too many plugins are behind" in caplog.text


# That it is settled


async def test_that_an_event_is_settled_is_told_although_the_engine_hangs(bench: Bench) -> None:
    plugins, request = Plugins("toy", obstacle=hang), asked()
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await until(lambda: plugins.ended)

    assert plugins.ended == [("a", "answered")]


async def test_that_an_event_is_settled_is_told_once_by_one_process(bench: Bench) -> None:
    plugins, request = Plugins("toy"), asked()
    async with bench.telling(plugins) as telling:
        for _ in range(3):
            telling.stored(request, answered(request))
            await until(lambda: not telling._tasks)

    assert plugins.ended == [("a", "answered")]


async def test_that_an_event_is_settled_is_told_whatever_its_engine_is(bench: Bench) -> None:
    plugins, request = Plugins(), asked(engine="local")
    async with bench.telling(plugins) as telling:
        telling.stored(request, answered(request))
        await until(lambda: plugins.ended)


async def test_whoever_hangs_when_told_that_an_event_is_settled_is_cut_off(bench: Bench) -> None:
    class Stuck(Plugins):
        async def settled(self, request: Request, response: Response) -> None:
            await super().settled(request, response)
            if len(self.ended) == 1:
                await anyio.sleep_forever()

    plugins = Stuck("toy")
    # So long that the other one is not cut off before it began.
    async with bench.telling(plugins, Pace(at_once=1), patience=0.5) as telling:
        for letter in "ab":
            telling.stored(asked(letter), answered(asked(letter)))
        await until(lambda: len(plugins.ended) == 2)


async def test_an_observer_that_breaks_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Plugins):
        async def settled(self, request: Request, response: Response) -> None:
            raise ZeroDivisionError

    async with bench.telling(Broken("toy")) as telling:
        telling.stored(asked(), answered(asked()))
        await until(lambda: "ZeroDivisionError" in caplog.text)


# The end


async def test_at_the_end_what_is_under_way_is_finished_and_nothing_is_tried_again(bench: Bench) -> None:
    may_end: list[bool] = []

    async def obstacle(request: Request) -> None:
        if request.request_id.startswith("b"):
            await fail(request)
        while not may_end:  # its loop is another one
            await anyio.sleep(0.001)

    plugins = Plugins("toy", obstacle=obstacle)
    async with bench.telling(plugins, Pace(first=1000.0, longest=1000.0)) as telling:
        for letter in "ab":
            telling.stored(asked(letter), answered(asked(letter)))
        await until(lambda: len(plugins.tried) == len(plugins.ended) == 2)
        with anyio.fail_after(SOON):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(telling.rest, 1000.0)  # what only pauses is not waited for
                await anyio.sleep(0.01)
                may_end.append(True)

    assert plugins.woken == [("a", "response")]
    assert await bench.records.wake("a" * 26, RESPONSE) is not None
    assert len(plugins.tried) == 2


async def test_at_the_end_nobody_waits_for_a_plugin_that_hangs(bench: Bench) -> None:
    plugins = Plugins("toy", obstacle=hang)
    async with bench.telling(plugins) as telling:
        telling.stored(asked(), answered(asked()))
        await until(lambda: plugins.tried)
        with anyio.fail_after(SOON):
            await telling.rest(0.01)


async def test_one_try_tells_its_caller_what_failed(bench: Bench) -> None:
    with pytest.raises(AdapterError, match="The engine does not answer"):
        await Waking(bench.records, lambda: Plugins("toy", obstacle=fail)).wake(asked(), RESPONSE)
    with pytest.raises(AdapterError, match="did not return") as caught:
        await Waking(bench.records, lambda: Plugins("toy", obstacle=hang), patience=0.01).wake(asked(), RESPONSE)

    assert caught.value.plugin == "pausepoint-toy 1.0"
