"""
The child task that carries a link where the task that asks has no report: in Flyte, a link belongs to an action from
the moment it is submitted, and no running task can get another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flyte
import flyte.report

from .environments import task_environment


@dataclass
class EventFormLink(flyte.Link):  # type: ignore[misc]
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
    from flyteplugins.hitl._html_templates import get_event_report_html

    html = get_event_report_html(form_url, api_url, curl_body, type_name)
    await flyte.report.replace.aio(html, do_flush=True)
    return html
