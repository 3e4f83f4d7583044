"""
The child task that carries a link where the task that asks has no report: in Flyte, a link belongs to an action from
the moment it is submitted, and no running task can get another.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flyte
import flyte.report

from ._environments import task_environment

if TYPE_CHECKING:
    from pausepoint.hooks import Request

_log = logging.getLogger("pausepoint")
_children: set[asyncio.Future[Any]] = set()


@dataclass
class EventFormLink(flyte.Link):
    """
    The link to an event's form.

    Attributes:
        endpoint: Where the form app is, without a trailing slash.
        request_id: The event.
        request_path: What earlier callers passed; the form needs no path.
        name: What the link is called.
        url: The link itself, where it has a token; else it is made of the two above.
    """

    endpoint: str
    request_id: str
    request_path: str = ""
    name: str = "Event Form"
    icon_uri: str = ""
    url: str = ""

    def get_link(self, *_: Any, **__: Any) -> str:
        """Return the link, whatever action it is shown on."""
        return self.url or f"{self.endpoint.rstrip('/')}/form/{self.request_id}"


@task_environment.task(report=True)
async def show_question(html: str) -> None:
    """Show a question in this task's own report: a fragment that is escaped and sanitised."""
    await flyte.report.replace.aio(html, do_flush=True)


@task_environment.task(report=True)
async def show_form(form_url: str, api_url: str, curl_body: str, type_name: str) -> str:
    """Show a form's links in this task's own report, and return the page."""
    from ._html_templates import get_event_report_html

    html = get_event_report_html(form_url, api_url, curl_body, type_name)
    await flyte.report.replace.aio(html, do_flush=True)
    return html


async def show_in_a_child(request: Request, url: str, html: str) -> None:
    """
    Begin the child task that carries a question's link; return before it ends, and before it runs.

    Args:
        request: The question.
        url: The link.
        html: What the child's report shows.
    """
    link = EventFormLink(url.partition("/form/")[0], request.request_id, url=url)
    child = show_question.override(short_name=request.name[:63], links=(link,))
    # Begun and not awaited: the waiting must not begin only after a pod was scheduled that shows a page.
    task = asyncio.ensure_future(child.aio(html))
    _children.add(task)
    task.add_done_callback(_ended)


def _ended(task: asyncio.Future[Any]) -> None:
    _children.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("The task that shows a question's link failed: %s", type(error).__name__)
