"""The form app under uvicorn, as `pausepoint serve` runs it: one process, or several workers on one socket."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from types import FrameType
from typing import Any

import uvicorn

from .._local import end_streams
from .._settings import Settings
from .._store import Store, open_store
from ..app import create_app
from ..app.metrics import MULTIPROCESS
from .lines import log_as_json

GRACE = 2
"""Whole seconds that requests have to be answered once the server is told to end."""
PREFIX_VARIABLE = "_PAUSEPOINT_ROOT_PATH"
"""How a worker, which is a process of its own, is told the prefix; not a setting."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Prefixed:
    """
    An application below a prefix, whether a proxy leaves the prefix in the path or takes it out.

    Args:
        application: What is below it.
        prefix: It begins with a slash and does not end with one; empty for no prefix.
    """

    def __init__(self, application: Application, prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        path = str(scope.get("path", ""))
        whole = path if f"{path}/".startswith(f"{self._prefix}/") else self._prefix + path
        await self._application({**scope, "root_path": self._prefix, "path": whole}, receive, send)

    def end_streams(self) -> None:
        """End the application's streams."""
        end_streams(self._application)


class FormServer(uvicorn.Server):
    """A server that ends the streams of hints before it waits for requests under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        end_streams(self.config.loaded_app)
        await super().shutdown(sockets)


def application(store: Store, settings: Settings, prefix: str) -> Application:
    """Make the form app below its prefix, in a process that is for nothing else."""
    made = Prefixed(create_app(store, settings=settings), prefix)
    # What is loaded by now stays. A full collection would look at all of it each time, some 70,000 objects, and every
    # answer would wait for that: 20 to 70 ms.
    gc.collect()
    gc.freeze()
    return made


def worker_application() -> Application:
    """Make the form app in a worker; uvicorn calls it by name."""
    threading.Thread(target=_end_with_parent, name="pausepoint parent", daemon=True).start()
    settings = Settings.load()
    log_as(settings)
    made = application(open_store(settings.store), settings, os.environ.get(PREFIX_VARIABLE, ""))
    _end_streams_with(made)
    return made


def _end_streams_with(app: Application) -> None:
    """Let the signals that end this worker end the app's streams first: uvicorn's own server waits for them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)

        # With the number's own `before`: each signal has a handler of its own.
        def ending(number: int, frame: FrameType | None, before: Any = before) -> None:
            end_streams(app)
            if callable(before):
                before(number, frame)

        signal.signal(number, ending)


def log_as(settings: Settings) -> None:
    """Write this process's log as the settings ask for."""
    if settings.log == "json":
        log_as_json()


def _end_with_parent() -> None:
    # A parent that is killed cannot tell its workers, which would go on serving with nobody to end them.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def serve_alone(app: Application, listener: socket.socket) -> None:
    """Serve in this process until a signal ends it."""
    FormServer(uvicorn.Config(app, **_CONFIG)).run(sockets=[listener])


def serve_in_workers(settings: Settings, prefix: str, listener: socket.socket, workers: int) -> None:
    """
    Serve with several processes until a signal ends this one; a worker that dies is replaced.

    Args:
        settings: Given to the workers through their environment.
        prefix: The root path, or nothing.
        listener: They all accept from this socket.
        workers: How many.
    """
    name = f"{__name__}:{worker_application.__name__}"
    # A scrape reaches any of the workers, so each must be able to tell the figures of all.
    with tempfile.TemporaryDirectory(prefix="pausepoint-") as figures:
        # Workers are started afresh and not forked: nothing but their environment reaches them.
        os.environ.update({**settings.environ(), PREFIX_VARIABLE: prefix, MULTIPROCESS: figures})
        uvicorn.run(name, factory=True, workers=workers, fd=listener.fileno(), **_CONFIG)


_CONFIG: dict[str, Any] = {
    "interface": "asgi3",
    "http": "h11",
    "ws": "none",
    "lifespan": "on",  # the app sweeps the store while it runs
    "log_config": None,
    "access_log": False,  # it has whole links in it
    "proxy_headers": False,
    "server_header": False,
    "timeout_graceful_shutdown": GRACE,
    # Longer than proxies keep idle connections: one that we close first could be just about to bring an answer.
    "timeout_keep_alive": 75,
}
