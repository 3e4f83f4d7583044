"""What fails again and again, as the log has it: once, and not every few seconds until it is mended."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from ..errors import PausepointError

AGAIN = 3600.0
"""Seconds after which the log is told once more of what still fails in the same way."""
MOST = 100
"""Different words that are remembered; whoever finds more of them is told of each again."""

_log = logging.getLogger("pausepoint")


class Troubles:
    """
    Tries one kind of work that is repeated, and tells of its failures.

    Args:
        what: What does not work then, as a sentence without its full stop: "The store could not be swept".
        clock: Returns seconds that never go back.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._clock = clock
        self._told: dict[str, float] = {}

    async def tried(self, work: Callable[[], Awaitable[object]]) -> Exception | None:
        """Do the work; return what it failed with, once the log was told of it, or None. Nothing is raised."""
        try:
            await work()
        except PausepointError as error:
            self._tell(logging.WARNING, str(error))
            return error
        except Exception as error:  # noqa: BLE001 - one odd record must not end for good what is done for all others
            # Without its words, which may repeat what somebody typed.
            self._tell(logging.ERROR, type(error).__name__)
            return error
        if self._told:
            _log.info("%s for a while; now it works again.", self._what)
            self._told.clear()
        return None

    def _tell(self, level: int, words: str) -> None:
        now = self._clock()
        if now - self._told.get(words, float("-inf")) < AGAIN:
            return
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[words] = now
        _log.log(level, "%s, which is tried again: %s", self._what, words)
