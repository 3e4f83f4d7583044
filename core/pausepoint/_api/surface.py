"""The surroundings of a question in an ordinary process: settings, store, and the plugins that are installed."""

from __future__ import annotations

import logging
from functools import partial
from urllib.parse import urlsplit

import anyio

from .._event import Asked, EventWaiter, Way
from .._local.probed import ProbedStore
from .._local.proving import Examined, Found, examined
from .._local.surroundings import Advice
from .._models import Request, Response, RunContext, Served
from .._plugins import Hooks
from .._runs import RunScope, current_scope, engine_scope
from .._settings import Settings, is_loopback
from .._store import open_store
from .._sync import Caller
from .._waiting import Watcher, watcher_of
from ..errors import ServeError, UsageError
from ..hooks import Leave

TRIES = (0.5, 1.5)
"""Seconds between two tries to reach the app of PAUSEPOINT_URL."""

_log = logging.getLogger("pausepoint")


class HookedSurface:
    """
    A surface that asks the plugins; the form app is that of PAUSEPOINT_URL, else one that a plugin serves.

    Args:
        settings: Where the store is, and where the form app is or may be.
        hooks: The plugins.
        advice: Tells what is odd about where this process runs; default: by its environment.

    Raises:
        UsageError: The store's URL names none.
    """

    def __init__(self, settings: Settings, hooks: Hooks, advice: Advice | None = None) -> None:
        self.mailbox = settings.mailbox
        self._settings = settings
        self._hooks = hooks
        self._store = ProbedStore(open_store(settings.store))
        self._advice = advice or Advice()
        self._told: Examined | None = None

    def engine(self) -> RunContext | None:
        """See `Surface.engine`."""
        return self._hooks.engine()

    def scope(self) -> RunScope:
        """See `Surface.scope`."""
        inside = self._hooks.engine()
        return engine_scope(inside, self._store.url) if inside else current_scope(self._settings.run_id)

    def watcher(self) -> Watcher:
        """See `Surface.watcher`."""
        return watcher_of(self._store)

    async def serve(self, run: RunContext, caller: Caller) -> Served:
        """
        Make the form app reachable and say where; the same address when asked again.

        Raises:
            UsageError: The settings cannot work together: a store in memory and an app elsewhere, a host beyond
                loopback.
            ServeError: The app of PAUSEPOINT_URL does not answer or serves another store, or none could be started.
        """
        self._advice.on_run(run)
        url = self._settings.url
        if url is not None:
            told = await caller.ours(self._verify, url)
            return Served(base_url=self._settings.public_url or told.public_url or url, links=told.links)
        elsewhere: list[str] = []
        served = await caller.blocking(self._hooks.serve, run, self.watcher().store, elsewhere.append)
        for address in elsewhere:
            # Its hints arrive by push, as those of PAUSEPOINT_URL do.
            await caller.ours(self._follow, address)
        if served is None:
            raise ServeError(
                "No plugin made the form app reachable.",
                "Set PAUSEPOINT_URL to the address of a form app, which `pausepoint serve` starts.",
            )
        return served

    async def announce(self, asked: Asked, caller: Caller) -> None:
        """Show the question in the engine's reports, and put its link where people see it."""
        request = asked.request
        # Here and not where it is served: a question that is answered already needs no link.
        if self._settings.url is None and is_loopback(urlsplit(asked.form_url).hostname or ""):
            self._advice.on_loopback()
        if self._hooks.reports(request.run.engine):
            html = await caller.blocking(_rendered, asked)
            if html is not None:
                await self._hooks.report(request, html, caller)
        await self._hooks.link(request, asked.form_url, caller)

    def way(self, request: Request) -> Way | None:
        """See `Surface.way`."""
        return partial(self._wait, request) if self._hooks.waits(request.run.engine) else None

    async def _wait(self, request: Request, waiter: EventWaiter, caller: Caller) -> Response | None:
        way = self._hooks.wait(request, waiter, waiter.stored)
        given = await caller.awaited(way) if way is not None else None
        if isinstance(given, Leave):
            # Here, in the author's own frame: it has crossed from Pausepoint's loop as a value.
            raise given.error
        return given

    async def _verify(self, url: str) -> Examined:
        if self._store.url.startswith("memory:"):
            raise UsageError(
                "The form app of PAUSEPOINT_URL is another process, which cannot see a memory:// store.",
                "Set PAUSEPOINT_STORE to a folder that both can reach, or unset PAUSEPOINT_URL.",
            )
        if self._told is None:
            secret = await self.watcher().records.identity_secret()
            told = await examined(url, secret, through_proxies=True)
            # It may be starting at the same moment, as a service beside ours.
            for pause in TRIES:
                if told.found is not Found.NOBODY:
                    break
                await anyio.sleep(pause)
                told = await examined(url, secret, through_proxies=True)
            if told.found is not Found.SAME_STORE:
                raise _not_ours(url, told.found, self._store.url)
            self._told = told
        await self._follow(url)
        return self._told

    async def _follow(self, url: str) -> None:
        self.watcher().follow(url, through_proxies=True)


def _rendered(asked: Asked) -> str | None:
    from .._render import report

    try:
        return report(asked.request, form_url=asked.form_url, api_url=asked.api_url)
    except Exception:  # noqa: BLE001 - a report is for looks; the question must still be asked
        _log.exception("No report could be made of event %s.", asked.request.label)
        return None


def _not_ours(url: str, found: Found, store_url: str) -> ServeError:
    remedy = {
        Found.NOBODY: "Start it there with `pausepoint serve`, or check the address.",
        Found.REFUSES: "Set PAUSEPOINT_URL or PAUSEPOINT_PUBLIC_URL to this address where the app runs, too.",
        Found.OTHER_STORE: f"This process uses {store_url}: set PAUSEPOINT_STORE to the same store on both sides.",
    }.get(found, "Check the address, with the path below which the app is mounted.")
    return ServeError(
        f"{found.value[0].upper()}{found.value[1:]} answers at PAUSEPOINT_URL ({url}).",
        f"{remedy} Without PAUSEPOINT_URL this process serves its questions itself.",
    )
