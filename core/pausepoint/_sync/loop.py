"""
One event loop in a thread of its own for everything that waits.

The loop is Pausepoint's and not the author's, so that watchers, stores and the embedded server behave the same whether
the author writes plain functions, coroutines under any of asyncio's loops, or a hundred threads. It is made on first
use, once per process: after a fork the child makes its own, because a thread does not survive a fork.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, TimeoutError as TooLate, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
from anyio.from_thread import BlockingPortal
from typing_extensions import ParamSpec

from ..errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_GOODBYE = 3.0
"""Seconds that the loop has to end when the interpreter does."""
LONGEST_DEAF = 1.0
"""Seconds after which a thread that is blocked hears what was raised into it."""


@dataclass(frozen=True)
class _Home:
    """The loop of one process, and the way into it from other threads."""

    loop: asyncio.AbstractEventLoop
    portal: BlockingPortal
    thread: threading.Thread


_homes: dict[int, _Home] = {}
_locks: dict[int, threading.Lock] = {}
_ends: set[tuple[int, object]] = set()


def portal() -> BlockingPortal:
    """
    Return this process's portal into the loop that everything of Pausepoint runs on; started on first use.

    Raises:
        OSError: The loop could not be started, for example because no file descriptor is left.
    """
    return _home().portal


def begin(function: Callable[[], Coroutine[Any, Any, R]]) -> Future[R]:
    """
    Start the coroutine function in Pausepoint's loop and return at once, even where the loop is stuck.

    Raises:
        RuntimeError: The loop has ended, as it does when the interpreter does.
    """
    return _begun(function(), _home().loop)


def _begun(work: Coroutine[Any, Any, R], loop: asyncio.AbstractEventLoop) -> Future[R]:
    try:
        return asyncio.run_coroutine_threadsafe(work, loop)
    except RuntimeError:
        # The loop has ended before us. Closed, or Python warns of a coroutine that was forgotten.
        work.close()
        raise


def _home() -> _Home:
    # By pid: a fork while another thread held the lock would leave the child's copy locked for ever.
    with _locks.setdefault(os.getpid(), threading.Lock()):
        found = _homes.get(os.getpid())
        if found is None:
            found = _homes[os.getpid()] = _started()
        return found


def _started() -> _Home:
    ready: Future[_Home] = Future()
    ended = threading.Event()

    async def keep() -> None:
        async with BlockingPortal() as running:
            ready.set_result(_Home(asyncio.get_running_loop(), running, threading.current_thread()))
            await running.sleep_until_stopped()
        ended.set()

    def run() -> None:
        try:
            anyio.run(keep)
        except BaseException as error:
            # Until the loop runs, whoever started it waits, and would wait for ever.
            if ready.done():
                # What it ends with may need a thread, for example where a plugin has used asyncio.to_thread in it, and
                # an interpreter that ends starts none.
                if not (ended.is_set() and isinstance(error, RuntimeError)):
                    raise
                return
            ready.set_exception(error)

    # Not anyio's start_blocking_portal: it waits for its thread without a limit when the interpreter ends.
    threading.Thread(target=run, daemon=True, name="pausepoint").start()
    home = ready.result()
    atexit.register(_stop, os.getpid(), home)
    return home


def _stop(pid: int, home: _Home) -> None:
    # A forked child inherits the handlers of atexit, but neither the thread nor the right to end its parent's loop.
    if pid == os.getpid():
        # Not through the portal: it waits until the loop has taken the call, which a loop that is stuck never does.
        with contextlib.suppress(RuntimeError):
            _begun(home.portal.stop(cancel_remaining=True), home.loop)
        # An author's validator may run for as long as it likes, but not hold up the end of the interpreter.
        home.thread.join(LONGEST_GOODBYE)


def at_end(work: Callable[[], Coroutine[Any, Any, None]], within: float) -> None:
    """
    Have the coroutine function run in Pausepoint's loop when this process ends, before the loop does.

    Args:
        work: What is still to be done; once per process, however often it is given.
        within: Seconds that the process waits for it. What is not done then is cancelled with the loop.
    """
    home = _homes.get(os.getpid())
    # In another loop, such as a web server's, whoever runs that loop says when it ends.
    if home is None or home.loop is not asyncio.get_running_loop() or (os.getpid(), work) in _ends:
        return
    _ends.add((os.getpid(), work))
    # From within the loop, so registered after the end of the loop itself, so it runs before it.
    atexit.register(_do_at_end, os.getpid(), work, within)
    if sys.modules.get("multiprocessing.util"):
        # A child of multiprocessing ends without the handlers of atexit.
        from multiprocessing.util import Finalize

        Finalize(None, _do_at_end, (os.getpid(), work, within), exitpriority=100)


def _do_at_end(pid: int, work: Callable[[], Coroutine[Any, Any, None]], within: float) -> None:
    if pid != os.getpid():
        return
    # The loop cancels what is left; whatever happens, the interpreter ends.
    with contextlib.suppress(TooLate, RuntimeError, KeyboardInterrupt):
        begin(work).result(within)


def is_ending() -> bool:
    """Say whether the interpreter has begun to end, in which no thread can be started any more."""
    return not threading.main_thread().is_alive()


def in_loop() -> bool:
    """Say whether the calling thread runs an event loop at this moment."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@dataclass(frozen=True)
class _Raised:
    """What a call raised that is no `Exception`, on its way through the loop as a value."""

    error: BaseException


def run_sync(function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the coroutine function in Pausepoint's loop and wait; Ctrl-C ends the wait at once and cancels it."""
    future: Future[R | _Raised] = portal().start_task_soon(_contained, partial(function, *args, **kwargs))
    try:
        outcome = _awaited(future)
    except BaseException:
        # Without this the coroutine would go on, and take an answer that nobody is left to receive.
        future.cancel()
        raise
    return _given(outcome)


def _awaited(future: Future[R]) -> R:
    # An engine's time limit is raised into the thread of its task, and Python raises nothing in a thread that waits.
    while not wait({future}, LONGEST_DEAF).done:
        pass
    return future.result()


async def run_aio(function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the coroutine function in Pausepoint's loop and await it from the caller's; cancelling cancels it."""
    crossing: _Crossing[R] = _Crossing(partial(function, *args, **kwargs), asyncio.get_running_loop().create_future())
    there = _home().loop
    there.call_soon_threadsafe(crossing.begin)
    try:
        return _given(await crossing.outcome)
    except asyncio.CancelledError:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the work with it
            there.call_soon_threadsafe(crossing.give_up)
        raise


class _Crossing(Generic[R]):
    """
    One call from the caller's event loop into Pausepoint's, and its outcome on the way back.

    Not `run_coroutine_threadsafe`, whose future for threads and two chains of callbacks weigh 3 KB for each of what may
    be a hundred thousand waits; and not the portal, whose bookkeeping weighs as much again.

    Args:
        call: Makes the coroutine.
        outcome: What the caller awaits, a future of the caller's loop.
    """

    __slots__ = ("_call", "_task", "outcome")

    def __init__(self, call: Callable[[], Awaitable[R]], outcome: asyncio.Future[R | _Raised]) -> None:
        self._call = call
        self.outcome = outcome

    def begin(self) -> None:
        """Start the work; in Pausepoint's loop, in a copy of the caller's context."""
        self._task = asyncio.get_running_loop().create_task(_contained(self._call))
        self._task.add_done_callback(self._return)

    def give_up(self) -> None:
        """Cancel the work; in Pausepoint's loop, after `begin`."""
        self._task.cancel()

    def _return(self, task: asyncio.Task[R | _Raised]) -> None:
        with contextlib.suppress(RuntimeError):  # the caller's loop is closed, and nobody awaits it
            self.outcome.get_loop().call_soon_threadsafe(self._arrive, task)

    def _arrive(self, task: asyncio.Task[R | _Raised]) -> None:
        # Asked for even where the caller was cancelled meanwhile: asyncio would log that nobody did.
        error = None if task.cancelled() else task.exception()
        if self.outcome.done():
            return
        if task.cancelled():
            self.outcome.cancel()
        elif error is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())


async def _contained(call: Callable[[], Awaitable[R]]) -> R | _Raised:
    try:
        return await call()
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001 - it is raised again, where it belongs
        # An author's sys.exit() or pytest.fail() is the author's; raised here it would end the loop, and with it every
        # other wait of the process.
        return _Raised(error)


def _given(outcome: R | _Raised) -> R:
    if isinstance(outcome, _Raised):
        raise outcome.error
    return outcome


def refuse_in_loop(name: str) -> None:
    """Raise `UsageError` if the calling thread runs an event loop: a blocking call would stop every task in it."""
    if in_loop():
        raise UsageError(
            f"{name}(...) blocks, and was called where an event loop is running.",
            f"Write `await {name}.aio(...)` instead (in a notebook, too).",
        )
