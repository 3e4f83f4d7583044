from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from pausepoint._markers import Markers
from pausepoint._models import (
    Answer,
    Candidate,
    DefaultValue,
    Request,
    Response,
    Reviewer,
    RunContext,
    Verdict,
    utc_now,
)
from pausepoint._settling import Settling, write_id_of
from pausepoint._store import MemoryStore, Records, layout
from pausepoint.errors import AlreadySettledError, AnswerError, StoreError, UsageError

pytestmark = pytest.mark.anyio

ID = "abcdefghijklmnopqrstuvwxyz"[:24] + "23"


def a_request(**more: Any) -> Request:
    now = utc_now()
    given: dict[str, Any] = {
        "request_id": ID,
        "name": "approve",
        "key": "k",
        "run": RunContext(engine="local", run_id="r"),
        "title": "Approve?",
        "prompt": "Do you?",
        "data_type": "int",
        "json_schema": {"type": "integer", "minimum": 0},
        "schema_complete": True,
        "created_at": now,
        "deadline": now + timedelta(hours=1),
    }
    return Request.model_validate({**given, **more})


class Bench:
    """A settling over a memory store, with a clock that can be moved and notes of who was woken and what was told."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.late = timedelta(0)
        self.heard: list[str] = []
        self.records = Records(self.store, delays=(0, 0))
        self.told: list[Candidate | Response] = []
        self.settling = Settling(self.records, Markers(self.store), self.clock, self.heard.append, self.tell)

    def clock(self) -> datetime:
        return utc_now() + self.late

    def tell(self, request: Request, stored: Candidate | Response) -> None:
        self.told.append(stored)

    async def asked(self, **more: Any) -> Request:
        request = a_request(**more)
        await self.records.put_request(request)
        return request


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refuse_odd(value: Any) -> object:
    if value % 2:
        raise AnswerError("no", fields={"": "Only even numbers."})
    return value


async def test_an_answer_that_the_schema_decides_settles_at_once(bench: Bench) -> None:
    request = await bench.asked()

    submitted = await bench.settling.submit(request, Answer(value=3, by=Reviewer(name="ann"), comment="fine"))

    assert submitted.response is not None
    assert (submitted.response.outcome, submitted.response.value, submitted.response.comment) == ("answered", 3, "fine")
    assert await bench.records.response(ID) == submitted.response
    assert bench.heard == [ID]


@pytest.mark.parametrize("value", ["3", "maybe", -1, 1.5, None, True, [3], {"value": 3}])
async def test_a_value_that_the_type_refuses_is_refused_and_nothing_is_written(bench: Bench, value: Any) -> None:
    request = await bench.asked()

    with pytest.raises(AnswerError) as caught:
        await bench.settling.submit(request, Answer(value=value))

    assert "" in caught.value.fields
    assert await bench.records.response(ID) is None
    assert bench.heard == []


async def test_a_second_answer_is_told_who_was_first_and_when(bench: Bench) -> None:
    request = await bench.asked()
    await bench.settling.submit(request, Answer(value=1, by=Reviewer(name="ann")))

    with pytest.raises(AlreadySettledError, match=r"answered by ann at 20\d\d-") as caught:
        await bench.settling.submit(request, Answer(value=2))

    assert (caught.value.outcome, caught.value.by) == ("answered", "ann")
    response = await bench.records.response(ID)
    assert response is not None
    assert response.value == 1


async def test_fifty_answers_at_once_have_one_winner(bench: Bench) -> None:
    request = await bench.asked()
    won: list[int] = []

    async def answer(value: int) -> None:
        try:
            await bench.settling.submit(request, Answer(value=value))
        except AlreadySettledError:
            return
        won.append(value)

    async with anyio.create_task_group() as group:
        for value in range(50):
            group.start_soon(answer, value)

    response = await bench.records.response(ID)
    assert response is not None
    assert won == [response.value]


async def test_a_double_click_is_one_write_and_is_told_accepted_twice(bench: Bench) -> None:
    request = await bench.asked()
    first = await bench.settling.submit(request, Answer(value=1), form="token")
    second = await bench.settling.submit(request, Answer(value=1), form="token")

    assert first.response == second.response


async def test_the_same_form_sent_again_with_another_value_is_not_told_accepted(bench: Bench) -> None:
    request = await bench.asked()
    await bench.settling.submit(request, Answer(value=1), form="token")

    with pytest.raises(AlreadySettledError):
        await bench.settling.submit(request, Answer(value=2), form="token")


@pytest.mark.parametrize("other", [{"comment": "why"}, {"by": Reviewer(name="Bo", assurance="self-declared")}])
async def test_the_same_form_sent_again_with_other_words_is_not_told_accepted(
    bench: Bench, other: dict[str, Any]
) -> None:
    request = await bench.asked()
    await bench.settling.submit(request, Answer(value=1), form="token")

    with pytest.raises(AlreadySettledError):
        await bench.settling.submit(request, Answer(value=1, **other), form="token")


async def test_without_a_form_equal_answers_are_different_writes() -> None:
    assert write_id_of(a_request(), Answer(value=1), None) != write_id_of(a_request(), Answer(value=1), None)


async def test_an_answer_that_the_schema_cannot_decide_waits_as_a_candidate(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)

    submitted = await bench.settling.submit(request, Answer(value=3))

    assert submitted.response is None
    assert submitted.candidate is not None
    assert submitted.candidate.number == 1
    assert await bench.records.response(ID) is None


async def test_the_lowest_accepted_candidate_becomes_the_response(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    for value in (1, 2, 4):
        await bench.settling.submit(request, Answer(value=value))

    response = await bench.settling.judge(request, refuse_odd)

    assert response is not None
    assert (response.value, response.candidate) == (2, 2)
    refused = await bench.records.verdict(ID, 1)
    assert refused is not None
    assert refused.fields == {"": "Only even numbers."}
    assert await bench.records.verdict(ID, 3) is None


async def test_after_a_crash_between_verdict_and_response_the_accepted_candidate_still_wins(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    await bench.settling.judge(request, lambda value: value)
    crashed = Bench()
    for path in (layout.request_path(ID), layout.candidate_path(ID, 1), layout.verdict_path(ID, 1)):
        body = await bench.store.get(path)
        assert body is not None
        await crashed.store.create(path, body)

    response = await crashed.settling.judge(request, refuse_everything)

    assert response is not None
    assert response.value == 2


def refuse_everything(value: Any) -> object:
    raise AnswerError("no", fields={"": "Never."})


async def test_an_accepted_candidate_that_a_crash_kept_from_settling_is_not_expired_by_others(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    submitted = await bench.settling.submit(request, Answer(value=2))
    assert submitted.candidate is not None
    await bench.records.put_verdict(Verdict(request_id=ID, number=1, accepted=True))
    bench.late = timedelta(hours=2)

    assert await bench.settling.settled(request) is None
    response = await bench.settling.judge(request, refuse_everything)
    assert response is not None
    assert response.value == 2


async def test_a_verdict_once_given_stands_against_a_zombie_that_judges_otherwise(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    await bench.settling.judge(request, refuse_everything)

    assert await bench.settling.judge(request, lambda value: value) is None


async def test_a_verdict_that_another_process_gives_meanwhile_stands(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    theirs = Verdict(request_id=ID, number=1, accepted=False, fields={"": "Never."})

    def slowly(value: Any) -> object:
        anyio.from_thread.run(bench.records.put_verdict, theirs)
        return value

    assert await bench.settling.judge(request, slowly) is None
    assert await bench.records.response(ID) is None


async def test_what_settles_while_the_author_judges_is_returned_to_the_wait(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))

    def slowly(value: Any) -> object:
        anyio.from_thread.run(bench.settling.cancel, request, "too late")
        return value

    response = await bench.settling.judge(request, slowly)

    assert response is not None
    assert (response.outcome, response.reason) == ("cancelled", "too late")


async def test_two_processes_that_settle_with_one_candidate_make_one_write(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    candidate = (await bench.settling.submit(request, Answer(value=2))).candidate
    assert candidate is not None

    response = await bench.settling.judge(request, refuse_odd)

    assert response is not None
    assert response.write_id == candidate.write_id


async def test_the_deadline_judges_stored_candidates_before_it_settles(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    bench.late = timedelta(hours=2)

    response = await bench.settling.expire(request, refuse_odd)

    assert (response.outcome, response.value) == ("answered", 2)


async def test_silence_is_expiry_and_not_approval(bench: Bench) -> None:
    request = await bench.asked()
    response = await bench.settling.expire(request, refuse_odd)

    assert (response.outcome, response.value, response.source) == ("expired", None, "deadline")


async def test_silence_means_the_declared_default_and_the_record_says_so(bench: Bench) -> None:
    request = await bench.asked(default=DefaultValue(value=7))
    response = await bench.settling.expire(request, refuse_odd)

    assert (response.outcome, response.value, response.source) == ("expired", 7, "default")


async def test_a_deadline_that_lost_returns_the_answer_that_beat_it(bench: Bench) -> None:
    request = await bench.asked()
    await bench.settling.submit(request, Answer(value=1))

    assert (await bench.settling.expire(request, refuse_odd)).value == 1


async def test_an_answer_within_five_seconds_after_the_deadline_still_counts(bench: Bench) -> None:
    request = await bench.asked()
    bench.late = timedelta(hours=1, seconds=4)

    assert (await bench.settling.submit(request, Answer(value=1))).response is not None


async def test_an_overdue_event_that_nobody_waits_for_is_expired_by_the_next_submission(bench: Bench) -> None:
    request = await bench.asked()
    bench.late = timedelta(hours=1, seconds=6)

    with pytest.raises(AlreadySettledError, match="expired"):
        await bench.settling.submit(request, Answer(value=1))


async def test_an_overdue_event_with_an_open_candidate_is_left_to_its_workflow(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    bench.late = timedelta(hours=2)

    assert await bench.settling.settled(request) is None
    assert await bench.settling.outlook(request) is None


async def test_looking_at_an_overdue_event_writes_nothing(bench: Bench) -> None:
    request = await bench.asked()
    bench.late = timedelta(hours=2)

    seen = await bench.settling.outlook(request)

    assert seen is not None
    assert seen.outcome == "expired"
    assert await bench.records.response(ID) is None


async def test_declining_settles_without_a_value(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    submitted = await bench.settling.submit(request, Answer(value="ignored", declined=True, comment="too risky"))

    assert submitted.response is not None
    assert (submitted.response.outcome, submitted.response.value) == ("declined", None)


async def test_declining_waits_its_turn_behind_an_answer_that_is_being_checked(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    submitted = await bench.settling.submit(request, Answer(declined=True))

    assert submitted.candidate is not None
    response = await bench.settling.judge(request, refuse_odd)
    assert response is not None
    assert response.outcome == "answered"


async def test_a_cancelled_event_refuses_answers_and_keeps_its_reason(bench: Bench) -> None:
    request = await bench.asked()
    response = await bench.settling.cancel(request, "not needed")

    assert (response.outcome, response.reason, response.source) == ("cancelled", "not needed", "workflow")
    with pytest.raises(AlreadySettledError, match="cancelled"):
        await bench.settling.submit(request, Answer(value=1))


async def test_a_reason_beyond_eight_kib_is_refused_and_nothing_is_cancelled(bench: Bench) -> None:
    request = await bench.asked()

    with pytest.raises(UsageError, match="8 KiB"):
        await bench.settling.cancel(request, "x" * 8193)

    assert await bench.records.response(ID) is None


async def test_cancelling_an_answered_event_changes_nothing(bench: Bench) -> None:
    request = await bench.asked()
    await bench.settling.submit(request, Answer(value=1))

    assert (await bench.settling.cancel(request, "too late")).outcome == "answered"


async def test_a_validator_that_breaks_refuses_neutrally_and_its_words_are_not_logged(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=424242))

    def broken(value: Any) -> object:
        raise RuntimeError(f"secret {value}")

    assert await bench.settling.judge(request, broken) is None
    verdict = await bench.records.verdict(ID, 1)
    assert verdict is not None
    assert "could not be checked" in verdict.fields[""]
    assert "RuntimeError" in caplog.text
    assert "424242" not in caplog.text


async def test_a_candidate_that_cannot_be_read_stops_no_other(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.store.create(layout.candidate_path(ID, 1), b"{half")
    submitted = await bench.settling.submit(request, Answer(value=2))

    assert submitted.candidate is not None
    assert submitted.candidate.number == 2
    response = await bench.settling.judge(request, refuse_odd)
    assert response is not None
    assert response.value == 2


async def test_a_verdict_that_cannot_be_read_does_not_keep_later_answers_out(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    await bench.store.create(layout.verdict_path(ID, 1), b'{"half')
    await bench.settling.submit(request, Answer(value=4))
    response = await bench.settling.judge(request, refuse_odd)

    assert response is not None
    assert (response.value, response.candidate) == (4, 2)


async def test_a_verdict_that_cannot_be_read_keeps_nobody_from_expiring_the_event(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=2))
    await bench.store.create(layout.verdict_path(ID, 1), b'{"half')
    bench.late = timedelta(hours=2)

    response = await bench.settling.settled(request)

    assert response is not None
    assert response.outcome == "expired"


@pytest.mark.parametrize(
    "told",
    [{"": "x" * 2_000_000}, {str(part): "\x01" * 1000 for part in range(3000)}, {"k" * 2_000_000: "no"}],
    ids=["a long message", "many messages", "a long path"],
)
async def test_a_refusal_longer_than_a_record_does_not_end_the_wait(bench: Bench, told: dict[str, str]) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=3))

    def refuse(_: Any) -> object:
        raise AnswerError("no", fields=told)

    assert await bench.settling.judge(request, refuse) is None

    verdict = await bench.records.verdict(ID, 1)
    assert verdict is not None
    assert verdict.fields
    assert not verdict.accepted


@pytest.mark.parametrize("ending", [SystemExit, BaseException])
async def test_a_validator_that_ends_the_program_refuses_neutrally(bench: Bench, ending: type[BaseException]) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=3))

    def end(_: Any) -> object:
        raise ending

    assert await bench.settling.judge(request, end) is None

    verdict = await bench.records.verdict(ID, 1)
    assert verdict is not None
    assert "could not be checked" in verdict.fields[""]


async def test_validators_that_hang_leave_threads_for_everybody_else(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    await bench.settling.submit(request, Answer(value=3))
    going_on = threading.Event()
    begun = threading.Semaphore(0)

    def hang(_: Any) -> object:
        begun.release()
        going_on.wait()
        return None

    async with anyio.create_task_group() as judging:
        try:
            for _ in range(100):
                judging.start_soon(bench.settling.judge, request, hang)
            with anyio.fail_after(60):
                while not begun.acquire(blocking=False):
                    await anyio.sleep(0.001)
                await anyio.wait_all_tasks_blocked()
                await anyio.to_thread.run_sync(bool)
        finally:
            going_on.set()


async def test_the_hundred_and_first_candidate_is_refused(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    for _ in range(100):
        await bench.settling.submit(request, Answer(value=1))

    with pytest.raises(Exception, match="100 answers are stored already"):
        await bench.settling.submit(request, Answer(value=1))


async def test_a_comment_beyond_eight_kib_is_refused(bench: Bench) -> None:
    request = await bench.asked()

    with pytest.raises(AnswerError) as caught:
        await bench.settling.submit(request, Answer(value=1, comment="x" * 8193))

    assert "8 KiB for the comment" in caught.value.fields[""]


async def test_the_reviewer_hears_the_refusal_of_their_own_candidate(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    submitted = await bench.settling.submit(request, Answer(value=1))
    assert submitted.candidate is not None
    await bench.settling.judge(request, refuse_odd)

    verdict = await bench.settling.verdict_on(request, submitted.candidate, within=5)

    assert verdict is not None
    assert not isinstance(verdict, Response)
    assert verdict.fields == {"": "Only even numbers."}


async def test_an_accepted_verdict_alone_tells_nobody_that_their_answer_was_taken(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    submitted = await bench.settling.submit(request, Answer(value=2))
    assert submitted.candidate is not None
    await bench.records.put_verdict(Verdict(request_id=ID, number=1, accepted=True))

    assert await bench.settling.verdict_on(request, submitted.candidate, within=0.05) is None
    await bench.settling.cancel(request, "in between")
    told = await bench.settling.verdict_on(request, submitted.candidate, within=5)
    assert isinstance(told, Response)
    assert told.outcome == "cancelled"


async def test_nobody_judging_in_time_is_told_as_nothing_yet(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    submitted = await bench.settling.submit(request, Answer(value=1))
    assert submitted.candidate is not None

    assert await bench.settling.verdict_on(request, submitted.candidate, within=0.05) is None


async def test_whoever_stores_a_response_tells_of_it_and_whoever_loses_does_not(bench: Bench) -> None:
    request = await bench.asked()
    response = (await bench.settling.submit(request, Answer(value=1))).response
    with pytest.raises(AlreadySettledError):
        await bench.settling.submit(request, Answer(value=2))
    await bench.settling.cancel(request, "too late")
    await bench.settling.expire(request, refuse_odd)

    assert bench.told == [response]


async def test_whoever_loses_leaves_the_hint_that_a_killed_winner_could_not(bench: Bench) -> None:
    request = await bench.asked()
    won = Response(request_id=ID, outcome="answered", value=1, source="reviewer")
    await bench.records.put_response(won)

    assert await bench.settling.cancel(request, "too late") == won

    assert bench.heard == [ID]
    now = utc_now()
    assert [found for _, found in await Markers(bench.store).listed("default", now - timedelta(minutes=1), now)] == [ID]


async def test_every_way_to_settle_is_told(bench: Bench) -> None:
    request = await bench.asked()
    await bench.settling.cancel(request, "no")
    overdue = await bench.asked(request_id="b" * 26)
    bench.late = timedelta(hours=2)
    await bench.settling.settled(overdue)

    assert [each.outcome for each in bench.told if isinstance(each, Response)] == ["cancelled", "expired"]


async def test_a_candidate_is_told_and_then_the_response_that_its_acceptance_makes(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    candidate = (await bench.settling.submit(request, Answer(value=2))).candidate
    response = await bench.settling.judge(request, refuse_odd)

    assert bench.told == [candidate, response]


async def test_a_form_that_is_sent_twice_is_told_once(bench: Bench) -> None:
    request = await bench.asked(schema_complete=False)
    for _ in range(2):
        await bench.settling.submit(request, Answer(value=2), form="token")

    assert len(bench.told) == 1


async def test_a_lost_wake_marker_does_not_lose_the_answer(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    request = await bench.asked()
    settling = Settling(bench.records, Markers(_NoMarkers()), heard=bench.heard.append)

    assert (await settling.submit(request, Answer(value=1))).response is not None
    assert "wake marker" in caplog.text


class _NoMarkers(MemoryStore):
    """A store in which nothing can be created."""

    async def create(self, path: str, body: bytes) -> bool:
        raise StoreError("The disk is full.")
