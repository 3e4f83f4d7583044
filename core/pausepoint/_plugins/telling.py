"""Tells plugins, beside everything else that this process does, what it has stored; and tries again where one fails."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass

import anyio

from .._models import Candidate, Request, Response
from .._sync import at_end
from ..errors import PausepointError
from .failures import frames_of
from .waking import RESPONSE, Waking

MOST_TOLD = 10_000
"""Settled events of which it is remembered that they were told; two who make the same write are seconds apart."""

GOODBYE = 3.0
"""Seconds that a process which ends gives to what is under way."""

_SETTLED = -1
"""Beside the numbers of what engines are woken for: telling that the event is settled."""

_log = logging.getLogger("pausepoint")


@dataclass(frozen=True)
class Pace:
    """
    How hard it is tried.

    Attributes:
        first: Seconds before the second try; each pause after it is twice as long, with jitter.
        longest: Seconds between two tries at most.
        at_once: Tries for one engine at the same time. Counted per engine, so that the plugin of one that hangs keeps
            no other engine from being woken.
        most: What may be under way or waiting for its next try; the rest is left to the look for what was overlooked.
    """

    first: float = 1.0
    longest: float = 300.0
    at_once: int = 8
    most: int = 1000


class Telling:
    """
    Tells plugins what was stored in one store; everything runs in the event loop that stored it.

    Args:
        waking: Of the store.
        is_awake: Says whether this process itself waits for an event.
        pace: How hard it is tried.
        sleep: Pauses for so many seconds.
    """

    def __init__(
        self,
        waking: Waking,
        is_awake: Callable[[str], bool] = lambda _: False,
        pace: Pace = Pace(),
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._waking = waking
        self._is_awake = is_awake
        self._pace = pace
        self._sleep = sleep
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._pausing: set[tuple[str, int]] = set()
        self._slots: defaultdict[str, anyio.Semaphore] = defaultdict(lambda: anyio.Semaphore(pace.at_once))
        self._resting = False
        # In order, so that the oldest is forgotten first.
        self._told: dict[str, None] = {}

    def stored(self, request: Request, record: Candidate | Response) -> None:
        """Begin to wake the engine for what this process has just stored; and if that settles the event, to tell so."""
        if self._waking.is_in_vain(request.run.engine):
            return
        self.owe(request, RESPONSE if isinstance(record, Response) else record.number)
        if isinstance(record, Response) and self._is_first(request.request_id):
            # Beside the waking: neither the engine nor who merely wants to know has to wait for the other.
            self._begin((request.request_id, _SETTLED), lambda: self._tell_settled(request, record))

    def _is_first(self, request_id: str) -> bool:
        """Say whether it was not told yet; a double click, or two who judge, settle with one and the same write."""
        is_first = request_id not in self._told
        self._told[request_id] = None
        if len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]
        return is_first

    def owe(self, request: Request, number: int) -> None:
        """
        Begin to wake the engine of an event, and go on until it is woken.

        Args:
            request: The question.
            number: The candidate's; 0 for the response.
        """
        # Whoever waits in this process is awake, and gets what was stored without the engine. That it was woken is not
        # remembered, though: this process may be killed before the author's code gets the answer, and it may be an old
        # attempt that the engine has given up, while the one that counts sleeps. The engine's own retry finds the
        # answer in the first case; in both, a form app sees that there is no record, and wakes once too often at worst.
        if self._is_awake(request.request_id):
            return
        self._begin((request.request_id, number), lambda: self._wake(request, number))

    def is_telling(self, request_id: str, number: int) -> bool:
        """Say whether that is under way, or waits for its next try."""
        return (request_id, number) in self._tasks

    async def rest(self, within: float) -> None:
        """
        End: what is under way has so many seconds, and nothing is tried again.

        What is left undone has no record, so another form app, or this one when it is back, does it.
        """
        self._resting = True
        for key in self._pausing:
            self._tasks[key].cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=within)
        for task in self._tasks.values():
            task.cancel()
        self._resting = False

    def _begin(self, key: tuple[str, int], work: Callable[[], Awaitable[None]]) -> None:
        if key in self._tasks:
            return
        if len(self._tasks) >= self._pace.most:
            _log.warning("Too many plugins are behind: of event %s they are not told now.", key[0][:8])
            return

        async def begun() -> None:
            await work()

        # In an empty context: it outlives the request, or the wait, of whoever stored it.
        task = Context().run(asyncio.get_running_loop().create_task, begun())
        self._tasks[key] = task
        at_end(self._say_goodbye, GOODBYE + 1)
        task.add_done_callback(lambda _: self._tasks.pop(key))

    async def _say_goodbye(self) -> None:
        await self.rest(GOODBYE)

    async def _wake(self, request: Request, number: int) -> None:
        pause, is_first = self._pace.first, True
        while not await self._woken(request, number, is_first) and not self._resting:
            key = (request.request_id, number)
            self._pausing.add(key)
            try:
                await self._sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, not a secret
            finally:
                self._pausing.discard(key)
            pause, is_first = min(pause * 2, self._pace.longest), False

    async def _woken(self, request: Request, number: int, is_first: bool) -> bool:
        """Try once; say whether nothing is left to do."""
        try:
            async with self._slots[request.run.engine]:
                # Another app may have done it since. The first try follows the write, so nobody has.
                if is_first or not await self._waking.is_done(request.request_id, number):
                    await self._waking.wake(request, number)
        except Exception as error:  # noqa: BLE001 - of whatever kind, it must be tried again
            _log_failure("The engine of event %s was not woken, which is tried again: %s\n%s", request, error)
            return False
        return True

    async def _tell_settled(self, request: Request, response: Response) -> None:
        try:
            async with self._slots[""]:
                await self._waking.tell_settled(request, response)
        except Exception as error:  # noqa: BLE001 - best effort, and it must not end as a task that nobody looks at
            _log_failure("Not everybody was told that event %s is settled: %s\n%s", request, error)


def _log_failure(message: str, request: Request, error: Exception) -> None:
    told = str(error) if isinstance(error, PausepointError) else type(error).__name__
    _log.warning(message, request.label, told, frames_of(error))
