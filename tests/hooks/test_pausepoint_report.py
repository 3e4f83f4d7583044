"""`pausepoint_report`: the question where the engine shows reports."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest

from pausepoint import new_event
from pausepoint.hooks import Request

from plugging import asking, inside, plugin

WORD: ContextVar[str] = ContextVar("word", default="nothing")

WITHOUT_A_REPORT = """
import sys
from pausepoint import new_event
from plugging import asking, inside, plugin
with asking(("example", plugin(inside()))):
    new_event("n", int)
print("jinja2" in sys.modules)
"""


def reporting(shown: list[tuple[Request, str]]) -> Callable[[Request, str], None]:
    def pausepoint_report(request: Request, html: str) -> None:
        shown.append((request, html))

    return pausepoint_report


def test_the_question_is_shown_escaped_with_its_link() -> None:
    shown: list[tuple[Request, str]] = []
    with asking(("example", plugin(inside(), reporting(shown)))):
        event = new_event("n", int, prompt="<script>alert(1)</script> **How many?**")
    ((request, html),) = shown

    assert request.request_id == event.request_id
    assert event.form_url in html
    assert event.api_url in html
    assert "<strong>How many?</strong>" in html
    assert "<script" not in html


def test_it_is_shown_again_to_a_retry_and_not_once_it_is_settled() -> None:
    shown: list[tuple[Request, str]] = []
    with asking(("example", plugin(inside(), reporting(shown)))) as desk:
        event = new_event("n", int, key="k")
        new_event("n", int, key="k")
        assert len(shown) == 2

        desk.answer(event, 7)
        new_event("n", int, key="k")

    assert len(shown) == 2


def test_without_anybody_who_reports_nothing_is_rendered() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{WITHOUT_A_REPORT}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.strip() == "False"


def test_a_report_that_fails_silences_no_other_and_no_link(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[tuple[Request, str]] = []

    def pausepoint_report(html: str) -> None:
        raise LookupError(html)

    with asking(("example", plugin(inside(), pausepoint_report)), ("watches", plugin(reporting(shown)))) as desk:
        event = new_event("n", int)

    assert len(shown) == 1
    assert desk.fallen_back[1:] == [event.form_url]
    assert "pausepoint_report of example raised LookupError. Event 'n'" in caplog.text
    assert event.request_id not in caplog.text


def test_a_report_that_is_neither_nothing_nor_an_awaitable_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def pausepoint_report(html: str) -> str:
        return html

    with asking(("example", plugin(inside(), pausepoint_report))):
        new_event("n", int)

    assert "returned a value of type str. Event 'n'" in caplog.text
    assert "Return nothing, or an awaitable." in caplog.text


def test_it_is_awaited_in_the_authors_loop_or_in_a_copy_of_the_authors_context() -> None:
    seen: list[tuple[bool, str]] = []

    def pausepoint_report(html: str) -> Awaitable[None]:
        async def show() -> None:
            await asyncio.sleep(0)
            seen.append((threading.get_ident() == author, WORD.get()))

        return show()

    WORD.set("the author's")
    author = threading.get_ident()
    with asking(("example", plugin(inside(), pausepoint_report))):
        new_event("n", int)
        asyncio.run(new_event.aio("m", int))

    assert seen == [(False, "the author's"), (True, "the author's")]
