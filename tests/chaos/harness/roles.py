"""What the processes do: a workflow that asks, a form app, a reviewer; each notes durably what it was told."""

from __future__ import annotations

import json
import os
import random
import re
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator

import pausepoint.app  # noqa: F401 - imported before the fork, so that each process starts at once
from pausepoint import Default, Event, new_event, run
from pausepoint._local.runtime import LocalRuntime  # noqa: F401
from pausepoint.cli import (
    main as command_line,
    serving,  # noqa: F401
)
from pausepoint.errors import DeclinedError, EventCancelledError, RunFinishedError, WaitTimeoutError

from .steps import append, use_troubled_stores

SOON = 4.0
"""Seconds to the deadlines of questions that have one."""
FALLBACK = -1
NEVER_ANSWERED = ("silent", "silent-default")
PATIENCE = 4.0


def even(number: int) -> int:
    """Refuse odd numbers; what only the workflow's own code knows."""
    if number % 2:
        raise ValueError("Only even numbers.")
    return number


Even = Annotated[int, AfterValidator(even)]


def note(journal: str, **said: Any) -> None:
    """Write one line into a journal, durably."""
    append(Path(journal), json.dumps(said))


# The workflow


def workflow(run_id: str, journal: str, settings: dict[str, str], **trouble: Any) -> None:
    """Ask several questions, wait for all of them, and note what they came to."""
    os.environ.update(settings)
    use_troubled_stores(journal=f"{journal}.steps", **trouble)
    try:
        with run(run_id):
            events = ask(journal)
            waits = [threading.Thread(target=wait, args=(journal, label, event)) for label, event in events.items()]
            for waiting in waits:
                waiting.start()
            for waiting in waits:
                waiting.join()
            if FAILED:
                raise FAILED[0]
    except RunFinishedError:
        note(journal, said="finished before")
    note(journal, said="ended")


FAILED: list[BaseException] = []


def ask(journal: str) -> dict[str, Event[int]]:
    """Ask, and note under which id and with which deadline."""
    events = {
        "whole": new_event("count", int, prompt="How many?", timeout_seconds=None),
        "judged": new_event("pairs", Even, prompt="How many, in pairs?", timeout_seconds=None),
        "equal-1": new_event("same", Even, prompt="The same?", timeout_seconds=600),
        "equal-2": new_event("same", Even, prompt="The same?", timeout_seconds=600),
        "key": new_event("keyed", int, prompt="By key?", key="a-key", timeout_seconds=600),
        "soon": new_event("soon", Even, prompt="Soon?", timeout_seconds=SOON),
        "soon-default": new_event("soon", int, prompt="Or else?", timeout_seconds=SOON, on_timeout=Default(FALLBACK)),
        "silent": new_event("silent", int, prompt="Nobody answers.", timeout_seconds=SOON),
        "silent-default": new_event(
            "silent", Even, prompt="Nobody answers this either.", timeout_seconds=SOON, on_timeout=Default(-2)
        ),
    }
    for label, event in events.items():
        deadline = event._request.deadline
        note(journal, said="asked", label=label, id=event.request_id, deadline=str(deadline))
    return events


def wait(journal: str, label: str, event: Event[int]) -> None:
    """Wait for one event, and note what it came to."""
    try:
        note(journal, said="returned", label=label, id=event.request_id, value=event.wait())
    except (DeclinedError, EventCancelledError, WaitTimeoutError) as error:
        note(journal, said="raised", label=label, id=event.request_id, kind=type(error).__name__)
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that started this one
        FAILED.append(error)


# The form app


def app(port: int, journal: str, settings: dict[str, str], plugins: str = "", **trouble: Any) -> None:
    """Serve the form, as `pausepoint serve` does, with the plugins that are installed in a folder."""
    os.environ.update(settings)
    sys.path[:0] = [plugins] if plugins else []
    use_troubled_stores(journal=f"{journal}.steps", **trouble)
    sys.argv = ["pausepoint", "serve", "--port", str(port)]
    command_line()


# The reviewer


def reviewer(name: str, url: str, asked: str, journal: str, seed: int) -> None:
    """Answer what is open, twice at most each, in one of several ways; note what was said about it."""
    chance = random.Random(seed)
    given: dict[str, int] = {}
    number = 0
    with httpx.Client(timeout=PATIENCE) as client:
        while True:
            open_ids = [each["id"] for each in read(asked) if may_be_answered(each) and given.get(each["id"], 0) < 2]
            if not open_ids:
                time.sleep(0.02)  # nobody tells a reviewer that there is something to do
                continue
            request_id = chance.choice(open_ids)
            number += 1
            # The second one always fits, so that every event ends.
            value = (seed * 1000 + number) * 2 + (request_id not in given and chance.random() < 0.6)
            mark = f"{name}-{seed}-{number}"
            declined = chance.random() < 0.03
            way: Way = chance.choice([by_json, by_api, by_form, by_double_click])
            note(journal, sending=mark, id=request_id, value=None if declined else value, declined=declined)
            words = answered(partial(way, client, url, request_id, mark, value, declined))
            for word in words:
                note(journal, told=word, mark=mark, at=time.time())
            if set(words) <= PROMISES:
                given[request_id] = given.get(request_id, 0) + 1
            else:
                time.sleep(0.05)  # nobody tells when the app is back


Way = Callable[[httpx.Client, str, str, str, int, bool], list[int]]
PROMISES = {"accepted", "saved", "settled", "refused"}
WORDS = {200: "accepted", 202: "saved", 409: "settled", 410: "settled", 422: "refused"}


def answered(send: Callable[[], list[int]]) -> list[str]:
    """Send, and say what the replies meant."""
    try:
        return [WORDS.get(status, f"error {status}") for status in send()]
    except httpx.HTTPError as error:
        return [f"lost: {type(error).__name__}"]


def by_json(client: httpx.Client, url: str, request_id: str, mark: str, value: int, declined: bool) -> list[int]:
    if declined:
        return by_api(client, url, request_id, mark, value, declined)
    body = {"request_id": request_id, "value": value, "comment": mark}
    return [client.post(f"{url}/submit/json", json=body).status_code]


def by_api(client: httpx.Client, url: str, request_id: str, mark: str, value: int, declined: bool) -> list[int]:
    body = {"declined": True} if declined else {"value": value}
    return [client.post(f"{url}/api/v1/events/{request_id}/answer", json={**body, "comment": mark}).status_code]


def by_form(
    client: httpx.Client, url: str, request_id: str, mark: str, value: int, declined: bool, times: int = 1
) -> list[int]:
    shown = client.get(f"{url}/form/{request_id}")
    inputs = _Inputs(shown.text).inputs
    if "token" not in inputs:
        return [shown.status_code if shown.status_code != 200 else 409]
    typed = {**inputs, "v": str(value), "comment": mark, "action": "decline" if declined else ""}
    headers = {"Origin": url}
    return [client.post(f"{url}/submit", data=typed, headers=headers).status_code for _ in range(times)]


def by_double_click(
    client: httpx.Client, url: str, request_id: str, mark: str, value: int, declined: bool
) -> list[int]:
    return by_form(client, url, request_id, mark, value, declined, times=2)


def may_be_answered(line: dict[str, Any]) -> bool:
    """Say whether a line tells of a question that reviewers answer."""
    return line.get("said") == "asked" and line["label"] not in NEVER_ANSWERED


def read(pattern: str) -> list[dict[str, Any]]:
    """Read journals; of a line that was cut by a kill nothing was said."""
    folder, name = Path(pattern).parent, Path(pattern).name
    lines: list[dict[str, Any]] = []
    for journal in sorted(folder.glob(name)):
        found = journal.read_bytes().split(b"\n")
        lines.extend(json.loads(line) for line in found if re.fullmatch(rb"\{.*\}", line))
    return lines


class _Inputs(HTMLParser):
    """The inputs that a browser without scripts would send back."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inputs: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and given.get("name") and given.get("type") not in {"radio", "checkbox"}:
            self.inputs[given["name"]] = given.get("value", "")


ROLES: dict[str, Callable[..., None]] = {"workflow": workflow, "app": app, "reviewer": reviewer}
