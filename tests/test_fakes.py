"""The stand-ins behave as what they stand for, as far as a test can tell."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import ModuleType

import anyio
import pytest

from pausepoint import RunContext, hookimpl, new_event, pause
from pausepoint._waiting import Watcher
from pausepoint.errors import AnswerError, DeclinedError
from pausepoint.hooks import Request
from pausepoint.testing import FakeClock, FakeEngine, MemoryStore


class Suspended(BaseException):
    """How the engine leaves a task."""


def test_a_question_inside_a_task_belongs_to_its_run() -> None:
    engine = FakeEngine()
    with engine.in_use(), engine.task("nightly", task_id="train", map_index=3, attempt=1) as context:
        new_event("approve", bool)
    report = engine.heard("report").request

    assert report is not None
    assert (
        report.run
        == context
        == RunContext(engine="fake", project=engine.project, run_id="nightly", task_id="train", map_index=3, attempt=1)
    )


def test_every_hook_is_recorded_with_what_it_was_given() -> None:
    engine = FakeEngine(base_url="http://127.0.0.1:9/forms")
    with engine.in_use(), engine.task("nightly"):
        event = new_event("approve", bool, timeout_seconds=None)
        engine.answer(event.request_id, True)

        assert event.wait() is True
    served, report, link = engine.told[:3]

    assert (served.hook, served.request) == ("serve", None)
    assert report.hook == "report"
    assert event.form_url in str(report.given)
    assert (link.hook, link.given) == ("link", f"http://127.0.0.1:9/forms/form/{event.request_id}")


def test_the_engine_hears_of_the_answer_and_is_woken() -> None:
    engine = FakeEngine()
    with engine.in_use(), engine.task("nightly"):
        event = new_event("approve", bool)
        engine.answer(event.request_id, True)

        assert engine.heard("wake").given == "response"
        assert engine.heard("settled").given == event.response()


def test_a_retry_with_a_higher_attempt_finds_the_event() -> None:
    engine = FakeEngine()
    found = []
    with engine.in_use():
        for attempt in range(2):
            with engine.task("nightly", attempt=attempt):
                found.append(new_event("approve", bool).request_id)

    assert found[0] == found[1]


def test_a_suspending_engine_raises_its_own_way_out() -> None:
    engine = FakeEngine(leaves=Suspended)
    with engine.in_use(), engine.task("nightly"), pytest.raises(Suspended):
        pause(bool, timeout=None)

    assert engine.heard("wait").given is None


def test_an_observer_is_called_beside_the_engine() -> None:
    heard: list[str] = []

    @hookimpl
    def pausepoint_link(request: Request) -> None:
        heard.append(request.name)

    chat = ModuleType("chat")
    vars(chat)["pausepoint_link"] = pausepoint_link
    engine = FakeEngine()
    with engine.in_use(chat=chat), engine.task("nightly"):
        new_event("approve", bool)

    assert heard == ["approve"]


def test_answers_are_checked_and_may_decline() -> None:
    engine = FakeEngine()
    with engine.in_use(), engine.task("nightly"):
        event = new_event("approve", bool)
        with pytest.raises(AnswerError):
            engine.answer(event.request_id, "maybe")
        engine.answer(event.request_id, declined=True, comment="not mine")

        with pytest.raises(DeclinedError):
            event.wait()


def test_what_is_never_called_is_an_error() -> None:
    with pytest.raises(TimeoutError, match="pausepoint_wake was not called"):
        FakeEngine().heard("wake", within=0.01)


def test_a_block_leaves_nothing_behind() -> None:
    ids = []
    for _ in range(2):
        engine = FakeEngine()
        with engine.in_use(), engine.task("nightly"):
            ids.append(new_event("approve", bool).request_id)

    assert ids[0] != ids[1], "each block has a store of its own"


def test_a_clock_moves_when_it_is_told_to() -> None:
    clock = FakeClock(datetime(2026, 5, 1, tzinfo=timezone.utc))

    assert clock() == clock()
    assert clock.advance(90) - datetime(2026, 5, 1, tzinfo=timezone.utc) == timedelta(seconds=90)


def test_a_clock_and_a_store_are_what_the_core_takes() -> None:
    clock = FakeClock()
    watcher = Watcher(MemoryStore(), clock)

    assert anyio.run(watcher.records.store_id)
