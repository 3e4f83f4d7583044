"""
The only place that creates responses, candidates and verdicts.

Whoever creates `response.json` first has settled the event: an answer, the deadline, or a cancel. Nobody compares
clocks to find the winner; the store's exclusive create decides, and whoever loses is told who won. The order of writes
is always the truth first (candidate, verdict, response) and the hint after it (wake marker, in-process nudge), so that
a crash between two writes loses only a hint.
"""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import anyio
import anyio.to_thread
from pydantic import JsonValue

from ._codec import check, encode_json
from ._markers import Markers
from ._models import (
    MAX_BODY_BYTES,
    MAX_CANDIDATES,
    MAX_COMMENT_BYTES,
    Answer,
    Candidate,
    Request,
    Response,
    Verdict,
    new_write_id,
    utc_now,
)
from ._store import Records
from .errors import AlreadySettledError, AnswerError, StoreError, UnreadableRecordError, UsageError

LATE = timedelta(seconds=5)
"""How long after its deadline an event still waits for its own workflow before others may expire it."""

MAX_ANSWER_BYTES = MAX_BODY_BYTES - 768
"""The longest value, comment and name, as JSON: their record has some more around them, and the limit of a body."""

Parse = Callable[[JsonValue], object]
"""The author's own code: takes the answer as JSON, raises `AnswerError` where it does not fit."""

_log = logging.getLogger("pausepoint")


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


class Settling:
    """
    Settles events of one store.

    Args:
        records: The store's records.
        markers: The store's markers.
        clock: Returns the present moment, UTC.
        heard: Called with a request id after something was stored for it, to wake a waiter in this process.
    """

    def __init__(
        self,
        records: Records,
        markers: Markers,
        clock: Callable[[], datetime] = utc_now,
        heard: Callable[[str], None] | None = None,
    ) -> None:
        self.records = records
        self._markers = markers
        self._clock = clock
        self._heard = heard

    async def submit(self, request: Request, answer: Answer, form: str | None = None) -> Submitted:
        """
        Take an answer: settle with it where the schema is the whole type, else store it as a candidate.

        Args:
            request: The question, as stored.
            answer: The answer; its value is checked here against the request's schema, formats included.
            form: What makes a repeated submission of one form the same write (its token); None where each one counts.

        Raises:
            AnswerError: The value does not fit; nothing was stored.
            AlreadySettledError: Somebody was first.
            StoreError: The store failed; the answer may be sent again.
        """
        self._refuse_misfit(request, answer)
        write_id = write_id_of(request, answer, form)
        settled = await self.settled(request)
        if settled is not None and settled.write_id != write_id:
            raise already_settled(request, settled)
        if settled is not None:
            return Submitted(response=settled)
        pending = await self._has_open_candidate(request)
        if pending or not (request.schema_complete or answer.declined):
            return Submitted(candidate=await self._store_candidate(request, answer, write_id))
        return Submitted(response=await self._settle_with(request, answer, write_id))

    async def settled(self, request: Request) -> Response | None:
        """
        Return the response; expire the event first where it is more than 5 s late and no answer waits for a verdict.

        It writes, so it is for submissions, cancels and sweeps; pages that are only looked at use `outlook`.
        """
        response = await self.records.response(request.request_id)
        if response is None and self._is_late(request) and not await self._has_open_candidate(request):
            response = await self._put(request, self._expired(request))
        return response

    async def outlook(self, request: Request) -> Response | None:
        """Return the response, or the one that is about to be written for an overdue event; write nothing."""
        response = await self.records.response(request.request_id)
        if response is None and self._is_late(request) and not await self._has_open_candidate(request):
            return self._expired(request)
        return response

    async def cancel(self, request: Request, reason: str, by_operator: bool = False) -> Response:
        """
        Withdraw the event; return the response that stands, which is an earlier one where there is one.

        Args:
            request: The question.
            reason: Why, for whoever opens the link later; at most 8 KiB.
            by_operator: True where it was not the workflow itself.

        Raises:
            UsageError: The reason is longer.
        """
        if not isinstance(reason, str) or len(reason.encode("utf-8", "replace")) > MAX_COMMENT_BYTES:
            raise UsageError(
                f"The reason of a cancel must be text of at most {MAX_COMMENT_BYTES // 1024} KiB.",
                "Shorten it; nothing was cancelled.",
                request.label,
            )
        source: Literal["operator", "workflow"] = "operator" if by_operator else "workflow"
        response = Response(
            request_id=request.request_id, outcome="cancelled", source=source, reason=reason, settled_at=self._clock()
        )
        return await self._put(request, response)

    async def judge(self, request: Request, parse: Parse) -> Response | None:
        """
        Give a verdict on each candidate that has none, in order, until one is accepted; settle with that one.

        Args:
            request: The question.
            parse: The author's code; runs in a worker thread.

        Returns:
            The response that stands, if a candidate was accepted.
        """
        for number, candidate in await self._stored_candidates(request):
            if candidate and await self._accepts(request, candidate, parse):
                return await self._settle_with(request, candidate.answer, candidate.write_id, number)
        return None

    async def expire(self, request: Request, parse: Parse) -> Response:
        """Let the deadline settle, after judging every stored candidate; return the response that stands."""
        return await self.judge(request, parse) or await self._put(request, self._expired(request))

    async def verdict_on(self, request: Request, candidate: Candidate, within: float) -> Verdict | Response | None:
        """
        Wait up to *within* seconds for what becomes of a candidate.

        Returns:
            The response once there is one, perhaps another reviewer's; the verdict if it refuses; None if it is late.
        """
        pause = 0.005
        with anyio.move_on_after(within):
            while True:
                verdict = await self.records.verdict(request.request_id, candidate.number)
                if verdict is not None and not verdict.accepted:
                    return verdict
                response = await self.records.response(request.request_id)
                if response is not None:
                    return response
                await anyio.sleep(pause)
                pause = min(pause * 1.5, 0.1)
        return None

    def _is_late(self, request: Request) -> bool:
        return request.deadline is not None and self._clock() > request.deadline + LATE

    def _expired(self, request: Request) -> Response:
        return Response(
            request_id=request.request_id,
            outcome="expired",
            value=request.default.value if request.default else None,
            source="default" if request.default else "deadline",
            settled_at=self._clock(),
        )

    def _refuse_misfit(self, request: Request, answer: Answer) -> None:
        fields = {} if answer.declined else check(request.json_schema, answer.value)
        if len(answer.comment.encode("utf-8", "replace")) > MAX_COMMENT_BYTES:
            fields[""] = f"Please use at most {MAX_COMMENT_BYTES // 1024} KiB for the comment."
        if not fields and len(encode_json([answer.value, answer.comment, answer.by.name])) > MAX_ANSWER_BYTES:
            fields[""] = f"Please use less than {MAX_BODY_BYTES // 1024} KiB in all."
        if fields:
            raise AnswerError(
                "This answer does not fit the question.", "Correct it and send it again.", request.label, fields
            )

    async def _stored_candidates(self, request: Request) -> list[tuple[int, Candidate | None]]:
        """Return the candidates in order, with None for one that cannot be read: it must not stop the others."""
        found: list[tuple[int, Candidate | None]] = []
        for number in range(1, MAX_CANDIDATES + 1):
            try:
                candidate = await self.records.candidate(request.request_id, number)
            except UnreadableRecordError as error:
                _log.error("A candidate is passed over: %s", error)
                found.append((number, None))
                continue
            if candidate is None:
                break
            found.append((number, candidate))
        return found

    async def _has_open_candidate(self, request: Request) -> bool:
        """Say whether an answer waits for its verdict, or was accepted by a process that ended before it settled."""
        for number, candidate in await self._stored_candidates(request):
            verdict = await self.records.verdict(request.request_id, number) if candidate else None
            if candidate and (verdict is None or verdict.accepted):
                return True
        return False

    async def _store_candidate(self, request: Request, answer: Answer, write_id: str) -> Candidate:
        stored = await self._stored_candidates(request)
        for _, known in stored:
            if known and known.write_id == write_id:
                return known
        for number in range(len(stored) + 1, MAX_CANDIDATES + 1):
            candidate = Candidate(request_id=request.request_id, number=number, answer=answer, write_id=write_id)
            if (await self.records.put_candidate(candidate)).won:
                await self._hint(request)
                return candidate
        raise StoreError(
            f"{MAX_CANDIDATES} answers are stored already, and the workflow has judged none acceptable.",
            "Ask whoever runs the workflow to look at it.",
            request.label,
        )

    async def _accepts(self, request: Request, candidate: Candidate, parse: Parse) -> bool:
        try:
            return (await self._verdict_on(request, candidate, parse)).accepted
        except UnreadableRecordError as error:
            _log.error("A candidate is passed over, for its verdict cannot be read: %s", error)
            return False

    async def _verdict_on(self, request: Request, candidate: Candidate, parse: Parse) -> Verdict:
        known = await self.records.verdict(request.request_id, candidate.number)
        if known is not None:
            return known
        fields = {} if candidate.answer.declined else await _judged(request, candidate.answer.value, parse)
        verdict = Verdict(
            request_id=request.request_id, number=candidate.number, accepted=not fields, fields=fields, at=self._clock()
        )
        return (await self.records.put_verdict(verdict)).record

    async def _settle_with(
        self, request: Request, answer: Answer, write_id: str, candidate: int | None = None
    ) -> Response:
        response = Response(
            request_id=request.request_id,
            outcome="declined" if answer.declined else "answered",
            value=None if answer.declined else answer.value,
            source="reviewer",
            by=answer.by,
            through=answer.through,
            comment=answer.comment,
            answered_at=answer.at,
            candidate=candidate,
            settled_at=self._clock(),
            write_id=write_id,
        )
        standing = await self._put(request, response)
        if candidate is None and standing.write_id != write_id:
            raise already_settled(request, standing)
        return standing

    async def _put(self, request: Request, response: Response) -> Response:
        put = await self.records.put_response(response)
        await self._hint(request)
        return put.record

    async def _hint(self, request: Request) -> None:
        if self._heard is not None:
            self._heard(request.request_id)
        try:
            await self._markers.wake(request.mailbox, request.request_id)
        except StoreError as error:
            # The truth is stored; the waiter's sweep finds it without this marker.
            _log.warning("A wake marker could not be written: %s", error)


def write_id_of(request: Request, answer: Answer, form: str | None) -> str:
    """
    Make the write id of an answer: random, or for a form the same for the same submission.

    A double click sends one form twice and is one write. The content is part of it, so that a form that was changed and
    sent again is another write, and is not told that its new value was taken.
    """
    if form is None:
        return new_write_id()
    content = encode_json([request.request_id, form, answer.value, answer.declined, answer.comment, answer.by.name])
    return hashlib.sha256(content).hexdigest()[:32]


async def _judged(request: Request, value: JsonValue, parse: Parse) -> dict[str, str]:
    try:
        await anyio.to_thread.run_sync(parse, value)
    except AnswerError as error:
        return error.fields or {"": "This answer was refused."}
    except Exception as error:  # noqa: BLE001 - the author's validator may raise anything; it must not end the wait
        # Frames only: the message of such an error usually repeats the value.
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("The validator of event %s raised %s:\n%s", request.label, type(error).__name__, frames)
        return {"": "This answer could not be checked, because the workflow's own check failed."}
    return {}


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
