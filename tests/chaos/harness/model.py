"""
A model of the protocol: workflows, zombies, apps, reviewers and the clock at one store, in any interleaving.

The pieces are the real ones (asking, settling, records, markers, the watcher's look, the app's intake). Hypothesis
chooses who takes the next step, and which steps fail or kill.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Any, cast

import anyio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import AfterValidator

from pausepoint import Default
from pausepoint._event import Asked, Way
from pausepoint._event.asking import ask
from pausepoint._event.question import UNSET, Question, checked_question
from pausepoint._markers import OVERLAP, Cursor, Markers
from pausepoint._models import Answer, Candidate, Request, Response, RunContext, Served, Verdict, utc_now
from pausepoint._runs import Ordinals, RunScope
from pausepoint._settling import Settling
from pausepoint._store import MemoryStore, Records
from pausepoint._sync import Caller
from pausepoint._waiting.watcher import Watcher, _Waiter
from pausepoint.app.desk import Desk
from pausepoint.app.intake import take
from pausepoint.errors import AlreadySettledError, AnswerError, StoreError

from .claims import Stored, Told, Witness, check_event, check_told, claim, events_of, kind_of
from .stepping import Died, Fate, Hasty, Party, SteppedStore, party

RUN = RunContext(engine="model", run_id="r")
MOST_PARTIES = 5
TROUBLE = [fate for fate in Fate if fate is not Fate.GOES_WELL]

COURSES = st.sampled_from([None, "finishes", "finishes", *[(n, fate) for n in range(3) for fate in TROUBLE]])
"""What becomes of an operation as soon as it has begun: others take turns, or it ends, or its n-th write fails."""
YOUNGEST = st.sampled_from([0, 0, 0, 1, 2])

Parse = Callable[[Any], object]
Course = Any


def refuse_odd(value: Any) -> object:
    if value % 2:
        raise AnswerError("no", fields={"": "Only even numbers."})
    return value


def refuse_even(value: Any) -> object:
    if not value % 2:
        raise AnswerError("no", fields={"": "Only odd numbers."})
    return value


def accept(value: Any) -> object:
    return value


def break_down(value: Any) -> object:
    raise RuntimeError


OPINIONS: list[Parse] = [refuse_odd, refuse_even, accept, break_down]


class Here:
    """Satisfies `Caller`: every step is taken in the model's own loop."""

    async def ours(self, function: Callable[..., Any], *args: Any) -> Any:
        return await function(*args)

    async def awaited(self, awaitable: Awaitable[Any]) -> Any:
        return await awaitable

    async def blocking(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


class Surroundings:
    """Satisfies `Surface` for one attempt; nobody needs to be told."""

    mailbox = "default"

    def __init__(self, watcher: Watcher, scope: RunScope) -> None:
        self._watcher = watcher
        self._scope = scope

    def scope(self) -> RunScope:
        return self._scope

    def watcher(self) -> Watcher:
        return self._watcher

    def engine(self) -> RunContext | None:
        return None

    async def serve(self, run: RunContext, caller: Caller) -> Served:
        return Served(base_url="http://127.0.0.1:1")

    async def announce(self, asked: Asked, caller: Caller) -> None:
        """Tell nobody."""

    def way(self, request: Request) -> Way | None:
        return None


class Patient(Settling):
    """Settling whose patience with a verdict ends when the model says so, and not by a clock."""

    async def verdict_on(self, request: Request, candidate: Candidate, within: float) -> Verdict | Response | None:
        with anyio.CancelScope() as scope:
            party().scope = scope
            return await super().verdict_on(request, candidate, math.inf)
        return None


@dataclass
class Attempt:
    """One try of the workflow: the process that asks, and then waits."""

    watcher: Watcher
    surface: Surroundings
    parse: Parse
    number: int
    asked: list[Request] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)
    dead: bool = False


@dataclass
class App:
    """A process that serves the form."""

    settling: Patient
    parties: list[Party] = field(default_factory=list)


@dataclass
class Sent:
    """A submission: its content, and the form it came by."""

    request: Request
    answer: Answer
    form: str | None


class Protocol(RuleBasedStateMachine):
    """The rules, and after each of them the claims."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("pausepoint", "asyncio"):  # what goes wrong here is meant to
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self.loop = Hasty()
        self.memory = MemoryStore()
        self.store = SteppedStore(self.memory, self.writing)
        self.witness = Witness()
        self.began = utc_now()
        self.passed = 0.0
        self.attempts: list[Attempt] = []
        self.apps: list[App] = []
        self.parties: list[Party] = []
        self.sent: list[Sent] = []
        self.told: list[Told] = []
        self.ids: dict[int, str] = {}
        self.deadlines: dict[str, datetime | None] = {}
        self.marked: set[str] = set()
        self.returned: list[Response] = []
        self.heard: set[str] = set()
        self.cancelled: set[str] = set()
        self.marks = 0
        self.settles_by_itself = True

    # what is asked, and by whom

    @initialize(
        whole=st.sampled_from([False, False, False, True]),
        timeout=st.sampled_from([60.0, 60.0, None]),
        default=st.booleans(),
        opinion=st.sampled_from(OPINIONS),
        skews=st.tuples(*[st.sampled_from([-2.5, 0.0, 2.5])] * 3),
    )
    def set_up(
        self, whole: bool, timeout: float | None, default: bool, opinion: Parse, skews: tuple[float, ...]
    ) -> None:
        kind: Any = int if whole else Annotated[int, AfterValidator(refuse_odd)]
        self.question: Question[Any] = checked_question(
            "approve",
            kind,
            prompt="How many?",
            title=None,
            timeout=timeout,
            poll=None,
            key=None,
            generation=0,
            initial=UNSET,
            on_timeout=Default(0) if default and timeout else "raise",
            attachments=(),
        )
        self.skews = skews
        for skew in skews[:2]:
            clock = self.clock(skew)
            settling = Patient(Records(self.store), Markers(self.store, clock), clock)
            self.apps.append(App(settling))
        self.cursor = Cursor(Markers(self.memory, self.clock(0)), "default")
        self.run(self.new_attempt(opinion, Ordinals()))
        self.finish(self.parties[0])

    def clock(self, skew: float) -> Callable[[], datetime]:
        return lambda: self.began + timedelta(seconds=self.passed + skew)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def new_attempt(self, parse: Parse, ordinals: Ordinals) -> None:
        number = len(self.attempts)
        scope = RunScope(RUN.model_copy(update={"attempt": number}))
        scope.ordinals = ordinals
        watcher = Watcher(self.store, self.clock(self.skews[2]))
        attempt = Attempt(watcher, Surroundings(watcher, scope), parse, number)
        self.attempts.append(attempt)
        await self.begin(f"attempt {number} asks", self.quietly(self.ask_both(attempt)), attempt)

    async def ask_both(self, attempt: Attempt) -> None:
        for ordinal in range(2):
            asked = await ask(self.question, Here(), cast(Any, attempt.surface))
            self.check_asked(ordinal, asked.request)
            attempt.asked.append(asked.request)

    def check_asked(self, ordinal: int, request: Request) -> None:
        first = self.ids.setdefault(ordinal, request.request_id)
        claim(first == request.request_id, "a restart asked a question again under another id")
        deadline = self.deadlines.setdefault(request.request_id, request.deadline)
        claim(deadline == request.deadline, "a restart moved a deadline")

    async def begin(self, name: str, work: Coroutine[Any, Any, Any], owner: Attempt | App) -> None:
        begun = Party(name)
        begun.before = {event.request_id: event.unrefused for event in self.events().values()}
        owner.parties.append(begun)
        self.parties.append(begun)
        await begun.start(work)

    def events(self) -> dict[str, Stored]:
        return events_of(self.memory._objects)

    def request(self, ordinal: int) -> Request | None:
        request_id = self.ids.get(ordinal)
        event = self.events().get(request_id) if request_id else None
        return Request.model_validate(event.request) if event and event.request else None

    # what a write means

    def writing(self, writer: Party, path: str, body: bytes) -> None:
        kind = kind_of(path)
        if kind == "wake":
            request_id = path.rpartition("-")[2]
            truths = [told for told in writer.told if request_id in told and kind_of(told) in {"candidate", "response"}]
            claim(truths, "a wake marker was written before what it points at")
            stamp = int(path.rpartition("/")[2].partition("-")[0]) / 1000
            # A writer that stood still for longer than any reader looks back leaves it to the sweep.
            if abs(stamp - self.clock(0)().timestamp()) < OVERLAP.total_seconds():
                self.marked.add(request_id)
        if kind == "response" and path not in self.memory._objects:
            self.check_settling(writer, path.split("/")[2], body)

    def check_settling(self, writer: Party, request_id: str, body: bytes) -> None:
        response = Response.model_validate_json(body)
        # What was stored before the writer began, it must have seen.
        passed_over = [
            number for number in writer.before.get(request_id, []) if number in self.events()[request_id].unrefused
        ]
        if response.outcome == "expired":
            claim(not passed_over, "an event expired although an answer waited or had been accepted")
        elif response.outcome == "cancelled":
            claim(request_id in self.cancelled, "an event was cancelled by nobody")
        elif response.candidate is None:
            claim(not passed_over, "an answer was taken although an earlier one waited or had been accepted")

    # rules: who begins what

    def room(self) -> bool:
        return sum(not each.over for each in self.parties) < MOST_PARTIES

    @precondition(lambda self: self.room() and len(self.attempts) < 5)
    @rule(opinion=st.sampled_from(OPINIONS), same_process=st.booleans(), course=COURSES)
    def attempt_starts(self, opinion: Parse, same_process: bool, course: Course) -> None:
        ordinals = self.attempts[-1].surface.scope().ordinals if same_process else Ordinals()
        self.run(self.new_attempt(opinion, ordinals))
        self.follow(course)

    @precondition(lambda self: self.room())
    @rule(which=YOUNGEST, ordinal=st.sampled_from([0, 0, 0, 1]), course=COURSES)
    def waiter_looks(self, which: int, ordinal: int, course: Course) -> None:
        attempt = self.attempts[-1 - which % len(self.attempts)]
        if attempt.dead or len(attempt.asked) <= ordinal:
            return
        self.run(self.begin(f"attempt {attempt.number} looks", self.look(attempt, ordinal), attempt))
        self.follow(course)

    async def look(self, attempt: Attempt, ordinal: int) -> None:
        waiter = _Waiter(attempt.asked[ordinal], 5)
        response = await attempt.watcher._look(waiter, attempt.parse)
        if response is not None:
            self.returned.append(response)

    @precondition(lambda self: self.room())
    @rule(
        which=st.integers(0, 1),
        ordinal=st.sampled_from([0, 0, 0, 1]),
        odd=st.booleans(),
        by_form=st.booleans(),
        declined=st.sampled_from([False] * 7 + [True]),
        course=COURSES,
    )
    def reviewer_submits(
        self, which: int, ordinal: int, odd: bool, by_form: bool, declined: bool, course: Course
    ) -> None:
        request = self.request(ordinal)
        if request is None:
            return
        self.marks += 1
        value = None if declined else self.marks * 2 + odd
        answer = Answer(value=value, declined=declined, comment=f"#{self.marks}")
        sent = Sent(request, answer, f"token-{self.marks}" if by_form else None)
        self.sent.append(sent)
        self.run(self.begin("a reviewer submits", self.submit(self.apps[which], sent), self.apps[which]))
        self.follow(course)

    @precondition(lambda self: self.room() and any(sent.form for sent in self.sent))
    @rule(which=st.integers(0, 1), earlier=st.integers(0, 9), changed=st.booleans())
    def form_is_sent_again(self, which: int, earlier: int, changed: bool) -> None:
        forms = [sent for sent in self.sent if sent.form] or self.sent
        sent = forms[earlier % len(forms)]
        if changed and not sent.answer.declined:
            self.marks += 1
            change = {"value": self.marks * 2, "comment": f"#{self.marks}"}
            sent = Sent(sent.request, sent.answer.model_copy(update=change), sent.form)
            self.sent.append(sent)
        self.run(self.begin("a form is sent again", self.submit(self.apps[which], sent), self.apps[which]))

    async def submit(self, app: App, sent: Sent) -> None:
        desk = cast(Desk, SimpleNamespace(settling=app.settling))
        try:
            became = await take(desk, sent.request, sent.answer, sent.form)
            word = "accepted" if isinstance(became, Response) else "saved"
        except AnswerError:
            word = "refused"
        except AlreadySettledError:
            word = "settled"
        except StoreError:
            word = "failed"
        answer = sent.answer
        self.told.append(Told(sent.request.request_id, answer.comment, answer.value, answer.declined, word))

    @precondition(lambda self: self.room())
    @rule(which=st.integers(0, 1), ordinal=st.sampled_from([0, 0, 0, 1]))
    def app_expires_what_is_overdue(self, which: int, ordinal: int) -> None:
        request = self.request(ordinal)
        if request is not None:
            app = self.apps[which]
            self.run(self.begin("an app sweeps", self.quietly(app.settling.settled(request)), app))

    @precondition(lambda self: self.room() and len(self.told) > 2)
    @rule(which=st.integers(0, 1), ordinal=st.integers(0, 1), by_operator=st.booleans())
    def somebody_cancels(self, which: int, ordinal: int, by_operator: bool) -> None:
        request = self.request(ordinal)
        if request is not None:
            self.cancelled.add(request.request_id)
            app = self.apps[which]
            self.run(self.begin("a cancel", self.quietly(app.settling.cancel(request, "no", by_operator)), app))

    async def quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except StoreError:
            return

    # rules: what goes on

    def pick(self, which: int) -> Party | None:
        running = [each for each in self.parties if not each.over]
        return running[which % len(running)] if running else None

    @precondition(lambda self: self.pick(0))
    @rule(which=st.integers(0, 4), steps=st.integers(1, 6))
    def somebody_goes_on(self, which: int, steps: int) -> None:
        going = self.pick(which)
        for _ in range(steps):
            if going and not going.over:
                self.run(going.go_on(Fate.GOES_WELL))

    @precondition(lambda self: self.pick(0))
    @rule(which=st.integers(0, 4))
    def somebody_finishes(self, which: int) -> None:
        going = self.pick(which)
        if going:
            self.finish(going)

    def finish(self, going: Party) -> None:
        for _ in range(300):
            if going.over:
                going.result()
                self.check_hinted(going)
                return
            if going.scope is not None and going.at.startswith("get") and self.waits_in_vain(going):
                self.run(going.give_up())
            else:
                self.run(going.go_on(Fate.GOES_WELL))
        claim(False, f"an operation never ends: {going.name}")

    def waits_in_vain(self, going: Party) -> bool:
        """Say whether it waits for a verdict that nobody gives at the moment."""
        going.before["looks"] = going.before.get("looks", 0) + 1
        return bool(going.before["looks"] > 6)

    def check_hinted(self, going: Party) -> None:
        """Whoever stored something and met with no trouble has written its hint, too."""
        truths = [path for path in going.told if kind_of(path) in {"candidate", "response"}]
        hints = [path for path in going.told if kind_of(path) == "wake"]
        if truths and not going.disturbed:
            claim(hints, "something was stored and no hint of it was written")

    @precondition(lambda self: self.pick(0))
    @rule(which=st.integers(0, 4), fate=st.sampled_from(TROUBLE))
    def somebody_is_in_trouble(self, which: int, fate: Fate) -> None:
        going = self.pick(which)
        if going:
            self.run(going.go_on(fate))

    def follow(self, course: Course) -> None:
        going = self.parties[-1]
        if course == "finishes":
            self.finish(going)
        elif course is not None:
            self.trouble_at_a_write(going, *course)

    @precondition(lambda self: self.pick(0))
    @rule(which=st.integers(0, 4), writes=st.integers(0, 2), fate=st.sampled_from(TROUBLE))
    def somebody_is_in_trouble_at_a_write(self, which: int, writes: int, fate: Fate) -> None:
        going = self.pick(which)
        if going:
            self.trouble_at_a_write(going, writes, fate)

    def trouble_at_a_write(self, going: Party, writes: int, fate: Fate) -> None:
        for _ in range(30):
            if going.over:
                return
            is_write = going.at.startswith("create")
            if is_write and not writes:
                self.run(going.go_on(fate))
                return
            writes -= is_write
            self.run(going.go_on(Fate.GOES_WELL))

    @precondition(lambda self: self.pick(0))
    @rule(which=st.integers(0, 4))
    def patience_ends(self, which: int) -> None:
        going = self.pick(which)
        if going:
            self.run(going.give_up())

    @precondition(lambda self: len(self.attempts) > 1)
    @rule(which=st.integers(0, 4))
    def an_older_attempt_is_killed(self, which: int) -> None:
        attempt = self.attempts[which % (len(self.attempts) - 1)]
        attempt.dead = True
        for each in attempt.parties:
            self.run(each.die())

    @rule(seconds=st.sampled_from([1.0, 57.0, 3.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.passed += seconds

    @rule()
    def somebody_reads_the_markers(self) -> None:
        self.heard.update(self.run(self.cursor.new()))

    # claims

    @invariant()
    def everything_holds(self) -> None:
        self.witness.look(self.memory._objects)
        events = self.events()
        for event in events.values():
            check_event(event)
            self.check_truth(event)
        check_told(events, self.told)
        for response in self.returned:
            stored = events[response.request_id].response
            claim(stored == response.model_dump(mode="json"), "the workflow returned what is not stored")
        for each in self.parties:
            if each.over:
                each.result()

    def check_truth(self, event: Stored) -> None:
        """What is stored came from a reviewer, and was meant for this event."""
        marks = {sent.answer.comment: sent for sent in self.sent if sent.request.request_id == event.request_id}
        answers = [candidate["answer"] for candidate in event.candidates.values()]
        if event.response and event.response["source"] == "reviewer":
            answers.append(event.response)
        for answer in answers:
            sent = marks.get(answer["comment"])
            claim(sent and sent.answer.value == answer["value"], "an answer is stored that nobody gave here")

    def teardown(self) -> None:
        try:
            if self.attempts:
                self.ends_well()
        finally:
            self.close()

    def close(self) -> None:
        """End everybody."""
        for each in self.parties:
            self.run(each.die())
        self.loop.close()

    def ends_well(self) -> None:
        """When everybody is dead, one new attempt and time are enough to end every event that has a deadline."""
        for each in self.parties:
            self.run(each.die())
        self.run(self.new_attempt(refuse_odd, Ordinals()))
        self.finish(self.parties[-1])
        last = self.attempts[-1]
        claim(len(last.asked) == 2, "a new attempt could not ask")
        self.passed += 120
        for ordinal, request in enumerate(last.asked):
            # By an app first: it may settle what is overdue, and must not decide wrongly.
            self.run(self.begin("an app sweeps", self.quietly(self.apps[0].settling.settled(request)), self.apps[0]))
            self.finish(self.parties[-1])
            returned = len(self.returned)
            self.run(self.begin("the last attempt looks", self.look(last, ordinal), last))
            self.finish(self.parties[-1])
            claim(len(self.returned) > returned or request.deadline is None, "an overdue event does not end")
            event = self.events()[request.request_id]
            claim(not event.unrefused or event.response, "an acceptable answer was left lying")
        self.everything_holds()
        self.check_heard()

    def check_heard(self) -> None:
        """A reader of markers hears of every event that has one."""
        self.heard.update(self.run(self.cursor.new()))
        claim(self.marked <= self.heard, "a marker was written that no reader finds")


__all__ = ["Died", "Protocol"]
