"""Answer an author's questions without a person, a server or a folder, in the author's own tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pydantic_core import to_jsonable_python

from .._event import Asked, Way, replaced
from .._models import Answer, Candidate, Request, Response, Reviewer, RunContext, Served, Verdict
from .._runs import RunScope, current_scope
from .._store import MemoryStore
from .._sync import Caller
from .._waiting import Watcher
from ..errors import AnswerError, UsageError


@dataclass(frozen=True)
class Decline:
    """
    Stands for a reviewer who refuses to answer: `answers({"deploy": Decline("too risky")})`.

    Attributes:
        comment: The reviewer's words.
    """

    comment: str = ""


@dataclass(frozen=True)
class Expire:
    """Stands for nobody answering: the deadline is reached at once."""


class answers:  # noqa: N801 - it reads as a phrase: `with answers({...}):`
    """
    Answer questions by name, at once, in this whole process, until the block is left.

    Nothing is served or written to disk; every question is stored in memory and answered the way the form does it, so a
    value that the form would refuse is refused here, too. Questions repeat per block: each block is a fresh store.

        with answers({"approve": True, "how-many": 3}) as asked:
            main()
        assert [request.name for request in asked] == ["approve", "how-many"]

    Args:
        given: By the event's name (for `pause`: its key, else the type's name): a value of the type, or its JSON;
            `Decline(...)`; `Expire()`; or a function that takes the `Request` and returns one of these.

    Raises:
        UsageError: Where a question is asked that nothing is given for; it is raised in the asking code.
        AnswerError: Where a value does not fit its type; raised in the asking code, or on leaving the block where the
            author's own validator refused it.
    """

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = dict(given)
        self._stack = ExitStack()
        self._surface = _Answering(self._reply_to)
        self.asked: list[Request] = []

    def __enter__(self) -> list[Request]:
        """Begin; the list that is returned fills with each question that is asked."""
        self._stack.enter_context(replaced(self._surface))
        return self.asked

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()
        if self._surface.refused is not None:
            # In the place of EventCancelledError, which only says how we ended the wait.
            raise self._surface.refused from error

    def _reply_to(self, request: Request) -> object:
        self.asked.append(request)
        if request.name not in self._given:
            known = ", ".join(repr(name) for name in self._given) or "none"
            raise UsageError(
                "answers(...) has nothing for this question.",
                f"Add its name to the mapping; it has: {known}.",
                request.label,
            )
        reply = self._given[request.name]
        # A class can be called, too, but is not meant as a function that answers.
        return reply(request) if callable(reply) and not isinstance(reply, type) else reply


class _Answering:
    """A surface that answers each question while it is announced."""

    mailbox = "default"

    def __init__(self, reply_to: Callable[[Request], object]) -> None:
        self._reply_to = reply_to
        self._watcher: Watcher | None = None
        # asyncio itself keeps a task only as long as somebody else does.
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered: set[str] = set()
        self.refused: AnswerError | None = None

    def scope(self) -> RunScope:
        return current_scope()

    def watcher(self) -> Watcher:
        if self._watcher is None:
            self._watcher = Watcher(MemoryStore())
        return self._watcher

    def engine(self) -> RunContext | None:
        # Also inside an engine: what is tested is the author's code, and asks under the identity that it has without.
        return None

    async def serve(self, run: RunContext, caller: Caller) -> Served:  # noqa: ARG002 - the same nowhere for every run
        return Served(base_url="http://answers.invalid", links="open")

    async def announce(self, asked: Asked, caller: Caller) -> None:
        await caller.ours(self._answer, asked.request)

    def way(self, request: Request) -> Way | None:  # noqa: ARG002 - no engine waits for any of them
        return None

    async def _answer(self, request: Request) -> None:
        # Threads that ask one question at the same moment announce it once each.
        if request.request_id in self._answered:
            return
        self._answered.add(request.request_id)
        reply = self._reply_to(request)
        settling = self.watcher().settling
        if isinstance(reply, Expire):
            await settling.expire(request, lambda value: value)
            return
        submitted = await settling.submit(request, _answer(reply))
        if submitted.candidate is not None:
            # Not awaited: the verdict comes from the wait, which begins after this has returned.
            task = asyncio.create_task(self._watch_verdict(request, submitted.candidate))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _watch_verdict(self, request: Request, candidate: Candidate) -> None:
        """End the wait where the author's validator refuses the value: nobody will send a better one."""
        settling = self.watcher().settling
        verdict: Verdict | Response | None = None
        while verdict is None:
            verdict = await settling.verdict_on(request, candidate, within=60.0)
        if isinstance(verdict, Verdict):
            self.refused = AnswerError(
                "answers(...) gave a value that the workflow's own check refuses.",
                "Give one that it accepts.",
                request.label,
                verdict.fields,
            )
            await settling.cancel(request, "refused by the workflow's own check")


def _answer(reply: object) -> Answer:
    by = Reviewer(name="answers", assurance="local")
    if isinstance(reply, Decline):
        return Answer(declined=True, comment=reply.comment, by=by, through="test")
    value: Any = to_jsonable_python(reply)
    return Answer(value=value, by=by, through="test")
