"""What must hold at every moment, whoever is killed: the invariants 1 to 4 of the design, over the stored bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

EVENT_OBJECT = re.compile(r"v1/events/([a-z2-7]{26})/(.+)")
CANDIDATE = re.compile(r"candidates/([0-9]+)\.json")
VERDICT = re.compile(r"candidates/([0-9]+)\.verdict\.json")


class BrokenClaimError(AssertionError):
    """A claim that does not hold."""


def claim(holds: object, words: str) -> None:
    """Fail with *words*, which say what must never happen and has."""
    if not holds:
        raise BrokenClaimError(words)


@dataclass
class Stored:
    """One event as its objects say, parsed; whatever is not there is None or missing."""

    request_id: str
    request: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    candidates: dict[int, dict[str, Any]] = field(default_factory=dict)
    verdicts: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def unrefused(self) -> list[int]:
        """The candidates that no verdict has refused."""
        return [number for number in self.candidates if self.verdicts.get(number, {}).get("accepted", True)]


def events_of(objects: Mapping[str, bytes]) -> dict[str, Stored]:
    """Sort a store's objects by event."""
    found: dict[str, Stored] = {}
    for path, body in objects.items():
        place = EVENT_OBJECT.fullmatch(path)
        if place is None:
            continue
        event = found.setdefault(place.group(1), Stored(place.group(1)))
        name = place.group(2)
        try:
            content = json.loads(body)
        except ValueError:
            raise BrokenClaimError(f"an object is torn: {name}") from None
        if name == "request.json":
            event.request = content
        elif name == "response.json":
            event.response = content
        elif verdict := VERDICT.fullmatch(name):
            event.verdicts[int(verdict.group(1))] = content
        elif candidate := CANDIDATE.fullmatch(name):
            event.candidates[int(candidate.group(1))] = content
    return found


class Witness:
    """Remembers every object it has seen, and fails when one has changed or gone."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}

    def look(self, objects: Mapping[str, bytes]) -> None:
        """Compare with what was seen before; *objects* is the whole store."""
        for path, body in objects.items():
            known = self.seen.setdefault(path, body)
            claim(known == body, f"an object was changed after it was written: {kind_of(path)}")
        for path in self.seen:
            claim(path in objects, f"an object is gone: {kind_of(path)}")


def kind_of(path: str) -> str:
    """Name the kind of object at a path."""
    name = path.rpartition("/")[2]
    if name.endswith(".verdict.json"):
        return "verdict"
    if "/candidates/" in path:
        return "candidate"
    if "/wakes/" in path:
        return "woken"
    for kind in ("wake", "opened", "runs", "keys", "probe"):
        if path.startswith(f"v1/{kind}/"):
            return {"runs": "finished", "keys": "key"}.get(kind, kind)
    return name.removesuffix(".json")


def check_event(event: Stored) -> None:
    """Check what one event's objects say of each other."""
    response = event.response
    numbers = sorted(event.candidates)
    claim(numbers == list(range(1, len(numbers) + 1)), "a candidate is lost: its number is missing")
    claim(set(event.verdicts) <= set(numbers), "a verdict has no candidate")
    accepted = sorted(number for number, verdict in event.verdicts.items() if verdict["accepted"])
    for number in event.verdicts:
        earlier = [event.verdicts.get(before) for before in range(1, number)]
        claim(all(earlier), "a candidate was judged before an earlier one")
        claim(not any(verdict["accepted"] for verdict in earlier if verdict), "judging went on after an acceptance")
    claim(len(accepted) <= 1, "two candidates were accepted")
    claim(not event.candidates or event.request is not None, "an answer without a question")
    if response is not None:
        claim(event.request is not None, "a response without a question")
        _check_response(event, event.request or {}, response, accepted)


def _check_response(event: Stored, request: dict[str, Any], response: dict[str, Any], accepted: list[int]) -> None:
    number = response["candidate"]
    if number is not None:
        claim(number in accepted, "a candidate settled the event without having been accepted")
        given = event.candidates[number]["answer"]
        claim(response["value"] == given["value"] or given["declined"], "the response is not its candidate's value")
        claim(response["comment"] == given["comment"], "the response is not its candidate's answer")
    elif response["outcome"] == "answered":
        claim(request["schema_complete"], "the app settled by itself although the schema is not the whole type")
    if response["outcome"] == "expired":
        _check_expiry(request, response)
    else:
        claim(response["source"] not in {"default", "deadline"}, "silence became an answer")


def _check_expiry(request: dict[str, Any], response: dict[str, Any]) -> None:
    default = request["default"]
    claim(request["deadline"] is not None, "an event without a deadline expired")
    claim(moment(response["settled_at"]) >= moment(request["deadline"]), "an event expired before its deadline")
    if default is None:
        claim(response["source"] == "deadline" and response["value"] is None, "silence became a value")
    else:
        claim(response["source"] == "default" and response["value"] == default["value"], "silence is not the default")


def moment(text: str) -> datetime:
    """Read a stored time; Python 3.10 does not know the Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@dataclass
class Told:
    """
    What one reviewer sent, and what they were told about it.

    Attributes:
        mark: The comment that was sent along; the same for a form that was sent twice, and for nothing else.
        word: `accepted`, `saved`, `refused`, `settled`; anything else promises nothing.
    """

    request_id: str
    mark: str
    value: Any
    declined: bool
    word: str


def check_told(events: Mapping[str, Stored], all_told: Iterable[Told]) -> None:
    """Check that everybody was told the truth."""
    accepted: dict[str, str] = {}
    for told in all_told:
        event = events.get(told.request_id) or Stored(told.request_id)
        numbers = [number for number, each in event.candidates.items() if each["answer"]["comment"] == told.mark]
        own = event.response is not None and event.response["comment"] == told.mark
        claim(len(numbers) <= 1, "one answer was stored as two candidates")
        if told.word == "accepted":
            claim(own, "a reviewer was told accepted, and the response is another")
            first = accepted.setdefault(told.request_id, told.mark)
            claim(first == told.mark, "two reviewers were told accepted")
            outcome = "declined" if told.declined else "answered"
            claim((event.response or {})["outcome"] == outcome, "the response is not what was accepted")
            claim((event.response or {})["value"] == told.value, "the response is not the value that was accepted")
        elif told.word == "saved":
            claim(numbers, "a candidate is lost: somebody was told that it is saved")
        elif told.word == "settled":
            claim(event.response is not None, "somebody was told that the event is settled, and it is not")
            claim(not own, "somebody was told that another was first, and it was their own answer")
        elif told.word == "refused":
            refused = [not event.verdicts.get(number, {}).get("accepted", True) for number in numbers]
            claim(all(refused) and refused, "somebody was told a refusal that is not stored")
