"""`pausepoint_wake`: the engine that waits is woken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from pausepoint._plugins import Hooks
from pausepoint.errors import AdapterError
from pausepoint.hooks import Reason, Request

from plugging import inside, plugin, question


def waking(woken: list[tuple[str, Reason]]) -> Callable[[Request, Reason], None]:
    def pausepoint_wake(request: Request, reason: Reason) -> None:
        woken.append((request.name, reason))

    return pausepoint_wake


@pytest.mark.anyio
async def test_the_engine_of_the_question_is_woken_outside_of_it_and_no_other() -> None:
    ours: list[tuple[str, Reason]] = []
    theirs: list[tuple[str, Reason]] = []
    hooks = Hooks([("example", plugin(inside(None), waking(ours))), ("other", plugin(inside(None), waking(theirs)))])
    await hooks.wake(question("example"), "candidate")
    await hooks.wake(question("example"), "response")

    assert ours == [("deploy", "candidate"), ("deploy", "response")]
    assert theirs == []


def test_it_is_known_beforehand_which_engine_anybody_wakes() -> None:
    hooks = Hooks([("example", plugin(inside(None), waking([]))), ("other", plugin(inside(None)))])

    assert [hooks.wakes(name) for name in ("example", "other", "local")] == [True, False, False]


@pytest.mark.anyio
async def test_a_plugin_that_blocks_does_so_in_a_worker_and_its_awaitable_is_awaited_here() -> None:
    seen: list[int] = []

    def pausepoint_wake() -> Awaitable[None]:
        seen.append(threading.get_ident())

        async def go_on() -> None:
            await asyncio.sleep(0)
            seen.append(threading.get_ident())

        return go_on()

    await Hooks([("example", plugin(inside(None), pausepoint_wake))]).wake(question(), "response")

    assert seen[0] != seen[1] == threading.get_ident()


@pytest.mark.anyio
async def test_a_failure_is_raised_with_the_plugins_name_after_every_other_was_called() -> None:
    woken: list[tuple[str, Reason]] = []

    def pausepoint_wake() -> None:
        raise LookupError("gone")

    hooks = Hooks([("example", plugin(inside(None), pausepoint_wake)), ("watches", plugin(waking(woken)))])
    with pytest.raises(AdapterError, match="pausepoint_wake of example raised LookupError") as caught:
        await hooks.wake(question(), "response")

    assert isinstance(caught.value.__cause__, LookupError)
    assert woken == [("deploy", "response")]


@pytest.mark.anyio
async def test_a_result_that_is_neither_nothing_nor_an_awaitable_is_refused() -> None:
    def pausepoint_wake() -> bool:
        return True

    with pytest.raises(AdapterError, match="pausepoint_wake of example returned a value of type bool"):
        await Hooks([("example", plugin(inside(None), pausepoint_wake))]).wake(question(), "response")


@pytest.mark.anyio
async def test_of_two_plugins_that_fail_one_is_raised_and_the_other_logged(caplog: pytest.LogCaptureFixture) -> None:
    words = f"{8 * 8}"

    def pausepoint_wake() -> None:
        raise LookupError(words)

    hooks = Hooks([("example", plugin(inside(None), pausepoint_wake)), ("audit", plugin(pausepoint_wake))])

    with pytest.raises(AdapterError, match="pausepoint_wake of example raised LookupError"):
        await hooks.wake(question(), "response")
    assert "pausepoint_wake of audit raised LookupError" in caplog.text
    assert words not in caplog.text
