"""A process's store with named steps: before and after each write, and on local files also around its atomic step."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from pausepoint import _models
from pausepoint._models import MAX_BODY_BYTES
from pausepoint._store import FsspecStore, LocalFiles, Store, open_store
from pausepoint._store.publication import publish
from pausepoint.errors import StoreError

from .claims import kind_of

AROUND_A_WRITE = ("before", "after")
AROUND_A_LINK = ("unlinked", "linked")


class Steps:
    """
    Kills this process at one named step.

    Args:
        step: Such as `before response`: a moment and the kind of object; empty for none.
        journal: Where the step is noted just before, so that it is known to have happened.
    """

    def __init__(self, step: str, journal: Path) -> None:
        self._step = step
        self._journal = journal

    def reached(self, moment: str, path: str) -> None:
        """Die here, if this is the step."""
        if self._step == f"{moment} {kind_of(path)}":
            append(self._journal, self._step)
            os.kill(os.getpid(), signal.SIGKILL)


def append(journal: Path, line: str) -> None:
    """Write one line to a journal, durably: whoever is killed later has said it."""
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Trouble:
    """
    What goes wrong between client and server, by chance.

    Args:
        seed: Makes it the same again.
        rate: Of all operations, how many meet with some trouble; 0 to 1.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._chance = random.Random(seed)
        self._rate = rate

    def next(self) -> str:
        """Return what befalls the next operation; empty for nothing."""
        if self._chance.random() >= self._rate:
            return ""
        return self._chance.choice(["refused", "reply lost", "slow", "disk full"])


class TroubledStore:
    """
    Satisfies `Store`: the store of one process, in which steps have names and things go wrong.

    Args:
        store: The store behind it.
        steps: Where this process dies.
        trouble: What its operations meet with.
    """

    def __init__(self, store: Store, steps: Steps, trouble: Trouble) -> None:
        self._store = store
        self._steps = steps
        self._trouble = trouble

    @property
    def url(self) -> str:
        return self._store.url

    async def create(self, path: str, body: bytes) -> bool:
        self._steps.reached("before", path)
        trouble = self._trouble.next()
        await self._meet(trouble)
        won = await self._store.create(path, body)
        self._steps.reached("after", path)
        if trouble == "reply lost":
            raise StoreError("The reply was lost.")
        return won

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        await self._meet(self._trouble.next().replace("disk full", ""))
        return await self._store.get(path, limit)

    async def list(self, prefix: str, after: str = "") -> list[str]:
        await self._meet(self._trouble.next().replace("disk full", ""))
        return await self._store.list(prefix, after)

    async def probe(self) -> None:
        await self._store.probe()

    async def sweep(self, older_than: float = 86_400.0) -> int:
        return await self._store.sweep(older_than)

    async def _meet(self, trouble: str) -> None:
        if trouble == "slow":
            await asyncio.sleep(0.3)
        elif trouble == "refused":
            raise StoreError("The store answered with an error.")
        elif trouble == "disk full":
            raise StoreError("The disk is full.") from OSError(28, "No space left on device")


def use_troubled_stores(journal: str, step: str = "", seed: int = 0, rate: float = 0.0, shift: float = 0.0) -> None:
    """
    Give this process stores with named steps, in the place of those that `open_store` opens, and a clock that is off.

    Args:
        journal: Where a step is noted.
        step: Where the process dies.
        seed, rate: What its operations meet with.
        shift: How far its clock is ahead, seconds.
    """
    steps = Steps(step, Path(journal))

    def opened(url: str | os.PathLike[str]) -> Store:
        store = open_store(url)
        if isinstance(store, FsspecStore) and isinstance(store._backend, LocalFiles):
            store._backend._publish = _stepping(steps)
        return TroubledStore(store, steps, Trouble(seed, rate))

    for name, module in list(sys.modules.items()):
        if name.startswith("pausepoint") and getattr(module, "open_store", None) is open_store:
            module.open_store = opened  # type: ignore[attr-defined]
    if shift:
        _models.datetime = _shifted(shift)  # type: ignore[misc]


def _stepping(steps: Steps) -> Callable[[str, str], bool]:
    def publish_in_steps(temporary: str, target: str) -> bool:
        inside = target[target.rfind("/v1/") + 1 :]
        steps.reached("unlinked", inside)
        won = publish(temporary, target)
        steps.reached("linked", inside)
        return won

    return publish_in_steps


def _shifted(seconds: float) -> Any:
    """Return what stands for `datetime` where the package reads its clock."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    return Shifted
