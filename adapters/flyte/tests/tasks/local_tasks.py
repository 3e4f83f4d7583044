"""Tasks that run in this process, in Flyte's local mode; each gives its events to whoever answers them."""

from __future__ import annotations

import asyncio
import queue
from dataclasses import dataclass
from typing import Any, Literal

import flyte
from flyteplugins import hitl

import pausepoint

ASKED: queue.SimpleQueue[Any] = queue.SimpleQueue()

env = flyte.TaskEnvironment(name="local", depends_on=[hitl.env])


def asked(event: Any) -> Any:
    ASKED.put(event)
    return event


@dataclass
class Box:
    size: Literal["small", "large"]
    count: int = 1


@env.task(report=True)
async def asynchronous(x: int) -> int:
    event = asked(await hitl.new_event.aio("n", data_type=int, scope="run", prompt="What should I add to x?"))
    return x + await event.wait.aio()


@env.task
def synchronous(x: int) -> int:
    event = asked(hitl.new_event("n", int))
    return x + event.wait()


@env.task
async def blocking(x: int) -> int:
    event = asked(await hitl.Event.create("n", int, "run", "Which?", 60, 1))
    return x + event.wait()


@env.task
async def created(x: int) -> int:
    event = asked(await hitl.Event.create.aio(name="n", data_type=int))
    return x + await event.wait.aio()


@env.task
async def rebuilt(x: int) -> int:
    event = asked(await hitl.new_event.aio("n", int))
    same = hitl.Event(
        name=event.name,
        scope=event.scope,
        data_type=event.data_type,
        prompt=event.prompt,
        request_id=event.request_id,
        endpoint=event.endpoint,
        request_path=event.request_path,
        response_path=event.response_path,
        timeout_seconds=event.timeout_seconds,
        poll_interval_seconds=event.poll_interval_seconds,
    )
    return x + await same.wait.aio() + await same.wait.aio()


@env.task
async def inner(x: int) -> int:
    event = asked(await hitl.new_event.aio("n", int, prompt=f"For {x}?"))
    return x + await event.wait.aio()


@env.task
async def nested() -> list[int]:
    event = asked(await hitl.new_event.aio("n", int, prompt="For 0?"))
    own = await event.wait.aio()
    return [own, *await asyncio.gather(*(inner(number) for number in (1, 2, 3)))]


@env.task
def plus(x: int) -> int:
    return x + asked(hitl.new_event("n", int, prompt="How many?")).wait()


@env.task
async def mapped() -> list[int]:
    return [value async for value in flyte.map.aio(plus, [10, 20, 30])]


@env.task
async def twice() -> list[str]:
    first = asked(await hitl.new_event.aio("again", str))
    second = asked(await hitl.new_event.aio("again", str))
    return [await first.wait.aio(), await second.wait.aio()]


@env.task
async def at_once() -> list[str]:
    events = await asyncio.gather(*(hitl.new_event.aio("again", str) for _ in range(3)))
    for event in events:
        asked(event)
    return list(await asyncio.gather(*(event.wait.aio() for event in events)))


FAILURES: list[str] = []


@env.task(retries=2)
async def retried() -> int:
    event = asked(await hitl.new_event.aio("n", int))
    value = await event.wait.aio()
    FAILURES.append(event.request_id)
    if len(FAILURES) < 3:
        raise RuntimeError("not yet")
    return value


@env.task
async def rich() -> str:
    event = asked(await hitl.new_event.aio("box", Box, initial=Box("small"), title="Which box?"))
    box = await event.wait.aio()
    return f"{type(box).__name__} {box.size} {box.count}"


@env.task
async def silent() -> int:
    event = await hitl.new_event.aio("n", int, timeout_seconds=0.2, on_timeout=pausepoint.Default(7))
    return await event.wait.aio()


@env.task
async def late() -> str:
    event = await hitl.new_event.aio("n", int, timeout_seconds=0.2, poll_interval_seconds=5)
    try:
        return str(await event.wait.aio())
    except TimeoutError:
        return "nobody answered"


@env.task
async def paused() -> bool:
    return await pausepoint.pause.aio(bool, prompt="Deploy?", key="deploy")


@env.task
async def traced() -> int:
    return await _in_a_trace(1)


@flyte.trace
async def _in_a_trace(x: int) -> int:
    event = asked(await hitl.new_event.aio("n", int))
    return x + await event.wait.aio()
