"""The reviewer of the checks: answers, cancels and looks over HTTP, knowing a link and the operator's token."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

LONGEST = 30.0
"""Seconds for one request: a form app holds an answer for 2 s to hear the verdict."""


def submit(form_url: str, value: object = None, **more: object) -> httpx.Response:
    """
    Answer as a program does, through `POST /api/v1/events/{id}/answer`.

    Args:
        form_url: The link.
        value: The answer as JSON.
        more: Further fields of the body: `declined`, `comment`.

    Returns:
        Whatever came back: 200 settled, 202 saved, 422 refused.
    """
    return _post(form_url, "answer", {"value": value, **more})


def withdraw(form_url: str, reason: str) -> httpx.Response:
    """Cancel as an operator does, through `POST /api/v1/events/{id}/cancel`."""
    return _post(form_url, "cancel", {"reason": reason})


def is_reachable(form_url: str) -> bool:
    """Say whether the form app of a link is alive, and shows the form."""
    import httpx

    base, _, _ = form_url.partition("/form/")
    with httpx.Client(timeout=LONGEST, trust_env=False, follow_redirects=True) as browser:
        return browser.get(f"{base}/health").is_success and browser.get(form_url).is_success


def _post(form_url: str, what: str, body: dict[str, Any]) -> httpx.Response:
    import httpx

    base, _, rest = form_url.partition("/form/")
    request_id = rest.partition("?")[0]
    return httpx.post(
        f"{base}/api/v1/events/{request_id}/{what}",
        json=body,
        headers={"Authorization": f"Bearer {os.environ.get('PAUSEPOINT_API_TOKEN', '')}"},
        timeout=LONGEST,
        trust_env=False,
    )
