"""`pausepoint_engine`: which run asks."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from pausepoint import RunContext, new_event, pause, run
from pausepoint.errors import AdapterError, AmbiguousEngineError, UsageError
from pausepoint.testing import answers

from plugging import RUN, asking, inside, plugin

WORD: ContextVar[str] = ContextVar("word", default="nothing")


def test_a_question_belongs_to_the_run_that_the_engine_names() -> None:
    with asking(("example", plugin(inside()))) as desk:
        new_event("n", int)

    assert [request.run for request in desk.requests()] == [RUN]


def test_outside_of_every_engine_it_belongs_to_the_process() -> None:
    with asking(("example", plugin(inside(None)))) as desk:
        new_event("n", int)

    assert desk.requests()[0].run.engine == "local"


def test_a_retry_finds_the_same_event_in_another_process_and_in_the_same() -> None:
    with asking(("example", plugin(inside())), store="memory://engine-retried"):
        first = [new_event("n", int).request_id for _ in range(2)]
    again = RUN.model_copy(update={"attempt": 1})
    with asking(("example", plugin(inside(again))), store="memory://engine-retried"):
        second = [new_event("n", int).request_id for _ in range(2)]

    assert first == second
    assert len(set(first)) == 2


def test_equal_questions_of_one_attempt_are_counted_although_the_engine_is_asked_anew() -> None:
    run_of_its_own = RUN.model_copy(update={"run_id": "counted"})
    with asking(("example", plugin(inside(run_of_its_own)))):
        ids = {new_event("n", int).request_id for _ in range(3)}

    assert len(ids) == 3


def test_it_is_asked_in_the_authors_thread_and_context() -> None:
    seen: list[tuple[int, str]] = []

    def pausepoint_engine() -> None:
        seen.append((threading.get_ident(), WORD.get()))

    WORD.set("the author's")
    with asking(("example", plugin(pausepoint_engine))):
        new_event("n", int)
        asyncio.run(new_event.aio("m", int))

    assert seen == [(threading.get_ident(), "the author's")] * 2


def test_what_it_raises_ends_the_asking_and_names_the_plugin() -> None:
    def pausepoint_engine() -> None:
        raise LookupError("broken")

    with (
        asking(("example", plugin(pausepoint_engine))) as desk,
        pytest.raises(AdapterError, match="pausepoint_engine of example raised LookupError") as caught,
    ):
        new_event("n", int)

    assert isinstance(caught.value.__cause__, LookupError)
    assert caught.value.plugin == "example"
    assert desk.requests() == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (True, "returned a value of type bool. Return a RunContext"),
        (RUN.model_copy(update={"engine": "other"}), "says that its engine is 'other'"),
    ],
)
def test_what_makes_no_sense_is_refused(said: RunContext, told: str) -> None:
    with asking(("example", plugin(inside(said)))), pytest.raises(AdapterError, match=told):
        new_event("n", int)


OTHER = RUN.model_copy(update={"engine": "other"})


def test_two_engines_that_both_say_inside_are_named() -> None:
    with (
        asking(("example", plugin(inside())), ("other", plugin(inside(OTHER)))),
        pytest.raises(AmbiguousEngineError, match=r"example.*PAUSEPOINT_ENGINE to one of: .*local") as caught,
    ):
        new_event("n", int)

    assert "example" in caught.value.plugin
    assert "other" in caught.value.plugin


@pytest.mark.parametrize(("said", "engine"), [("example", "example"), ("other", "other"), ("local", "local")])
def test_the_setting_decides_between_them(said: str, engine: str) -> None:
    with asking(("example", plugin(inside())), ("other", plugin(inside(OTHER))), engine=said) as desk:
        new_event("n", int)

    assert desk.requests()[0].run.engine == engine


def test_a_setting_that_names_no_engine_says_which_there_are() -> None:
    with (
        asking(("example", plugin(inside())), engine="exmaple"),
        pytest.raises(UsageError, match="choose one of: example, local"),
    ):
        new_event("n", int)


def test_a_run_block_does_nothing_inside_an_engine() -> None:
    with asking(("example", plugin(inside()))) as desk:
        for _ in range(2):  # outside of an engine, it could not be entered again
            with run("mine") as context:
                new_event("n", int)

    assert context == RUN
    assert {request.run.engine for request in desk.requests()} == {"example"}


def test_answering_an_authors_questions_needs_no_engine() -> None:
    def pausepoint_engine() -> None:
        raise AssertionError("nobody asks")

    with asking(("example", plugin(pausepoint_engine))), answers({"n": 7}) as asked, run("mine"):
        assert pause(int, key="n") == 7

    assert asked[0].run.engine == "local"
