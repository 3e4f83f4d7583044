"""Checks of what stays the same when an engine executes a task again, and of what must differ."""

from __future__ import annotations

from .declaring import Declared, needs
from .trial import Bench


class IdentityChecks(Declared):
    """Which question is which."""

    def test_it_names_its_engine_inside_it(self, bench: Bench) -> None:
        """
        The stored question says which engine and run asked, and which attempt; that engine is the one that is woken.
        The run counts as resumable where the engine can restart it: otherwise authors are told that it is not.
        """
        context = bench.begin("crash").request().run
        assert context.engine == self.engine_name
        assert context.run_id
        assert context.attempt is not None, "automatic keys are counted anew with each attempt"
        assert context.resumable or not self.can_restart

    def test_another_run_asks_anew(self, bench: Bench) -> None:
        """The same question of another run is another event: yesterday's approval is never returned today."""
        one, other = bench.begin("crash", key="approve"), bench.begin("crash", key="approve")
        assert one.asked()["request_id"] != other.asked()["request_id"]

    def test_two_tasks_of_a_run_have_a_question_each(self, bench: Bench) -> None:
        """Two tasks of one run that ask the same, under one key, are asked separately: the task is part of who asks."""
        trial = bench.begin("crash", copies=2, key="approve")
        assert trial.asked(task=0)["request_id"] != trial.asked(task=1)["request_id"]

    @needs("can_retry")
    def test_a_retry_in_the_same_process_finds_the_same_event(self, bench: Bench) -> None:
        """
        A task that is executed again at once asks the event of before, and not a second one: the attempt counts up, so
        that equal questions are counted from the start, and is no part of who asks.
        """
        trial = bench.begin("crash", "wait", retries=1)
        assert trial.asked(1)["request_id"] == trial.asked(0)["request_id"]

    @needs("can_restart")
    def test_a_restart_finds_the_same_event(self, bench: Bench) -> None:
        """A run that is executed again after its process was lost asks the event of before."""
        trial = bench.begin("crash", "wait", key="approve")
        trial.crashed()
        trial.restart()
        assert trial.asked(1)["request_id"] == trial.asked(0)["request_id"]

    @needs("can_restart")
    def test_the_deadline_stays_however_often_it_restarts(self, bench: Bench) -> None:
        """
        The second restart finds the event and the deadline of the first. An engine may know a restart by the run that
        it repeats, which is the first run once, and another one after that.
        """
        trial = bench.begin("crash", "crash", "wait", key="approve")
        for execution in (0, 1):
            trial.crashed(execution)
            trial.restart()
        assert trial.asked(2)["request_id"] == trial.asked(1)["request_id"]
        assert trial.request(2).deadline == trial.request(1).deadline
