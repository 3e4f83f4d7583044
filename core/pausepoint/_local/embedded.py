"""
The form app inside the author's process, under uvicorn.

It runs in Pausepoint's own loop, beside the watcher that it wakes. That loop is not in the main thread, where alone
uvicorn would take over the signals; the author's own loop is never touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextvars import Context
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from ..errors import ServeError
from .listening import base_url_of

if TYPE_CHECKING:
    import uvicorn

QUIET = 0.4
"""Seconds without a request after which we may end: the page that says "accepted" and its style sheet still arrive."""
LINGER = 2.5
"""Seconds that we wait for that, at most."""
GRACE = 1
"""Whole seconds that requests have, after that, to be answered."""
LOOK_EVERY = 0.005

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
"""An ASGI application."""


class _Traffic:
    """An application that remembers when it was last busy."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._open = 0
        self._last = float("-inf")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self._open += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._open -= 1
            self._last = anyio.current_time()

    def is_quiet(self) -> bool:
        return not self._open and anyio.current_time() - self._last > QUIET


class _Quiet(logging.Filter):
    """
    Keeps what uvicorn tells about our server out of the author's log.

    Its access log has whole links in it. A filter by thread, since a level would silence the author's own uvicorn, too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.thread not in _our_threads


_our_threads: set[int] = set()
_quiet = _Quiet()


class EmbeddedServer:
    """
    One running form app; everything runs in Pausepoint's loop.

    Args:
        application: The form app.
        listener: A listening socket; the server closes it.
    """

    def __init__(self, application: Application, listener: socket.socket) -> None:
        self.url = base_url_of(listener)
        self._application = application
        self._traffic = _Traffic(application)
        self._listener = listener
        self._server: uvicorn.Server | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """
        Serve until `stop`.

        Raises:
            ServeError: uvicorn ended instead of serving.
        """
        self._server = server = await to_thread.run_sync(_uvicorn_server, self._traffic)
        _our_threads.add(threading.get_ident())
        for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
            logging.getLogger(name).addFilter(_quiet)
        # In an empty context: requests must not see the run or the trace of whoever asked the first question.
        loop = asyncio.get_running_loop()
        self._running = Context().run(loop.create_task, server.serve(sockets=[self._listener]))
        try:
            while not server.started and not self._running.done():  # noqa: ASYNC110 - it tells nobody
                await anyio.sleep(LOOK_EVERY)
        except BaseException:
            server.should_exit = True
            raise
        if self._running.done():
            self._listener.close()
            raise ServeError(
                "The embedded form app ended while it was starting.", "See the cause of this error, then ask again."
            ) from self._running.exception()

    async def stop(self) -> None:
        """Let requests under way end, then close everything; takes `LINGER + GRACE` seconds and a bit at most."""
        if self._server is None or self._running is None:
            return
        # First, since they would never end by themselves, and keep the traffic from being quiet.
        end_streams(self._application)
        with anyio.move_on_after(LINGER):
            while not self._traffic.is_quiet():  # noqa: ASYNC110 - quiet is the absence of events
                await anyio.sleep(LOOK_EVERY)
        self._server.should_exit = True
        # Not awaited itself: what it may raise must not keep others from being stopped.
        await asyncio.wait([self._running], timeout=GRACE + 1)

    def descriptors(self) -> Iterator[int]:
        """Return the open file descriptors, which a forked child must not keep."""
        yield self._listener.fileno()
        for connection in list(self._server.server_state.connections) if self._server else ():
            with contextlib.suppress(AttributeError, OSError):
                yield connection.transport.get_extra_info("socket").fileno()


def end_streams(application: Application) -> None:
    """End the streams of a form app, which a server that stops would wait for; nothing for other applications."""
    end = getattr(application, "end_streams", None)
    if callable(end):
        end()


def _uvicorn_server(application: Application) -> uvicorn.Server:
    import uvicorn

    config = uvicorn.Config(
        application,
        interface="asgi3",
        http="h11",
        ws="none",
        lifespan="off",  # the app starts lazily, since a mounted one has no lifespan
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    # Now, in the worker thread: it imports the protocol, which takes long enough to be felt in the loop.
    config.load()
    return uvicorn.Server(config)


def forget_after_fork(descriptors: list[int]) -> None:
    """
    In a forked child: have no server, and make its inherited file descriptors point at nothing.

    They are replaced and not closed: objects of the parent's, which the child still holds, close these numbers when
    they are collected, and by then they could be a file of the author's.
    """
    _our_threads.clear()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        if descriptor >= 0:
            os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)
