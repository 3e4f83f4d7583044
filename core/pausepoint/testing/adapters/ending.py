"""Checks of how a wait ends, each time with a form app that is really served and asked over HTTP."""

from __future__ import annotations

from .declaring import Declared
from .trial import Bench


class EndingChecks(Declared):
    """What a task gets."""

    def test_an_answer_by_http_resumes_the_task(self, bench: Bench) -> None:
        """The task goes on with the answer, typed; in a suspending engine by being executed again."""
        trial = bench.begin()
        assert trial.answer(7).status_code == 200
        assert trial.ended().get("value") == 7

    def test_an_answer_resumes_a_coroutine(self, bench: Bench) -> None:
        """The same for an author who writes `await pause.aio(...)`: hooks are then called on the author's loop."""
        trial = bench.begin(is_async=True)
        assert trial.answer(7).status_code == 200
        assert trial.ended().get("value") == 7

    def test_an_answer_that_only_the_workflow_can_judge_is_judged(self, bench: Bench) -> None:
        """
        Of a type with a validator of the author's, the first answer is refused and the second taken: the adapter's wait
        must run the judging, `waiter.settled()`, or have the task executed again for it.
        """
        trial = bench.begin(data_type="even")
        assert trial.answer(3).status_code in (202, 422), "saved until it is judged, or refused"
        assert trial.answer(4).status_code in (200, 202)
        assert trial.ended().get("value") == 4

    def test_a_timeout_raises_our_error(self, bench: Bench) -> None:
        """The task gets `WaitTimeoutError`, not the engine's own, so that an author's code is the same everywhere."""
        trial = bench.begin(timeout_seconds=1.0)
        assert trial.ended().get("error") == "WaitTimeoutError"

    def test_a_cancel_raises_our_error(self, bench: Bench) -> None:
        """An event that an operator withdraws ends the wait with `EventCancelledError`."""
        trial = bench.begin()
        assert trial.cancel("No longer needed.").status_code == 200
        assert trial.ended().get("error") == "EventCancelledError"

    def test_a_refusal_to_answer_raises_our_error(self, bench: Bench) -> None:
        """A reviewer who declines ends the wait with `DeclinedError`."""
        trial = bench.begin()
        assert trial.answer(declined=True, comment="Too risky.").status_code == 200
        assert trial.ended().get("error") == "DeclinedError"
