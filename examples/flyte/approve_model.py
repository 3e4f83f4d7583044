"""A task trains, shows what came of it, and deploys if somebody takes responsibility for it."""

from typing import Literal

import flyte
from pydantic import Field

from pausepoint import Default, RunInput, pause

env = flyte.TaskEnvironment(
    name="approve-model",
    image=flyte.Image.from_debian_base().with_pip_packages("pausepoint-flyte"),
)


class Release(RunInput):
    """What is decided, by whom it is carried, and how fast."""

    decision: Literal["deploy", "keep the old one"] = Field(description="The old model stays until tomorrow's run.")
    traffic: int = Field(10, ge=1, le=100, description="Percent of the requests that it gets at first.")
    because: str = Field(min_length=5, description="For the log of decisions.")


@env.task
async def train() -> dict[str, float]:
    """Stand for a training that takes the night."""
    return {"accuracy": 0.934, "accuracy of the old model": 0.921}


@env.task(report=True)
async def main() -> str:
    """Ask with the figures in the question; silence keeps the old model."""
    figures = await train()
    table = "\n".join(f"| {name} | {value:.1%} |" for name, value in figures.items())
    release = await pause.aio(
        Release,
        title="Deploy the new model?",
        prompt=f"The training has ended.\n\n| | |\n| --- | --- |\n{table}",
        timeout=8 * 3600,
        on_timeout=Default(Release(decision="keep the old one", because="nobody answered")),
    )
    if release.decision == "deploy":
        return f"deployed to {release.traffic}% because {release.because}"
    return f"kept the old one because {release.because}"


if __name__ == "__main__":
    print(flyte.with_runcontext(mode="local").run(main).outputs()[0])
