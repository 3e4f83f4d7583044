"""A task asks for a number and adds it: the calls of flyteplugins-hitl, unchanged."""

import flyte
from flyteplugins import hitl

env = flyte.TaskEnvironment(
    name="add-to-x",
    image=flyte.Image.from_debian_base().with_pip_packages("pausepoint-flyte"),
    depends_on=[hitl.env],
)


@env.task(report=True)
async def main(x: int) -> int:
    """Ask once; a retried task finds the same question, its deadline, and an answer given meanwhile."""
    event = await hitl.new_event.aio(
        "integer_input_event",
        data_type=int,
        scope="run",
        prompt="What should I add to x?",
    )
    y = await event.wait.aio()
    return x + y


if __name__ == "__main__":
    print(flyte.with_runcontext(mode="local").run(main, x=1).outputs()[0])
