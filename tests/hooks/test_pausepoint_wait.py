"""`pausepoint_wait`: the engine's own way to wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator

from pausepoint import RunContext, new_event, pause
from pausepoint._models import Answer, Response, Reviewer
from pausepoint.errors import AdapterError, AnswerError, EventCancelledError, WaitTimeoutError
from pausepoint.hooks import Leave, Request, Waiter

from plugging import RUN, asking, inside, plugin

WORD: ContextVar[str] = ContextVar("word", default="nothing")
Outcome = Response | Leave
Waits = Callable[[Waiter], Awaitable[Any]]


def waiting(wait: Waits, asked: list[str] | None = None) -> Callable[[Request, Waiter], Awaitable[Any]]:
    """Return a `pausepoint_wait` that waits this way, and notes which events reach it."""

    def pausepoint_wait(request: Request, waiter: Waiter) -> Awaitable[Any]:
        if asked is not None:
            asked.append(request.name)
        return wait(waiter)

    return pausepoint_wait


async def settled(waiter: Waiter) -> Outcome:
    return await waiter.settled()


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError("Only odd numbers.")
    return number


Odd = Annotated[int, AfterValidator(_odd)]


class Suspended(BaseException):
    """An engine's own way out, which is no Exception."""


@pytest.mark.parametrize("way_out", [Suspended, SystemExit, LookupError, asyncio.CancelledError])
def test_what_an_engine_leaves_with_is_raised_unwrapped_at_the_authors_call(way_out: type[BaseException]) -> None:
    error = way_out("later")

    async def leave(waiter: Waiter) -> Outcome:
        return Leave(error)

    with asking(("example", plugin(inside(), waiting(leave)))):
        with pytest.raises(way_out) as blocking:
            pause(int)
        with pytest.raises(way_out) as awaited:
            asyncio.run(_pausing())

    assert blocking.value is awaited.value is error


async def _pausing() -> int:
    return await pause.aio(int)


def test_leaving_one_wait_cancels_no_other() -> None:
    """Also not the one that waits in the same loop, which is Pausepoint's."""
    left = threading.Event()

    async def leave_or_wait(waiter: Waiter) -> Outcome:
        if waiter.deadline is None:
            return Leave(Suspended())
        return await waiter.settled()

    with asking(("example", plugin(inside(), waiting(leave_or_wait)))) as desk:
        stays = new_event("stays", int)
        got: list[int] = []
        waiter = threading.Thread(target=lambda: got.append(stays.wait()))
        waiter.start()
        with pytest.raises(Suspended):
            new_event("leaves", int, timeout_seconds=None).wait()
        left.set()
        desk.answer(stays, 7)
        waiter.join(60)

    assert got == [7]


def test_an_event_that_is_settled_never_reaches_the_engine() -> None:
    asked: list[str] = []
    with asking(("example", plugin(inside(), waiting(settled, asked)))) as desk:
        event = new_event("n", int)
        desk.answer(event, 7)

        assert event.wait() == 7
        assert asked == []


def test_neither_does_one_whose_stored_answer_only_has_to_be_judged() -> None:
    asked: list[str] = []
    with asking(("example", plugin(inside(), waiting(settled, asked)))) as desk:
        event = new_event("n", Odd)
        desk.answer(event, 4)
        desk.answer(event, 5)

        assert event.wait() == 5
        assert asked == []


def test_neither_does_one_whose_deadline_has_passed() -> None:
    asked: list[str] = []
    with asking(("example", plugin(inside(), waiting(settled, asked)))):
        event = new_event("n", int, timeout_seconds=0.001)
        threading.Event().wait(0.01)
        with pytest.raises(WaitTimeoutError):
            event.wait()

    assert asked == []


def test_an_engine_that_declines_leaves_the_wait_to_pausepoint() -> None:
    def pausepoint_wait() -> None:
        return None

    with asking(("example", plugin(inside(), pausepoint_wait))) as desk:
        event = new_event("n", int)
        threading.Timer(0.05, desk.answer, (event, 7)).start()

        assert event.wait() == 7


@pytest.mark.parametrize("complete", [True, False])
def test_an_answer_given_in_the_engines_own_ui_is_taken(complete: bool) -> None:
    by = Reviewer(name="ann", assurance="verified")

    async def offer(waiter: Waiter) -> Outcome:
        return await waiter.offer(Answer(value=7, by=by, through="example"))

    with asking(("example", plugin(inside(), waiting(offer)))):
        event = new_event("n", int if complete else Odd)

        assert event.wait() == 7
        response = event.response()

    assert response is not None
    assert (response.by, response.through) == (by, "example")


@pytest.mark.parametrize(("kind", "value"), [(int, "seven"), (Odd, 4)])
def test_an_answer_that_does_not_fit_is_refused_and_the_event_stays_open(kind: Any, value: Any) -> None:
    refused: list[AnswerError] = []

    async def offer_twice(waiter: Waiter) -> Outcome:
        try:
            return await waiter.offer(Answer(value=value))
        except AnswerError as error:
            refused.append(error)
        return await waiter.offer(Answer(value=7))

    with asking(("example", plugin(inside(), waiting(offer_twice)))):
        assert new_event("n", kind).wait() == 7

    assert refused[0].fields
    assert "'n'" in str(refused[0])


def test_an_answer_that_comes_second_gives_the_one_that_stands() -> None:
    async def too_late(waiter: Waiter) -> Outcome:
        await asyncio.to_thread(desk.answer, event, 7)
        return await waiter.offer(Answer(value=8))

    with asking(("example", plugin(inside(), waiting(too_late)))) as desk:
        event = new_event("n", int)

        assert event.wait() == 7


def test_an_engine_that_cancels_ends_the_wait() -> None:
    async def cancel(waiter: Waiter) -> Outcome:
        return await waiter.cancel("the run was cancelled")

    with (
        asking(("example", plugin(inside(), waiting(cancel)))),
        pytest.raises(EventCancelledError) as caught,
    ):
        pause(int)

    assert caught.value.reason == "the run was cancelled"


def test_what_it_waits_with_knows_link_and_deadline() -> None:
    known: list[tuple[str, datetime | None]] = []

    async def leave(waiter: Waiter) -> Outcome:
        known.append((waiter.form_url, waiter.deadline))
        return Leave(Suspended())

    with asking(("example", plugin(inside(), waiting(leave)))) as desk:
        event = new_event("n", int)
        with pytest.raises(Suspended):
            event.wait()

    assert known == [(event.form_url, desk.requests()[0].deadline)]


def test_a_look_does_not_wait_and_judges_what_is_stored() -> None:
    seen: list[object] = []

    async def looks(waiter: Waiter) -> Outcome:
        seen.append(await waiter.look())
        response = await waiter.offer(Answer(value=7))
        seen.append(await waiter.look() == response)
        return response

    with asking(("example", plugin(inside(), waiting(looks)))):
        assert new_event("looked-at", int).wait() == 7

    assert seen == [None, True]


def test_two_can_wait_with_it_at_the_same_time_and_one_be_cancelled() -> None:
    async def twice(waiter: Waiter) -> Outcome:
        first, second = asyncio.ensure_future(waiter.settled()), asyncio.ensure_future(waiter.settled())
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.wait([first])
        return await second

    with asking(("example", plugin(inside(), waiting(twice)))) as desk:
        event = new_event("n", int)
        threading.Timer(0.1, desk.answer, (event, 7)).start()

        assert asyncio.run(event.wait.aio()) == 7


def test_a_response_that_nobody_stored_is_not_believed() -> None:
    async def make_up(waiter: Waiter) -> Outcome:
        now = datetime.now(timezone.utc)
        return Response(request_id=event.request_id, outcome="answered", value=7, source="reviewer", settled_at=now)

    with asking(("example", plugin(inside(), waiting(make_up)))):
        event = new_event("n", int)
        with pytest.raises(AdapterError, match=r"gave a response that is not stored\. Event 'n'") as caught:
            event.wait()

    assert caught.value.plugin == "example"


def test_the_stored_response_is_returned_whatever_the_engine_says_it_was() -> None:
    async def change(waiter: Waiter) -> Outcome:
        return (await waiter.offer(Answer(value=7))).model_copy(update={"value": 8})

    with asking(("example", plugin(inside(), waiting(change)))):
        assert pause(int) == 7


async def _seven(waiter: Waiter) -> int:
    return 7


@pytest.mark.parametrize("wrong", [_seven, lambda waiter: 7])
def test_what_is_no_outcome_is_refused(wrong: Waits) -> None:
    with (
        asking(("example", plugin(inside(), waiting(wrong)))),
        pytest.raises(AdapterError, match="returned a value of type int") as caught,
    ):
        pause(int)

    assert caught.value.plugin == "example"


def test_what_it_raises_reaches_the_author_as_it_is() -> None:
    async def fail(waiter: Waiter) -> Outcome:
        raise LookupError("the engine's own")

    with asking(("example", plugin(inside(), waiting(fail)))), pytest.raises(LookupError, match="the engine's own"):
        pause(int)


def test_it_is_called_where_the_author_is_and_awaited_there_or_in_a_copy_of_the_context() -> None:
    seen: list[tuple[str, bool, str]] = []

    async def note(waiter: Waiter) -> Outcome:
        seen.append(("awaited", threading.get_ident() == author, WORD.get()))
        return await waiter.offer(Answer(value=7))

    def pausepoint_wait(waiter: Waiter) -> Awaitable[Outcome]:
        seen.append(("called", threading.get_ident() == author, WORD.get()))
        return note(waiter)

    WORD.set("the author's")
    author = threading.get_ident()
    with asking(("example", plugin(inside(), pausepoint_wait))):
        pause(int)
        asyncio.run(pause.aio(int))

    word = "the author's"
    assert seen == [("called", True, word), ("awaited", False, word), ("called", True, word), ("awaited", True, word)]


def test_an_engine_is_not_asked_for_the_events_of_another_nor_outside_of_itself() -> None:
    asked: list[str] = []
    where: list[RunContext | None] = [RUN]

    def pausepoint_engine() -> RunContext | None:
        return where[0]

    with asking(("example", plugin(pausepoint_engine, waiting(settled, asked)))) as desk:
        event = new_event("of the engine", int)
        where[0] = None
        threading.Timer(0.05, desk.answer, (event, 7)).start()
        assert event.wait() == 7
        other = new_event("of the process", int)
        where[0] = RUN
        threading.Timer(0.05, desk.answer, (other, 8)).start()
        assert other.wait() == 8

    assert asked == []


def test_cancelling_the_author_cancels_the_engines_way() -> None:
    begun, ended = threading.Event(), threading.Event()

    async def for_ever(waiter: Waiter) -> Outcome:
        begun.set()
        try:
            return await waiter.settled()
        finally:
            ended.set()

    async def author() -> None:
        task = asyncio.create_task(pause.aio(int))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.wait([task])

    with asking(("example", plugin(inside(), waiting(for_ever)))):
        asyncio.run(author())

    assert ended.is_set()


def test_a_response_of_another_event_is_refused_by_name() -> None:
    async def another(waiter: Waiter) -> Outcome:
        return Response(request_id="b" * 26, outcome="answered", value=3, source="reviewer")

    with asking(("example", plugin(inside(), waiting(another)))):
        event = new_event("how-many", int)
        with pytest.raises(AdapterError, match="The awaitable of pausepoint_wait of example returned"):
            event.wait()
