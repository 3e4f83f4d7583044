"""What an engine waits with, where it has its own way to wait for an event."""

from __future__ import annotations

from datetime import datetime

from .._models import Answer, Request, Response
from .._settling import Parse
from .._sync import run_aio
from .._waiting import Watcher
from ..errors import AlreadySettledError, AnswerError


class EventWaiter:
    """
    Satisfies `pausepoint.hooks.Waiter`: a wait for one event that is not settled yet.

    What it does, it does in Pausepoint's own loop, so that it can be awaited from any other.

    Args:
        watcher: Of the store, in this process.
        request: The question.
        parse: The author's code, which judges answers.
        poll: The longest pause between two looks for wake markers, seconds.
        form_url: The link to the form.
    """

    def __init__(self, watcher: Watcher, request: Request, parse: Parse, poll: float, form_url: str) -> None:
        self._watcher = watcher
        self._request = request
        self._parse = parse
        self._poll = poll
        self._form_url = form_url

    def __repr__(self) -> str:
        return f"<EventWaiter {self._request.label}>"

    @property
    def form_url(self) -> str:
        """The link to the form."""
        return self._form_url

    @property
    def deadline(self) -> datetime | None:
        """When the event expires, UTC; None for never."""
        return self._request.deadline

    async def settled(self) -> Response:
        """See `Waiter.settled`."""
        return await run_aio(self._watcher.wait, self._request, self._parse, self._poll)

    async def look(self) -> Response | None:
        """See `Waiter.look`."""
        return await run_aio(self._watcher.look, self._request, self._parse, self._poll)

    async def offer(self, answer: Answer) -> Response:
        """See `Waiter.offer`."""
        return await run_aio(self._offered, answer)

    async def cancel(self, reason: str) -> Response:
        """See `Waiter.cancel`."""
        return await run_aio(self._watcher.settling.cancel, self._request, reason)

    async def stored(self) -> Response | None:
        """Return the response as it is in the store; None while there is none."""
        return await run_aio(self._watcher.records.response, self._request.request_id)

    async def _offered(self, answer: Answer) -> Response:
        request, records = self._request, self._watcher.records
        try:
            submitted = await self._watcher.settling.submit(request, answer)
        except AlreadySettledError:
            standing = await records.response(request.request_id)
            if standing is None:
                raise
            return standing
        if submitted.response is not None:
            return submitted.response
        # A candidate, and the code that judges it is here: nobody else need be waiting at this moment.
        response = await self._watcher.look(request, self._parse, self._poll)
        if response is not None:
            return response
        number = submitted.candidate.number if submitted.candidate else 0
        verdict = await records.verdict(request.request_id, number)
        raise AnswerError(
            "The workflow's own check refuses this answer.",
            "Correct it and offer it again; the event is still open.",
            request.label,
            verdict.fields if verdict else {"": "It could not be checked."},
        )
