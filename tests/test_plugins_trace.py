"""PAUSEPOINT_TRACE prints each hook call, and nothing that is somebody's secret."""

from __future__ import annotations

from typing import Any

import pytest

from pausepoint import new_event, pause
from pausepoint._models import Answer
from pausepoint._sync import run_sync
from pausepoint.hooks import Waiter

from plugging import asking, inside, plugin, question


def pausepoint_wait(waiter: Waiter) -> Any:
    return waiter.offer(Answer(value="what somebody typed"))


def pausepoint_link(url: str) -> None:
    raise LookupError(url)


def test_each_call_is_one_line_with_plugin_hook_event_and_type(capsys: pytest.CaptureFixture[str]) -> None:
    with asking(("example", plugin(inside(), pausepoint_wait, pausepoint_link)), trace=True) as desk:
        assert pause(str, key="word") == "what somebody typed"
        request = desk.requests()[0]
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("pausepoint: ")]

    assert lines == [
        "pausepoint: example pausepoint_engine -> RunContext",
        "pausepoint: local pausepoint_serve -> Served",
        f"pausepoint: example pausepoint_link {request.label} raised LookupError",
        "pausepoint: example pausepoint_engine -> RunContext",
        f"pausepoint: example pausepoint_wait {request.label} -> coroutine",
    ]


def test_no_value_no_link_and_no_whole_id_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with asking(("example", plugin(inside(), pausepoint_wait, pausepoint_link)), trace=True) as desk:
        pause(str, key="word")
        run_sync(desk.hooks.wake, question(), "response")
    told = capsys.readouterr().err

    assert "typed" not in told
    assert "http" not in told
    assert desk.requests()[0].request_id not in told


def test_without_the_setting_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with asking(("example", plugin(inside()))):
        new_event("n", int)

    assert capsys.readouterr().err == ""
