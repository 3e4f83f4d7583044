"""
The old Flyte plugin (flyteplugins-hitl), in a virtual environment of its own; told by its arguments.

    serve PORT FOLDER COUNT    make COUNT requests below FOLDER, then serve its form app with one worker
    wait FOLDER COUNT          wait for COUNT events; print each id with the moment its wait returned (ns, monotonic)
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path


def make(folder: Path, count: int) -> None:
    """Store questions as the plugin's Event.create does."""
    for number in range(count):
        place = folder / f"r{number}"
        place.mkdir(parents=True)
        content = {
            "request_id": f"r{number}",
            "event_name": "bench",
            "scope": "run",
            "prompt": "How many?",
            "data_type": "int",
            "status": "pending",
            "response_path": str(place / "response.json"),
        }
        (place / "request.json").write_text(json.dumps(content))


async def wait(folder: Path, count: int) -> None:
    """Wait as its Event.wait does, with its default poll."""
    from flyteplugins.hitl._event import wait_for_input_event

    async def one(number: int) -> None:
        await wait_for_input_event("bench", f"r{number}", str(folder / f"r{number}" / "response.json"), 600, 5)
        print(f"@ r{number} {time.monotonic_ns()}", flush=True)

    print("@ ready", flush=True)
    await asyncio.gather(*(one(number) for number in range(count)))


def main(do: str, *rest: str) -> None:
    """Do what the arguments say."""
    if do == "wait":
        asyncio.run(wait(Path(rest[0]), int(rest[1])))
        return
    import uvicorn
    from flyteplugins.hitl._app import app

    make(Path(rest[1]), int(rest[2]))
    # Its own start expects to be in a Flyte cluster.
    uvicorn.run(app, port=int(rest[0]), lifespan="off", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
