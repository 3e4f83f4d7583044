"""Says on the terminal that there is a question; the one place where a whole link is printed."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TextIO

from anyio import to_thread

from .._models import Request

MOST_REMEMBERED = 10_000

_log = logging.getLogger("pausepoint")


class Announcer:
    """
    Announces each event once per process, and again when its link has changed.

    Args:
        stream: Returns where to write; default: standard error as it is at that moment.
        most: Events that are remembered: a process that asks for years would otherwise keep them all. One that is
            forgotten is announced again when it is asked again, and not when its link changes.
    """

    def __init__(self, stream: Callable[[], TextIO | None] = lambda: sys.stderr, most: int = MOST_REMEMBERED) -> None:
        self._stream = stream
        self._most = most
        self._announced: dict[str, tuple[Request, str]] = {}

    async def announce(self, request: Request, url: str) -> None:
        """Print the question's title, link and deadline, unless this process has done so before."""
        if request.request_id not in self._announced:
            self._announced[request.request_id] = _in_brief(request), "".join(url.partition("?")[1:])
            if len(self._announced) > self._most:
                del self._announced[next(iter(self._announced))]
            await self._print(block(request, url))

    async def moved(self, base_url: str, is_open: Callable[[str], Awaitable[bool]]) -> None:
        """
        Print the links again after the form app had to move to another port.

        Args:
            base_url: Where it is now.
            is_open: Says of a request id whether the event still waits for an answer.
        """
        for request, query in list(self._announced.values()):
            if not await is_open(request.request_id):
                self._announced.pop(request.request_id, None)
            else:
                await self._print(block(request, f"{base_url}/form/{request.request_id}{query}", "has a new link"))

    async def _print(self, text: str) -> None:
        stream = self._stream()
        if stream is None:  # a process without a console
            return
        try:
            # In a worker thread: whoever reads the other end of a pipe may be slow.
            await to_thread.run_sync(_write, stream, text, abandon_on_cancel=True)
        except (OSError, ValueError) as error:
            _log.warning("The link could not be printed: %s", error)


def block(request: Request, url: str, says: str = "asks") -> str:
    """
    Return the lines that announce an event.

    Args:
        request: The question.
        url: The link.
        says: What happened.
    """
    title = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in request.title or request.name
    )
    return f"\nPausepoint {says}: {title}\n  answer at  {url}\n  deadline   {_when(request.deadline)}\n\n"


def _in_brief(request: Request) -> Request:
    # Prompt and schema are not announced, and are most of it: up to a megabyte.
    return request.model_copy(update={"prompt": "", "json_schema": {}, "initial": None, "default": None})


def _when(deadline: datetime | None) -> str:
    return f"{deadline.astimezone():%Y-%m-%d %H:%M:%S %Z}" if deadline else "none"


def _write(stream: TextIO, text: str) -> None:
    # One call, so that the lines of two questions do not mix.
    stream.write(text)
    stream.flush()
