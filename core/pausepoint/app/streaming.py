"""
Hints by push: one stream of server-sent events per waiting process, and a long-poll for one event.

A hint is an event's id and nothing else. What is stored by this process is told at once; what other processes store is
found by their wake markers, so that any number of app processes can serve one store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import Context
from functools import partial

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .._markers import Cursor, Markers
from .guard import BODILESS
from .troubles import Troubles

TAIL_EVERY = 0.5
"""Seconds between two looks for markers while somebody listens."""
HEARTBEAT = 15.0
"""Seconds of silence after which a stream says that it is alive; proxies cut what is silent for a minute."""
BEHIND = 1000
"""Hints that a listener may be behind; beyond it they are dropped, and its own look for markers finds them."""


class _Listener:
    """One open stream, or one long-poll."""

    def __init__(self, mailbox: str) -> None:
        self.mailbox = mailbox
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(BEHIND)

    def tell(self, request_id: str | None) -> None:
        """Pass an id on, or None for the end; callable from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop is closed, and so is the stream
            self._loop.call_soon_threadsafe(self._put, request_id)

    async def next(self, within: float) -> str | None:
        """Return the next id, None at the end; an empty text where nothing came in time."""
        with anyio.move_on_after(within):
            return await self._queue.get()
        return ""

    def _put(self, request_id: str | None) -> None:
        # A hint may be lost, the end may not: the server would wait for this stream.
        if request_id is None and self._queue.full():
            self._queue.get_nowait()
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(request_id)


class Hub:
    """
    Passes hints on to whoever listens.

    Args:
        markers: Of the store.
    """

    def __init__(self, markers: Markers) -> None:
        self._markers = markers
        self._listeners: set[_Listener] = set()
        self._tail: asyncio.Task[None] | None = None
        self._closed = False
        self._troubles = Troubles("The wake markers could not be listed")

    def say(self, request_id: str) -> None:
        """Tell everybody that something was stored for the event; callable from any thread."""
        for listener in list(self._listeners):
            listener.tell(request_id)

    def close(self) -> None:
        """End all streams, for good: the server is about to stop and would wait for them."""
        self._closed = True
        for listener in list(self._listeners):
            listener.tell(None)

    @contextlib.asynccontextmanager
    async def listening(self, mailbox: str) -> AsyncIterator[_Listener]:
        """Listen to one mailbox until the block is left."""
        listener = _Listener(mailbox)
        self._listeners.add(listener)
        if self._closed:
            listener.tell(None)
        # Each listener looks after it, so that a tail that failed, or whose loop has ended, is replaced.
        self._keep_tailing()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _keep_tailing(self) -> None:
        # In a context of its own: it outlives the request that happens to start it, and serves all.
        loop = asyncio.get_running_loop()
        if self._tail is None or self._tail.done() or self._tail.get_loop() is not loop:
            self._tail = Context().run(loop.create_task, self._follow_markers())

    async def _follow_markers(self) -> None:
        cursors: dict[str, Cursor] = {}
        while self._listeners and not self._closed:
            for mailbox in {listener.mailbox for listener in self._listeners}:
                cursor = cursors.setdefault(mailbox, Cursor(self._markers, mailbox))
                await self._troubles.tried(partial(self._pass_on, mailbox, cursor))
            await anyio.sleep(TAIL_EVERY)

    async def _pass_on(self, mailbox: str, cursor: Cursor) -> None:
        for request_id in await cursor.new():
            for listener in [each for each in self._listeners if each.mailbox == mailbox]:
                listener.tell(request_id)


class EventStream(Response):
    """
    The stream's response: it ends when the client goes, or the hub closes.

    Args:
        hub: What it passes on.
        mailbox: Whose hints.
    """

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, mailbox: str) -> None:
        # Proxies such as nginx would keep hints in a buffer until it is full.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._mailbox = mailbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if BODILESS in scope:
            await send({"type": "http.response.body", "body": b""})
            return
        # Sending tells nobody that the client has gone; only receiving does.
        async with anyio.create_task_group() as both:

            async def until_gone() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                both.cancel_scope.cancel()

            both.start_soon(until_gone)
            await self._pump(send)
            both.cancel_scope.cancel()
        with contextlib.suppress(OSError):  # the client has gone
            await send({"type": "http.response.body", "body": b""})

    async def _pump(self, send: Send) -> None:
        async with self._hub.listening(self._mailbox) as listener:
            # Only now, with the listener in place: what is stored before this, the client's own look finds.
            said = "event: hello\n\n"
            while True:
                await send({"type": "http.response.body", "body": said.encode(), "more_body": True})
                heard = await listener.next(HEARTBEAT)
                if heard is None:
                    return
                said = f"data: {heard}\n\n" if heard else ": still here\n\n"
