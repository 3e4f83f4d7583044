"""What went wrong, for whoever asked: problem+json (RFC 9457) for programs, a page for reviewers."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response as HttpResponse
from starlette.types import Scope

from .. import _render
from .._models import Model
from ..errors import (
    AlreadySettledError,
    AnswerError,
    LinkError,
    PausepointError,
    StoreError,
    UnknownRequestError,
    UnreadableRecordError,
)

MEDIA_TYPE = "application/problem+json"
CLOSED = ("expired", "cancelled")
"""Outcomes after which no answer was given or can be given any more."""

PLAIN = {
    400: ("The request cannot be read.", "Send valid UTF-8."),
    401: ("The operator's token is needed for this.", "Send it as `Authorization: Bearer ...`."),
    403: ("A page of another site sent this request.", "Send it from this server's own pages, or without an Origin."),
    404: ("There is nothing at this address.", "Check the address; /openapi.json lists what there is."),
    405: ("This address does not take this method.", "The Allow header lists those it takes."),
    413: ("The body is larger than 1 MiB.", "Send less; nothing was stored."),
    415: ("The body has another media type than this address takes.", "The Accept-Post header names it."),
    429: ("More came from you than this app takes at once.", "The Retry-After header says when to try again."),
    421: (
        "The Host is not this server's.",
        "Use the address it was announced with; PAUSEPOINT_PUBLIC_URL names another.",
    ),
    500: ("The form app failed; what happened is in its log.", "Try again; whoever runs it can read the log."),
}
"""What happened and what to do next, for statuses that come without words of their own; pages have longer ones."""

RETRY_SECONDS = 5
_JSON_ROUTES = ("/api/", "/submit/json", "/status/", "/health", "/ready", "/metrics", "/openapi.json")


class Refused(HTTPException):
    """
    A refusal with words of its own.

    Args:
        status: The HTTP status.
        what: What happened.
        todo: What to do next.
        aside: What programs and operators may do instead.
        headers: Of the response.
    """

    def __init__(
        self, status: int, what: str, todo: str, aside: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, what, headers)
        self.todo = todo
        self.aside = aside


def too_many(seconds: float) -> HTTPException:
    """Build the refusal of whoever has to wait that long."""
    return HTTPException(429, headers={"Retry-After": str(math.ceil(seconds))})


class Problem(Model):
    """
    A refusal or failure.

    Attributes:
        type: Always `about:blank`: the status says what kind it is.
        title: The status in words.
        status: The HTTP status.
        detail: What happened.
        todo: What to do next.
        event: The event it happened to: its name and 8 characters of its id.
        errors: Of 422, messages by the dotted path of the field; the empty path is the answer as a whole.
        outcome, settled_at, by: Of 409 and 410, how the event ended, when (UTC, ISO 8601), and by whom.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    todo: str | None = None
    event: str | None = None
    errors: dict[str, str] | None = None
    outcome: str | None = None
    settled_at: str | None = None
    by: str | None = None


def problem(status: int, detail: str = "", todo: str = "", event: str = "", **more: Any) -> Problem:
    """Return the problem of a status; what is left empty is left out."""
    told = {"detail": detail, "todo": todo, "event": event}
    return Problem(
        status=status, title=HTTPStatus(status).phrase, **{name: text for name, text in told.items() if text}, **more
    )


def problem_of(error: PausepointError) -> Problem:
    """Return what an error means over HTTP."""
    # StoreError last: those that are settled, unknown or unreadable are kinds of it, with statuses of their own.
    if isinstance(error, AlreadySettledError):
        status = 410 if error.outcome in CLOSED else 409
        ended = {"outcome": error.outcome, "settled_at": error.settled_at, "by": error.by or None}
        return problem(status, error.what, error.todo, error.event, **ended)
    if isinstance(error, AnswerError):
        return problem(422, error.what, error.todo, error.event, errors=error.fields)
    if isinstance(error, LinkError):
        return problem(403, error.what, error.todo, error.event)
    if isinstance(error, UnknownRequestError):
        return problem(404, error.what, error.todo, error.event)
    if isinstance(error, UnreadableRecordError):
        return problem(500, error.what, error.todo, error.event)
    if isinstance(error, StoreError):
        return problem(503, error.what, error.todo, error.event)
    return problem(500, error.what, error.todo, error.event)


def told(scope: Scope, trouble: Problem, headers: dict[str, str] | None = None, aside: str = "") -> HttpResponse:
    """Return the problem in the form that whoever asked can read; *aside* is for programs and operators."""
    headers = dict(headers or {})
    if trouble.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    if _wants_json(scope):
        detail, todo = PLAIN.get(trouble.status, (None, None))
        if trouble.detail is None:
            trouble = trouble.model_copy(update={"detail": detail, "todo": todo})
        if aside:
            trouble = trouble.model_copy(update={"todo": f"{trouble.todo} {aside}"})
        return JSONResponse(trouble.model_dump(exclude_none=True), trouble.status, headers, MEDIA_TYPE)
    what, todo = trouble.detail or "", trouble.todo or ""
    if trouble.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # A reviewer can neither restore a backup nor look after a store: the status' own words are for them.
        what, todo, aside = "", "", f"{what} {todo}".strip()
    elif trouble.status == HTTPStatus.MISDIRECTED_REQUEST:
        aside = PLAIN[trouble.status][1]
    view = _render.ErrorView(
        root=str(scope.get("root_path", "")).rstrip("/"),
        status=trouble.status,
        what=what,
        todo=todo,
        event=trouble.event or "",
        aside=aside,
    )
    return HTMLResponse(_render.error_page(view), trouble.status, headers)


async def tell_error(http: HttpRequest, error: Exception) -> HttpResponse:
    """Answer with one of Pausepoint's own errors."""
    if not isinstance(error, PausepointError):
        raise error
    return told(http.scope, problem_of(error))


async def tell_status(http: HttpRequest, error: Exception) -> HttpResponse:
    """Answer with a status that the router or a route asked for."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if "Allow" in headers:
        # The router names the methods of the first route at this address, and does not know that the guard makes a GET
        # of each HEAD.
        found = http.app.state.methods.get(getattr(http.scope.get("route"), "path", ""), {headers["Allow"]})
        headers["Allow"] = ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))
    if isinstance(error, Refused):
        return told(http.scope, problem(error.status_code, error.detail, error.todo), headers, error.aside)
    return told(http.scope, problem(error.status_code), headers)


async def tell_parameters(http: HttpRequest, error: Exception) -> HttpResponse:
    """Answer that parts of the URL do not fit; what was sent is not repeated."""
    if not isinstance(error, RequestValidationError):
        raise error
    errors = {str(each["loc"][-1]): str(each["msg"]) for each in error.errors()}
    about = "Some parts of this address do not fit."
    return told(http.scope, problem(422, about, "Correct them and ask again.", errors=errors))


def _wants_json(scope: Scope) -> bool:
    root, path = str(scope.get("root_path", "")).rstrip("/"), str(scope["path"])
    # Some servers leave the prefix in the path and some take it out, and a path may begin like a prefix (`/a`, `/api`).
    path = path[len(root) :] if path.startswith(f"{root}/") else path
    if path.startswith(_JSON_ROUTES):
        return True
    # A browser asks for both, in its own way; whoever names JSON alone is a program.
    accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
    return "json" in accept and "text/html" not in accept
