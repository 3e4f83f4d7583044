"""The link to the form, where people see it: on the terminal of a local run, in a cluster on the run's page."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable
from typing import Any

from pausepoint.hooks import Request

from . import report
from .surroundings import own_task

_log = logging.getLogger("pausepoint")

_LINKED = "pausepoint.linked"


def show(here: Any, request: Request, url: str) -> Awaitable[None] | None:
    """
    Show the link once per attempt and event.

    Args:
        here: Flyte's task context.
        request: The question.
        url: The link.

    Returns:
        An awaitable where that takes a child task, which is begun and not waited for.
    """
    linked = here.data.setdefault(_LINKED, set())
    if request.request_id in linked:
        return None
    linked.add(request.request_id)
    if here.mode == "local":
        _print(request, url)
        return None
    # The report has the link, and costs no pod; but Flyte's console shows reports only of tasks that declare one.
    return None if getattr(own_task(), "report", False) else _in_a_child(here, request, url)


def _print(request: Request, url: str) -> None:
    title = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in request.title)
    deadline = f"{request.deadline.astimezone():%Y-%m-%d %H:%M:%S %Z}" if request.deadline else "none"
    # Somebody at the terminal has to find the form, whatever level the log has.
    sys.stderr.write(f"\nPausepoint asks: {title}\n  answer at  {url}\n  deadline   {deadline}\n\n")
    sys.stderr.flush()


async def _in_a_child(here: Any, request: Request, url: str) -> None:
    from .form_task import EventFormLink, show_question

    link = EventFormLink(url.partition("/form/")[0], request.request_id, url=url)
    child = show_question.override(short_name=request.name[:63], links=(link,))
    # Begun and not awaited: the waiting must not begin only after a pod was scheduled that shows a page.
    task = asyncio.ensure_future(child.aio(report.shown(here, request.request_id)))
    _children.add(task)
    task.add_done_callback(_ended)


_children: set[asyncio.Future[Any]] = set()


def _ended(task: asyncio.Future[Any]) -> None:
    _children.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("The task that shows a question's link failed: %s", type(error).__name__)
