"""The surroundings of a question asked in a plain process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import anyio

from .._models import Request, RunContext, Served
from .._runs import RunScope, current_scope
from .._settings import Settings, state_folder
from .._store import Store, open_store
from .._waiting import Watcher, watcher_of
from ..errors import ServeError, StoreError, UsageError
from .announcing import Announcer
from .embedded import Application
from .hosting import Hosting, hosting_of
from .probed import ProbedStore
from .proving import Found, examine
from .surroundings import Advice

TRIES = (0.5, 1.5)
"""Seconds between two tries to reach the app of PAUSEPOINT_URL."""


def form_app(store: Store, settings: Settings) -> Application:
    """Make the form app; imports a web framework."""
    from ..app import create_app

    return create_app(store, settings=settings)


class LocalSurface:
    """
    Satisfies `Surface` for a plain process: the form app of PAUSEPOINT_URL, else the one shared on this machine.

    Args:
        settings: Where the store is, and where the form app is or may be.
        app_factory: Makes the form app.
        folder: Where the processes of this machine share addresses; default: `servers` in the user's state directory.
        announcer: Tells people that there is a question.
        environ, exists: Where marks of a container are looked for.

    Raises:
        UsageError: The store's URL names none.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        app_factory: Callable[[Store, Settings], Application] = form_app,
        folder: Path | None = None,
        announcer: Announcer | None = None,
        environ: Mapping[str, str] = os.environ,
        exists: Callable[[str], bool] = os.path.exists,
    ) -> None:
        self.mailbox = settings.mailbox
        self._settings = settings
        self._store = ProbedStore(open_store(settings.store))
        self._app_factory = app_factory
        self._folder = folder
        self._announcer = announcer or Announcer()
        self._advice = Advice(environ, exists)
        self._hosting: Hosting | None = None
        self._verified = False

    def scope(self) -> RunScope:
        """Return the run that the calling code belongs to."""
        return current_scope(self._settings.run_id)

    def watcher(self) -> Watcher:
        """Return this process's watcher of the store."""
        return watcher_of(self._store)

    async def serve(self, run: RunContext) -> Served:
        """
        Make the form app reachable and say where; the same address when asked again.

        Raises:
            UsageError: The settings cannot work together: a store in memory and an app elsewhere, a host beyond
                loopback.
            ServeError: The app of PAUSEPOINT_URL does not answer or serves another store, or none could be started.
        """
        self._advice.on_run(run)
        if self._settings.url is not None:
            await self._verify(self._settings.url)
            self.watcher().follow(self._settings.url, through_proxies=True)
            return Served(base_url=self._settings.public_url or self._settings.url)
        if self._settings.public_url is None:
            self._advice.on_loopback()
        url = await self._local().url()
        return Served(base_url=self._settings.public_url or url)

    async def announce(self, request: Request, url: str) -> None:
        """Print the question's title, link and deadline to standard error, once per event and process."""
        await self._announcer.announce(request, url)

    def _local(self) -> Hosting:
        watcher = self.watcher()
        make_app = partial(self._app_factory, watcher.store, self._settings)
        folder = None if self._in_memory() else self._folder or state_folder() / "servers"
        hosting = hosting_of(watcher, self._settings, make_app, folder)
        # Another one after a fork: what serves here is not what served there.
        if hosting is not self._hosting:
            self._hosting = hosting
            hosting.on_move(self._moved)
        return hosting

    async def _moved(self, url: str) -> None:
        # Behind a public URL the links stay what they were.
        if self._settings.public_url is None:
            await self._announcer.moved(url, self._is_open)

    async def _is_open(self, request_id: str) -> bool:
        try:
            return await self.watcher().records.response(request_id) is None
        except StoreError:
            # Rather one link too many than one too few.
            return True

    def _in_memory(self) -> bool:
        return self._store.url.startswith("memory:")

    async def _verify(self, url: str) -> None:
        if self._in_memory():
            raise UsageError(
                "The form app of PAUSEPOINT_URL is another process, which cannot see a memory:// store.",
                "Set PAUSEPOINT_STORE to a folder that both can reach, or unset PAUSEPOINT_URL.",
            )
        if self._verified:
            return
        secret = await self.watcher().records.identity_secret()
        found = await examine(url, secret, through_proxies=True)
        # It may be starting at the same moment, as a service beside ours.
        for pause in TRIES:
            if found is not Found.NOBODY:
                break
            await anyio.sleep(pause)
            found = await examine(url, secret, through_proxies=True)
        if found is not Found.SAME_STORE:
            raise _not_ours(url, found, self._store.url)
        self._verified = True


def _not_ours(url: str, found: Found, store_url: str) -> ServeError:
    remedy = {
        Found.NOBODY: "Start it there with `pausepoint serve`, or check the address.",
        Found.OTHER_STORE: f"This process uses {store_url}: set PAUSEPOINT_STORE to the same store on both sides.",
    }.get(found, "Check the address, with the path below which the app is mounted.")
    return ServeError(
        f"At PAUSEPOINT_URL ({url}) answers {found.value}.",
        f"{remedy} Without PAUSEPOINT_URL this process serves its questions itself.",
    )
