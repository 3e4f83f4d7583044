"""
One line in the log for each HTTP request, and an id that all lines have which belong to it.

The id is called `http_id` here, because "request" is a question in this house. A proxy's `X-Request-ID` is taken over
where it is well-formed, and the id is returned in the same header, so that a reviewer's complaint, the proxy's log and
ours can be brought together.
"""

from __future__ import annotations

import logging
import re
import time
from contextvars import ContextVar
from secrets import token_hex
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .._store import layout

HEADER = "X-Request-ID"
_RAW_HEADER = HEADER.lower().encode("ascii")

http_id: ContextVar[str] = ContextVar("pausepoint_http_id", default="")
"""The id of the HTTP request that the running code belongs to; empty where it belongs to none."""

# No dots, which signed tokens have: what somebody else sends must not put one into our log.
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")
_ABORTED = 499
"""The status that proxies log for a client that went before it was answered."""

_log = logging.getLogger("pausepoint.http")


class Journal:
    """
    The middleware.

    Args:
        app: What it notes the requests of.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == _RAW_HEADER]
        noted = _Noted(given[0] if len(given) == 1 and is_well_formed(given[0]) else token_hex(16), send)
        belongs = http_id.set(noted.http_id)
        try:
            await self._app(scope, receive, noted.send)
        finally:
            if _log.isEnabledFor(logging.INFO):
                facts = noted.facts(scope)
                _log.info("%s %s %d", facts["method"], facts["route"], facts["status"], extra={"http": facts})
            http_id.reset(belongs)


class _Noted:
    """What is noted of one request."""

    def __init__(self, given: str, send: Send) -> None:
        self.http_id = given
        self.status = _ABORTED
        self._send = send
        self._began = time.monotonic()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (_RAW_HEADER, self.http_id.encode("ascii"))]
        await self._send(message)

    def facts(self, scope: Scope) -> dict[str, Any]:
        return {
            "method": scope["method"],
            "route": route_of(scope),
            "status": self.status,
            "milliseconds": round((time.monotonic() - self._began) * 1000, 1),
        }


def is_well_formed(given: str) -> bool:
    """Say whether somebody else's id can be taken over: short, harmless, and not an event's id, which opens it."""
    return _WELL_FORMED.fullmatch(given) is not None and not layout.is_request_id(given)


def route_of(scope: Scope) -> str:
    """Return the route's own path, with its parameters as names: the real path has whole ids in it."""
    return str(getattr(scope.get("route"), "path", "-"))
