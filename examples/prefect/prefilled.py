"""An async flow that asks with a default: whoever just sends the form means the default."""

import asyncio

from prefect import flow

from pausepoint_prefect import RunInput, pause_flow_run


class Badge(RunInput):
    """What is printed on a visitor's badge."""

    name: str
    is_speaker: bool = False


@flow(log_prints=True)
async def print_badge() -> None:
    """Ask what goes on the badge, and print it."""
    words = "The badge of **seat 14**. Leave the name as it is if nobody has registered."
    badge = await pause_flow_run(Badge.with_initial_data(name="Guest", description=words))
    print(f"Printed: {badge.name}{', speaker' if badge.is_speaker else ''}.")


if __name__ == "__main__":
    asyncio.run(print_badge())
