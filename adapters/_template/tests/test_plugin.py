"""What only this engine does, each through its hook."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from pausepoint import RunContext
from pausepoint.errors import AdapterError
from pausepoint.hooks import Request, Response

import example_engine
from pausepoint_example import plugin


def request_of(run: example_engine.Run) -> Request:
    return Request(
        request_id="a" * 26,
        name="approve",
        key="approve",
        run=RunContext(engine="example", run_id=run.id, task_id="task"),
        title="Approve?",
        prompt="",
        data_type="bool",
        json_schema={"type": "boolean"},
        schema_complete=True,
        created_at=datetime.now(timezone.utc),
    )


def inside(function: Any) -> tuple[example_engine.Run, Any]:
    """Call a function in a task; return the run and the result."""
    results: list[Any] = []
    done = threading.Event()

    def task() -> None:
        results.append(function())
        done.set()

    run = example_engine.start({"task": task})
    assert done.wait(60)
    return run, results[0]


def test_a_task_is_known_by_its_run_and_name() -> None:
    run, context = inside(plugin.pausepoint_engine)

    assert context == RunContext(engine="example", run_id=run.id, task_id="task", attempt=0)


def test_a_question_that_is_found_again_replaces_its_link_and_report() -> None:
    def show() -> None:
        request = request_of(example_engine.current().run)
        for _ in range(2):
            plugin.pausepoint_report(request=request, html="...")
            plugin.pausepoint_link(request=request, url="http://127.0.0.1/form/a")

    run, _ = inside(show)

    assert list(run.links.values()) == ["http://127.0.0.1/form/a"]
    assert len(run.reports) == 1


def test_the_outcome_is_noted_on_the_run() -> None:
    run, _ = inside(lambda: None)
    request = request_of(run)
    plugin.pausepoint_settled(
        request=request, response=Response(request_id=request.request_id, outcome="declined", source="reviewer")
    )

    assert run.notes == {request.request_id: "declined"}


def test_what_happens_to_a_run_that_is_gone_is_no_error() -> None:
    gone = request_of(example_engine.Run())
    plugin.pausepoint_wake(request=gone)
    plugin.pausepoint_settled(
        request=gone, response=Response(request_id=gone.request_id, outcome="cancelled", source="operator")
    )


def test_an_engine_that_is_too_old_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_engine, "VERSION", (0, 9))

    with pytest.raises(AdapterError, match=r"needs version 1\.0 .* 0\.9 is installed"):
        plugin.pausepoint_wake(request=request_of(example_engine.Run()))
