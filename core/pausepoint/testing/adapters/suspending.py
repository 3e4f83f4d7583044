"""Checks of engines that give a waiting task's process up, and execute the task again when they are woken."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable

import anyio

from ..._markers import Markers
from ..._models import Answer, Request
from ..._settling import Settling
from ..._store import Records, Store
from ...hooks import Reason
from .declaring import Declared, needs
from .trial import Bench


class SuspendingChecks(Declared):
    """Giving up and being woken."""

    @needs("can_suspend")
    def test_it_gives_its_process_up_without_a_deadline(self, bench: Bench) -> None:
        """
        The task is left the engine's own way, also where nothing says for how long; the answer has it executed again,
        and it finds its event. That other answers, verdicts and deadlines wake it, the other checks see.
        """
        trial = bench.begin(timeout_seconds=None)
        trial.until("left")
        assert trial.answer(7).status_code == 200
        assert trial.ended().get("value") == 7
        assert trial.asked(1)["request_id"] == trial.asked(0)["request_id"]

    @needs("can_suspend")
    def test_it_is_woken_after_a_crash_between_settling_and_waking(self, bench: Bench) -> None:
        """Whoever stored the answer ended before it could wake anybody; the form app finds that out and does."""
        trial = bench.begin()
        trial.until("left")
        anyio.run(_settle_and_wake_nobody, bench.store, trial.request())
        assert trial.ended().get("value") == 7

    @needs("can_suspend")
    def test_an_answer_while_it_gives_up_is_not_lost(self, bench: Bench) -> None:
        """
        The answer, and the wake, come when the task has looked for the last time and the engine does not know yet that
        it will end. The engine must remember the wake; or `pausepoint_wake` must raise, so that it is tried again.
        """
        trial = bench.begin("wait, and be answered while leaving", "wait")
        trial.until("left")
        assert trial.until("answered while leaving")["status"] == 200
        assert trial.ended().get("value") == 7

    @needs("can_suspend")
    def test_waking_again_is_no_error(self, bench: Bench, plugin: object) -> None:
        """A wake that comes a second time, or after the run has ended, raises nothing: else it is repeated for ever."""
        trial = bench.begin()
        assert trial.answer(7).status_code == 200
        trial.ended()
        for _ in range(2):
            _woken(plugin, trial.request(), "response")


async def _settle_and_wake_nobody(store: Store, request: Request) -> None:
    records = Records(store)
    # Nobody listens to this one, as if the process had been killed right after the write.
    await Settling(records, Markers(store)).submit(request, Answer(value=7, through="test"))


def _woken(plugin: object, request: Request, reason: Reason) -> None:
    wake = plugin.pausepoint_wake  # type: ignore[attr-defined]
    given = {"request": request, "reason": reason}
    taken = {name: given[name] for name in inspect.signature(wake).parameters}
    returned = wake(**taken)
    if returned is not None:
        anyio.run(_awaited, returned)


async def _awaited(returned: Awaitable[None]) -> None:
    await returned
