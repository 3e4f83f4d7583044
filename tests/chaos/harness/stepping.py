"""
Processes that take turns at one store: each runs up to its next store operation and waits there to be told how it ends.

So a test decides every interleaving and every crash, and the same decisions give the same run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from enum import Enum
from typing import Any

from pausepoint._models import MAX_BODY_BYTES
from pausepoint._store import MemoryStore
from pausepoint.errors import StoreError


class Fate(Enum):
    """How one store operation ends."""

    GOES_WELL = "goes well"
    FAILS = "fails, and nothing was written"
    REPLY_LOST = "fails, though it was written"
    LOSES_TO_ITSELF = "was written, and the client's own second try is told that it exists"
    DIES_BEFORE = "the process dies before it"
    DIES_AFTER = "the process dies after it"


class Died(BaseException):
    """The process has been killed; nothing may catch this."""


class Hasty(asyncio.SelectorEventLoop):
    """A loop in which no pause takes any time: what follows what is decided by turns."""

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        """Call it in the next round."""
        return super().call_later(0, callback, *args, context=context)


class Party:
    """
    One operation of one process.

    Attributes:
        name: What it does, for messages.
        at: The store operation it waits at; empty once it is over.
        told: The paths it has told the store to create, whatever came of it.
        disturbed: Some operation of it did not go well.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.at = ""
        self.told: list[str] = []
        self.disturbed = False
        self.scope: Any = None
        self.before: dict[str, Any] = {}
        self._turn: asyncio.Future[Fate] | None = None
        self._parked = asyncio.Event()
        self._dead = False
        self.task: asyncio.Task[Any] | None = None

    @property
    def over(self) -> bool:
        return self.task is not None and self.task.done()

    async def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run up to the first store operation."""
        _here.set(self)
        self.task = asyncio.get_running_loop().create_task(work)
        self.task.add_done_callback(lambda _: self._stopped())
        await self._parked.wait()

    async def go_on(self, fate: Fate) -> None:
        """Let the store operation end like that, and run up to the next."""
        assert self._turn is not None
        self.disturbed = self.disturbed or fate is not Fate.GOES_WELL
        self._parked.clear()
        self._turn.set_result(fate)
        await self._parked.wait()

    async def give_up(self) -> None:
        """End the pause in which it waits for somebody else, if it is in one."""
        if self.scope is not None and not self.over:
            self._parked.clear()
            self.scope.cancel()
            await self._parked.wait()

    async def die(self) -> None:
        """Be killed between two store operations."""
        if not self.over:
            self._dead = True
            await self.go_on(Fate.DIES_BEFORE)

    async def turn(self, operation: str) -> Fate:
        """Wait at a store operation until somebody decides how it ends."""
        if self._dead:
            raise Died
        self.at = operation
        self._turn = asyncio.get_running_loop().create_future()
        self._parked.set()
        fate = await self._turn
        if fate is Fate.DIES_BEFORE:
            self._dead = True
            raise Died
        return fate

    def result(self) -> Any:
        """Return what it came to; None if it died."""
        assert self.task is not None
        try:
            return self.task.result()
        except Died:
            return None

    def _stopped(self) -> None:
        self.at = ""
        self._parked.set()


_here: ContextVar[Party] = ContextVar("party")


def party() -> Party:
    """Return the party whose operation the calling code is part of."""
    return _here.get()


class SteppedStore:
    """
    Satisfies `Store`: each operation waits for the turn of its party.

    Args:
        store: The store behind it, which all parties share.
        writing: Called before each create takes effect, with the party, the path and whether there is an object.
    """

    def __init__(self, store: MemoryStore, writing: Callable[[Party, str, bytes], None]) -> None:
        self._store = store
        self._writing = writing
        self.url = store.url

    async def create(self, path: str, body: bytes) -> bool:
        here = party()
        fate = await here.turn(f"create {path}")
        here.told.append(path)
        if fate is Fate.FAILS:
            raise StoreError("The store failed.")
        self._writing(here, path, body)
        won = await self._store.create(path, body)
        if fate is Fate.DIES_AFTER:
            raise Died
        if fate is Fate.REPLY_LOST:
            raise StoreError("The reply was lost.")
        return won and fate is not Fate.LOSES_TO_ITSELF

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        fate = await party().turn(f"get {path}")
        body = await self._store.get(path, limit)
        self._judge(fate)
        return body

    async def list(self, prefix: str, after: str = "") -> list[str]:
        fate = await party().turn(f"list {prefix}")
        names = await self._store.list(prefix, after)
        self._judge(fate)
        return names

    async def probe(self) -> None:
        """Do nothing: the store in memory keeps its promises."""

    async def sweep(self, older_than: float = 0.0) -> int:
        """Do nothing: it leaves nothing half-written."""
        return 0

    def _judge(self, fate: Fate) -> None:
        if fate is Fate.DIES_AFTER:
            raise Died
        if fate in {Fate.FAILS, Fate.REPLY_LOST}:
            raise StoreError("The store failed.")
