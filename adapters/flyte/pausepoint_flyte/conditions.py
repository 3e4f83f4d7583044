"""
Flyte's own conditions as a second way to wake a waiting task, and to answer from Flyte's console or command line.

The store stays the truth: what a condition is signalled with is offered as an answer, and an event that is settled
signals its condition. The condition's name is made of the event's id, so that a retried task finds the one it had.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from datetime import datetime, timezone
from typing import Any

from pausepoint.errors import AdapterError, AnswerError
from pausepoint.hooks import Answer, Request, Response, Waiter

from . import control_plane
from .surroundings import ENGINE

SETTING = "PAUSEPOINT_FLYTE_CONDITIONS"

LONGEST_PROMPT = 2000
"""Characters of a question that a condition repeats; the form has all of it."""
SLACK = 60.0
"""Seconds that a condition outlives the deadline, which is ours to keep."""
FOR_EVER = 10 * 365 * 86_400.0

# What a condition can be signalled with, and what we signal ourselves: by then nobody reads it.
_KINDS: dict[str, tuple[type[Any], Any]] = {
    "boolean": (bool, True),
    "integer": (int, 0),
    "number": (float, 0.0),
    "string": (str, "answered in the form"),
}

_log = logging.getLogger("pausepoint")


def are_wanted(mode: str | None = None) -> bool:
    """
    Say whether conditions are used: as `PAUSEPOINT_FLYTE_CONDITIONS` says, else in a cluster whose backend has them.

    Args:
        mode: Flyte's mode of the run; None outside a task, for example in the form app.
    """
    said = os.environ.get(SETTING, "").lower()
    if said:
        return said in {"1", "true", "yes", "on"}
    # What the platform tells a pod whose control plane has the service that conditions are part of.
    return mode in {None, "remote"} and os.environ.get("_U_USE_ACTIONS", "").lower() in {"1", "true"}


async def wait(request: Request, waiter: Waiter) -> Response:
    """Wait for the event and for a signal, whichever comes first."""
    settled = asyncio.ensure_future(waiter.settled())
    try:
        while True:
            signalled = asyncio.ensure_future(_signalled(request, waiter))
            try:
                await asyncio.wait({settled, signalled}, return_when=asyncio.FIRST_COMPLETED)
                if settled.done() or signalled.exception() is not None:
                    _tell(request, signalled)
                    return await settled
                if not _is_answer(request):
                    # Settled, and we were told before our own watcher was; or somebody rang without an answer.
                    return await waiter.settled()
                if response := await _offered(request, waiter, signalled.result()):
                    return response
            finally:
                signalled.cancel()
    finally:
        settled.cancel()


async def wake(request: Request) -> None:
    """
    Signal the condition that a task waits on, now that its event is settled.

    Raises:
        AdapterError: The control plane could not be asked; try again.
    """
    try:
        await control_plane.signal(request.run, name_of(request), _kind(request)[1])
    except Exception as error:
        raise AdapterError(
            f"Flyte's control plane did not take the signal: {error}", "It is tried again.", request.label
        ) from error


def name_of(request: Request) -> str:
    """Return the name of an event's condition: readable, and no other event's."""
    words = re.sub(r"[^a-z0-9]+", "-", request.name.lower()).strip("-")[:40]
    return f"{words}-{request.request_id[:8]}".lstrip("-")


def _kind(request: Request) -> tuple[type[Any], Any]:
    # Anything else is too rich for a condition, which then only wakes.
    return _KINDS.get(str(request.json_schema.get("type")), _KINDS["boolean"])


def _is_answer(request: Request) -> bool:
    return str(request.json_schema.get("type")) in _KINDS


async def _signalled(request: Request, waiter: Waiter) -> Any:
    import flyte

    left = (waiter.deadline - datetime.now(timezone.utc)).total_seconds() if waiter.deadline else FOR_EVER
    condition = await flyte.new_condition.aio(
        name_of(request),
        prompt=f"{request.prompt[:LONGEST_PROMPT]}\n\n[Open the form]({waiter.form_url})",
        prompt_type="markdown",
        data_type=_kind(request)[0],
        description=request.title,
        timeout=max(left, 0.0) + SLACK,
    )
    return await condition.wait.aio()


async def _offered(request: Request, waiter: Waiter, value: Any) -> Response | None:
    """Offer what somebody signalled; None where the type refuses it, and another condition has to be made."""
    try:
        return await waiter.offer(Answer(value=value, through=ENGINE))
    except AnswerError:
        _log.warning("A condition was signalled with what %s does not take; it waits on.", request.label)
        return None


def _tell(request: Request, signalled: asyncio.Future[Any]) -> None:
    if signalled.done() and not signalled.cancelled() and (error := signalled.exception()) is not None:
        _log.warning("The condition of %s is of no use (%s); its form is.", request.label, type(error).__name__)
