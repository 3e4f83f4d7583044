"""The command that shows everything about one event."""

from __future__ import annotations

import json
from typing import NamedTuple

from pydantic import JsonValue

from .._models import Candidate, Request, Response, Reviewer, Verdict
from .._settings import Settings
from .._store.protocol import shown_path
from .._sync import run_sync
from .events import AsJson, EventId, item, who_asks
from .outline import outline_of
from .printing import say, say_facts, say_json, short, when
from .spelling import prefilled
from .storage import Judged, Storage


class Known(NamedTuple):
    """An event as it stands."""

    request: Request
    response: Response | None
    candidates: list[Judged]
    problems: list[str]


def show_event(event_id: EventId, as_json: AsJson = False) -> None:
    """Show an event: what is asked, and what became of it."""
    storage = Storage(Settings.load())
    known = run_sync(_read, storage, event_id)
    if as_json:
        say_json(_document(known))
        return
    _say_question(known)
    if known.response is not None:
        say(f"\n{known.response.outcome.capitalize()}", "bold", lines=True)
        say_facts(_outcome(known.response))
    # Of a settled event they are history, which --json has.
    for candidate, verdict in known.candidates if known.response is None else ():
        if verdict is None:
            say(f"\nAnswer {candidate.number} waits for the workflow's own check", "bold", lines=True)
            say_facts(_candidate(candidate))
    for path in known.problems:
        say(f"\nCannot be read: {shown_path(path)}", "red", lines=True)


async def _read(storage: Storage, event_id: str) -> Known:
    request = await storage.find(event_id)
    candidates, problems = await storage.candidates(request)
    return Known(request, await storage.settling.outlook(request), candidates, problems)


def _say_question(known: Known) -> None:
    request = known.request
    say(request.title, style="bold")
    say_facts(_facts(known))
    say(f"\n{request.prompt}\n", lines=True)
    say("An answer is", style="bold")
    for line in outline_of(request.json_schema, prefilled(request)):
        say(f"  {line}")


def _facts(known: Known) -> dict[str, str]:
    request = known.request
    silence = f"answered with {_value(request.default.value)}" if request.default else ""
    return {
        "id": short(request.request_id),
        "name": request.name if request.name != request.title else "",
        "status": known.response.outcome if known.response else "pending",
        "type": request.data_type,
        "who asks": who_asks(request.run),
        "run": request.run.url or "",
        "asked": when(request.created_at),
        "deadline": when(request.deadline),
        "at the deadline": silence,
        "images": ", ".join(image.name or short(image.sha256) for image in request.attachments),
    }


def _outcome(response: Response) -> dict[str, str]:
    has_value = response.outcome == "answered" or response.source == "default"
    return {
        "value": _value(response.value) if has_value else "",
        "by": _who(response.by) if response.by else "",
        "through": response.through or "",
        "comment": response.comment,
        "reason": response.reason,
        "source": response.source,
        "settled": when(response.settled_at),
    }


def _candidate(candidate: Candidate) -> dict[str, str]:
    answer = candidate.answer
    return {
        "value": "declined" if answer.declined else _value(answer.value),
        "by": _who(answer.by),
        "through": answer.through,
        "comment": answer.comment,
        "sent": when(answer.at),
    }


def _who(reviewer: Reviewer) -> str:
    return f"{reviewer.name or 'somebody'} ({reviewer.assurance})"


def _value(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _document(known: Known) -> dict[str, JsonValue]:
    request, response = known.request, known.response
    return {
        **item(request, response.outcome if response else None, response.settled_at if response else None),
        **request.model_dump(mode="json", include=_QUESTION),
        "response": response.model_dump(mode="json", exclude=_RECORD) if response else None,
        "candidates": [
            {
                **candidate.answer.model_dump(mode="json"),
                "number": candidate.number,
                "verdict": _verdict(verdict),
                "fields": dict(verdict.fields) if verdict else {},
            }
            for candidate, verdict in known.candidates
        ],
        "problems": list(known.problems),
    }


def _verdict(verdict: Verdict | None) -> str | None:
    return None if verdict is None else "accepted" if verdict.accepted else "refused"


# Named one by one, so that a field that is added to the record is not published by accident.
_QUESTION = {"prompt", "json_schema", "schema_complete", "initial", "default", "attachments", "generation"}
_RECORD = {"schema_version", "write_id", "request_id"}
