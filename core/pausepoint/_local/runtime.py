"""The runtime of a process without an engine, as a plugin: it serves from this process, and tells the terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from .._plugins import Hooks
from .._settings import Settings, state_folder
from .._store import Store
from .._sync import run_sync
from .._waiting import Watcher, watcher_of
from ..errors import StoreError
from ..hooks import Request, Served, hookimpl
from .announcing import Announcer
from .embedded import Application
from .hosting import Hosting, hosting_of


def form_app(store: Store, settings: Settings, hooks: Hooks | None = None) -> Application:
    """Make the form app; imports a web framework."""
    from ..app import create_app

    return create_app(store, hooks, settings=settings)


class LocalRuntime:
    """
    The plugin that is called where no other one serves: the form app in this process, shared on this machine.

    Args:
        settings: Where the form app may listen, and what reviewers open.
        app_factory: Makes the form app.
        folder: Where the processes of this machine share addresses; default: `servers` in the user's state directory.
        announcer: Tells people that there is a question.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        app_factory: Callable[[Store, Settings], Application] = form_app,
        folder: Path | None = None,
        announcer: Announcer | None = None,
    ) -> None:
        self._settings = settings
        self._app_factory = app_factory
        self._folder = folder
        self._announcer = announcer or Announcer()
        self._hostings: list[Hosting] = []

    @hookimpl
    def pausepoint_serve(self, store: Store) -> Served:
        """
        Serve the form app, or find the process that does; the same address when asked again.

        Raises:
            UsageError: `PAUSEPOINT_HOST` is beyond loopback.
            ServeError: No form app could be started.
        """
        hosting = self._hosting(watcher_of(store))
        url = hosting.known_url or run_sync(hosting.url)
        # Not always ours: another process of this machine may serve the store, by its own settings.
        return Served(base_url=self._settings.public_url or hosting.public_url or url, links=hosting.links)

    @hookimpl
    def pausepoint_link(self, request: Request, url: str) -> Awaitable[None]:
        """Print the question's title, link and deadline to standard error, once per event and process."""
        return self._announcer.announce(request, url)

    def _hosting(self, watcher: Watcher) -> Hosting:
        make_app = partial(self._app_factory, watcher.store, self._settings)
        folder = None if watcher.store.url.startswith("memory:") else self._folder or state_folder() / "servers"
        hosting = hosting_of(watcher, self._settings, make_app, folder)
        # Another one after a fork: what serves here is not what served there.
        if hosting not in self._hostings:
            self._hostings.append(hosting)
            hosting.on_move(partial(self._moved, watcher))
        return hosting

    async def _moved(self, watcher: Watcher, url: str) -> None:
        # Behind a public URL the links stay what they were.
        if self._settings.public_url is None:
            await self._announcer.moved(url, partial(_is_open, watcher))


async def _is_open(watcher: Watcher, request_id: str) -> bool:
    try:
        return await watcher.records.response(request_id) is None
    except StoreError:
        # Rather one link too many than one too few.
        return True
