"""The app wakes engines: at once for what it stores itself, and soon for what others stored and nobody told of."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest

from pausepoint._models import Answer, Candidate, Request, Response, RunContext, Wake, utc_now
from pausepoint._plugins import RESPONSE, Pace, Telling, Waking
from pausepoint._settings import Settings
from pausepoint._store import layout
from pausepoint.app import create_app
from pausepoint.app.overlooked import Looks, Overlooked
from pausepoint.app.sweeping import Sweeper
from pausepoint.errors import StoreError

from rousing import Plugins, failing, hang

pytestmark = pytest.mark.anyio

TOY = RunContext(engine="toy", run_id="nightly")
SOON = 60.0
"""Seconds after which what should have happened long ago never will."""


class Site:
    """One app process over the house's store, with a clock of its own."""

    def __init__(self, house: Any, plugins: Plugins, patience: float = 30.0) -> None:
        self.plugins = plugins
        self.now = 0.0
        self.app = create_app(house.store, plugins, settings=Settings())
        desk = self.desk = self.app.state.desk
        desk.records._delays = (0,)
        # As the app makes them, but with a clock that is moved and pauses that are none.
        waking = Waking(desk.records, lambda: plugins, patience)
        self.telling = Telling(waking, pace=Pace(first=0.001, longest=0.002))
        self.overlooked = Overlooked(
            desk.records, house.markers, desk.index, waking, self.telling, Looks(grace=5.0), lambda: self.now
        )
        desk.settling.stored = self.telling.stored
        desk.sweeper = Sweeper(house.store, desk.index, self.overlooked, every=0.001)

    async def looks(self, times: int = 1) -> None:
        """Look for what was overlooked, long after it was stored, and wait for what comes of it."""
        for _ in range(times):
            await self.desk.index.page("all")
            await self.overlooked.find()
            self.now += 10.0
            await self.overlooked.find()
            await until(lambda: not self.telling._tasks)

    async def looks_despite_failures(self, times: int) -> None:
        """Look in the middle of a store's trouble, and wait for what comes of it."""
        for _ in range(times):
            self.now += 10.0
            with contextlib.suppress(StoreError):  # which the sweep logs
                await self.overlooked.find()
        await until(lambda: not self.telling._tasks)


@pytest.fixture
async def site(house: Any) -> AsyncIterator[Callable[..., Site]]:
    """A function that makes an app process; all of them end with the test."""
    made: list[Site] = []

    def site(plugins: Plugins, **more: Any) -> Site:
        made.append(Site(house, plugins, **more))
        return made[-1]

    yield site
    for each in made:
        await each.telling.rest(0)


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(SOON):
        while not holds():
            await anyio.sleep(0.001)


async def settles(house: Any, request: Request, marked: bool = True) -> None:
    """Settle as a process does that is killed before it tells anybody."""
    given: dict[str, Any] = {"outcome": "answered", "value": 1, "source": "reviewer"}
    await house.records.put_response(Response(request_id=request.request_id, **given))
    if marked:
        await house.markers.wake(request.mailbox, request.request_id)


async def offers(house: Any, request: Request, number: int = 1) -> None:
    """Store a candidate as a process does that is killed before it tells anybody."""
    await house.records.put_candidate(
        Candidate(request_id=request.request_id, number=number, answer=Answer(value=number))
    )
    await house.markers.wake(request.mailbox, request.request_id)


def name(request: Request) -> str:
    return request.request_id[0]


# What the app stores itself


async def test_an_answer_wakes_the_engine_and_it_is_remembered(house: Any, site: Any) -> None:
    here = site(Plugins("toy"))
    request = await house.ask(run=TOY)
    async with house.browser(here.app) as browser:
        posted = await browser.post("/submit/json", json={"request_id": request.request_id, "value": 1})
    await until(lambda: not here.telling._tasks)

    assert posted.status_code == 200
    assert here.plugins.woken == [(name(request), "response")]
    assert here.plugins.ended == [(name(request), "answered")]
    assert (await house.records.wake(request.request_id, RESPONSE)).by == "pausepoint-toy 1.0"


async def test_a_plugin_that_hangs_does_not_hold_up_the_reviewer(house: Any, site: Any) -> None:
    here = site(Plugins("toy", obstacle=hang))
    request = await house.ask(run=TOY)
    async with house.browser(here.app) as browser:
        with anyio.fail_after(SOON):
            posted = await browser.submitted(request, {"v": "1"})

    assert posted.status_code == 200
    await until(lambda: here.plugins.tried)


async def test_an_answer_that_the_workflow_has_to_judge_wakes_the_engine_as_a_candidate(house: Any, site: Any) -> None:
    here = site(Plugins("toy"))
    request = await house.ask(run=TOY, schema_complete=False)
    async with house.browser(here.app) as browser, anyio.create_task_group() as tasks:
        json = {"request_id": request.request_id, "value": 1}
        tasks.start_soon(lambda: browser.post("/submit/json", json=json))
        # While the reviewer still waits for the verdict, which only the woken engine can give.
        await until(lambda: here.plugins.woken)
        tasks.cancel_scope.cancel()

    assert here.plugins.woken == [(name(request), "candidate")]


async def test_a_cancel_wakes_the_engine(house: Any, site: Any) -> None:
    here = site(Plugins("toy"))
    request = await house.ask(run=TOY)
    async with house.browser(here.app) as browser:
        await browser.post(f"/api/v1/events/{request.request_id}/cancel", json={})
    await until(lambda: here.plugins.woken and here.plugins.ended)

    assert here.plugins.ended == [(name(request), "cancelled")]


async def test_an_answer_that_the_app_refuses_wakes_nobody(house: Any, site: Any) -> None:
    here = site(Plugins("toy"))
    request = await house.ask(run=TOY)
    async with house.browser(here.app) as browser:
        await browser.post("/submit/json", json={"request_id": request.request_id, "value": "no"})

    assert (here.plugins.tried, here.plugins.ended, here.telling._tasks) == ([], [], {})


async def test_who_waits_in_the_apps_own_process_is_not_woken(house: Any) -> None:
    plugins = Plugins("toy")
    app = create_app(house.store, plugins, settings=Settings())
    request = await house.ask(run=TOY)
    async with house.waiting(request, lambda value: value) as got, house.browser(app) as browser:
        await browser.post("/submit/json", json={"request_id": request.request_id, "value": 1})
        await until(lambda: got and plugins.ended)

    assert plugins.tried == []
    assert await house.records.wake(request.request_id, RESPONSE) is None


# What others stored


@pytest.mark.parametrize("marked", [True, False])
async def test_a_response_that_nobody_was_woken_for_is_found_with_its_marker_or_without(
    house: Any, site: Any, marked: bool
) -> None:
    request = await house.ask(run=TOY)
    await settles(house, request, marked)
    here = site(Plugins("toy"))
    await here.looks(3)

    assert here.plugins.woken == [(name(request), "response")]
    assert here.plugins.ended == [], "that it is settled is told by whoever settled it"


async def test_a_response_to_a_question_whose_own_marker_was_lost_is_found_by_the_marker_of_the_response(
    house: Any, site: Any
) -> None:
    here = site(Plugins("toy"))
    await house.ask(run=TOY)
    await here.looks()
    unmarked = await house.ask(run=TOY, marked=False)
    await settles(house, unmarked)
    await here.looks()

    assert here.plugins.woken == [(name(unmarked), "response")]


async def test_a_marker_an_hour_old_is_found_after_a_restart(house: Any, site: Any) -> None:
    for _ in range(30):  # more than the slow look comes to
        await house.ask(run=TOY)
    request = await house.ask(run=TOY, created_at=utc_now() - timedelta(days=1))
    house.markers.clock = lambda: utc_now() - timedelta(minutes=50)
    await settles(house, request)
    house.markers.clock = utc_now
    here = site(Plugins("toy"))
    await here.looks()

    assert here.plugins.woken == [(name(request), "response")]


async def test_whoever_stored_something_has_a_moment_to_tell_of_it_themselves(house: Any, site: Any) -> None:
    here = site(Plugins("toy"))
    for _ in range(9):
        await house.ask(run=TOY)
    request = await house.ask(run=TOY, created_at=utc_now() - timedelta(days=1))
    await settles(house, request)
    await here.desk.index.page("all")
    await here.overlooked.find()
    assert here.plugins.tried == []
    await house.records.put_wake(Wake(request_id=request.request_id, number=RESPONSE, by="another app"))
    await here.looks(5)

    assert here.plugins.tried == []


async def test_candidates_that_nobody_was_woken_for_are_found(house: Any, site: Any) -> None:
    request = await house.ask(run=TOY, schema_complete=False)
    await offers(house, request, 1)
    await house.records.put_wake(Wake(request_id=request.request_id, number=1, by="pausepoint-toy 1.0"))
    await offers(house, request, 2)
    here = site(Plugins("toy"))
    await here.looks(2)
    assert here.plugins.woken == [(name(request), "candidate")]
    await offers(house, request, 3)
    await settles(house, request)
    await here.looks(3)

    assert here.plugins.woken == [(name(request), "candidate"), (name(request), "response")]


async def test_a_candidate_that_cannot_be_read_hides_none_after_it(house: Any, site: Any) -> None:
    request = await house.ask(run=TOY, schema_complete=False)
    await house.store.create(layout.candidate_path(request.request_id, 1), b"{torn")
    await offers(house, request, 2)
    here = site(Plugins("toy"))
    await here.looks()

    assert await house.records.wake(request.request_id, 2) is not None


async def test_a_response_that_cannot_be_read_wakes_the_workflow_that_will_say_so(house: Any, site: Any) -> None:
    request = await house.ask(run=TOY)
    await house.store.create(layout.response_path(request.request_id), b"{torn")
    await house.markers.wake(request.mailbox, request.request_id)
    here = site(Plugins("toy"))
    await here.looks()

    assert here.plugins.woken == [(name(request), "response")]


async def test_the_whole_question_is_given_to_the_plugin(house: Any, site: Any) -> None:
    """The index keeps neither prompt nor schema."""
    request = await house.ask(run=TOY)
    given: list[Request] = []

    async def obstacle(request: Request) -> None:
        given.append(request)

    await settles(house, request)
    await site(Plugins("toy", obstacle=obstacle)).looks()

    assert given == [request]


async def test_of_two_apps_that_find_the_same_each_may_wake_and_then_neither_does(house: Any, site: Any) -> None:
    requests = [await house.ask(run=TOY) for _ in range(3)]
    for request in requests:
        await settles(house, request)
    one, other = site(Plugins("toy", obstacle=failing(2))), site(Plugins("toy"))
    async with anyio.create_task_group() as both:
        both.start_soon(one.looks)
        both.start_soon(other.looks)
    woken = one.plugins.woken + other.plugins.woken
    tried = len(one.plugins.tried + other.plugins.tried)
    await one.looks(5)
    await other.looks(5)

    assert set(woken) == {(name(request), "response") for request in requests}
    assert len(one.plugins.tried + other.plugins.tried) == tried
    assert all([await house.records.wake(request.request_id, RESPONSE) for request in requests])


async def test_an_app_without_the_plugin_leaves_it_to_one_that_has_it(house: Any, site: Any) -> None:
    request = await house.ask(run=TOY)
    await settles(house, request)
    without, having = site(Plugins("other")), site(Plugins("toy"))
    await without.looks(3)
    assert await house.records.wake(request.request_id, RESPONSE) is None
    await having.looks()

    assert having.plugins.woken == [(name(request), "response")]


async def test_events_of_engines_without_a_plugin_here_cost_nothing(house: Any, site: Any) -> None:
    for _ in range(5):
        await settles(house, await house.ask())
    here = site(Plugins("toy"))
    await here.desk.index.page("all")
    before = len(house.store.read), len(house.store.listed)
    for _ in range(5):
        await here.overlooked.find()
        here.now += 10

    assert (len(house.store.read), len(house.store.listed)) == before


@pytest.mark.parametrize("waiting", [20, 200])
async def test_a_look_costs_the_same_however_many_events_wait(house: Any, site: Any, waiting: int) -> None:
    for _ in range(waiting):
        await house.ask(run=TOY, schema_complete=False)
    here = site(Plugins("toy"))
    await here.looks()
    house.store.read.clear()
    house.store.listed.clear()
    for _ in range(10):
        here.now += 10
        await here.overlooked.find()

    assert len(house.store.read) <= 10 * 7
    assert len(house.store.listed) <= 10 * 2


async def test_what_is_done_or_under_way_is_not_read_again(house: Any, site: Any) -> None:
    async def obstacle(request: Request) -> None:
        if request.request_id == stuck.request_id:
            await hang(request)

    here = site(Plugins("toy", obstacle=obstacle))
    stuck, fine = await house.ask(run=TOY), await house.ask(run=TOY)
    for request in (stuck, fine):
        await settles(house, request)
    await here.desk.index.page("all")
    for _ in range(10):
        here.now += 10
        await here.overlooked.find()
    with anyio.fail_after(SOON):
        while await house.records.wake(fine.request_id, RESPONSE) is None:
            await anyio.sleep(0.001)
    await here.overlooked.find()
    house.store.read.clear()
    for _ in range(5):
        here.now += 10
        await here.overlooked.find()

    assert house.store.read == []


async def test_an_event_at_which_the_store_fails_each_time_keeps_no_other_asleep(house: Any, site: Any) -> None:
    long_ago = utc_now() - timedelta(days=1)
    broken, fine = await house.ask(run=TOY), await house.ask(run=TOY, created_at=long_ago)
    for _ in range(300):  # more than the slow look comes to
        await house.ask(run=TOY)
    for request in (broken, fine):
        await settles(house, request)
    house.store.fails = lambda what, path: what == "get" and layout.wake_path(broken.request_id, RESPONSE) == path
    here = site(Plugins("toy"))
    await here.desk.index.page("all")
    await here.looks_despite_failures(10)

    assert here.plugins.woken == [(name(fine), "response")]


async def test_a_young_event_takes_no_turns_of_those_that_have_been_looked_at_for_long(house: Any, site: Any) -> None:
    long_ago = utc_now() - timedelta(days=1)
    waiting = [await house.ask(run=TOY, created_at=long_ago, schema_complete=False) for _ in range(4)]
    here = site(Plugins("toy"))
    await here.looks(20)
    await settles(house, waiting[0], marked=False)
    await house.ask(run=TOY, schema_complete=False)
    await here.looks(3)

    assert here.plugins.woken == [(name(waiting[0]), "response")]


async def test_an_event_at_which_the_store_fails_each_time_hides_none_that_lost_its_marker(
    house: Any, site: Any
) -> None:
    broken, unmarked = await house.ask(run=TOY), await house.ask(run=TOY)
    await settles(house, broken)
    house.store.fails = lambda what, path: what == "get" and layout.wake_path(broken.request_id, RESPONSE) == path
    here = site(Plugins("toy"))
    await here.desk.index.page("all")
    await here.looks_despite_failures(3)
    await settles(house, unmarked, marked=False)
    await here.looks_despite_failures(7)

    assert here.plugins.woken == [(name(unmarked), "response")]


async def test_an_event_at_which_the_store_fails_once_is_looked_at_again_soon(house: Any, site: Any) -> None:
    broken = await house.ask(run=TOY, created_at=utc_now() - timedelta(days=1))
    for _ in range(300):  # more than the slow look comes to
        await house.ask(run=TOY)
    await settles(house, broken)
    left = [1]
    house.store.fails = lambda what, path: (
        what == "get" and layout.wake_path(broken.request_id, RESPONSE) == path and left and left.pop()
    )
    here = site(Plugins("toy"))
    await here.desk.index.page("all")
    await here.looks_despite_failures(5)

    assert not left
    assert here.plugins.woken == [(name(broken), "response")]


async def test_a_look_reads_an_event_that_waits_alone_once(house: Any, site: Any) -> None:
    request = await house.ask(run=TOY)
    here = site(Plugins("toy"))
    await here.looks()
    house.store.read.clear()
    await here.overlooked.find()

    assert sorted(house.store.read) == sorted(
        [layout.wake_path(request.request_id, RESPONSE), layout.response_path(request.request_id)]
    )


# Served on its own


@asynccontextmanager
async def served(here: Site) -> AsyncIterator[None]:
    """Serve an app on its own, with a clock that goes fast."""
    async with here.app.router.lifespan_context(here.app), anyio.create_task_group() as tasks:

        async def hurry() -> None:
            while True:
                here.now += 10
                await anyio.sleep(0.001)

        tasks.start_soon(hurry)
        yield
        tasks.cancel_scope.cancel()


async def test_an_app_on_its_own_wakes_what_others_left_until_the_plugin_succeeds(house: Any, site: Any) -> None:
    here = site(Plugins("toy", obstacle=failing(3)))
    request = await house.ask(run=TOY)
    async with served(here):
        await settles(house, request)
        with anyio.fail_after(SOON):
            while await house.records.wake(request.request_id, RESPONSE) is None:
                await anyio.sleep(0.001)

    assert here.plugins.tried == [(name(request), "response")] * 4


async def test_an_app_that_ends_finishes_the_wake_that_is_under_way(house: Any, site: Any) -> None:
    async def obstacle(request: Request) -> None:
        await anyio.sleep(0.3)

    plugins = Plugins("toy", obstacle=obstacle)
    app = create_app(house.store, plugins, settings=Settings())
    request = await house.ask(run=TOY)
    async with app.router.lifespan_context(app), house.browser(app) as browser:
        await browser.post("/submit/json", json={"request_id": request.request_id, "value": 1})
        await until(lambda: plugins.tried)

    assert await house.records.wake(request.request_id, RESPONSE) is not None


async def test_an_app_that_expires_an_overdue_event_wakes_its_engine(house: Any, site: Any) -> None:
    here = site(Plugins("toy"))
    request = await house.ask(run=TOY, deadline=utc_now() - timedelta(minutes=1))
    async with served(here):
        await until(lambda: here.plugins.woken and here.plugins.ended)

    assert here.plugins.ended == [(name(request), "expired")]
