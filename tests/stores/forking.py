"""
Processes that fork with a store in use: `python forking.py URL`; prints what each generation read.

Started as a process of its own: pytest's has threads, and forking such a process is what nobody should do.
"""

from __future__ import annotations

import os
import sys

import anyio

from pausepoint._store import Store, open_store
from pausepoint._sync import run_sync

GENERATIONS = 3


def use(store: Store, name: str) -> None:
    """Use every method of the store in two event loops: one of our own, and the one behind the sync calls."""

    async def all_methods() -> tuple[bool, bytes | None, list[str], list[str]]:
        won = await store.create(f"v1/{name}/a", name.encode())
        return won, await store.get(f"v1/{name}/a"), await store.list(f"v1/{name}"), await store.list("v1", "parent")

    print(name, *anyio.run(all_methods), flush=True)
    assert run_sync(store.get, f"v1/{name}/a") == name.encode()
    anyio.run(store.probe)


def generation(store: Store, number: int) -> None:
    """Use the store, fork, and let the child do the same; then use it again."""
    use(store, f"parent-{number}")
    if number == GENERATIONS:
        return
    child = os.fork()
    if child == 0:
        generation(store, number + 1)
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child of generation {number} ended with {status}"
    use(store, f"again-{number}")


if __name__ == "__main__":
    generation(open_store(sys.argv[1]), 0)
