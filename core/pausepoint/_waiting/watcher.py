"""
Waiting for many events with one watcher per process and store.

A waiter registers first, then looks into the store, then sleeps; in any other order a wake-up could be lost. It is
woken by a nudge from the form app in the same process, by a wake marker that the watcher's tick finds (one LIST,
however many events wait), by the slow sweep, or by its deadline. Each of these is only a hint: what counts is what the
store then says.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections import Counter, deque
from collections.abc import Callable
from contextvars import Context
from datetime import datetime

from .._markers import Cursor, Markers
from .._models import Request, Response, utc_now
from .._settling import Parse, Settling
from .._store import Records, Store
from ..errors import StoreError, UnreadableRecordError
from .resuming import Resumptions
from .stream import Stream

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds before a look that the store failed is tried again, growing, with jitter."""

FAST_TICK = 0.5
"""Seconds between two looks for markers while a person may be answering at this moment; later it is the poll."""
FAST_FOR = 60.0
"""Seconds that this goes on after the last wait began."""
SWEEP_EVERY = 2.0
"""Seconds between two looks of the sweep; a look is two GETs, so that a process spends one GET a second on it."""
PUSHED_TICK = 60.0
"""Seconds between two looks for markers while a stream delivers hints: at most five LISTs, for each looks far back."""

_log = logging.getLogger("pausepoint")


class _Waiter:
    """One event that somebody in this process waits for; shared by all who wait for the same one."""

    __slots__ = ("asleep", "judging", "poll", "request", "users")

    def __init__(self, request: Request, poll: float) -> None:
        self.request = request
        self.poll = poll
        self.users = 0
        self.asleep: list[asyncio.Future[None]] = []
        self.judging = asyncio.Lock()

    def wake(self) -> None:
        for woken in self.asleep:
            if not woken.done():
                woken.set_result(None)


class Watcher:
    """
    Watches one store for one process; everything but `hint` runs in Pausepoint's own loop.

    Args:
        store: The store.
        clock: Returns the present moment, UTC.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self.records = Records(store)
        self.markers = Markers(store, clock)
        self.settling = Settling(self.records, self.markers, clock, self.hint)
        self._clock = clock
        self._waiters: dict[str, _Waiter] = {}
        # Counted, so that a short poll ends with the last who wants it, without a look at all waiters.
        self._polls: Counter[float] = Counter()
        self._mailboxes: Counter[str] = Counter()
        self._deadlines: list[tuple[float, str]] = []
        self._round: deque[str] = deque()
        self._cursors: dict[str, Cursor] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._finding: asyncio.Task[None] | None = None
        self._stirred = asyncio.Event()
        self._failures = 0
        self._fast_until = 0.0
        self._ticked = 0.0
        self._stream: Stream | None = None
        self.resumptions = Resumptions()

    async def wait(self, request: Request, parse: Parse, poll: float) -> Response:
        """
        Wait until the event is settled.

        Args:
            request: The question; its deadline is the moment that counts, whatever `poll` is.
            parse: The author's code, which judges candidates.
            poll: The longest pause between two looks for wake markers, seconds.

        Returns:
            The response; `expired` where the deadline passed.

        Raises:
            UnreadableRecordError: The response cannot be understood; waiting on would not help.
        """
        waiter = self._enter(request, poll)
        self._keep_watching()
        loop = asyncio.get_running_loop()
        slept = False
        try:
            while True:
                # Made before the look: what is stored while we look wakes us from the sleep after it. A future and no
                # asyncio.Event, which weighs ten times as much, a hundred thousand times.
                woken: asyncio.Future[None] = loop.create_future()
                waiter.asleep.append(woken)
                try:
                    response = await self._look(waiter, parse)
                    if response is not None:
                        if slept:  # else it came back to an answer that was given while nobody waited
                            self.resumptions.note(response, self._clock(), self._stream)
                        return response
                    await woken
                    slept = True
                finally:
                    # Also when this wait ends: others may share the waiter, and wait on for days.
                    waiter.asleep.remove(woken)
        finally:
            self._leave(waiter)

    async def look(self, request: Request, parse: Parse, poll: float) -> Response | None:
        """
        Judge what is stored, and say whether the event is settled; as `wait`, but without waiting.

        Raises:
            UnreadableRecordError: The response cannot be understood.
        """
        waiter = self._enter(request, poll)
        try:
            while True:
                try:
                    return await self._judged(waiter, parse)
                except UnreadableRecordError:  # noqa: PERF203 - it is tried again only where the store failed
                    raise
                except StoreError as error:
                    _log.warning("The store failed while it was looked into, which is tried again: %s", error)
                    await asyncio.sleep(self._pause())
        finally:
            self._leave(waiter)

    def hint(self, request_id: str) -> None:
        """Wake whoever waits for this event in this process; callable from any thread, cheap when nobody does."""
        # Without a lock: who is not in there yet has not looked into the store yet, and will find what was stored.
        if request_id in self._waiters and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, request_id)

    def follow(self, url: str | None, through_proxies: bool = False) -> None:
        """
        Listen to the form app of another process, so that its hints arrive by push.

        Args:
            url: Where it is, without a trailing slash; None if the app runs in this process and hints directly. Calling
                again with another address moves there.
            through_proxies: Heed HTTP_PROXY and the like. A proxy cannot reach our loopback.
        """
        if self._stream is not None:
            if self._stream.url == url:
                return
            self._stream.close()
        self._stream = None
        if url is not None:
            secret = self.records.identity_secret
            self._stream = Stream(url, secret, self._wake, self._look_at_markers, through_proxies)
            if self._waiters:
                self._stream.open()

    def is_waiting_for(self, request_id: str) -> bool:
        """Say whether somebody in this process waits for the event."""
        return request_id in self._waiters

    def _wake(self, request_id: str) -> None:
        waiter = self._waiters.get(request_id)
        if waiter is not None:
            waiter.wake()

    def _enter(self, request: Request, poll: float) -> _Waiter:
        waiter = self._waiters.get(request.request_id)
        if waiter is None:
            waiter = self._waiters[request.request_id] = _Waiter(request, poll)
            self._round.append(request.request_id)
            self._polls[poll] += 1
            self._mailboxes[request.mailbox] += 1
            if request.deadline is not None:
                heapq.heappush(self._deadlines, (request.deadline.timestamp(), request.request_id))
        elif poll < waiter.poll:
            self._polls += Counter({poll: 1, waiter.poll: -1})
            waiter.poll = poll
        waiter.users += 1
        return waiter

    def _leave(self, waiter: _Waiter) -> None:
        waiter.users -= 1
        if not waiter.users:
            del self._waiters[waiter.request.request_id]
            self._polls -= Counter([waiter.poll])
            self._mailboxes -= Counter([waiter.request.mailbox])
            if waiter.request.mailbox not in self._mailboxes:
                # Else the next look, hours later perhaps, would list every minute since the last one.
                self._cursors.pop(waiter.request.mailbox, None)
            self._forget_left()

    def _forget_left(self) -> None:
        # Most events are answered long before their deadline or their turn in the sweep, and one may be waited for many
        # times; what is left of that must not pile up. Now and then, since it costs a look at each entry.
        most = 2 * len(self._waiters) + 1000
        if len(self._deadlines) > most:
            self._deadlines = list({due for due in self._deadlines if due[1] in self._waiters})
            heapq.heapify(self._deadlines)
        if len(self._round) > most:
            self._round = deque(dict.fromkeys(each for each in self._round if each in self._waiters))

    async def _look(self, waiter: _Waiter, parse: Parse) -> Response | None:
        try:
            return await self._judged(waiter, parse)
        except UnreadableRecordError:
            raise
        except StoreError as error:
            _log.warning("The store failed while waiting, which goes on: %s", error)
            await asyncio.sleep(self._pause())
            waiter.wake()
            return None

    async def _judged(self, waiter: _Waiter, parse: Parse) -> Response | None:
        # One judge at a time: two would run the author's code twice on one answer, and only one verdict can stand.
        async with waiter.judging:
            response = await self.records.response(waiter.request.request_id)
            if response is None:
                response = await self.settling.judge(waiter.request, parse)
            if response is None and self._is_due(waiter.request):
                response = await self.settling.expire(waiter.request, parse)
            self._failures = 0
            return response

    def _pause(self) -> float:
        """Return the seconds until a look that failed is tried again, longer with each that fails in a row."""
        # Counted for the store and not for the event: when it is down, ten thousand waits must not try in step.
        self._failures = min(self._failures + 1, 16)
        longest = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        return random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret

    def _is_due(self, request: Request) -> bool:
        return request.deadline is not None and self._clock() >= request.deadline

    def _keep_watching(self) -> None:
        loop = asyncio.get_running_loop()
        self._fast_until = loop.time() + FAST_FOR
        if self._watching is None or self._watching.done() or self._loop is not loop:
            self._loop = loop
            self._ticked = loop.time()
            self._stirred = asyncio.Event()
            # In an empty context: it outlives the run and the variables of whoever waits first.
            self._watching = Context().run(loop.create_task, self._watch())
        self._stirred.set()

    def _look_at_markers(self) -> None:
        """Tick now: what was stored while no hints arrived is found by its marker."""
        self._ticked = float("-inf")
        self._stirred.set()

    async def _watch(self) -> None:
        """Tick until nobody waits."""
        loop = asyncio.get_running_loop()
        swept = loop.time()
        if self._stream is not None:
            self._stream.open()
        try:
            while self._waiters:
                await self._nap(self._until_tick())
                self._wake_due()
                if self._until_tick() <= 0:
                    self._ticked = loop.time()
                    # Beside this loop: a listing that hangs must hold up neither deadlines nor the sweep.
                    self._finding = loop.create_task(self._find_marked())
                    self._finding.add_done_callback(lambda _: self._stirred.set())
                if loop.time() >= swept + SWEEP_EVERY:
                    swept = loop.time()
                    self._sweep()
        finally:
            if self._finding is not None:
                self._finding.cancel()
            if self._stream is not None:
                self._stream.close()

    async def _nap(self, seconds: float) -> None:
        """Sleep until the next tick, sweep or deadline, or until something changes how long that is."""
        if self._deadlines:
            seconds = min(seconds, self._deadlines[0][0] - self._clock().timestamp())
        try:
            # Never for long: deadlines go by the wall clock, which may be set while we sleep.
            await asyncio.wait_for(self._stirred.wait(), max(0.0, min(seconds, SWEEP_EVERY)))
        # Two classes before Python 3.11.
        except (TimeoutError, asyncio.TimeoutError):
            return
        finally:
            self._stirred.clear()

    def _wake_due(self) -> None:
        now = self._clock().timestamp()
        while self._deadlines and self._deadlines[0][0] <= now:
            self._wake(heapq.heappop(self._deadlines)[1])

    def _until_tick(self) -> float:
        """Return the seconds to the next look for markers; one at a time."""
        if self._finding is not None and not self._finding.done():
            return SWEEP_EVERY
        return self._ticked + self._tick() - asyncio.get_running_loop().time()

    def _tick(self) -> float:
        """Return the seconds between two looks for markers: short at first, long while hints are pushed."""
        if self._stream is not None and self._stream.is_healthy:
            return PUSHED_TICK
        slowest = min(self._polls, default=FAST_TICK)
        fast = asyncio.get_running_loop().time() < self._fast_until
        return min(slowest, FAST_TICK) if fast else slowest

    async def _find_marked(self) -> None:
        for mailbox in list(self._mailboxes):
            cursor = self._cursors.setdefault(mailbox, Cursor(self.markers, mailbox))
            try:
                for request_id in await cursor.new():
                    self._wake(request_id)
            except StoreError as error:
                _log.warning("The wake markers could not be listed, which is tried again: %s", error)
            except Exception:  # noqa: BLE001 - a tick that dies would leave every event to the sweep
                _log.exception("The wake markers could not be read, which is tried again.")

    def _sweep(self) -> None:
        """Let the event that was looked at longest ago look again, in case its hint was lost."""
        while self._round:
            request_id = self._round.popleft()
            waiter = self._waiters.get(request_id)
            if waiter is not None:
                self._round.append(request_id)
                waiter.wake()
                return
