"""Worker threads for plugins that block: in the event loop others are served."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from .._models import Request
from .._sync import is_ending
from ..errors import AdapterError
from .plugin import Plugin

R = TypeVar("R")

MOST = 64
"""Calls of one plugin that may be in their threads at the same time; more than are ever begun where they return."""


class Threads:
    """
    The threads of one plugin. One whose call is given up goes on until the call returns, perhaps for ever.

    Args:
        plugin: The plugin.
        most: How many there may be at most.
    """

    def __init__(self, plugin: Plugin, most: int = MOST) -> None:
        self._plugin = plugin
        self._most = most
        self._busy: set[threading.Lock] = set()

    async def result_of(self, call: Callable[[], R], about: Request) -> R:
        """
        Call a function of the plugin in a thread.

        Raises:
            AdapterError: As many calls have not returned as there may be threads. Whatever the call raises passes.
        """
        # A call that hangs is begun again and again; its threads must not be what ends this process.
        if len(self._busy) >= self._most:
            raise AdapterError(
                f"{self._plugin.label} has {self._most} calls that do not return, and gets no further one.",
                "See what it waits for; restarting this process ends them.",
                about.label,
                self._plugin.label,
            )
        # Taken once, and never given back: by the thread that begins, or by us, who give the call up before that.
        turn = threading.Lock()
        self._busy.add(turn)
        # A limiter of its own, for a call to wait for no other; the usual one counts only calls that were not given up.
        work = partial(self._work, call, turn)
        try:
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=CapacityLimiter(1))
        except RuntimeError:
            if turn.locked() or not is_ending():
                raise
            # No thread can be had any more, and nobody is served here any more whom a plugin that blocks would keep.
            return call()
        finally:
            # Given up before it had a thread; else the thread itself says when it is free.
            if turn.acquire(blocking=False):
                self._busy.discard(turn)

    def _work(self, call: Callable[[], R], turn: threading.Lock) -> R:
        if not turn.acquire(blocking=False):
            # Nobody hears of it: a call that is not counted any more must not begin.
            raise TimeoutError("The call was given up before it began.")
        try:
            return call()
        finally:
            self._busy.discard(turn)
