"""The link to the form, where people see it: on the terminal of a local run, in a cluster on the run's page."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from typing import Any

from flyteplugins.hitl._pod import own_task

from pausepoint.hooks import Request

from . import report

_LINKED = "pausepoint.linked"


def show(here: Any, request: Request, url: str) -> Awaitable[None] | None:
    """Show the link once per attempt and event; an awaitable where a child task has to be begun for it."""
    linked = here.data.setdefault(_LINKED, set())
    if request.request_id in linked:
        return None
    linked.add(request.request_id)
    if here.mode == "local":
        _print(request, url)
        return None
    # The report has the link, and costs no pod; but Flyte's console shows reports only of tasks that declare one.
    if getattr(own_task(), "report", False):
        return None
    from flyteplugins.hitl._form_task import show_in_a_child

    return show_in_a_child(request, url, report.shown(here, request.request_id))


def _print(request: Request, url: str) -> None:
    title = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in request.title)
    deadline = f"{request.deadline.astimezone():%Y-%m-%d %H:%M:%S %Z}" if request.deadline else "none"
    # Somebody at the terminal has to find the form, whatever level the log has.
    sys.stderr.write(f"\nPausepoint asks: {title}\n  answer at  {url}\n  deadline   {deadline}\n\n")
    sys.stderr.flush()
