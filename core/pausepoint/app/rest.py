"""The REST API below /api/v1: for programs and operators, and for whoever brings an event's link as bearer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse

from .._index import CURSOR, Status as Which
from .._models import MAX_LABEL_CHARS, MAX_PAGE, Answer, Model, Outcome, Request, Response
from .._settling import already_settled
from ..errors import AnswerError
from .bodies import AnyJson, comment_error, json_of
from .contract import ACCESS, RequestId, Responses, json_body, refusals
from .desk import AtDesk, root_of
from .intake import SAVED, Submitted, submitted, take
from .streaming import EventStream

MAX_WAIT = 60.0
LOOK_EVERY = 5.0
"""Seconds after which a long-poll looks by itself, in case a hint was lost."""
MAILBOX = "^[A-Za-z0-9_-]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?$"

_STREAM: Responses = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}

router = APIRouter(prefix="/api/v1", tags=["events"])


class EventSummary(Model):
    """
    One event of a list.

    Attributes:
        request_id, name, title, data_type: Of the question.
        status: `completed` once it is settled, however it ended.
        outcome, settled_at: How it ended, and when; null while it is pending. `settled_at` is also null for an event
            that is past its deadline and whose expiry nobody has stored yet.
        engine, project, run_id: Where it was asked.
        created_at, deadline: UTC; the deadline is null where it waits for ever.
        form_url: The path of its form on this server.
    """

    request_id: str
    name: str
    title: str
    data_type: str
    status: Literal["pending", "completed"]
    outcome: Outcome | None = None
    settled_at: datetime | None = None
    engine: str
    project: str
    run_id: str
    created_at: datetime
    deadline: datetime | None = None
    form_url: str


class EventDetail(EventSummary):
    """
    One event.

    Attributes:
        prompt: Markdown.
        json_schema: JSON Schema 2020-12 of the answer.
        by: Who answered or declined, where it is known.
        assurance: How sure we are of that: `verified`, `link`, `self-declared` or `local`.
        through, answered_at: Which way the answer came, and when.
    """

    prompt: str
    json_schema: dict[str, Any]
    by: str | None = None
    assurance: str | None = None
    through: str | None = None
    answered_at: datetime | None = None


class EventPage(Model):
    """
    One page of a list.

    Attributes:
        items: The events, youngest first.
        next: What to give as `after` for the next page; null on the last.
        problems: Paths inside the store of records that cannot be read; their events are in no list.
    """

    items: list[EventSummary]
    next: str | None = None
    problems: list[str]


class AnswerBody(Model):
    """
    An answer, or the refusal to give one.

    Attributes:
        value: The answer; required unless `declined`.
        declined: Nobody will answer: the workflow gets an error with the comment.
        comment: At most 8 KiB.
        reviewer: Who answers, as they call themselves; at most 200 characters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    value: AnyJson = None
    declined: bool = False
    comment: str = ""
    reviewer: str = Field("", max_length=MAX_LABEL_CHARS)


class CancelBody(Model):
    """
    Why an event is withdrawn.

    Attributes:
        reason: For whoever opens its link later; at most 8 KiB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: str = ""


class Resumptions(Model):
    """
    How long answers took.

    Attributes:
        seconds: From an answer until its workflow went on with it; one number for each, at most 1000.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    seconds: list[Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(max_length=1000)


@router.get("/events", responses=refusals(*ACCESS, 422, 500, 503))
async def list_events(
    http: HttpRequest,
    desk: AtDesk,
    status: Annotated[Which, Query(description="Which events.")] = "all",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")] = 100,
    after: Annotated[str | None, Query(pattern=f"^{CURSOR}$", description="The `next` of the page before.")] = None,
) -> EventPage:
    """
    List events, youngest first.

    What is shown is true at this moment. An event that was ended by a process which was killed just then is missing
    from the completed ones until its turn comes, an hour at most; it is in no list of pending ones.
    """
    await desk.admit(http, "api", "list")
    listed = await desk.index.page(status, limit, after or "")
    return EventPage(
        items=[
            EventSummary(**_facts(http, entry.request), **_end(entry.outcome, entry.settled_at))
            for entry in listed.entries
        ],
        next=listed.next or None,
        problems=list(listed.problems),
    )


@router.get("/events/{request_id}", responses=refusals(*ACCESS, 404, 500, 503))
async def show_event(http: HttpRequest, desk: AtDesk, request_id: RequestId) -> EventDetail:
    """Return what is asked, and how it ended; not the answer's value."""
    await desk.admit(http, "api", "see", request_id)
    request = await desk.request(request_id, http)
    settled = await desk.settling.outlook(request)
    return EventDetail(
        **_facts(http, request),
        **_end(settled.outcome if settled else None, settled.settled_at if settled else None),
        prompt=request.prompt,
        json_schema=request.json_schema,
        **_answered(settled),
    )


@router.get("/events/{request_id}/wait", responses=refusals(*ACCESS, 404, 422, 500, 503))
async def wait_for_event(
    http: HttpRequest,
    desk: AtDesk,
    request_id: RequestId,
    timeout: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait at most.")] = 30,  # noqa: ASYNC109
) -> EventDetail:
    """Return the event as soon as it is settled, or as it is when the time is over: look at `status`."""
    await desk.admit(http, "api", "see", request_id)
    mailbox = (await desk.request(request_id, http)).mailbox
    async with desk.hub.listening(mailbox) as listener:
        # Only now: what is stored between a look and the listening would be heard by nobody.
        detail = await show_event(http, desk, request_id)
        with anyio.move_on_after(timeout):
            while detail.status == "pending" and (heard := await listener.next(LOOK_EVERY)) is not None:
                if heard in ("", request_id):
                    detail = await show_event(http, desk, request_id)
    return detail


@router.get(
    "/stream",
    status_code=200,
    response_class=EventStream,
    responses={**_STREAM, **refusals(*ACCESS, 422, 500)},
)
async def stream_hints(
    http: HttpRequest,
    desk: AtDesk,
    mailbox: Annotated[str, Query(pattern=MAILBOX, description="Whose hints.")] = "default",
) -> EventStream:
    """
    Follow what happens: `event: hello`, then `data: <id>` for each event that something was stored for.

    For waiting workflows; the bearer is derived from the store's secret.
    """
    await desk.admit_stream(http)
    return EventStream(desk.hub, mailbox)


@router.post(
    "/resumed",
    status_code=204,
    response_class=HttpResponse,
    openapi_extra=json_body(Resumptions),
    responses=refusals(401, 422, 429, 500, post=True),
)
async def count_resumptions(http: HttpRequest, desk: AtDesk) -> HttpResponse:
    """
    Take in how long answers took to reach their workflows, for `/metrics`; nothing is stored.

    From waiting workflows; the bearer is that of the stream.
    """
    await desk.admit_stream(http)
    desk.metrics.resumed((await json_of(http, Resumptions)).seconds)
    return HttpResponse(status_code=204)


@router.post(
    "/events/{request_id}/answer",
    openapi_extra=json_body(AnswerBody),
    responses=refusals(*ACCESS, 404, 409, 410, 422, 500, 503, post=True) | SAVED,
)
async def answer_event(http: HttpRequest, reply: HttpResponse, desk: AtDesk, request_id: RequestId) -> Submitted:
    """Answer an event, or decline to."""
    visitor = await desk.admit(http, "api", "answer", request_id)
    body = await json_of(http, AnswerBody)
    request = await desk.request(request_id, http)
    # null is an answer where the type has it, so what counts is whether a value was sent.
    if not body.declined and "value" not in body.model_fields_set:
        _refuse(request, {"value": "This is required, unless `declined` is true."})
    if wrong := comment_error(body.comment):
        _refuse(request, {"comment": wrong})
    answer = Answer(
        value=None if body.declined else body.value,
        declined=body.declined,
        comment=body.comment,
        by=desk.access.reviewer(visitor, body.reviewer),
        through="api",
    )
    told = submitted(request, await take(desk, request, answer))
    reply.status_code = told.code
    return told


@router.post(
    "/events/{request_id}/cancel",
    openapi_extra=json_body(CancelBody),
    responses=refusals(*ACCESS, 404, 409, 410, 422, 500, 503, post=True),
)
async def cancel_event(http: HttpRequest, desk: AtDesk, request_id: RequestId) -> EventSummary:
    """Withdraw an event; doing it again is no error."""
    await desk.admit(http, "api", "cancel", request_id)
    body = await json_of(http, CancelBody)
    request = await desk.request(request_id, http)
    if wrong := comment_error(body.reason):
        _refuse(request, {"reason": wrong})
    # First, so that an overdue event expires, with its declared default, rather than being withdrawn.
    standing = await desk.settling.settled(request) or await desk.settling.cancel(
        request, body.reason, by_operator=True
    )
    if standing.outcome != "cancelled":
        raise already_settled(request, standing)
    return EventSummary(**_facts(http, request), **_end(standing.outcome, standing.settled_at))


def _facts(http: HttpRequest, request: Request) -> dict[str, Any]:
    return {
        "request_id": request.request_id,
        "name": request.name,
        "title": request.title,
        "data_type": request.data_type,
        "engine": request.run.engine,
        "project": request.run.project,
        "run_id": request.run.run_id,
        "created_at": request.created_at,
        "deadline": request.deadline,
        "form_url": f"{root_of(http)}/form/{request.request_id}",
    }


def _end(outcome: Outcome | None, settled_at: datetime | None) -> dict[str, Any]:
    return {"status": "completed" if outcome else "pending", "outcome": outcome, "settled_at": settled_at}


def _answered(settled: Response | None) -> dict[str, Any]:
    if settled is None or settled.by is None:
        return {}
    return {
        "by": settled.by.name,
        "assurance": settled.by.assurance,
        "through": settled.through,
        "answered_at": settled.answered_at,
    }


def _refuse(request: Request, fields: dict[str, str]) -> None:
    raise AnswerError("This request does not fit.", "Correct it and send it again.", request.label, fields)
