"""`pausepoint_link`: the link where people see it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from pausepoint import new_event
from pausepoint.hooks import Request

from plugging import asking, inside, plugin


def linking(told: list[tuple[str, str]]) -> Callable[[Request, str], None]:
    def pausepoint_link(request: Request, url: str) -> None:
        told.append((request.title, url))

    return pausepoint_link


def test_the_engine_and_observers_are_told_and_the_terminal_is_not() -> None:
    engine: list[tuple[str, str]] = []
    observer: list[tuple[str, str]] = []
    with asking(("example", plugin(inside(), linking(engine))), ("watches", plugin(linking(observer)))) as desk:
        event = new_event("n", int, title="How many?")

    assert engine == observer == [("How many?", event.form_url)]
    assert desk.fallen_back == ["serve"]


def test_in_a_process_without_an_engine_the_terminal_is_told_beside_observers() -> None:
    observer: list[tuple[str, str]] = []
    other: list[tuple[str, str]] = []
    with asking(("example", plugin(inside(None), linking(other))), ("watches", plugin(linking(observer)))) as desk:
        event = new_event("n", int)

    assert (len(observer), other) == (1, [])
    assert desk.fallen_back == ["serve", event.form_url]


def test_an_engine_whose_plugin_tells_nobody_has_the_link_on_its_terminal() -> None:
    with asking(("example", plugin(inside()))) as desk:
        event = new_event("n", int)

    assert desk.fallen_back == ["serve", event.form_url]


def test_one_that_fails_silences_no_other_and_its_link_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, str]] = []

    def pausepoint_link(url: str) -> None:
        raise ConnectionError(f"no route to {url}")

    with asking(("example", plugin(inside(), pausepoint_link)), ("watches", plugin(linking(told)))):
        event = new_event("n", int)

    assert told == [("n", event.form_url)]
    assert "pausepoint_link of example raised ConnectionError. Event 'n'" in caplog.text
    assert "/form/" not in caplog.text


def test_an_awaitable_that_fails_silences_no_other_either(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, str]] = []

    def pausepoint_link(url: str) -> Awaitable[None]:
        async def put() -> None:
            raise ConnectionError(url)

        return put()

    with asking(("example", plugin(inside(), pausepoint_link)), ("watches", plugin(linking(told)))):
        new_event("n", int)
        asyncio.run(new_event.aio("m", int))

    assert [title for title, _ in told] == ["n", "m"]
    assert caplog.text.count("pausepoint_link of example raised ConnectionError") == 2


def test_it_is_called_in_the_authors_thread() -> None:
    seen: list[int] = []

    def pausepoint_link() -> None:
        seen.append(threading.get_ident())

    with asking(("example", plugin(inside(), pausepoint_link))):
        new_event("n", int)
        asyncio.run(new_event.aio("m", int))

    assert seen == [threading.get_ident()] * 2


def test_a_settled_question_is_told_to_nobody() -> None:
    told: list[tuple[str, str]] = []
    with asking(("example", plugin(inside(), linking(told)))) as desk:
        desk.answer(new_event("n", int, key="k"), 7)
        new_event("n", int, key="k")

    assert len(told) == 1
