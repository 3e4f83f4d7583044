"""Tasks that the control plane's tests run as pods; each tells what it knows in lines `@name json`."""

from __future__ import annotations

import json
import os
import time
from typing import Annotated, Any

import flyte
from flyteplugins import hitl
from pydantic import Field

import pausepoint

env = flyte.TaskEnvironment(name="shop", depends_on=[hitl.env])


def tell(name: str, value: Any) -> None:
    # In one write, so that no line of a log comes between it and its end.
    print(f"@{name} {json.dumps(value)}\n", end="", flush=True)


def facts(event: Any) -> dict[str, Any]:
    return {"id": event.request_id, "form": event.form_url, "api": event.api_url, "path": event.request_path}


@env.task(report=True)
async def one() -> int:
    event = await hitl.new_event.aio("integer_input_event", data_type=int, prompt="What should I add to x?")
    tell("asked", facts(event))
    value = await event.wait.aio()
    tell("answer", value)
    return value


@env.task
async def without_report() -> int:
    event = await hitl.new_event.aio("no_report", data_type=int)
    tell("asked", facts(event))
    value = await event.wait.aio()
    tell("answer", value)
    return value


@env.task
def sync_without_report() -> int:
    event = hitl.new_event("sync_no_report", data_type=int)
    tell("asked", facts(event))
    value = event.wait()
    tell("answer", value)
    return value


@env.task(report=True)
async def blocking() -> int:
    event = await hitl.Event.create("blocking", data_type=int)
    tell("asked", facts(event))
    value = event.wait()
    tell("answer", value)
    return value


@env.task(report=True)
async def twice() -> str:
    first = await hitl.new_event.aio("again", data_type=str)
    second = await hitl.new_event.aio("again", data_type=str)
    tell("asked", [facts(first), facts(second)])
    answers = [await second.wait.aio(), await first.wait.aio()]
    tell("answer", answers)
    return "-".join(answers)


@env.task(report=True)
async def late() -> str:
    event = await hitl.new_event.aio("late", data_type=int, timeout_seconds=4, poll_interval_seconds=1)
    tell("asked", facts(event))
    try:
        await event.wait.aio()
    except TimeoutError as error:
        tell("answer", type(error).__name__)
    return "late"


@env.task(report=True)
async def by_pause() -> bool:
    value = await pausepoint.pause.aio(bool, prompt="Deploy?")
    tell("answer", value)
    return value


@env.task(report=True)
async def rounds() -> int:
    """Ask one question after another, and say when each answer came."""
    total = 0
    for number in range(int(os.environ["ROUNDS"])):
        event = await hitl.new_event.aio(f"round {number}", data_type=int, key=f"round {number}")
        tell("asked", facts(event))
        value = await event.wait.aio()
        tell("answer", {"value": value, "at": time.time()})
        total += value
    return total


@env.task(report=True)
async def bounded() -> int:
    event = await hitl.new_event.aio("bounded", data_type=Annotated[int, Field(le=9)])
    tell("asked", facts(event))
    value = await event.wait.aio()
    tell("answer", value)
    return value
