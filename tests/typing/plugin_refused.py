"""
Hooks that must not type-check, each with the error that mypy must find on it. Never run: see `tox -e types`.

Strict mode reports a `type: ignore` that is not needed, so a hook that starts to pass fails the check.
"""

from __future__ import annotations

from collections.abc import Awaitable

from pausepoint.hooks import Leave, Request, Response, RunContext, Served, Waiter, hookimpl


@hookimpl  # type: ignore[call-overload]
def pausepoint_link(request: Request, link: str) -> None:
    """Misspell an argument."""


@hookimpl  # type: ignore[call-overload]
def pausepoint_report(request: Request, html: bytes) -> None:
    """Mistake its type."""


@hookimpl  # type: ignore[call-overload]
def pausepoint_serve(context: RunContext) -> str:
    """Return an address that is not wrapped."""
    return context.run_id


@hookimpl  # type: ignore[call-overload]
async def pausepoint_serve_async(context: RunContext) -> Served:
    """Serve as a coroutine."""
    return Served(base_url=context.run_id)


@hookimpl  # type: ignore[call-overload]
def pausepoint_wait(request: Request, waiter: Waiter) -> Response | Leave:
    """Return what should be awaited."""
    return Leave(KeyboardInterrupt(request, waiter))


@hookimpl  # type: ignore[call-overload]
def pausepoint_wake(request: Request, reason: int) -> Awaitable[None]:
    """Mistake a type beside a right one."""
    raise NotImplementedError(request, reason)


class Methods:
    """The same, as methods."""

    @hookimpl  # type: ignore[call-overload]
    def pausepoint_settled(self, request: Request, answer: Response) -> None:
        """Misspell an argument."""
