"""
Serves the form app for one store from this process, or finds the process that does, and takes over when it ends.

Exactly one process of a machine holds the shared address of a store. Every other one that has asked a question looks
four times a second whether the address is free, so a printed link works as long as anybody waits.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context
from pathlib import Path
from typing import Literal

import anyio
from anyio import to_thread

from .._settings import Settings
from .._sync import at_end
from .._waiting import Watcher
from .address import SharedAddress
from .embedded import GRACE, LINGER, Application, EmbeddedServer, forget_after_fork
from .listening import open_listener, port_of, refuse_beyond_loopback
from .proving import Found, examined

LOOK_EVERY = 0.25
RETRY_AFTER = 2.0
PATIENCE = 6.0
"""Seconds that a process which holds the address has to start; after that we serve on our own."""

AppFactory = Callable[[], Application]
Moved = Callable[[str], Awaitable[None]]

_log = logging.getLogger("pausepoint")


class Hosting:
    """
    This process's part in serving one store; everything runs in Pausepoint's loop.

    Args:
        watcher: Of the store.
        settings: `host` and `port` count.
        make_app: Makes the form app; called in a worker thread, because it imports a web framework.
        folder: Where shared addresses are; None for a store that no other process can reach.

    Attributes:
        links: What the app that serves the store asks of links.
        public_url: What reviewers open, where that app knows it.
    """

    def __init__(self, watcher: Watcher, settings: Settings, make_app: AppFactory, folder: Path | None) -> None:
        self._watcher = watcher
        self._settings = settings
        self._make_app = make_app
        self._folder = folder
        self._address: SharedAddress | None = None
        self._servers: list[EmbeddedServer] = []
        self._listeners: list[socket.socket] = []
        self._keeper: asyncio.Task[None] | None = None
        self._starting = anyio.Lock()
        self._moved: list[Moved] = []
        self._url: str | None = None
        self.links: Literal["open", "token"] = settings.link_mode
        self.public_url = settings.public_url

    async def url(self) -> str:
        """
        Return where the form app is, and make sure that it is there.

        Raises:
            UsageError: `host` is not a loopback address.
            ServeError: No form app could be started.
        """
        refuse_beyond_loopback(self._settings.host)
        async with self._starting:
            if self._url is None:
                self._url = await self._find_or_serve()
                self._listen(self._url)
            return self._url

    @property
    def known_url(self) -> str | None:
        """Where the form app is, as far as is known without looking; from any thread."""
        return self._url

    def on_move(self, tell: Moved) -> None:
        """Have *tell* called with the new URL when the form app has to move to another."""
        self._moved.append(tell)

    def descriptors(self) -> Iterator[int]:
        """Return the open file descriptors, which a forked child must not keep."""
        if self._address is not None:
            yield from self._address.descriptors()
        for listener in self._listeners:
            yield listener.fileno()
        for server in self._servers:
            yield from server.descriptors()

    async def stop(self) -> None:
        """Stop serving and looking."""
        if self._keeper is not None:
            self._keeper.cancel()
        for server in self._servers:
            await server.stop()

    async def _find_or_serve(self) -> str:
        address = self._shared_address()
        if address is None:
            return await self._serve(self._ports(None))
        until, pause = anyio.current_time() + PATIENCE, 0.02
        while anyio.current_time() < until:
            if address.claim():
                return await self._serve_shared(address, self._ports(port_of(address.published())))
            url = address.published()
            if url is not None and await self._is_ours(url):
                self._keep(address)
                return url
            await anyio.sleep(pause)
            pause = min(pause * 2, 0.5)
        _log.warning("Another process serves this store but does not answer, so this one serves its questions itself.")
        self._keep(address)
        return await self._serve(self._ports(None))

    def _shared_address(self) -> SharedAddress | None:
        if self._address is None and self._folder is not None:
            try:
                address = SharedAddress(self._folder, self._watcher.store.url)
                address.claim()  # here, too, because some file systems have no locks
                self._address = address
            except OSError as error:
                _log.warning("The address of the form app cannot be shared with other processes: %s", error)
        return self._address

    def _ports(self, known: int | None) -> list[int]:
        """Return the ports to try: what the operator said, where links printed before point, the default, any."""
        wanted = self._settings.port
        said = self._settings.origin_of("port") != "default"
        ports = [wanted, known] if said else [known, wanted]
        return [*(port for port in ports if port), 0]

    async def _is_ours(self, url: str) -> bool:
        told = await examined(url, await self._watcher.records.identity_secret())
        if told.found is not Found.SAME_STORE:
            return False
        self.links, self.public_url = told.links or self._settings.link_mode, told.public_url
        return True

    async def _serve(self, ports: list[int]) -> str:
        # Listening first: until the app is imported, visitors wait in the queue and are not refused.
        listener = open_listener(self._settings.host, ports)
        # Known before the import, which takes a second: a child that is forked meanwhile would keep the port for ever.
        self._listeners.append(listener)
        try:
            server = EmbeddedServer(await to_thread.run_sync(self._make_app), listener)
        except BaseException:
            listener.close()
            raise
        finally:
            self._listeners.remove(listener)
        self._servers.append(server)
        self.links, self.public_url = self._settings.link_mode, self._settings.public_url
        at_end(_stop_hostings, LINGER + GRACE + 2)
        try:
            await server.start()
        except BaseException:
            self._servers.remove(server)
            raise
        return server.url

    async def _serve_shared(self, address: SharedAddress, ports: list[int]) -> str:
        try:
            url = await self._serve(ports)
        except BaseException:
            # Holding the address without serving would keep everybody else from it.
            address.release()
            raise
        try:
            address.publish(url)
        except OSError as error:
            _log.warning("The address of the form app cannot be shared with other processes: %s", error)
        return url

    def _keep(self, address: SharedAddress) -> None:
        loop = asyncio.get_running_loop()
        self._keeper = Context().run(loop.create_task, self._look(address))

    async def _look(self, address: SharedAddress) -> None:
        """Take the address over as soon as nobody holds it; until then follow whoever does."""
        while True:
            await anyio.sleep(LOOK_EVERY)
            try:
                if address.claim():
                    await self._take_over(address)
                    return
                if not self._servers:
                    await self._follow(address)
            except Exception:  # noqa: BLE001 - the one that looks must live as long as somebody waits
                _log.exception("The form app could not be taken over, which is tried again.")
                await anyio.sleep(RETRY_AFTER)

    async def _take_over(self, address: SharedAddress) -> None:
        alone = bool(self._servers)
        ports = [port_of(address.published()), port_of(self._url), self._settings.port, 0]
        url = await self._serve_shared(address, [port for port in ports if port is not None])
        self._listen(url)
        if not alone:
            await self._move_to(url)

    async def _follow(self, address: SharedAddress) -> None:
        url = address.published()
        if url is not None and url != self._url and await self._is_ours(url):
            await self._move_to(url)

    async def _move_to(self, url: str) -> None:
        if url != self._url:
            self._url = url
            self._listen(url)
            for tell in self._moved:
                await tell(url)

    def _listen(self, url: str) -> None:
        # Our own app nudges the watcher directly; another process' has to be listened to.
        self._watcher.follow(None if self._servers else url)


_hostings: dict[tuple[str, Path | None], Hosting] = {}
_lock = threading.Lock()


def hosting_of(watcher: Watcher, settings: Settings, make_app: AppFactory, folder: Path | None) -> Hosting:
    """Return this process's only hosting of the store; the arguments count on the first call."""
    with _lock:
        key = (watcher.store.url, folder)
        if key not in _hostings:
            _hostings[key] = Hosting(watcher, settings, make_app, folder)
        return _hostings[key]


async def _stop_hostings() -> None:
    async with anyio.create_task_group() as stopping:
        for hosting in list(_hostings.values()):
            stopping.start_soon(hosting.stop)


def _forget() -> None:
    # A fork while another thread held the lock would leave it locked for ever in the child.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    forget_after_fork([descriptor for hosting in _hostings.values() for descriptor in hosting.descriptors()])
    _hostings.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
