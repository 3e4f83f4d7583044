"""
Posts the title and the link of every question to a webhook, once per event: a whole plugin, for every engine and none.

Put this file into a distribution whose pyproject.toml says

    [project.entry-points.pausepoint]
    notify-webhook = "notify_webhook"

install it where workflows run, and set NOTIFY_WEBHOOK to the address. What was posted is remembered in NOTIFY_FOLDER.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable
from pathlib import Path
from urllib.request import Request as Post, urlopen

from pausepoint.hooks import Request, hookimpl

PATIENCE = 10  # seconds; the workflow's question waits for this


@hookimpl
def pausepoint_link(request: Request, url: str) -> Awaitable[None] | None:
    """Post, in a thread, so that an author's event loop goes on."""
    webhook = os.environ.get("NOTIFY_WEBHOOK")
    return asyncio.to_thread(notify, webhook, request, url) if webhook else None


def notify(webhook: str, request: Request, url: str) -> None:
    """Post unless it was done before, by this process or another; what fails is logged, and done by the next retry."""
    folder = Path(os.environ.get("NOTIFY_FOLDER") or Path.home() / ".cache" / "notify-webhook")
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / request.request_id
    try:
        told.open("x").close()  # created by exactly one of several that ask at once
    except FileExistsError:
        return
    body = json.dumps({"text": f"{request.title}: {url}", "title": request.title, "url": url}).encode()
    try:
        urlopen(Post(webhook, body, {"Content-Type": "application/json"}), timeout=PATIENCE).close()  # noqa: S310 - the operator's own address
    except OSError:
        told.unlink()
        raise
