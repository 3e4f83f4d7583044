"""Stand-ins that are passed in where a test has no use for the real thing: an engine with its plugin, and a clock."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar, cast
from uuid import uuid4

from .._api.wiring import surface_of
from .._event import current_surface, replaced
from .._models import Answer, Request, Response, RunContext, Served
from .._plugins import Hooks
from .._settings import Settings
from .._sync import run_sync
from ..hooks import Leave, Reason, Store, Waiter, hookimpl

F = TypeVar("F", bound=Callable[..., Any])

BEGINNING = datetime(2026, 1, 1, tzinfo=timezone.utc)


def _hook(method: F) -> F:
    """Mark a method, as `hookimpl` does; its type knows functions alone."""
    return cast("F", hookimpl(cast("Any", method)))


class FakeClock:
    """
    A clock that stands still until it is told otherwise; pass it where a `clock` is asked for.

    Args:
        now: What it shows, timezone-aware; default: the beginning of 2026, UTC.
    """

    def __init__(self, now: datetime = BEGINNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment that it shows."""
        return self.now

    def advance(self, seconds: float) -> datetime:
        """Move it on by so many seconds; return what it shows then."""
        self.now += timedelta(seconds=seconds)
        return self.now


@dataclass(frozen=True)
class Told:
    """
    One call of a hook of a `FakeEngine`.

    Attributes:
        hook: Which one, without `pausepoint_`.
        request: The question; None for `serve`.
        given: The run context, the HTML, the link, the deadline, the reason, or the response.
    """

    hook: str
    request: Request | None
    given: object


class FakeEngine:
    """
    An engine and its plugin in one: knows which task runs, and records what it is told.

        engine = FakeEngine()
        with engine.in_use(), engine.task("nightly"):
            event = new_event("approve", bool)
            engine.answer(event.request_id, True)
            assert event.wait() is True
        assert [told.hook for told in engine.told][:3] == ["serve", "report", "link"]

    Args:
        name: The engine's name.
        base_url: Where it says that the form app is; nothing is served there.
        leaves: Makes the exception by which a waiting task gives its process up; None: it waits where it is.

    Attributes:
        name: The engine's name.
        project: The project of all its runs, random.
        told: Every call of a hook but `engine`, in order; where another thread calls, in the order of arrival.
    """

    def __init__(
        self,
        name: str = "fake",
        *,
        base_url: str = "http://127.0.0.1:9",
        leaves: Callable[[], BaseException] | None = None,
    ) -> None:
        self.name = name
        self.told: list[Told] = []
        # Equal questions are counted per run as long as the process lives; the next test may name its run alike.
        self.project = uuid4().hex[:8]
        self._base_url = base_url
        self._leaves = leaves
        self._here: ContextVar[RunContext | None] = ContextVar("pausepoint_fake_engine", default=None)
        self._heard = threading.Condition()

    @contextmanager
    def in_use(self, **plugins: object) -> Iterator[FakeEngine]:
        """
        Ask this process's questions with this engine, a fresh store in memory, and no installed plugin.

        Args:
            plugins: Further plugins by name: modules, or objects with marked methods.
        """
        settings = Settings(store=f"memory://{uuid4().hex}")
        with replaced(surface_of(settings, Hooks([(self.name, self), *plugins.items()]))):
            yield self

    @contextmanager
    def task(
        self, run_id: str, *, task_id: str | None = None, map_index: int | None = None, attempt: int = 0
    ) -> Iterator[RunContext]:
        """Run what is in the block as a task of a run; for a retry enter it again with a higher attempt."""
        context = RunContext(
            engine=self.name, project=self.project, run_id=run_id, task_id=task_id, map_index=map_index, attempt=attempt
        )
        token = self._here.set(context)
        try:
            yield context
        finally:
            self._here.reset(token)

    def answer(self, request_id: str, value: object = None, **more: Any) -> None:
        """
        Answer an event that was asked with this engine in use, as a reviewer does.

        Args:
            request_id: The event's.
            value: The answer as JSON.
            more: Further fields of the `Answer`, for example `declined=True`.

        Raises:
            AnswerError: It does not fit.
            AlreadySettledError: Somebody was first.
        """
        answer = Answer.model_validate({"value": value, "through": "test", **more})
        run_sync(_submit, request_id, answer)

    def heard(self, hook: str, within: float = 30.0) -> Told:
        """
        Wait for the first call of a hook; some are called beside what the test does.

        Args:
            hook: Which one, without `pausepoint_`.
            within: Seconds after which it counts as never happening.

        Raises:
            TimeoutError: It was not called.
        """
        with self._heard:
            if not self._heard.wait_for(lambda: self._calls(hook), within):
                raise TimeoutError(f"pausepoint_{hook} was not called within {within:g} s.")
            return self._calls(hook)[0]

    def _calls(self, hook: str) -> list[Told]:
        return [told for told in self.told if told.hook == hook]

    def _record(self, hook: str, request: Request | None, given: object) -> None:
        with self._heard:
            self.told.append(Told(hook, request, given))
            self._heard.notify_all()

    @_hook
    def pausepoint_engine(self) -> RunContext | None:
        """Say which task runs in the calling context."""
        return self._here.get()

    @_hook
    def pausepoint_serve(self, context: RunContext, store: Store) -> Served:  # noqa: ARG002 - nothing is served
        """Record it, and say the address that was given."""
        self._record("serve", None, context)
        return Served(base_url=self._base_url)

    @_hook
    def pausepoint_report(self, request: Request, html: str) -> None:
        """Record it."""
        self._record("report", request, html)

    @_hook
    def pausepoint_link(self, request: Request, url: str) -> None:
        """Record it."""
        self._record("link", request, url)

    @_hook
    def pausepoint_wait(self, request: Request, waiter: Waiter) -> Awaitable[Response | Leave] | None:
        """Record it; leave the task where the engine does so."""
        self._record("wait", request, waiter.deadline)
        return None if self._leaves is None else _left(self._leaves())

    @_hook
    def pausepoint_wake(self, request: Request, reason: Reason) -> None:
        """Record it."""
        self._record("wake", request, reason)

    @_hook
    def pausepoint_settled(self, request: Request, response: Response) -> None:
        """Record it."""
        self._record("settled", request, response)


async def _submit(request_id: str, answer: Answer) -> None:
    watcher = current_surface().watcher()
    await watcher.settling.submit(await watcher.records.request(request_id), answer)


async def _left(error: BaseException) -> Leave:
    return Leave(error)
