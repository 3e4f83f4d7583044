"""A plugin that raises in each hook in turn: the question is asked and answered all the same, and it is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pausepoint import Served, new_event
from pausepoint._models import Response, utc_now
from pausepoint._sync import run_sync
from pausepoint.errors import AdapterError, ServeError
from pausepoint.hooks import Specs

from plugging import BASE, RUN, Desk, asking, plugin

HOOKS = [name for name in vars(Specs) if name.startswith("pausepoint_")]


class Moody:
    """Makes an adapter that raises in one hook as long as it is in a bad mood."""

    def __init__(self, fails: str) -> None:
        self.in_a_bad_mood = True
        self.fails = fails

    def plugin(self) -> Any:
        results = {"pausepoint_engine": RUN, "pausepoint_serve": Served(base_url=BASE)}
        return plugin(*(self._hook(name, results.get(name)) for name in HOOKS))

    def _hook(self, name: str, result: Any) -> Callable[[], Any]:
        def hook() -> Any:
            if name == self.fails and self.in_a_bad_mood:
                raise LookupError("broken")
            return result

        hook.__name__ = name
        return hook


def asked_and_answered(desk: Desk) -> None:
    event = new_event("deploy", bool, key="deploy")
    desk.answer(event, True)
    assert event.wait() is True


@pytest.mark.parametrize("name", ["pausepoint_report", "pausepoint_link"])
def test_what_only_tells_people_is_logged(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with asking(("example", Moody(name).plugin())) as desk:
        asked_and_answered(desk)

    assert f"{name} of example raised LookupError. Event 'deploy'" in caplog.text


@pytest.mark.parametrize("name", ["pausepoint_engine", "pausepoint_serve", "pausepoint_wait"])
def test_what_the_author_must_know_of_is_raised_and_asking_again_goes_on_with_the_same_question(name: str) -> None:
    moody = Moody(name)
    with asking(("example", moody.plugin())) as desk:
        with pytest.raises((AdapterError, LookupError)) as caught:
            new_event("deploy", bool, key="deploy").wait()
        asked_before = [request.request_id for request in desk.requests()]
        moody.in_a_bad_mood = False
        asked_and_answered(desk)

        assert asked_before in ([], [request.request_id for request in desk.requests()])
    if name != "pausepoint_wait":  # there the author gets what the engine raises, as it is
        assert "example" in str(caught.value)
    assert isinstance(caught.value, ServeError) is (name == "pausepoint_serve")


def test_an_engine_that_fails_can_be_passed_over() -> None:
    with asking(("example", Moody("pausepoint_engine").plugin()), engine="local") as desk:
        asked_and_answered(desk)

    assert desk.requests()[0].run.engine == "local"


@pytest.mark.parametrize("name", ["pausepoint_wake", "pausepoint_settled"])
def test_what_happens_after_the_answer_changes_nothing_about_it(name: str, caplog: pytest.LogCaptureFixture) -> None:
    response = Response(request_id="a" * 26, outcome="answered", value=True, source="reviewer", settled_at=utc_now())
    with asking(("example", Moody(name).plugin())) as desk:
        asked_and_answered(desk)
        request = desk.requests()[0]
        run_sync(desk.hooks.settled, request, response)
        if name == "pausepoint_wake":
            with pytest.raises(AdapterError, match="pausepoint_wake of example"):
                run_sync(desk.hooks.wake, request, "response")
        else:
            assert "pausepoint_settled of example raised LookupError" in caplog.text
