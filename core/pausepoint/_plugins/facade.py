"""The hooks, one typed method each: who is called, in which order, and what becomes of a failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, cast

from .._models import Request, Response, RunContext, Served
from .._settings import Settings
from .._store import Store
from .._sync import AWAITING, Caller
from ..errors import AdapterError
from ..hooks import NAME, Leave, Reason, Waiter
from . import failures, results
from .plugin import ENGINE, LOCAL, Plugin, examined, installed, own_version, usable
from .registry import Registry
from .threads import Threads


class Hooks:
    """
    The plugins of a process, checked and ready to be called.

    Args:
        plugins: Names and modules, or what was found, beside the installed ones; an adapter's name is its engine's.
        entry_points: Also import what is installed in the entry-point group `pausepoint`.
        engine: Which engine decides where several say that this is their process; `local` for none of them.
        trace: Print each call to standard error.

    Raises:
        AdapterError: A plugin declares a hook that cannot be called.
    """

    def __init__(
        self,
        plugins: Iterable[tuple[str, object] | Plugin] = (),
        entry_points: bool = False,
        engine: str | None = None,
        trace: bool = False,
    ) -> None:
        self._registry = Registry(trace)
        self._engine = engine
        self._fallback: Plugin | None = None
        self._threads: dict[int, Threads] = {}
        for found in [*(installed() if entry_points else ()), *plugins]:
            self._registry.add(found if isinstance(found, Plugin) else examined(*found))

    @classmethod
    def installed(cls, settings: Settings) -> Hooks:
        """
        Import the installed plugins; `engine` and `trace` of the settings count.

        Raises:
            AdapterError: A plugin declares a hook that cannot be called.
        """
        return cls(entry_points=True, engine=settings.engine, trace=settings.trace)

    @classmethod
    def usable(cls, settings: Settings) -> Hooks:
        """Import the installed plugins, without those that cannot be called; the log is told of them."""
        return cls(usable(), engine=settings.engine, trace=settings.trace)

    def fall_back_on(self, module: object) -> None:
        """
        Have a plugin called where no other one does the same: the runtime of a process without an engine.

        It serves where nobody else does, and tells of a link where the engine's plugin does not.
        """
        self._fallback = examined(LOCAL, module, NAME, own_version())
        self._registry.add(self._fallback)

    def plugins(self) -> list[Plugin]:
        """Return every plugin that was found, also what is not in use."""
        return list(self._registry.plugins)

    def engine(self) -> RunContext | None:
        """
        Ask every adapter whether the calling code runs inside its engine.

        Raises:
            AdapterError: An adapter failed, or said something that makes no sense.
            AmbiguousEngineError: Two say so, and `PAUSEPOINT_ENGINE` does not decide.
            UsageError: `PAUSEPOINT_ENGINE` names an engine that no plugin speaks for.
        """
        asked = [(plugin, self._run_of(plugin)) for plugin in self._engines()]
        inside = [(plugin, context) for plugin, context in asked if context is not None]
        if len(inside) > 1:
            raise failures.ambiguous([plugin for plugin, _ in inside])
        return inside[0][1] if inside else None

    def serve(self, context: RunContext, store: Store, elsewhere: Callable[[str], None] | None = None) -> Served | None:
        """
        Have the form app made reachable: by the engine's plugin, by an observer, by the fallback; it may block.

        Args:
            context: The run that asks.
            store: Where its events are.
            elsewhere: Told the address where a plugin serves it, and not the fallback.

        Raises:
            ServeError: A plugin failed; nobody else was asked.
        """
        given: dict[str, Any] = {"context": context, "store": store}
        for plugin in self._hearing("pausepoint_serve", context.engine):
            try:
                served = results.served(plugin, self._registry.call(plugin, "pausepoint_serve", **given))
            except Exception as error:
                failure = failures.not_served(plugin, error)
                if failure is error:
                    raise
                raise failure from error
            if served is not None:
                if elsewhere is not None:
                    elsewhere(served.base_url)
                return served
        if self._fallback is None:
            return None
        # Not wrapped: what fails in there is ours, and says itself what to do.
        return cast(Served, self._registry.call(self._fallback, "pausepoint_serve", **given))

    def reports(self, engine: str) -> bool:
        """Say whether anybody shows reports for questions of this engine, for which one has to be rendered."""
        return bool(self._hearing("pausepoint_report", engine))

    async def report(self, request: Request, html: str, caller: Caller) -> None:
        """Show the question in reports, plugin by plugin; a failure is logged."""
        hook = "pausepoint_report"
        for plugin in self._hearing(hook, request.run.engine):
            await self._tell(plugin, hook, request, caller, html=html)

    async def link(self, request: Request, url: str, caller: Caller) -> None:
        """Put the link where people see it, plugin by plugin; a failure is logged."""
        hook = "pausepoint_link"
        hearing = self._hearing(hook, request.run.engine)
        # Also in an engine whose plugin says nothing: its log is better than no link at all.
        if self._fallback is not None and not any(plugin.is_engine for plugin in hearing):
            hearing.append(self._fallback)
        for plugin in hearing:
            await self._tell(plugin, hook, request, caller, url=url)

    def waits(self, engine: str) -> bool:
        """Say whether anybody may have a way of its own to wait for events of this engine."""
        return bool(self._hearing("pausepoint_wait", engine))

    def wait(
        self, request: Request, waiter: Waiter, stored: Callable[[], Awaitable[Response | None]] | None = None
    ) -> Awaitable[Response | Leave] | None:
        """
        Wait the engine's own way; an adapter is asked only inside its engine, in the author's thread and context.

        Args:
            request: The question.
            waiter: What the engine waits with.
            stored: Reads the response; what is returned is then the stored one and no other.

        Raises:
            AdapterError: A plugin returned something that makes no sense. What a plugin raises passes as it is.
        """
        hook = "pausepoint_wait"
        inside = self.engine()
        for plugin in self._hearing(hook, request.run.engine):
            if plugin.is_engine and (inside is None or inside.engine != plugin.name):
                continue
            given = self._registry.call(plugin, hook, request, request=request, waiter=waiter)
            way = results.way_to_wait(plugin, request, given)
            if way is not None:
                return _outcome(plugin, request, way, stored)
        return None

    def wakes(self, engine: str) -> bool:
        """Say whether anybody wakes this engine."""
        return bool(self._hearing("pausepoint_wake", engine))

    def hears(self, engine: str) -> bool:
        """Say whether anybody is told what becomes of this engine's events."""
        return bool(self._hearing("pausepoint_settled", engine))

    def who(self, engine: str) -> str:
        """Return whose plugins wake this engine: their distributions and versions."""
        return ", ".join(plugin.label for plugin in self._hearing("pausepoint_wake", engine))

    async def wake(self, request: Request, reason: Reason) -> None:
        """
        Wake the engine of the request, from whatever loop this runs in; a plugin that blocks does so in a worker.

        Raises:
            AdapterError: A plugin failed; every other one was called all the same.
        """
        hook = "pausepoint_wake"
        told = [
            await self._awake(each, hook, request, reason=reason) for each in self._hearing(hook, request.run.engine)
        ]
        failed = [failure for failure in told if failure is not None]
        for failure in failed[1:]:
            failures.log(failure)
        if failed:
            raise failed[0]

    async def settled(self, request: Request, response: Response) -> None:
        """Tell whoever cares that the event is settled, as `wake` does; a failure is logged, and nothing raised."""
        hook = "pausepoint_settled"
        for plugin in self._hearing(hook, request.run.engine):
            failure = await self._awake(plugin, hook, request, response=response)
            if failure is not None:
                failures.log(failure)

    def _engines(self) -> list[Plugin]:
        if self._engine == LOCAL:
            return []
        engines = [plugin for plugin in self._registry.plugins if plugin.is_engine]
        chosen = [plugin for plugin in engines if self._engine in (None, plugin.name)]
        if self._engine is not None and not chosen:
            raise failures.unknown_engine(self._engine, engines)
        return chosen

    def _run_of(self, plugin: Plugin) -> RunContext | None:
        try:
            return results.run_context(plugin, self._registry.call(plugin, ENGINE))
        except Exception as error:
            failure = failures.raised(plugin, ENGINE, error)
            if failure is error:
                raise
            raise failure from error

    def _hearing(self, hook: str, engine: str) -> list[Plugin]:
        return [plugin for plugin in self._registry.hearing(hook, engine) if plugin is not self._fallback]

    async def _tell(self, plugin: Plugin, hook: str, request: Request, caller: Caller, **given: Any) -> None:
        """Call the plugin here and now, where the author is."""

        async def call() -> Any:
            return self._registry.call(plugin, hook, request, request=request, **given)

        failure = await _failure_of(plugin, hook, request, call, caller)
        if failure is not None:
            failures.log(failure)

    async def _awake(self, plugin: Plugin, hook: str, request: Request, **given: Any) -> AdapterError | None:
        """Call the plugin in a worker thread: in this loop others are served."""
        call = partial(self._registry.call, plugin, hook, request, request=request, **given)
        threads = self._threads.setdefault(id(plugin), Threads(plugin))
        return await _failure_of(plugin, hook, request, partial(threads.result_of, call, request), AWAITING)


async def _failure_of(
    plugin: Plugin, hook: str, request: Request, call: Callable[[], Awaitable[Any]], caller: Caller
) -> AdapterError | None:
    try:
        awaitable = results.nothing_or_awaitable(plugin, hook, request, await call())
        if awaitable is not None:
            await caller.awaited(awaitable)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not keep the next one from it
        return failures.raised(plugin, hook, error, request)
    return None


async def _outcome(
    plugin: Plugin,
    request: Request,
    way: Awaitable[Response | Leave],
    stored: Callable[[], Awaitable[Response | None]] | None,
) -> Response | Leave:
    given = results.outcome(plugin, request, await way)
    if stored is None or isinstance(given, Leave):
        return given
    standing = await stored()
    if standing is None:
        raise failures.not_stored(plugin, request)
    return standing
