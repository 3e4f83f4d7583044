"""
A workflow that asks what it is told to ask: a process of its own, told in lines of JSON.

    ask      count events of a type, and wait for each in a task of its own; gives their ids and the seconds it took
    pushed   wait until hints arrive by push
    waited   for all that waits; gives for each id when `wait()` returned (nanoseconds of the system's monotonic clock)
    counts   requests to the store so far, by operation (with --count)
    memory   resident bytes, after a full collection
    end

With --watcher, `Watcher.wait` is called instead of `event.wait.aio`, in Pausepoint's own loop and without a handle.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

import pausepoint
from pausepoint._event import current_surface
from pausepoint._sync import run_aio

AT_ONCE = 200
"""Events asked at the same time."""


def _even(number: int) -> int:
    if number % 2:
        raise ValueError("This must be an even number.")
    return number


TYPES: dict[str, Any] = {"int": int, "decimal": Decimal, "even": Annotated[int, AfterValidator(_even)]}


class Author:
    """The workflow."""

    def __init__(self, store: Any, by_watcher: bool) -> None:
        self._store = store
        self._by_watcher = by_watcher
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._returned: dict[str, int] = {}
        self._values: dict[str, Any] = {}
        self._asked = 0

    async def ask(self, count: int, kind: str = "int") -> Any:
        """Ask, and begin to wait."""
        data_type = TYPES[kind]
        began, cpu = time.perf_counter(), time.process_time()
        events: list[Any] = []
        for done in range(0, count, AT_ONCE):
            keys = range(self._asked, self._asked + min(AT_ONCE, count - done))
            self._asked += len(keys)
            events += await asyncio.gather(
                *(
                    pausepoint.new_event.aio(
                        "bench", data_type, prompt="How many?", timeout_seconds=86_400, key=f"k{key}"
                    )
                    for key in keys
                )
            )
        asked, asked_cpu = time.perf_counter() - began, time.process_time() - cpu
        before = _resident()
        ids = [event.request_id for event in events]
        for event in events:
            self._waiting[event.request_id] = asyncio.create_task(self._wait(event))
        del events
        await self._until_asleep(ids[-1:])
        took, used = time.perf_counter() - began - asked, time.process_time() - cpu - asked_cpu
        return {
            "ids": ids,
            "asked": asked,
            "asked_cpu": asked_cpu,
            "entered": took,
            "entered_cpu": used,
            "before": before,
            "after": _resident(),
        }

    async def _wait(self, event: Any) -> None:
        request_id = event.request_id
        if self._by_watcher:
            watcher = current_surface().watcher()
            request = event._request
            del event
            value: Any = (await run_aio(watcher.wait, request, int, 5.0)).value
        else:
            value = await event.wait.aio()
        self._returned[request_id] = time.monotonic_ns()
        self._values[request_id] = str(value)

    async def _until_asleep(self, ids: list[str]) -> None:
        """Wait until the last one has looked into the store and sleeps."""
        watcher = current_surface().watcher()
        while not all(each in watcher._waiters and watcher._waiters[each].asleep for each in ids):
            await asyncio.sleep(0.005)
        while any(waiter.judging.locked() for waiter in list(watcher._waiters.values())):
            await asyncio.sleep(0.05)

    async def pushed(self) -> Any:
        """Wait for the stream."""
        watcher = current_surface().watcher()
        while watcher._stream is None or not watcher._stream.is_healthy:
            await asyncio.sleep(0.01)
        return True

    async def create(self, count: int) -> Any:
        """Ask one after the other, and wait for none."""
        seconds = []
        for number in range(count):
            began = time.perf_counter()
            await pausepoint.new_event.aio("create", int, key=f"c{number}", prompt="How many?")
            seconds.append(time.perf_counter() - began)
        return seconds

    async def waited(self) -> Any:
        """Wait for the answers to all but the very first, which keeps the stream open."""
        await asyncio.gather(*list(self._waiting.values())[1:])
        found = {"returned": self._returned, "values": self._values}
        self._waiting = dict(list(self._waiting.items())[:1])
        self._returned, self._values = {}, {}
        return found

    async def counts(self) -> Any:
        """Count."""
        return dict(self._store.counts)

    async def memory(self) -> Any:
        """Weigh."""
        return _resident()


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main() -> None:
    """Do what the lines on standard input say."""
    store = None
    if "--count" in sys.argv:
        from counting import counted

        store = counted(os.environ["PAUSEPOINT_STORE"])
    author = Author(store, "--watcher" in sys.argv)
    while True:
        line = await asyncio.to_thread(sys.stdin.readline)
        command = json.loads(line) if line else {"do": "end"}
        do = command.pop("do")
        if do == "end":
            return
        print(json.dumps(await getattr(author, do)(**command)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
    # Not through the interpreter's end, which would cancel a hundred thousand waits one by one.
    sys.stdout.flush()
    os._exit(0)
