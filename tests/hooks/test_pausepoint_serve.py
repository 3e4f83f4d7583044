"""`pausepoint_serve`: who makes the form app reachable."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from pausepoint import RunContext, Served, new_event
from pausepoint._sync import in_loop
from pausepoint.errors import ServeError
from pausepoint.hooks import Store

from plugging import BASE, RUN, asking, inside, plugin

WORD: ContextVar[str] = ContextVar("word", default="nothing")


def serving(url: str | None, order: list[str] | None = None, name: str = "") -> Callable[[], Served | None]:
    def pausepoint_serve() -> Served | None:
        if order is not None:
            order.append(name)
        return Served(base_url=url) if url else None

    return pausepoint_serve


def test_the_address_of_the_engine_is_that_of_the_event() -> None:
    given: list[Any] = []

    def pausepoint_serve(context: RunContext, store: Store) -> Served:
        given.extend((context, store))
        return Served(base_url="https://forms.example.org/x")

    with asking(("example", plugin(inside(), pausepoint_serve))) as desk:
        event = new_event("n", int)

    # With a token, since reviewers come from beyond this machine.
    assert event.form_url.partition("?token=")[0] == f"https://forms.example.org/x/form/{event.request_id}"
    assert given == [RUN, desk.watcher().store]
    assert desk.fallen_back == [event.form_url]


def test_the_engine_is_asked_first_then_observers_then_the_fallback() -> None:
    order: list[str] = []
    with asking(
        ("watches", plugin(serving(None, order, "watches"))),
        ("example", plugin(inside(), serving(None, order, "example"))),
        ("other", plugin(inside(None), serving(None, order, "other"))),
    ) as desk:
        assert new_event("n", int).endpoint == BASE

    assert order == ["example", "watches"]
    assert desk.fallen_back[0] == "serve"


def test_the_first_address_wins() -> None:
    with asking(
        ("watches", plugin(serving("http://watches.example"))),
        ("example", plugin(inside(), serving("http://example.example"))),
    ):
        assert new_event("n", int).endpoint == "http://example.example"


def test_an_engine_that_refuses_is_the_last_word_and_the_question_is_adopted_when_asked_again() -> None:
    def pausepoint_serve() -> Served:
        raise ServeError("The cluster is full.", "Ask the operator for more.")

    with (
        asking(("example", plugin(inside(), pausepoint_serve)), store="memory://serve-refused") as desk,
        pytest.raises(ServeError, match="The cluster is full") as caught,
    ):
        new_event("n", int)
    copy = pickle.loads(pickle.dumps(caught.value))
    with asking(("example", plugin(inside())), store="memory://serve-refused") as after:
        event = new_event("n", int)

    assert (caught.value.plugin, copy.plugin, desk.fallen_back) == ("example", "example", [])
    assert [request.request_id for request in after.requests()] == [event.request_id]


def test_any_other_failure_is_a_serve_error_that_names_the_plugin() -> None:
    def pausepoint_serve() -> Served:
        raise LookupError("broken")

    with (
        asking(("example", plugin(inside(), pausepoint_serve))),
        pytest.raises(ServeError, match="pausepoint_serve of example raised LookupError") as caught,
    ):
        new_event("n", int)

    assert isinstance(caught.value.__cause__, LookupError)


async def _served() -> Served:
    return Served(base_url=BASE)


@pytest.mark.parametrize(
    ("give", "told"),
    [
        (lambda: "http://127.0.0.1:1", "returned a value of type str"),
        (_served, "returned a value of type coroutine"),
        (lambda: Served(base_url="ftp://example.org"), "no browser opens"),
        (lambda: Served(base_url="https://example.org/"), "without a trailing slash"),
    ],
)
def test_what_is_no_address_is_refused(give: Callable[[], Any], told: str) -> None:
    def pausepoint_serve() -> Any:
        return give()

    with asking(("example", plugin(inside(), pausepoint_serve))), pytest.raises(ServeError, match=told) as caught:
        new_event("n", int)

    assert caught.value.plugin == "example"


def test_it_is_called_off_the_authors_loop_and_in_the_authors_context() -> None:
    seen: list[tuple[bool, bool, str]] = []

    def pausepoint_serve() -> None:
        seen.append((in_loop(), threading.get_ident() == author, WORD.get()))

    WORD.set("the author's")
    author = threading.get_ident()
    with asking(("example", plugin(inside(), pausepoint_serve))):
        new_event("n", int)
        asyncio.run(new_event.aio("m", int))

    assert seen == [(False, True, "the author's"), (False, False, "the author's")]
