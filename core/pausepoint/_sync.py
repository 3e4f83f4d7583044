"""
Sync by default, `.aio` for async: one event loop in a thread of its own for everything that waits.

The loop is Pausepoint's and not the author's, so that watchers, stores and the embedded server behave the same whether
the author writes plain functions, coroutines under any loop, or a hundred threads. It is made on first use, once per
process: after a fork the child makes its own, because a thread does not survive a fork.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
from anyio.from_thread import BlockingPortal
from typing_extensions import ParamSpec

from .errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_GOODBYE = 3.0
"""Seconds that the loop has to end when the interpreter does."""

_portals: dict[int, BlockingPortal] = {}
_locks: dict[int, threading.Lock] = {}


def portal() -> BlockingPortal:
    """Return this process's portal into the loop that everything of Pausepoint runs on; started on first use."""
    # By pid: a fork while another thread held the lock would leave the child's copy locked for ever.
    with _locks.setdefault(os.getpid(), threading.Lock()):
        found = _portals.get(os.getpid())
        if found is None:
            found = _portals[os.getpid()] = _started()
        return found


def _started() -> BlockingPortal:
    ready: Future[BlockingPortal] = Future()

    async def keep() -> None:
        async with BlockingPortal() as running:
            ready.set_result(running)
            await running.sleep_until_stopped()

    # Not anyio's start_blocking_portal: it waits for its thread without a limit when the interpreter ends.
    thread = threading.Thread(target=anyio.run, args=(keep,), daemon=True, name="pausepoint")
    thread.start()
    running = ready.result()
    atexit.register(_stop, os.getpid(), running, thread)
    return running


def _stop(pid: int, running: BlockingPortal, thread: threading.Thread) -> None:
    if pid == os.getpid():
        running.start_task_soon(running.stop, True)
        # An author's validator may run for as long as it likes, but not hold up the end of the interpreter.
        thread.join(LONGEST_GOODBYE)


def in_loop() -> bool:
    """Say whether the calling thread runs an event loop at this moment."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_sync(function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the coroutine function in Pausepoint's loop and wait; Ctrl-C ends the wait at once and cancels it."""
    future: Future[R] = portal().start_task_soon(partial(function, *args, **kwargs))
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def run_aio(function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the coroutine function in Pausepoint's loop and await it from the caller's; cancelling cancels it."""
    future: Future[R] = portal().start_task_soon(partial(function, *args, **kwargs))
    try:
        return await asyncio.wrap_future(future)
    except BaseException:
        future.cancel()
        raise


class Dual(Generic[P, R]):
    """
    A function with two ways to call it: `f(...)` blocks, `await f.aio(...)` does not.

    Args:
        function: The coroutine function behind both; it runs in Pausepoint's own loop.

    Raises:
        UsageError: The blocking form was called where an event loop runs, which it would stop.
    """

    def __init__(self, function: Callable[P, Coroutine[Any, Any, R]], name: str | None = None) -> None:
        self._function = function
        self._name = name or function.__qualname__
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = self._name
        self.__module__ = function.__module__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        refuse_in_loop(self._name)
        return run_sync(self._function, *args, **kwargs)

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do the same without blocking the caller's event loop."""
        return await run_aio(self._function, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self._name}: call it, or await its .aio(...)>"


def refuse_in_loop(name: str) -> None:
    """Raise `UsageError` if the calling thread runs an event loop: a blocking call would stop every task in it."""
    if in_loop():
        raise UsageError(
            f"{name}(...) blocks, and was called where an event loop is running.",
            f"Write `await {name}.aio(...)` instead (in a notebook, too).",
        )
