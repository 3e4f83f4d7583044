"""The commands about events as they stand: list them, and withdraw one."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from .._models import MAX_PAGE, Outcome, Request, Response, RunContext
from .._settings import Settings
from .._settling import already_settled
from .._store.protocol import shown_path
from .._sync import run_sync
from .printing import in_brief, say, say_json, say_table, short
from .storage import Storage, checked_text

if TYPE_CHECKING:
    # At run time it loads a database.
    from .._index import Entry, Listed

_COLUMNS = ("id", "name", "title", "who asks", "asked", "deadline", "status")

EventId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The event's id, its first 4 characters or more, or its link.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


class Status(str, Enum):
    """Which events are listed."""

    PENDING = "pending"
    COMPLETED = "completed"
    ALL = "all"


def list_events(
    status: Annotated[Status, typer.Option(help="Which events.")] = Status.PENDING,
    limit: Annotated[int, typer.Option(min=1, max=MAX_PAGE, help="How many at most, youngest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the events of the store."""
    storage = Storage(Settings.load())
    listed = run_sync(_page, storage, status, limit)
    if as_json:
        items: list[JsonValue] = [item(each.request, each.outcome, each.settled_at) for each in listed.entries]
        say_json({"items": items, "more": bool(listed.next), "problems": list(listed.problems)})
        return
    if listed.entries:
        say_table(_COLUMNS, map(_row, listed.entries))
    else:
        say(f"No {'' if status is Status.ALL else status.value + ' '}events in {storage.store.url}")
    if listed.next:
        say("There are more: --limit shows them.", style="dim")
    if listed.problems:
        say(
            f"\nRecords that cannot be read, which concerns no other event ({len(listed.problems)}):", "dim", lines=True
        )
    for path in listed.problems:
        say(f"  {shown_path(path)}", style="dim")


def cancel_event(
    event_id: EventId,
    reason: Annotated[str, typer.Option(help="Why, for whoever opens the link later.", show_default=False)] = "",
    as_json: AsJson = False,
) -> None:
    """Withdraw an event; the workflow is told so."""
    storage = Storage(Settings.load())
    with storage.courier:
        request, response = run_sync(_cancelled, storage, event_id, checked_text("reason", reason))
        if as_json:
            say_json(item(request, response.outcome, response.settled_at))
        else:
            say(f"Cancelled {request.label}.")


def who_asks(run: RunContext) -> str:
    """Return the run that asks, for people: its engine, project and ids; a random id is left out."""
    # The id of a process without an identity says nothing to anybody.
    index = "" if run.map_index is None else str(run.map_index)
    parts = (run.project, run.run_id if run.resumable else "", run.task_id or "", index)
    return " ".join((run.engine, "/".join(part for part in parts if part))).strip()


def item(request: Request, outcome: Outcome | None, settled_at: datetime | None) -> dict[str, JsonValue]:
    """Return an event as one item of a list, for machines: the keys of the REST API; times are UTC, ISO 8601."""
    return {
        "request_id": request.request_id,
        "name": request.name,
        "title": request.title,
        "data_type": request.data_type,
        "status": "completed" if outcome else "pending",
        "outcome": outcome,
        "settled_at": settled_at.isoformat() if settled_at else None,
        **request.run.model_dump(mode="json", include={"engine", "project", "run_id", "task_id", "map_index"}),
        "created_at": request.created_at.isoformat(),
        "deadline": request.deadline.isoformat() if request.deadline else None,
    }


async def _page(storage: Storage, status: Status, limit: int) -> Listed:
    from .._index import Index

    # Made for one look, which reads every event once; nothing else keeps a list.
    return await Index(storage.records, storage.markers, storage.settling).page(status.value, limit)


async def _cancelled(storage: Storage, event_id: str, reason: str) -> tuple[Request, Response]:
    request = await storage.find(event_id)
    settled = await storage.settling.settled(request)
    response = settled or await storage.settling.cancel(request, reason, by_operator=True)
    # Whoever cancelled it at the same moment is not us either, unless they said the same.
    if settled or (response.outcome, response.source, response.reason) != ("cancelled", "operator", reason):
        raise already_settled(request, response)
    return request, response


def _row(entry: Entry) -> tuple[str, ...]:
    request = entry.request
    return (
        short(request.request_id),
        request.name,
        request.title,
        who_asks(request.run),
        in_brief(request.created_at),
        in_brief(request.deadline),
        entry.outcome or "pending",
    )
