"""Takes an answer in, the same way for the form, the JSON route and the REST API."""

from __future__ import annotations

from .._models import Answer, Candidate, Request, Response, Verdict
from .._settling import already_settled
from ..errors import AnswerError
from .desk import Desk

PATIENCE = 2.0
"""How long a submission waits for the verdict of the workflow's own code, seconds."""


async def take(desk: Desk, request: Request, answer: Answer, form: str | None = None) -> Response | Candidate:
    """
    Submit an answer and wait a moment for what becomes of it.

    Args:
        desk: The app's.
        request: The question.
        answer: The answer.
        form: What makes a double click the same write; None where each submission counts.

    Returns:
        The response, if the answer settled the event; the candidate, if it is stored and nobody has judged it yet.

    Raises:
        AnswerError: The answer does not fit the schema, or the workflow's own code refused it; `fields` says why.
        AlreadySettledError: Somebody was first.
        StoreError: The store failed; the answer may be sent again.
    """
    submitted = await desk.settling.submit(request, answer, form)
    if submitted.candidate is None:
        assert submitted.response is not None  # noqa: S101 - exactly one of the two is there
        return submitted.response
    candidate = submitted.candidate
    # Waited for here, so that a reviewer who is refused can correct it at once and in the same form.
    became = await desk.settling.verdict_on(request, candidate, PATIENCE)
    if isinstance(became, Verdict):
        raise AnswerError(
            "The workflow refused this answer.", "Correct it and send it again.", request.label, became.fields
        )
    # Settled, but not by this one: whoever has it must not be told "accepted".
    if became is not None and became.candidate != candidate.number:
        raise already_settled(request, became)
    return became or candidate
