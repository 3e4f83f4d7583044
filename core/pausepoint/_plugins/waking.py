"""
Wakes engines at least once for everything that is stored, and remembers in the store that it was done.

The record is written after the engine was woken: a crash between the two wakes it twice, and never not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import anyio
import anyio.to_thread

from .._models import Request, Response, Wake
from .._store import Records
from .._sync import run_aio
from ..errors import AdapterError, UnreadableRecordError
from ..hooks import Reason

_log = logging.getLogger("pausepoint")

PATIENCE = 30.0
"""Seconds that a plugin has for one event; then it is cut off."""

RESPONSE = 0
"""The number that stands for the response where candidates are numbered from 1."""


class Engines(Protocol):
    """The hooks that tell plugins what became of events."""

    def wakes(self, engine: str) -> bool:
        """Say whether a plugin of that engine is installed here that can wake it."""

    def hears(self, engine: str) -> bool:
        """Say whether a plugin is installed here that is told when events of that engine are settled."""

    def who(self, engine: str) -> str:
        """Return that plugin's distribution and version."""

    async def wake(self, request: Request, reason: Reason) -> None:
        """
        Wake the engine of the request.

        Raises:
            AdapterError: The plugin failed.
        """

    async def settled(self, request: Request, response: Response) -> None:
        """Tell every plugin that the event is settled; what a plugin raises is logged."""


class Waking:
    """
    Wakes engines for one store, and tells who cares that events are settled; each call is one try.

    Args:
        records: Of the store.
        hooks: What calls the plugins; or what returns that, called on first need, in a worker thread, because it may
            import them.
        patience: Seconds that a plugin has.
    """

    def __init__(self, records: Records, hooks: Engines | Callable[[], Engines], patience: float = PATIENCE) -> None:
        self._records = records
        self._hooks = hooks
        self._patience = patience

    def is_in_vain(self, engine: str) -> bool:
        """Say whether it is known already that no plugin here cares for events of that engine."""
        hooks = self._hooks
        return not callable(hooks) and not (hooks.wakes(engine) or hooks.hears(engine))

    async def can_wake(self, engine: str) -> bool:
        """
        Say whether engines of that name can be woken from here; if not, another process has to.

        Raises:
            AdapterError: An installed plugin cannot be used at all.
        """
        return (await self._engines()).wakes(engine)

    async def is_done(self, request_id: str, number: int) -> bool:
        """
        Say whether it is remembered that the engine was woken.

        Args:
            request_id: The event.
            number: The candidate's; 0 for the response.

        Raises:
            StoreError: The store failed.
        """
        try:
            return await self._records.wake(request_id, number) is not None
        except UnreadableRecordError as error:
            # Somebody wrote it, so somebody woke the engine.
            _log.error("It cannot be read who woke an engine: %s", error)
            return True

    async def wake(self, request: Request, number: int) -> None:
        """
        Wake the engine of an event, whether that was done before or not, and remember it.

        Args:
            request: The question; nothing happens if no plugin of its engine is installed here.
            number: What was stored: the candidate's number; 0 for the response.

        Raises:
            AdapterError: The plugin failed, or took too long.
            StoreError: The engine was woken, and the store failed to remember it.
        """
        hooks = await self._engines()
        if not hooks.wakes(request.run.engine):
            return
        who = hooks.who(request.run.engine)
        try:
            with anyio.fail_after(self._patience):
                # In Pausepoint's loop and not in a web server's: what blocks it there, blocks no form.
                await run_aio(hooks.wake, request, "response" if number == RESPONSE else "candidate")
        except TimeoutError:
            # Not chained: it comes from our own scope and says nothing of the plugin.
            raise AdapterError(
                f"pausepoint_wake of {who} did not return within {self._patience:g} seconds.",
                "Any form app that has this plugin tries again; see what the plugin waits for.",
                request.label,
                who,
            ) from None
        await self._records.put_wake(Wake(request_id=request.request_id, number=number, by=who))

    async def tell_settled(self, request: Request, response: Response) -> None:
        """
        Tell every plugin that the event is settled; those that take too long are cut off.

        Raises:
            AdapterError: An installed plugin cannot be used at all.
        """
        hooks = await self._engines()
        with anyio.move_on_after(self._patience):
            await run_aio(hooks.settled, request, response)

    async def _engines(self) -> Engines:
        if callable(self._hooks):
            self._hooks = await anyio.to_thread.run_sync(self._hooks)
        return self._hooks
