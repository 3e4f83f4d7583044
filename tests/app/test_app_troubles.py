"""What fails every few seconds is in the log once, and again when it changes or an hour has passed."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import anyio
import pytest

from pausepoint.app.sweeping import Sweeper
from pausepoint.app.troubles import AGAIN, MOST, Troubles
from pausepoint.errors import StoreError

pytestmark = pytest.mark.anyio


class Clock:
    """Seconds that are moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def failing(error: Exception) -> None:
    raise error


async def working() -> None:
    """Do nothing, well."""


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "pausepoint"]


async def test_the_same_failure_is_told_once_and_again_after_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    troubles = Troubles("It fails", clock)
    for _ in range(5):
        await troubles.tried(partial(failing, StoreError("The store does not reply.")))
    clock.now += AGAIN
    await troubles.tried(partial(failing, StoreError("The store does not reply.")))

    assert told(caplog) == ["It fails, which is tried again: The store does not reply."] * 2


async def test_another_failure_is_told_at_once_and_two_that_alternate_are_told_once_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    troubles = Troubles("It fails", Clock())
    for words in ("One.", "Other.") * 3:
        await troubles.tried(partial(failing, StoreError(words)))

    assert [line.rpartition(": ")[2] for line in told(caplog)] == ["One.", "Other."]


async def test_what_works_again_is_told_and_so_is_its_next_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pausepoint")
    troubles = Troubles("It fails", Clock())
    for work in (working, partial(failing, StoreError("No.")), working, working, partial(failing, StoreError("No."))):
        await troubles.tried(work)

    assert [line.rpartition(": ")[2] for line in told(caplog)] == [
        "No.",
        "It fails for a while; now it works again.",
        "No.",
    ]


async def test_words_that_differ_each_time_are_forgotten_in_the_end() -> None:
    troubles = Troubles("It fails", Clock())
    for number in range(3 * MOST):
        await troubles.tried(partial(failing, StoreError(f"Number {number}.")))

    assert len(troubles._told) <= MOST


async def test_the_words_of_an_unforeseen_failure_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    await Troubles("It fails", Clock()).tried(partial(failing, RuntimeError("typed by a reviewer")))

    assert told(caplog) == ["It fails, which is tried again: RuntimeError"]


async def test_a_store_that_is_down_is_not_a_line_for_each_look_of_the_sweep(
    house: Any, caplog: pytest.LogCaptureFixture
) -> None:
    desk = house.app().state.desk
    tries: list[str] = []
    house.store.fails = lambda what, path: bool(tries.append(what)) or True
    sweeper = Sweeper(desk.store, desk.index, desk.overlooked, every=0.001)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sweeper.run)
        with anyio.fail_after(10):
            while len(tries) < 30:
                await anyio.sleep(0.001)
        tasks.cancel_scope.cancel()

    lines = told(caplog)
    assert lines
    assert len(lines) == len(set(lines))


async def test_a_store_that_cannot_be_written_is_one_line_however_often_it_is_tried(
    house: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def odd(what: str, path: str) -> bool:
        raise RuntimeError("typed by a reviewer")

    desk = house.app().state.desk
    for house.store.fails in (odd, lambda what, path: what == "create"):
        for _ in range(3):
            await desk.readiness.prove()

    assert told(caplog) == [
        "The store cannot be written, which is tried again: RuntimeError",
        "The store cannot be written, which is tried again: The store does not reply. Try again later.",
    ]
