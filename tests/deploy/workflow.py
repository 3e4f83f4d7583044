"""
A workflow that asks many questions at once and waits for all of them: `workflow.py COUNT RUN`.

Prints a line of JSON for each question it has asked, each answer it got, and each time its stream was opened.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pausepoint
from pausepoint._event import current_surface


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


async def ask(number: int) -> None:
    event = await pausepoint.new_event.aio(
        f"question-{number}", int, key=f"q{number}", prompt=f"Which number is {number}?", timeout_seconds=3600
    )
    tell(asked=number, link=event.form_url)
    tell(got=number, value=await event.wait.aio())


async def notice() -> None:
    """Tell when the stream is open, and each time that it is open again."""
    was = False
    while True:
        stream = current_surface().watcher()._stream
        is_open = stream is not None and stream.is_healthy
        if is_open and not was:
            tell(pushed=True)
        was = is_open
        await asyncio.sleep(0.01)


async def main(count: int) -> None:
    noticing = asyncio.create_task(notice())
    # So many at a time, as a workflow engine does; each goes on to wait while others are being asked.
    await asyncio.gather(*(ask(number) for number in range(count)))
    noticing.cancel()


if __name__ == "__main__":
    with pausepoint.run(sys.argv[2]):
        asyncio.run(main(int(sys.argv[1])))
