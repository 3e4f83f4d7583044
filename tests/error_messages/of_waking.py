"""What is told where an engine cannot be woken."""

from __future__ import annotations

import threading

import anyio
from house import question, records_of
from occasions import occasion

from pausepoint._plugins import Hooks, Waking
from pausepoint._plugins.plugin import Plugin
from pausepoint._plugins.threads import Threads
from pausepoint._store import MemoryStore
from pausepoint.hooks import hookimpl


class Stuck:
    @hookimpl
    def pausepoint_wake(self) -> object:
        return anyio.sleep_forever()


@occasion
async def waking_by_a_plugin_that_does_not_return() -> None:
    hooks = Hooks([("toy", Stuck())])
    await Waking(records_of(MemoryStore()), lambda: hooks, patience=0.01).wake(question(), 0)


@occasion
async def calling_a_plugin_that_blocks_all_its_threads() -> None:
    threads = Threads(Plugin("toy", Stuck(), "pausepoint-toy", "1.0"), most=1)
    begun, released = threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        released.wait()

    try:
        async with anyio.create_task_group() as given_up:
            given_up.start_soon(threads.result_of, block, question())
            # A call that has no thread yet would be given up without a trace, and the next one would block for ever.
            while not begun.is_set():
                await anyio.sleep(0.001)
            given_up.cancel_scope.cancel()
        await threads.result_of(block, question())
    finally:
        released.set()
