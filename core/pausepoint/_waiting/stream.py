"""Hints by push: one connection to the form app of another process, for all events that this one waits for."""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import lru_cache
from typing import Any

from .._links import stream_bearer
from .._sync import at_end, is_ending
from ..errors import StoreError

SILENCE = 40.0
"""Seconds without a word after which the connection counts as dead; the app says something every 15 s."""
TOLD_AT_ONCE = 1000
"""Resumptions that one message tells; more than that are left out."""
TOLD_WITHIN = 2.0
"""Seconds that a process which ends gives to such a message."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a connection that could not be made is tried again, growing, with jitter."""

_log = logging.getLogger("pausepoint")


class Stream:
    """
    Follows the event stream of a form app; everything runs in Pausepoint's loop.

    A hint is an event's id and nothing else: whoever waits for it then reads the store, so that a false or early hint
    costs one read.

    Args:
        url: Where the app is, without a trailing slash.
        secret: Returns the store's identity secret, which the bearer is derived from.
        heard: Called with each id that arrives.
        connected: Called after each connect; what was stored before it is not repeated by the app.
        through_proxies: Heed HTTP_PROXY and the like.
    """

    def __init__(
        self,
        url: str,
        secret: Callable[[], Awaitable[bytes]],
        heard: Callable[[str], None],
        connected: Callable[[], None],
        through_proxies: bool = False,
    ) -> None:
        self.url = url
        self.is_healthy = False
        self._secret = secret
        self._heard = heard
        self._connected = connected
        self._through_proxies = through_proxies
        self._following: asyncio.Task[None] | None = None
        self._resumed: list[float] = []
        self._telling: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to follow, unless it has begun."""
        if self._following is None or self._following.done():
            loop = asyncio.get_running_loop()
            # In an empty context: it outlives whoever happened to ask first.
            self._following = Context().run(loop.create_task, self._follow())

    def close(self) -> None:
        """Stop following."""
        self.is_healthy = False
        if self._following is not None:
            self._following.cancel()
            self._following = None

    def resumed(self, seconds: float) -> None:
        """
        Tell the app, for its figures, that a workflow went on so many seconds after its answer was given.

        Best effort and in the background. Where the stream is down nothing is told.
        """
        if not self.is_healthy or len(self._resumed) >= TOLD_AT_ONCE:
            return
        self._resumed.append(seconds)
        if self._telling is None or self._telling.done():
            # Not ended by `close`: the last who waits closes the stream, and has something to tell at that moment.
            self._telling = Context().run(asyncio.get_running_loop().create_task, self._tell())
            # A script that asks one question mostly ends with its answer.
            at_end(self._until_told, TOLD_WITHIN)

    async def _until_told(self) -> None:
        if self._telling is not None:
            await asyncio.wait([self._telling])

    async def _tell(self) -> None:
        try:
            headers = {"Authorization": f"Bearer {stream_bearer(await self._secret())}"}
            # Twice the same question: those who go on during a message need no connection of their own, and those who
            # go on while the connection is being closed are not forgotten.
            while self._resumed:
                async with await self._client(timeout=5.0, headers=headers) as client:
                    while self._resumed:
                        seconds, self._resumed = self._resumed, []
                        await client.post(f"{self.url}/api/v1/resumed", json={"seconds": seconds})
        except Exception as error:  # noqa: BLE001 - a figure that is lost must not become a workflow that fails
            _log.debug("The form app was not told how fast answers arrive: %s", type(error).__name__)

    async def _follow(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if await self._listen():
                pause = FIRST_PAUSE
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> bool:
        """Connect and pass hints on until the connection ends; say whether there was one."""
        try:
            httpx, _ = await asyncio.to_thread(library)
        except RuntimeError:
            # No thread can be had, as when the interpreter ends; and if it does not, it is tried again.
            return False
        wait = httpx.Timeout(5.0, read=SILENCE)
        try:
            bearer = stream_bearer(await self._secret())
            headers = {"Authorization": f"Bearer {bearer}", "Accept": "text/event-stream"}
            async with (
                await self._client(timeout=wait, headers=headers) as client,
                client.stream("GET", f"{self.url}/api/v1/stream") as reply,
            ):
                reply.raise_for_status()
                async for line in reply.aiter_lines():
                    self._take(line)
        except (httpx.HTTPError, OSError, StoreError) as error:
            # Hints only: until the stream is back, the watcher looks for markers as if there had never been one.
            _log.info("The stream of hints is down and is opened again: %s", type(error).__name__)
        except Exception:  # noqa: BLE001 - one that ended would be believed to deliver hints for ever
            # To look an address up takes a thread, and there are none when the interpreter ends.
            if not is_ending():
                _log.exception("The stream of hints failed and is opened again.")
        was_healthy, self.is_healthy = self.is_healthy, False
        return was_healthy

    async def _client(self, **settings: Any) -> Any:
        httpx, trusted = await asyncio.to_thread(library)
        return httpx.AsyncClient(verify=trusted, trust_env=self._through_proxies, **settings)

    def _take(self, line: str) -> None:
        if line == "event: hello":
            self.is_healthy = True
            self._connected()
        # Not checked: what is no id of an event that somebody waits for wakes nobody.
        elif line.startswith("data: "):
            self._heard(line[len("data: ") :])


@lru_cache(maxsize=1)
def library() -> tuple[Any, Any]:
    """Return the library and what it trusts: slow to import and to read, so once, and not in the loop of all waits."""
    httpx: Any = importlib.import_module("httpx")
    return httpx, httpx.create_ssl_context()
