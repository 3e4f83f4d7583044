"""What the author's own code says of an answer, in words for its reviewer."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread
from pydantic import JsonValue

from .._models import Request
from ..errors import AnswerError

MOST_AT_ONCE = 40
"""Validators of one process that run at the same time; more wait their turn."""

MAX_MESSAGE_CHARS = 2000
MAX_MESSAGES_BYTES = 128 * 1024
"""All of a verdict's messages with their paths. Six times that, as JSON may spell it, still fits into a record."""

Parse = Callable[[JsonValue], object]
"""The author's own code: takes the answer as JSON, raises `AnswerError` where it does not fit."""

_log = logging.getLogger("pausepoint")


async def judged(request: Request, value: JsonValue, parse: Parse, limiter: anyio.CapacityLimiter) -> dict[str, str]:
    """
    Run the author's code on an answer, in a worker thread.

    Args:
        request: The question.
        value: The answer, which fits the request's schema.
        parse: The author's code; it may take long, and raise anything.
        limiter: Of the threads for such code. Those that the store writes with are others: validators that hang must
            not keep any other event from being stored.

    Returns:
        Why it is refused, by dotted path; empty where it is accepted.
    """
    error = await anyio.to_thread.run_sync(_failure_of, parse, value, limiter=limiter)
    if error is None:
        return {}
    if isinstance(error, AnswerError):
        return _within_limits(error.fields) or {"": "This answer was refused."}
    # Frames only: the message of such an error usually repeats the value.
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("The validator of event %s raised %s:\n%s", request.label, type(error).__name__, frames)
    return {"": "This answer could not be checked, because the workflow's own check failed."}


def _failure_of(parse: Parse, value: JsonValue) -> BaseException | None:
    try:
        parse(value)
    except BaseException as error:  # noqa: BLE001 - a validator may raise anything, and none of it may end the wait
        # Caught here and not around the thread, where a sys.exit() could not be told from our own cancelling.
        return error
    return None


def _within_limits(fields: Mapping[str, str]) -> dict[str, str]:
    """
    Keep as many messages as a verdict has room for.

    Messages quote answers, and paths hold keys that reviewers made up, so both can be as long as a reviewer likes. A
    verdict too long to be stored would end the author's wait instead of the reviewer's attempt.
    """
    kept: dict[str, str] = {}
    room = MAX_MESSAGES_BYTES
    for path, message in fields.items():
        short = message[:MAX_MESSAGE_CHARS]
        room -= len(path.encode("utf-8", "replace")) + len(short.encode("utf-8", "replace"))
        if room < 0:
            break
        kept[path] = short
    return kept
