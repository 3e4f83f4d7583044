"""
What an adapter may implement: seven questions that Pausepoint asks its surroundings.

An adapter is a module, named by an entry point in the group `pausepoint`. It implements any of the hooks below as plain
functions marked with `hookimpl`, and takes only the arguments it needs:

    @hookimpl
    def pausepoint_link(request: Request, url: str) -> None:
        print(f"{request.title}: {url}")

A plugin that implements `pausepoint_engine` speaks for the engine that its entry point is named after, and its other
hooks are called for questions of that engine only. A plugin without it is an observer: its hooks are called for every
question.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar, cast, overload

import pluggy

from ._models import Answer, Request, Response, RunContext, Served
from ._store import Store

__all__ = [
    "NAME",
    "Answer",
    "Leave",
    "Reason",
    "Request",
    "Response",
    "RunContext",
    "Served",
    "Specs",
    "Store",
    "Waiter",
    "hookimpl",
]

NAME = "pausepoint"
"""The name of the markers and of the entry-point group; written into every published adapter, so it never changes."""

Reason = Literal["candidate", "response"]
"""What was stored: an answer that the workflow has to judge, or the outcome."""


@dataclass(frozen=True)
class Leave:
    """
    An engine's own way out of a wait, as a value: the engine ends this process or task, and runs it again later.

    Attributes:
        error: What is raised at the author's call, unwrapped; it need not be an `Exception`.
    """

    error: BaseException


class Waiter(Protocol):
    """
    A wait for one event that is not settled yet, as `pausepoint_wait` gets it. Its coroutines can be awaited from any
    loop, at the same time, and cancelled at any time.
    """

    @property
    def form_url(self) -> str:
        """The link to the form."""

    @property
    def deadline(self) -> datetime | None:
        """When the event expires, UTC; None for never."""

    async def settled(self) -> Response:
        """
        Wait for the outcome, whatever it is, and judge the answers that only this process can judge; woken by push.

        Raises:
            StoreError: The stored response cannot be understood.
        """

    async def look(self) -> Response | None:
        """Look once, judging and raising as `settled` does, before an engine leaves; None while nothing is settled."""

    async def offer(self, answer: Answer) -> Response:
        """
        Submit an answer that was given in the engine's own UI, checked as any other.

        Returns:
            The response that stands: made of this answer, or what settled the event before it.

        Raises:
            AnswerError: It does not fit; the event stays open.
            StoreError: The store failed; offer it again.
        """

    async def cancel(self, reason: str) -> Response:
        """
        Withdraw the event, for example because the engine cancelled the run.

        Args:
            reason: Why, for whoever opens the link later; at most 8 KiB.

        Returns:
            The response that stands: this cancellation, or what settled the event before it.

        Raises:
            StoreError: The store failed; cancel again.
        """


_spec = pluggy.HookspecMarker(NAME)


class Specs:
    """The hooks. Each is called with keyword arguments; an implementation takes those it needs, by these names."""

    @_spec
    def pausepoint_engine(self) -> RunContext | None:
        """
        Say whether the calling code runs inside your engine, and in which run.

        When: at each question, each `run(...)`, and each wait that you may take over, in the author's own thread and
            context. It must be cheap, and must not import the engine to find out: look for its module in `sys.modules`,
            or for an environment variable.
        Return: what stays the same when the task is retried, with the attempt, without which a retry in the same
            process asks anew; None outside your engine. Its `engine` is the name of your entry point.
        Errors: whatever is raised ends the asking, as an `AdapterError` that names your distribution.
        Default: no engine; the question belongs to the process, or to the `run(...)` around it.
        Since: 0.1
        """

    @_spec(firstresult=True)
    def pausepoint_serve(self, context: RunContext, store: Store) -> Served | None:
        """
        Make the form app reachable, and say where.

        When: at each question, in the author's context, off any running event loop; it may block. Not called where
            `PAUSEPOINT_URL` names an app that runs already.
        Return: the address, the same when called again for this store; None to leave it to the next. An engine's plugin
            is asked first, then observers.
        Errors: raise `ServeError` if the engine refuses; nobody else is asked, and the author sees it. The question is
            stored, so asking again adopts it.
        Default: the app is served by this process on loopback, at one address per store and machine.
        Since: 0.1
        """

    @_spec
    def pausepoint_report(self, request: Request, html: str) -> Awaitable[None] | None:
        """
        Show the question where the engine shows reports.

        When: after the question is stored and served, also when it is found again by a retry; not once it is settled.
        Return: nothing, or an awaitable that is awaited in the author's context. *html* is a fragment, escaped and
            sanitised, with the prompt, the link, and how to answer from a program.
        Errors: logged with your distribution's name; the asking goes on.
        Default: no report.
        Since: 0.1
        """

    @_spec
    def pausepoint_link(self, request: Request, url: str) -> Awaitable[None] | None:
        """
        Put the link where people see it: on the running task, into a chat, to a webhook.

        When: after `pausepoint_report`, under the same conditions. Whoever must say it only once remembers it by
            `request.request_id`.
        Return: nothing, or an awaitable that is awaited in the author's context.
        Errors: logged with your distribution's name; the asking goes on.
        Default: title, link and deadline on standard error, once per event and process; also in an engine whose plugin
            does without this hook.
        Since: 0.1
        """

    @_spec(firstresult=True)
    def pausepoint_wait(self, request: Request, waiter: Waiter) -> Awaitable[Response | Leave] | None:
        """
        Wait the engine's own way: show the run as paused, take an answer from the engine's UI, or give the process up.

        When: at each wait for an event that is not settled yet, once all stored answers are judged.
        Return: an awaitable of what `waiter` gave, or of `Leave(error)`; None to leave the wait to Pausepoint. It is
            awaited in the author's context: on the author's loop under `.aio`, else on Pausepoint's.
        Errors: whatever is raised reaches the author as it is. A response that is not the stored one is an
            `AdapterError`.
        Default: `waiter.settled()`.
        Since: 0.1
        """

    @_spec
    def pausepoint_wake(self, request: Request, reason: Reason) -> Awaitable[None] | None:
        """
        Wake the engine that waits: a candidate or the response of this event was stored.

        When: at least once for each, by whoever stored it, for the engine of `request.run.engine` only, usually in
            another process than the one that asked and after it has ended. Any form app that has your plugin tries
            again, less and less often, until you return without an error; that is remembered in the store. Once you
            were woken for the response, candidates before it are of no use and are left out.
        Return: nothing, or an awaitable that is awaited in a loop of Pausepoint's. The function itself is called in a
            worker thread, so it may block. Waking somebody who is awake, or gone for
            good, is no error.
        Errors: logged with your distribution's name, and tried again.
        Default: nobody is woken; a process that waits hears of it by itself.
        Since: 0.1
        """

    @_spec
    def pausepoint_settled(self, request: Request, response: Response) -> Awaitable[None] | None:
        """
        Tell whoever cares that the event is settled.

        When: by whoever settled it, after the response is stored: at most once in each process; in two processes where
            both settle with the same answer at the same moment, and in none if that one is killed just then.
        Return: nothing, or an awaitable; called and awaited as for `pausepoint_wake`.
        Errors: logged with your distribution's name.
        Default: nobody is told.
        Since: 0.1
        """


# What `hookimpl` may mark, for type checkers: pluggy passes arguments by name, and any of them may be left out. The
# second half is the same for methods, whose object pluggy has bound already.


class _Engine(Protocol):
    def __call__(self) -> RunContext | None: ...


class _Serve(Protocol):
    def __call__(self, *, context: RunContext, store: Store) -> Served | None: ...


class _ServeRun(Protocol):
    def __call__(self, *, context: RunContext) -> Served | None: ...


class _ServeStore(Protocol):
    def __call__(self, *, store: Store) -> Served | None: ...


class _Report(Protocol):
    def __call__(self, *, request: Request, html: str) -> Awaitable[None] | None: ...


class _ReportHtml(Protocol):
    def __call__(self, *, html: str) -> Awaitable[None] | None: ...


class _Link(Protocol):
    def __call__(self, *, request: Request, url: str) -> Awaitable[None] | None: ...


class _LinkUrl(Protocol):
    def __call__(self, *, url: str) -> Awaitable[None] | None: ...


class _Wait(Protocol):
    def __call__(self, *, request: Request, waiter: Waiter) -> Awaitable[Response | Leave] | None: ...


class _WaitAny(Protocol):
    def __call__(self, *, waiter: Waiter) -> Awaitable[Response | Leave] | None: ...


class _Wake(Protocol):
    def __call__(self, *, request: Request, reason: Reason) -> Awaitable[None] | None: ...


class _Settled(Protocol):
    def __call__(self, *, request: Request, response: Response) -> Awaitable[None] | None: ...


class _SettledResponse(Protocol):
    def __call__(self, *, response: Response) -> Awaitable[None] | None: ...


class _TellRequest(Protocol):
    def __call__(self, *, request: Request) -> Awaitable[None] | None: ...


class _EngineMethod(Protocol):
    def __call__(self, plugin: Any, /) -> RunContext | None: ...


class _ServeMethod(Protocol):
    def __call__(self, plugin: Any, /, *, context: RunContext, store: Store) -> Served | None: ...


class _ServeRunMethod(Protocol):
    def __call__(self, plugin: Any, /, *, context: RunContext) -> Served | None: ...


class _ServeStoreMethod(Protocol):
    def __call__(self, plugin: Any, /, *, store: Store) -> Served | None: ...


class _ReportMethod(Protocol):
    def __call__(self, plugin: Any, /, *, request: Request, html: str) -> Awaitable[None] | None: ...


class _LinkMethod(Protocol):
    def __call__(self, plugin: Any, /, *, request: Request, url: str) -> Awaitable[None] | None: ...


class _WaitMethod(Protocol):
    def __call__(self, plugin: Any, /, *, request: Request, waiter: Waiter) -> Awaitable[Response | Leave] | None: ...


class _WaitAnyMethod(Protocol):
    def __call__(self, plugin: Any, /, *, waiter: Waiter) -> Awaitable[Response | Leave] | None: ...


class _WakeMethod(Protocol):
    def __call__(self, plugin: Any, /, *, request: Request, reason: Reason) -> Awaitable[None] | None: ...


class _SettledMethod(Protocol):
    def __call__(self, plugin: Any, /, *, request: Request, response: Response) -> Awaitable[None] | None: ...


class _TellRequestMethod(Protocol):
    def __call__(self, plugin: Any, /, *, request: Request) -> Awaitable[None] | None: ...


Implementation = TypeVar(
    "Implementation",
    bound=_Engine | _Serve | _ServeRun | _ServeStore | _Report | _ReportHtml | _Link | _LinkUrl | _Wait | _WaitAny |
    _Wake | _Settled | _SettledResponse | _TellRequest | _EngineMethod | _ServeMethod | _ServeRunMethod |
    _ServeStoreMethod | _ReportMethod | _LinkMethod | _WaitMethod | _WaitAnyMethod | _WakeMethod |
    _SettledMethod | _TellRequestMethod,
)  # fmt: skip


class _Marker(Protocol):
    @overload
    def __call__(self, function: Implementation) -> Implementation: ...
    @overload
    def __call__(self, *, tryfirst: bool = ..., trylast: bool = ...) -> Callable[[Implementation], Implementation]: ...
    def __call__(self, function: Any = ..., *, tryfirst: bool = ..., trylast: bool = ...) -> Any: ...


hookimpl = cast(_Marker, pluggy.HookimplMarker(NAME))
"""
Marks a function as the implementation of the hook of its name; `tryfirst` and `trylast` order it among other plugins.
"""
