"""Tasks of Flyte 1, which Flyte 2 knows nothing of."""

from __future__ import annotations

from flytekit import task
from flyteplugins import hitl

from tasks.local_tasks import asked


@task
async def process_with_human_input() -> int:
    event = asked(
        await hitl.new_event.aio(
            "integer_input_event", data_type=int, scope="run", prompt="What should I add to the result?"
        )
    )
    return await event.wait.aio() + 10


@task
def human_approval() -> bool:
    event = asked(hitl.new_event("approval_event", data_type=bool, prompt="Do you approve this deployment?"))
    approved: bool = event.wait()
    return approved
