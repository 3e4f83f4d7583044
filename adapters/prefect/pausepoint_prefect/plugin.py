"""The entry point: what Pausepoint asks Prefect. Prefect itself is imported only inside a flow, or to wake one."""

from __future__ import annotations

import sys
from collections.abc import Awaitable

from pausepoint.hooks import Leave, Reason, Request, Response, RunContext, Waiter, hookimpl


@hookimpl
def pausepoint_engine() -> RunContext | None:
    """Say which flow run, and which task in it, the calling code belongs to."""
    # Code inside a flow was called by Prefect, which is then imported.
    if "prefect.context" not in sys.modules:
        return None
    from ._runs import current_run

    return current_run()


@hookimpl
def pausepoint_link(request: Request, url: str) -> Awaitable[None]:
    """Show the link as an artifact, in the run's log, and as a custom event."""
    from ._showing import show

    return show(request, url)


@hookimpl
def pausepoint_wait(request: Request, waiter: Waiter) -> Awaitable[Response | Leave]:
    """Wait in the way that the author or the environment chose."""
    from ._waiting import wait

    return wait(request, waiter)


@hookimpl
def pausepoint_wake(request: Request, reason: Reason) -> Awaitable[None] | None:
    """Resume the run if it is suspended for a question."""
    # Without a page there was no server: the run lives in its own process, and nobody else can have suspended it.
    if request.run.url is None:
        return None
    from ._suspending import wake

    return wake(request, reason)
