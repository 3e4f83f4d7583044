"""What the app's own description (OpenAPI) promises beyond what the routes' signatures say."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse

from .._runs import REQUEST_ID
from .bodies import FORM, JSON
from .problems import MEDIA_TYPE, Problem

Responses = dict[int | str, dict[str, Any]]

ID_PATTERN = f"^{REQUEST_ID.pattern}$"

# Described but not enforced: a malformed id is answered as an unknown one, so that nothing can be learnt by trying.
RequestId = Annotated[
    str,
    Path(
        description="The event's id. Any other text is answered like an id that is not there.",
        json_schema_extra={"pattern": ID_PATTERN},
    ),
]

_WHY = {
    400: "The form cannot be read: it is not UTF-8, or has more than 5000 inputs.",
    401: "Nothing was brought that opens this: neither the link's token, nor an identity, nor the operator's token.",
    403: "The link is forged, has expired or is another event's; or a page of somebody else's sent this; or the form's "
    "token is missing, forged or too old.",
    404: "There is no such event; the same for an id that cannot be one.",
    409: "The event is settled already: by whom, when, how. The first outcome stands.",
    410: "The event expired or was cancelled.",
    413: "The body is larger than 1 MiB. It was not read into memory.",
    415: "The body is of another media type than this address takes.",
    421: "The Host is neither a loopback address nor that of the public URL.",
    429: "Too much came from this link, or this address was refused too often; `Retry-After` says when to try again.",
    422: "Something does not fit; `errors` says what, by field.",
    500: "The app failed, or a stored record cannot be read.",
    503: "The store failed; trying again may help.",
}
_EVERY_POST = (403, 413, 415)
ACCESS = (401, 403, 429)
"""What every route may answer that asks who the visitor is."""


class DirectRoute(APIRoute):
    """
    A route that is described like any other, but whose function is called as it is: with the HTTP request and what the
    path names, and it returns the response.

    For the busiest ones: to find out each time what a function needs, and to check what it returns, is no small part of
    what answering them takes.
    """

    def get_route_handler(self) -> Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]:
        """Return what answers a request."""

        async def handle(http: HttpRequest) -> HttpResponse:
            response: HttpResponse = await self.endpoint(http, **http.path_params)
            return response

        return handle


def replied(told: BaseModel, status: int = 200) -> HttpResponse:
    """Return what a direct route replies in JSON."""
    return HttpResponse(told.model_dump_json(), status, media_type=JSON)


def refusals(*statuses: int, post: bool = False) -> Responses:
    """Declare that a JSON route answers with these problems; 421, and what every POST may meet, are added."""
    return {status: _refusal(status, {MEDIA_TYPE: {"schema": _PROBLEM}}) for status in _all(statuses, post)}


def page_refusals(*statuses: int, post: bool = False) -> Responses:
    """Declare that a page answers these statuses with a page."""
    return {status: _refusal(status, {"text/html": {"schema": {"type": "string"}}}) for status in _all(statuses, post)}


def json_body(shape: type[BaseModel]) -> dict[str, Any]:
    """Declare a JSON body; routes read it themselves, more strictly than the framework would."""
    return {"requestBody": {"required": True, "content": {JSON: {"schema": shape.model_json_schema()}}}}


def form_body() -> dict[str, Any]:
    """Declare the form's body: two hidden inputs, and those of the question, whose names begin with `v`."""
    names = ("request_id", "token", "comment", "reviewer", "action")
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": ["request_id", "token"],
        "additionalProperties": {"type": "string"},
    }
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


def _all(statuses: tuple[int, ...], post: bool) -> list[int]:
    return sorted({*statuses, 421, *(_EVERY_POST if post else ())})


def _refusal(status: int, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": _WHY.get(status, HTTPStatus(status).phrase), "content": content}


_PROBLEM = Problem.model_json_schema()
