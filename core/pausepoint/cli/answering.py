"""The command that answers an event: the form's checks, and the workflow's own verdict where it needs one."""

from __future__ import annotations

import getpass
import sys
from dataclasses import dataclass, field
from typing import Annotated, NoReturn, Optional

import typer
from pydantic import JsonValue

from .._models import MAX_LABEL_CHARS, Answer, FieldErrors, Request, Response, Reviewer
from .._settings import Settings
from .._settling import already_settled
from .._sync import run_sync
from ..errors import AnswerError, UsageError
from .asking import Keyboard, Questionnaire, introduce
from .events import AsJson, EventId
from .exits import ExitCode
from .printing import fail, remark, say, say_json
from .spelling import value_of
from .storage import Storage, checked_text

VERDICT_SECONDS = 2.0
"""How long we wait for the workflow to check an answer that only it can check."""

_SAVED = "Saved. The workflow has not checked it yet; it will when it is back."


@dataclass(frozen=True)
class Delivered:
    """
    What became of an answer.

    Attributes:
        result: `accepted`, `declined`, `refused` or `saved`.
        fields: Of a refusal, messages by the dotted path of the field.
    """

    result: str
    fields: FieldErrors = field(default_factory=dict)


def answer_event(
    event_id: EventId,
    value: Annotated[
        Optional[str],  # noqa: UP045 - typer reads it at run time, where Python 3.10 needs this spelling
        typer.Argument(
            metavar="VALUE",
            help="The answer as typed into the form; JSON where that has several inputs. Left out: you are asked.",
            show_default=False,
        ),
    ] = None,
    comment: Annotated[str, typer.Option(help="A comment for whoever reads the answer.", show_default=False)] = "",
    by: Annotated[str, typer.Option(help="Your name; default: the login name.", show_default=False)] = "",
    decline: Annotated[bool, typer.Option("--decline", help="Refuse to answer; no value then.")] = False,
    as_json: AsJson = False,
) -> None:
    """
    Answer an event.

    Write -- before a value that begins with a minus: pausepoint answer ID -- -5
    """
    if decline and value is not None:
        raise UsageError("--decline and a value exclude each other.", "Leave one of them out.")
    storage = Storage(Settings.load())
    about = Answer(comment=checked_text("comment", comment), by=_reviewer(by), through="cli")
    if decline:
        about = about.model_copy(update={"declined": True})
    with storage.courier:
        # Before anybody is asked: nobody should fill in what is settled already.
        request = run_sync(_open_request, storage, event_id)
        try:
            delivered = _delivered(storage, request, about, value)
        except AnswerError as error:
            _end_refused(request, error, as_json)
        _end(request, delivered, as_json)


def _delivered(storage: Storage, request: Request, about: Answer, value: str | None) -> Delivered:
    if about.declined:
        return run_sync(_deliver, storage, request, about)
    if value is None:
        return _converse(storage, request, about)
    given = value_of(request, checked_text("value", value, most=None))
    return run_sync(_deliver, storage, request, about.model_copy(update={"value": given}))


def _converse(storage: Storage, request: Request, about: Answer) -> Delivered:
    """Ask at the terminal until an answer is not refused."""
    if not sys.stdin.isatty():
        raise UsageError(
            "There is no value, and no terminal to ask for one.",
            "Give the value after the id, or run the command in a terminal.",
            request.label,
        )
    terminal = Keyboard()
    introduce(request, terminal)
    questions = Questionnaire(request, terminal)
    errors: FieldErrors = {}
    while True:
        try:
            given = questions.ask(errors)
            delivered = run_sync(_deliver, storage, request, about.model_copy(update={"value": given}))
        except AnswerError as error:
            delivered = Delivered("refused", error.fields)
        if delivered.result != "refused":
            return delivered
        errors = delivered.fields


async def _open_request(storage: Storage, event_id: str) -> Request:
    request = await storage.find(event_id)
    settled = await storage.settling.settled(request)
    if settled is not None:
        raise already_settled(request, settled)
    return request


async def _deliver(storage: Storage, request: Request, answer: Answer) -> Delivered:
    submitted = await storage.settling.submit(request, answer)
    result = "declined" if answer.declined else "accepted"
    if submitted.candidate is None:
        return Delivered(result)
    verdict = await storage.settling.verdict_on(request, submitted.candidate, VERDICT_SECONDS)
    if verdict is None:
        return Delivered("saved")
    if isinstance(verdict, Response):
        # Another answer of the same event was accepted while ours waited, or it was cancelled.
        if verdict.candidate != submitted.candidate.number:
            raise already_settled(request, verdict)
        return Delivered(result)
    return Delivered("refused", verdict.fields or {"": "This answer was refused."})


def _end(request: Request, delivered: Delivered, as_json: bool) -> None:
    if delivered.result == "refused":
        error = AnswerError("The workflow refused this answer.", "Correct it and send it again.", request.label)
        error.fields.update(delivered.fields)
        _end_refused(request, error, as_json)
    if as_json:
        say_json(_document(request, delivered))
    elif delivered.result == "saved":
        remark(_SAVED)
    else:
        say(f"{delivered.result.capitalize()}: {request.label}")
    if delivered.result == "saved":
        raise typer.Exit(ExitCode.NOT_YET_CHECKED)


def _end_refused(request: Request, error: AnswerError, as_json: bool) -> NoReturn:
    if as_json:
        say_json(_document(request, Delivered("refused", error.fields)))
    fail(error)


def _document(request: Request, delivered: Delivered) -> JsonValue:
    return {"request_id": request.request_id, "result": delivered.result, "fields": dict(delivered.fields)}


def _reviewer(given: str) -> Reviewer:
    return Reviewer(name=checked_text("name", given, MAX_LABEL_CHARS) or _login_name(), assurance="local")


def _login_name() -> str | None:
    try:
        return getpass.getuser()[:MAX_LABEL_CHARS] or None
    except (KeyError, OSError, ImportError):
        # A container may run as a user that nothing knows, and Windows has no pwd.
        return None
