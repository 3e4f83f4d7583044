"""The JSON routes of one event, in the shape that earlier clients know."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field, JsonValue
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse

from .._codec import decode_json
from .._models import Answer, Model, Outcome, Request
from .._store import layout
from ..errors import AnswerError
from .bodies import AnyJson, comment_error, json_of
from .contract import ACCESS, ID_PATTERN, DirectRoute, RequestId, json_body, refusals, replied
from .desk import desk_of
from .intake import SAVED, Submitted, submitted, take

router = APIRouter(tags=["json"], route_class=DirectRoute)

_LITERALS = {
    "boolean": re.compile(r"true|false"),
    "integer": re.compile(r"-?(0|[1-9][0-9]*)"),
    "number": re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
}
"""How JSON spells a value of each scalar type that a text could be taken for."""


class Submission(Model):
    """
    An answer as JSON.

    Attributes:
        request_id: The event.
        value: The answer.
        data_type, response_path: What earlier clients send along. Never believed: if given, they must be the event's
            own.
        comment: The reviewer's words, at most 8 KiB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    request_id: str = Field(json_schema_extra={"pattern": ID_PATTERN})
    value: AnyJson
    data_type: str | None = None
    response_path: str | None = None
    comment: str = ""


class Status(Model):
    """
    How an event stands; neither its value nor any path.

    Attributes:
        status: `completed` once it is settled, however it ended.
        name: The event's name.
        outcome, settled_at: How it ended, and when; null while it is pending.
        deadline: Until when it can be answered; null if for ever.
    """

    status: Literal["pending", "completed", "not_found"]
    name: str | None = None
    outcome: Outcome | None = None
    settled_at: datetime | None = None
    deadline: datetime | None = None


@router.post(
    "/submit/json",
    response_model=Submitted,
    openapi_extra=json_body(Submission),
    responses=refusals(*ACCESS, 404, 409, 410, 422, 500, 503, post=True) | SAVED,
)
async def submit_json(http: HttpRequest) -> HttpResponse:
    """Answer an event with a JSON value."""
    desk = desk_of(http)
    submission = await json_of(http, Submission)
    visitor = await desk.admit(http, "json", "answer", submission.request_id)
    request = await desk.request(submission.request_id, http)
    refuse_misfit(request, submission)
    answer = Answer(
        value=as_meant(request, submission.value),
        comment=submission.comment,
        by=desk.access.reviewer(visitor, ""),
        through="json",
    )
    told = submitted(request, await take(desk, request, answer))
    return replied(told, told.code)


@router.get(
    "/status/{request_id}",
    response_model=Status,
    responses=refusals(*ACCESS, 500, 503)
    | {
        404: {
            "model": Status,
            "description": "`not_found`: there is no such event; the same for an id that cannot be one.",
        }
    },
)
async def status(http: HttpRequest, request_id: RequestId) -> HttpResponse:
    """Say how an event stands."""
    desk = desk_of(http)
    await desk.admit(http, "json", "see", request_id)
    request = await desk.records.find_request(request_id)
    if request is None:
        if not await desk.may(http, "json", "list"):
            desk.count_refusal(http)
        return replied(Status(status="not_found"), 404)
    # What is about to be written for an overdue event, and not `settled`, which would write it: this is a GET.
    settled = await desk.settling.outlook(request)
    standing = Status(
        status="completed" if settled else "pending",
        name=request.name,
        outcome=settled.outcome if settled else None,
        settled_at=settled.settled_at if settled else None,
        deadline=request.deadline,
    )
    return replied(standing)


def refuse_misfit(request: Request, submission: Submission) -> None:
    """
    Return if what the client says about the event is true.

    Raises:
        AnswerError: It means another type or another place, or its comment is too long.
    """
    fields: dict[str, str] = {}
    # Refused rather than ignored: a client that believes something else has another event in mind.
    if submission.data_type not in {None, request.data_type}:
        fields["data_type"] = f"This event asks for {request.data_type}."
    if submission.response_path not in {None, layout.response_path(request.request_id)}:
        fields["response_path"] = "This is not where this event's response is stored; leave it out."
    if wrong := comment_error(submission.comment):
        fields["comment"] = wrong
    if fields:
        raise AnswerError("This request does not fit.", "Correct it and send it again.", request.label, fields)


def as_meant(request: Request, value: JsonValue) -> JsonValue:
    """
    Return the value that the client means: of a run whose programs quote them, the number or boolean that is spelled.

    A text that is not exactly one literal of the type asked for stays a text, and is refused as such.

    Raises:
        AnswerError: It spells a number that is too large.
    """
    if not request.run.spelled_literals or not isinstance(value, str):
        return value
    literal = _LITERALS.get(str(request.json_schema.get("type")))
    return decode_json(value.encode("ascii")) if literal and literal.fullmatch(value) else value
