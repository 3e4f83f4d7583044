"""Tasks that know nothing but what flyteplugins-hitl has, too: they run against it as well, to fail there."""

from __future__ import annotations

import json
import sys
from typing import Any

import flyte
from flyteplugins import hitl

env = flyte.TaskEnvironment(name="compared", depends_on=[hitl.env])


def tell(name: str, value: Any) -> None:
    # In one write, so that no line of a log comes between it and its end.
    print(f"@{name} {json.dumps(value)}\n", end="", flush=True)


def facts(event: Any) -> dict[str, Any]:
    path = getattr(event, "response_path", "") or event._response_path
    claims = {"data_type": "int", "response_path": path}
    return {"id": event.request_id, "form": event.form_url, "api": event.api_url, "claims": claims}


@env.task(report=True)
async def one() -> int:
    event = await hitl.new_event.aio("integer_input_event", data_type=int, prompt="Which?", poll_interval_seconds=1)
    tell("asked", facts(event))
    value = int(await event.wait.aio())
    tell("answer", value)
    return value


@env.task(report=True)
async def late() -> str:
    event = await hitl.new_event.aio("late", data_type=int, timeout_seconds=2, poll_interval_seconds=1)
    tell("asked", facts(event))
    try:
        tell("answer", await event.wait.aio())
    except TimeoutError:
        tell("answer", "TimeoutError")
    return "late"


@env.task(report=True)
async def first_and_second() -> int:
    """Ask once, and once more a good while later."""
    total = 0
    for name in ("first", "second"):
        event = await hitl.new_event.aio(name, data_type=int, poll_interval_seconds=1)
        tell("asked", facts(event))
        total += int(await event.wait.aio())
        # Ours believes an address for minutes, and the other one for ever: that long no test waits.
        if serving := sys.modules.get("pausepoint_flyte.serving"):
            serving.__dict__["REMEMBERED"] = -1.0
    tell("answer", total)
    return total
