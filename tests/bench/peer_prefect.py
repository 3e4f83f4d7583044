"""
Prefect's own pause, in a virtual environment of its own; prints the seconds from "resumed" to "pause returned".

One process is the flow, with Prefect's default poll of 10 s; the other (`resume`) resumes it through the server's API
at random moments.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time

from prefect import flow, pause_flow_run
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from prefect.runtime import flow_run


@flow(log_prints=False)
def paused(count: int) -> None:
    """Pause, again and again."""
    for number in range(count):
        print(f"@ asks {flow_run.id}", flush=True)
        pause_flow_run(wait_for_input=int, timeout=600, key=f"k{number}")
        print(f"@ returned {time.monotonic_ns()}", flush=True)


async def resume(run_id: str) -> None:
    """Resume once the run is paused; print when the server had said yes."""
    async with get_client() as client:
        while True:
            run = await client.read_flow_run(run_id)
            if run.state is not None and run.state.is_paused():
                break
            await asyncio.sleep(0.1)
    await asyncio.sleep(random.uniform(0, 10))
    await resume_flow_run(run_id, run_input={"value": 3})
    print(f"@ accepted {time.monotonic_ns()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "resume":
        asyncio.run(resume(sys.argv[2]))
    else:
        paused(int(sys.argv[2]))
