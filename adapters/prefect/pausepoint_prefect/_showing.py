"""Puts the link where people who watch Prefect see it: the run's log, a custom event, a link artifact."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from prefect.artifacts import acreate_link_artifact
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import emit_event
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

from pausepoint.hooks import Request

from ._runs import flow_run_id

MOST_REMEMBERED = 10_000

_shown: OrderedDict[tuple[str, str], None] = OrderedDict()


def run_log() -> Any:
    """Return the log that Prefect shows on the run's page; the process's own where there is no run."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("pausepoint")


async def show(request: Request, url: str) -> None:
    """Show the link, once per event, address and process: a retry finds the question shown already."""
    if (request.request_id, url) in _shown:
        return
    _shown[request.request_id, url] = None
    if len(_shown) > MOST_REMEMBERED:
        _shown.popitem(last=False)
    run_log().info("%s: answer at %s", _headline(request), url)
    _emit(request, url)
    if FlowRunContext.get() is None and TaskRunContext.get() is None:
        return
    await acreate_link_artifact(
        link=url,
        link_text=_headline(request),
        # With a key it is listed on the Artifacts page, too; the key has Prefect's small alphabet, as the id does.
        key=f"pausepoint-{request.request_id[:8]}",
        description=request.prompt,
    )


def _emit(request: Request, url: str) -> None:
    """Emit `pausepoint.event.opened`, which an Automation can turn into a message to somebody."""
    run_id = flow_run_id()
    around = [{"prefect.resource.id": f"prefect.flow-run.{run_id}", "prefect.resource.role": "flow-run"}]
    emit_event(
        event="pausepoint.event.opened",
        resource={
            "prefect.resource.id": f"pausepoint.event.{request.request_id[:8]}",
            "prefect.resource.name": request.name,
        },
        related=around if run_id else [],
        payload={
            "title": request.title,
            "link": url,
            "data_type": request.data_type,
            "deadline": request.deadline.isoformat() if request.deadline else None,
        },
    )


def _headline(request: Request) -> str:
    # One line without brackets, which would end the link's text in the artifact's Markdown.
    return " ".join(request.title.translate(str.maketrans("[]", "()")).split()) or request.name
