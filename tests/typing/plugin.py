"""A plugin that must type-check: any arguments of a hook, functions and methods. Never run: see `tox -e types`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable

from typing_extensions import assert_type

import pausepoint
from pausepoint.hooks import (
    Answer,
    Leave,
    Reason,
    Request,
    Response,
    RunContext,
    Served,
    Store,
    Waiter,
    hookimpl,
)


@hookimpl
def pausepoint_engine() -> RunContext | None:
    """Say which run this is."""
    return RunContext(engine="example", run_id="r") if "example" in sys.modules else None


@hookimpl
def pausepoint_serve(context: RunContext, store: Store) -> Served | None:
    """Serve."""
    return Served(base_url=f"http://127.0.0.1/{context.run_id}{store.url}")


@hookimpl(tryfirst=True)
def pausepoint_report(request: Request, html: str) -> None:
    """Report at once."""
    print(request.title, html)


@hookimpl
def pausepoint_link(request: Request, url: str) -> Awaitable[None]:
    """Link, in a while."""

    async def put() -> None:
        print(request.title, url)

    return put()


@hookimpl
def pausepoint_wait(request: Request, waiter: Waiter) -> Awaitable[Response | Leave] | None:
    """Wait, or leave."""

    async def wait() -> Response | Leave:
        response = await waiter.offer(Answer(value=request.prompt))
        assert_type(response, Response)
        return response if waiter.deadline else Leave(KeyboardInterrupt())

    return wait()


@pausepoint.hookimpl
def pausepoint_wake(request: Request, reason: Reason) -> None:
    """Wake."""
    print(request.run.run_id, reason)


@hookimpl
def pausepoint_settled(request: Request, response: Response) -> None:
    """Tell."""
    print(request.title, response.outcome)


class Fewer:
    """A plugin that is an object, and takes less."""

    @hookimpl
    def pausepoint_engine(self) -> None:
        """Never inside."""

    @hookimpl
    def pausepoint_serve(self, store: Store) -> Served:
        """Serve for every run."""
        return Served(base_url=store.url)

    @hookimpl(trylast=True)
    def pausepoint_link(self, request: Request) -> None:
        """Link to something else."""

    @hookimpl
    def pausepoint_wait(self, waiter: Waiter) -> Awaitable[Response]:
        """Wait as ever."""
        return waiter.settled()


@hookimpl
def serve_for_any_store(context: RunContext) -> Served | None:
    """Take the context alone."""


@hookimpl
def link_url(url: str) -> None:
    """Take the link alone."""


@hookimpl
def settled_response(response: Response) -> None:
    """Take the response alone."""
