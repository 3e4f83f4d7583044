"""A task that knows nothing of flyteplugins."""

from __future__ import annotations

import json

import flyte

import pausepoint

env = flyte.TaskEnvironment(name="plain")


@env.task(report=True)
async def deploy() -> bool:
    event = await pausepoint.new_event.aio("deploy", bool)
    asked = {"id": event.request_id, "form": event.form_url, "api": event.api_url, "path": event.request_path}
    # In one write, so that no line of a log comes between it and its end.
    print(f"@asked {json.dumps(asked)}\n", end="", flush=True)
    value = await event.wait.aio()
    print(f"@answer {json.dumps(value)}\n", end="", flush=True)
    return value
