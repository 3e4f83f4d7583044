"""The hooks: what Pausepoint asks, answered by the modules beside this one. No Flyte is imported to find out."""

from __future__ import annotations

from collections.abc import Awaitable

from pausepoint.hooks import Leave, Reason, Request, Response, RunContext, Served, Store, Waiter, hookimpl

from . import surroundings


@hookimpl
def pausepoint_engine() -> RunContext | None:
    """Say which run, task and attempt the calling code belongs to."""
    here = surroundings.current()
    return surroundings.run_context(here) if here else None


@hookimpl
def pausepoint_serve(store: Store) -> Served | None:
    """Serve the form as an app of the project and domain; a local run leaves it to the process itself."""
    here = surroundings.current()
    if not here or here.mode == "local":
        return None
    from . import serving

    return serving.serve(here, store.url)


@hookimpl
def pausepoint_report(request: Request, html: str) -> Awaitable[None] | None:
    """Show the question in the report of the task that asks."""
    here = surroundings.current()
    if not here:
        return None
    from . import report

    return report.show(here, request.request_id, html)


@hookimpl
def pausepoint_link(request: Request, url: str) -> Awaitable[None] | None:
    """Put the link where people see it, unless the report is such a place."""
    here = surroundings.current()
    if not here:
        return None
    from . import link

    return link.show(here, request, url)


@hookimpl
def pausepoint_wait(request: Request, waiter: Waiter) -> Awaitable[Response | Leave] | None:
    """Wait on a condition of Flyte's own as well, where the backend has them."""
    here = surroundings.current()
    if not here:
        return None
    from . import conditions

    return conditions.wait(request, waiter) if conditions.are_wanted(here.mode) else None


@hookimpl
def pausepoint_wake(request: Request, reason: Reason) -> Awaitable[None] | None:
    """Signal the condition that the task waits on, so that it wakes by push."""
    from . import conditions

    # A signal ends a condition, and a candidate may yet be refused; the waiting task hears of it by itself.
    return conditions.wake(request) if reason == "response" and conditions.are_wanted() else None
