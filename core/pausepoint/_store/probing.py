"""Finds out at start whether a store creates exclusively; some servers take the condition and ignore it."""

from __future__ import annotations

from uuid import uuid4

import anyio

from ..errors import PausepointError, UnsafeStoreError
from .protocol import Store

WRITERS = 8


async def probe_creates(store: Store, path: str) -> None:
    """
    Let several writers create one path at once, and one more afterwards; exactly one may win.

    Args:
        store: The store to try.
        path: A path that nothing else uses; the caller removes the object.

    Raises:
        UnsafeStoreError: More or fewer than one writer won, or the object is not the winner's.
        StoreError: The store cannot be written or read.
    """
    bodies = [f"probe {number} {uuid4().hex}".encode() for number in range(WRITERS)]
    won: list[bytes] = []
    failures: list[PausepointError] = []

    async def compete(body: bytes) -> None:
        try:
            if await store.create(path, body):
                won.append(body)
        except PausepointError as error:
            failures.append(error)

    async with anyio.create_task_group() as writers:
        for body in bodies[1:]:
            writers.start_soon(compete, body)
    # A store that overwrites may still look right under a race; one more create afterwards cannot.
    await compete(bodies[0])
    if failures:
        raise failures[0]
    stored = await store.get(path)
    if not won and stored in bodies[1:]:
        # The reply to the winner was lost, and its client lost to itself when it tried again. The later create changed
        # nothing, so the store did what it should.
        won.append(stored)
    if len(won) != 1:
        raise _unsafe(store, f"{len(won)} of {WRITERS} writers of one object were told that theirs is the one")
    if stored != won[0]:
        raise _unsafe(store, "an object that was just written reads back differently")


def _unsafe(store: Store, why: str) -> UnsafeStoreError:
    return UnsafeStoreError(
        f"The store {store.url} cannot be used: {why}, so an answer could be overwritten.",
        "Set PAUSEPOINT_STORE to a store that can create an object only if there is none.",
    )
