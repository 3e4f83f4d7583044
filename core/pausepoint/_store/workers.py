"""
Threads for file operations, which can block: a few per process, started by the first operations.

anyio has such threads, but a call of one passes through the event loop three times instead of once, and takes twice
the CPU. asyncio's own would not do: an author's code may hold all of them while it waits for what is stored here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

R = TypeVar("R")

MOST = 8
"""Operations of one process that block at the same time; more wait their turn."""


class _Workers:
    """The threads of one process; they are never ended, and do not hold up the end of the interpreter."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]]] = SimpleQueue()
        self._started = 0
        self._starting = threading.Lock()

    def begin(self, work: Callable[[], R]) -> asyncio.Future[R]:
        """Have the work done; return what becomes of it, to be awaited in the calling event loop."""
        outcome: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._jobs.put((work, outcome))
        # Each of the first jobs brings its worker, so nobody needs to count who is idle.
        if self._started < MOST:
            self._start_another()
        return outcome

    def _start_another(self) -> None:
        with self._starting:
            if self._started == MOST:
                return
            try:
                threading.Thread(target=self._work, name="pausepoint files", daemon=True).start()
            except RuntimeError:
                # None can be had any more, as when the interpreter ends. Those that are there do the work as well.
                if not self._started:
                    raise
            else:
                self._started += 1

    def _work(self) -> None:
        while True:
            work, outcome = self._jobs.get()
            try:
                ending = _given(outcome, work())
            except BaseException as error:  # noqa: BLE001 - it is raised again, where it is awaited
                ending = _failed(outcome, error)
            with contextlib.suppress(RuntimeError):  # its loop is closed, and nobody awaits it
                outcome.get_loop().call_soon_threadsafe(ending)
            # Until the next job comes, this frame would keep the last one's body in memory.
            del work, outcome, ending


def _given(outcome: asyncio.Future[R], result: R) -> Callable[[], None]:
    return lambda: None if outcome.done() else outcome.set_result(result)


def _failed(outcome: asyncio.Future[R], error: BaseException) -> Callable[[], None]:
    return lambda: None if outcome.done() else outcome.set_exception(error)


_workers: dict[int, _Workers] = {}


async def in_worker(work: Callable[[], R]) -> R:
    """
    Do blocking work in a thread, and await it.

    Cancelled, it is no longer waited for; the work goes on to its end all the same.
    """
    # By pid, because threads do not survive a fork.
    here = os.getpid()
    return await (_workers.get(here) or _workers.setdefault(here, _Workers())).begin(work)
