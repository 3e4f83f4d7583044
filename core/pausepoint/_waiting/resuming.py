"""How long answers take to reach the workflows of this process: measured here, counted by a form app."""

from __future__ import annotations

import contextlib
from collections import deque
from datetime import datetime

from .._models import Response
from .stream import Stream

MOST = 1000
"""Measurements that are kept for an app in this process; beyond that the oldest are dropped."""


class Resumptions:
    """The measurements of one watcher."""

    def __init__(self) -> None:
        self._kept: deque[float] = deque(maxlen=MOST)

    def note(self, response: Response, now: datetime, stream: Stream | None) -> None:
        """
        Note that a workflow, having waited, goes on.

        Args:
            response: Why.
            now: UTC. Not by the clock of whoever took the answer, so the result may be a little off.
            stream: Leads to the app that counts, where that is another process.
        """
        if response.answered_at is None:
            return
        seconds = max(0.0, (now - response.answered_at).total_seconds())
        if stream is not None:
            stream.resumed(seconds)
        else:
            self._kept.append(seconds)

    def take(self) -> list[float]:
        """Return what was kept and not taken before, in seconds; callable from any thread."""
        taken: list[float] = []
        # One by one, since waits go on adding meanwhile, in another thread.
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._kept.popleft())
        return taken
