"""Takes an answer in, the same way for the form, the JSON route and the REST API, and tells what became of it."""

from __future__ import annotations

from typing import Literal

from .._models import Answer, Candidate, Model, Request, Response, Verdict
from .._settling import already_settled
from ..errors import AnswerError
from .bodies import AnyJson
from .desk import Desk

PATIENCE = 2.0
"""How long a submission waits for the verdict of the workflow's own code, seconds."""


class Submitted(Model):
    """
    What became of an answer.

    Attributes:
        status: `submitted` (200): it settled the event. `saved` (202): it is stored, and the workflow will check it.
        request_id: The event.
        value: The answer as it is stored.
        data_type: The type's name.
        message: The same for people.
    """

    status: Literal["submitted", "saved"]
    request_id: str
    value: AnyJson
    data_type: str
    message: str

    @property
    def code(self) -> int:
        """The HTTP status that says the same."""
        return 200 if self.status == "submitted" else 202


SAVED: dict[int | str, dict[str, object]] = {
    202: {"model": Submitted, "description": "Saved; the workflow will check it when it is back."}
}


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


def submitted(request: Request, became: Response | Candidate) -> Submitted:
    """Tell what became of an answer."""
    is_settled = isinstance(became, Response)
    value = became.value if isinstance(became, Response) else became.answer.value
    return Submitted(
        status="submitted" if is_settled else "saved",
        request_id=request.request_id,
        value=value,
        data_type=request.data_type,
        message="Accepted: the workflow goes on with this answer."
        if is_settled
        else "Saved: it will be checked when the workflow is back.",
    )
