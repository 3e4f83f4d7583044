"""
The hooks of Pausepoint for the example engine.

The engine is imported inside functions: a process that only lists plugins must not start it.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from datetime import datetime, timezone
from typing import Any

from pausepoint.hooks import Leave, Request, Response, RunContext, Served, Store, Waiter, hookimpl

from ._compat import engine_module


@hookimpl
def pausepoint_engine() -> RunContext | None:
    """Say which task runs here; cheap, because every question of every process asks it."""
    # Whoever runs inside the engine has imported it already.
    engine = sys.modules.get("example_engine")
    task = engine.current() if engine is not None else None
    if task is None:
        return None
    return RunContext(engine="example", run_id=task.run.id, task_id=task.name, attempt=task.attempt)


@hookimpl
def pausepoint_serve(store: Store) -> Served:
    """Have the engine host the form app: one for each store, however often it is asked."""
    from pausepoint.app import create_app

    return Served(base_url=engine_module().host(store.url, lambda: create_app(store)))


@hookimpl
def pausepoint_report(request: Request, html: str) -> None:
    """Show the question in the run's report; a retry replaces its own."""
    _task().run.reports[request.request_id] = html


@hookimpl
def pausepoint_link(request: Request, url: str) -> None:
    """Put the link on the run's page."""
    _task().run.links[request.request_id] = url


@hookimpl
def pausepoint_wait(waiter: Waiter) -> Awaitable[Response | Leave] | None:
    """Give the thread up where the run is one that may; the engine executes the task again when it is woken."""
    if not _task().run.suspends:
        return None
    return _leave(waiter.deadline)


@hookimpl
def pausepoint_wake(request: Request) -> None:
    """Have the engine execute the task again; it does nothing for a task that runs or has ended."""
    engine_module().resume(request.run.run_id, request.run.task_id)


@hookimpl
def pausepoint_settled(request: Request, response: Response) -> None:
    """Note the outcome on the run's page."""
    run = engine_module().runs.get(request.run.run_id)
    # It may have been asked by a process that is gone, and its run with it.
    if run is not None:
        run.notes[request.request_id] = response.outcome


async def _leave(deadline: datetime | None) -> Leave:
    seconds = None if deadline is None else (deadline - datetime.now(timezone.utc)).total_seconds()
    return Leave(engine_module().Suspend(seconds))


def _task() -> Any:
    """Return the task that asks: these hooks are called in its own thread and context."""
    return engine_module().current()
