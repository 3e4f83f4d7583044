"""Settles events: by an answer, by the deadline, by a cancel; by way of candidates where only the author can judge."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

import anyio

from .._codec import check, encode_json
from .._markers import Markers
from .._models import (
    MAX_BODY_BYTES,
    MAX_CANDIDATES,
    MAX_COMMENT_BYTES,
    Answer,
    Candidate,
    Request,
    Response,
    Verdict,
    utc_now,
)
from .._store import Records
from ..errors import AnswerError, StoreError, UnreadableRecordError, UsageError
from .judgement import MOST_AT_ONCE, Parse, judged
from .submission import MAX_ANSWER_BYTES, Submitted, already_settled, write_id_of

Stored = Callable[[Request, Candidate | Response], None]
"""Takes an event and what was stored for it; called in the event loop, so it may begin something and not wait."""

LATE = timedelta(seconds=5)
"""How long after its deadline an event still waits for its own workflow before others may expire it."""

_log = logging.getLogger("pausepoint")


class Settling:
    """
    Settles events of one store.

    Args:
        records: The store's records.
        markers: The store's markers.
        clock: Returns the present moment, UTC.
        heard: Called with a request id after something was stored for it, to wake a waiter in this process.
        stored: Called after a candidate or response was stored by this very process. Not where we lost: whoever won
            tells of it, and if they were killed just then, the form app finds that nobody did.

    Attributes:
        judges: Limits the threads that the authors' code runs in.
        stored: As given; whoever shares this settling may give another.
    """

    def __init__(
        self,
        records: Records,
        markers: Markers,
        clock: Callable[[], datetime] = utc_now,
        heard: Callable[[str], None] | None = None,
        stored: Stored | None = None,
    ) -> None:
        self.records = records
        self._markers = markers
        self._clock = clock
        self._heard = heard
        self.stored = stored
        self.judges = anyio.CapacityLimiter(MOST_AT_ONCE)

    async def submit(self, request: Request, answer: Answer, form: str | None = None) -> Submitted:
        """
        Take an answer: settle with it where the schema is the whole type, else store it as a candidate.

        Args:
            request: The question, as stored.
            answer: The answer; its value is checked here against the request's schema, formats included.
            form: What makes a repeated submission of one form the same write (its token); None where each one counts.

        Raises:
            AnswerError: The value does not fit, or value, comment and name are too long; nothing was stored.
            AlreadySettledError: Somebody was first.
            StoreError: The store failed; the answer may be sent again.
        """
        self._refuse_misfit(request, answer)
        write_id = write_id_of(request, answer, form)
        settled = await self.settled(request)
        if settled is not None and settled.write_id != write_id:
            raise already_settled(request, settled)
        if settled is not None:
            # The second click of a double click, or a client that lost our first reply: its own answer stands.
            return Submitted(response=settled)
        # Also a decline waits its turn: settled at once, it would overtake an answer that was given before it.
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
        expected = None if response else await self.expected(request)
        return await self._put(request, expected) if expected else response

    async def outlook(self, request: Request) -> Response | None:
        """Return the response, or the one that is about to be written for an overdue event; write nothing."""
        return await self.records.response(request.request_id) or await self.expected(request)

    async def expected(self, request: Request) -> Response | None:
        """Return what is about to be written for an event without a response, where it is overdue; write nothing."""
        is_over = self._is_late(request) and not await self._has_open_candidate(request)
        return self._expired(request) if is_over else None

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
                # Under the candidate's write id, so that a judge that was killed between verdict and response, and the
                # one that comes after it, make the same write.
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
        # The first look finds most verdicts, which take a few milliseconds; later ones must not wear out the store.
        pause = 0.005
        with anyio.move_on_after(within):
            while True:
                # Only a refusal is told by the verdict. An accepted candidate can still lose, to a cancel or a deadline
                # that came between; only the response says that it did not.
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
        # "replace", because half a surrogate pair has no bytes to count; what is stored is checked where it is encoded.
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
        # Where the schema is the whole type, every answer settles at once or is refused: there never is a candidate.
        most = 0 if request.schema_complete else MAX_CANDIDATES
        for number in range(1, most + 1):
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
        for _, candidate in await self._stored_candidates(request):
            if candidate and await self._is_open(request, candidate):
                return True
        return False

    async def _is_open(self, request: Request, candidate: Candidate) -> bool:
        try:
            verdict = await self.records.verdict(request.request_id, candidate.number)
        except UnreadableRecordError as error:
            # The waiter passes it over, so to wait for it here would be to refuse every later answer for ever.
            _log.error("A candidate is passed over, for its verdict cannot be read: %s", error)
            return False
        return verdict is None or verdict.accepted

    async def _store_candidate(self, request: Request, answer: Answer, write_id: str) -> Candidate:
        stored = await self._stored_candidates(request)
        for _, known in stored:
            if known and known.write_id == write_id:
                return known
        # Numbers have no gaps, so readers stop at the first that is missing; whoever loses a number takes the next.
        for number in range(len(stored) + 1, MAX_CANDIDATES + 1):
            candidate = Candidate(request_id=request.request_id, number=number, answer=answer, write_id=write_id)
            if (await self.records.put_candidate(candidate)).won:
                await self._hint(request, candidate)
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
            # Perhaps by an earlier attempt with other code: its reviewer has been told, so it stands.
            return known
        fields = {} if candidate.answer.declined else await judged(request, candidate.answer.value, parse, self.judges)
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
        # Of a candidate the loser is told elsewhere: its reviewer waits in `verdict_on` and sees whose response stands.
        if candidate is None and standing.write_id != write_id:
            raise already_settled(request, standing)
        return standing

    async def _put(self, request: Request, response: Response) -> Response:
        put = await self.records.put_response(response)
        # By the loser, too: the winner may have been killed before it could leave a hint.
        await self._hint(request, put.record if put.won else None)
        return put.record

    async def _hint(self, request: Request, own: Candidate | Response | None = None) -> None:
        if self._heard is not None:
            self._heard(request.request_id)
        if own is not None and self.stored is not None:
            self.stored(request, own)
        try:
            await self._markers.wake(request.mailbox, request.request_id)
        except StoreError as error:
            # The truth is stored; the waiter's sweep finds it without this marker.
            _log.warning("A wake marker could not be written: %s", error)
