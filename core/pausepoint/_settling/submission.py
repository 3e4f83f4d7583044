"""A submitted answer: what makes two of them one write, what it may weigh, and what its sender is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .._codec import encode_json
from .._models import MAX_BODY_BYTES, Answer, Candidate, Request, Response, new_write_id
from ..errors import AlreadySettledError

MAX_ANSWER_BYTES = MAX_BODY_BYTES - 768
"""The longest value, comment and name, as JSON: their record has some more around them, and the limit of a body."""


@dataclass(frozen=True)
class Submitted:
    """
    What became of an answer: exactly one of the two is there.

    Attributes:
        response: The answer settled the event.
        candidate: The answer is stored and waits for the author's code.
    """

    response: Response | None = None
    candidate: Candidate | None = None


def write_id_of(request: Request, answer: Answer, form: str | None) -> str:
    """
    Make the write id of an answer: random, or for a form the same for the same submission.

    A double click sends one form twice and is one write. The content is part of it, so that a form that was changed and
    sent again is another write, and is not told that its new value was taken.
    """
    if form is None:
        return new_write_id()
    # The event is part of it: tokens are checked per event, but ids of writes must differ across all of them.
    content = encode_json([request.request_id, form, answer.value, answer.declined, answer.comment, answer.by.name])
    return hashlib.sha256(content).hexdigest()[:32]


def already_settled(request: Request, response: Response) -> AlreadySettledError:
    """Build the error that tells the loser who won and when."""
    who = response.by.name if response.by and response.by.name else ""
    by = f" by {who}" if who else ""
    return AlreadySettledError(
        f"This event is settled: {response.outcome}{by} at {response.settled_at:%Y-%m-%d %H:%M:%S} UTC.",
        "The first outcome stands; nothing was changed.",
        request.label,
        response.outcome,
        response.settled_at.isoformat(),
        who,
    )
