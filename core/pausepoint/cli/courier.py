"""Tells plugins what a command has stored, before the command ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from .._models import Candidate, Request, Response
from .._plugins import RESPONSE, Engines, Waking
from .._store import Records
from .._sync import run_sync
from ..errors import PausepointError
from .printing import remark

PATIENCE = 10.0
"""Seconds that a plugin has before the command ends without it."""


class Courier:
    """
    Wakes engines and tells who cares, beside the command; leaving the block waits for that.

    Each is tried once. What failed is told on standard error and does not make the command fail: what it did is stored,
    and any form app that has the plugin tries again.

    Args:
        records: Of the store.
        hooks: Returns what calls the plugins; called on first need.
        patience: Seconds that each plugin has.
    """

    def __init__(self, records: Records, hooks: Callable[[], Engines], patience: float = PATIENCE) -> None:
        self._waking = Waking(records, hooks, patience)
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait until everybody is told, or was given up."""
        if self._tasks:
            run_sync(self._finish)

    def stored(self, request: Request, record: Candidate | Response) -> None:
        """Begin to tell of what was stored."""
        number = RESPONSE if isinstance(record, Response) else record.number
        self._begin("the workflow's engine is not woken yet", self._waking.wake(request, number))
        if isinstance(record, Response):
            self._begin("not everybody was told", self._waking.tell_settled(request, record))

    def _begin(self, otherwise: str, work: Coroutine[Any, Any, None]) -> None:
        async def tried() -> None:
            try:
                await work
            except PausepointError as error:
                remark(f"Stored; but {otherwise}: {error}")

        self._tasks.append(asyncio.create_task(tried()))

    async def _finish(self) -> None:
        await asyncio.wait(self._tasks)
