"""The calls that the old plugin's documents show, with the arguments that they give them."""

from __future__ import annotations

import flyte
from flyteplugins import hitl
from flyteplugins.hitl import Event

from tasks.local_tasks import asked

env = flyte.TaskEnvironment(
    name="documented",
    image=flyte.Image.from_debian_base(python_version=(3, 12)),
    resources=flyte.Resources(cpu=1, memory="512Mi"),
    depends_on=[hitl.env],
)
bare = flyte.TaskEnvironment(
    name="documented-too", image=flyte.Image.from_debian_base(python_version=(3, 12)), depends_on=[hitl.env]
)


@env.task(report=True)
async def adds_to_x() -> int:
    event = asked(
        await hitl.new_event.aio("integer_input_event", data_type=int, scope="run", prompt="What should I add to x?")
    )
    return await event.wait.aio()


@bare.task(report=True)
async def adds_to_the_result() -> int:
    words = "Please enter a value to add to the result:"
    event = asked(await hitl.new_event.aio("integer_input_event", data_type=int, scope="run", prompt=words))
    return await event.wait.aio() + 10


@env.task
async def proceeds() -> int:
    event = asked(await Event.create.aio("proceed_event", scope="run", prompt="What should I add to x?", data_type=int))
    return await event.wait.aio()


@env.task
async def approves() -> bool:
    event = asked(
        await Event.create.aio("approval_event", scope="run", prompt="Do you approve this action?", data_type=bool)
    )
    return await event.wait.aio()


@env.task
def enters_a_value() -> str:
    event = asked(Event.create("my_event", scope="run", prompt="Enter value", data_type=str))
    return event.wait()


@env.task
def enters_a_number() -> int:
    event = asked(Event.create("value_event", scope="run", prompt="Enter a number", data_type=int))
    return event.wait()


@env.task
def by_position() -> float:
    event = asked(hitl.new_event("n", float, "run", "How much?", 60, 5))
    return event.wait()
