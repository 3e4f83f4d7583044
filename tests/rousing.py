"""What suites about waking share: the plugins of engines that are not there, which remember what they were told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from pausepoint._models import Request, Response
from pausepoint.errors import AdapterError
from pausepoint.hooks import Reason

Obstacle = Callable[[Request], Awaitable[None]]
"""What a plugin meets with when it is to wake its engine."""


async def nothing(request: Request) -> None:
    """Let the plugin do its work."""


async def hang(request: Request) -> None:
    """Never return."""
    await anyio.sleep_forever()


async def fail(request: Request) -> None:
    """Fail, as an engine does that is down."""
    raise AdapterError("The engine does not answer.", "Start it.", request.label, "pausepoint-toy 1.0")


def failing(times: int) -> Obstacle:
    """Make an obstacle that is gone after so many failures."""
    left = [fail] * times

    async def obstacle(request: Request) -> None:
        await (left.pop() if left else nothing)(request)

    return obstacle


class Plugins:
    """
    The plugins of some engines, one each.

    Args:
        engines: What the engines are called.
        cares: Whether any of them is told that events are settled.
        obstacle: What every plugin meets with.

    Attributes:
        tried: The first letter of the event and the reason, for each call.
        woken: The same for each call that came to its end.
        ended: The first letter of each event that was told to be settled, and how it ended.
    """

    def __init__(self, *engines: str, obstacle: Obstacle = nothing, cares: bool = True) -> None:
        self.engines = engines
        self.cares = cares
        self.obstacle = obstacle
        self.tried: list[tuple[str, str]] = []
        self.woken: list[tuple[str, str]] = []
        self.ended: list[tuple[str, str]] = []

    def wakes(self, engine: str) -> bool:
        return engine in self.engines

    def hears(self, engine: str) -> bool:
        return self.cares

    def who(self, engine: str) -> str:
        return f"pausepoint-{engine} 1.0"

    async def wake(self, request: Request, reason: Reason) -> None:
        told = (request.request_id[0], reason)
        self.tried.append(told)
        await self.obstacle(request)
        self.woken.append(told)

    async def settled(self, request: Request, response: Response) -> None:
        self.ended.append((request.request_id[0], response.outcome))


TOY = """
import json, os, time
from pausepoint import RunContext, hookimpl

def note(**said):
    with open(os.environ["TOY_JOURNAL"], "a") as journal:
        journal.write(json.dumps(said) + "\\n")
    if os.environ.get("TOY") == said["hook"] + " fails":
        raise RuntimeError("the toy is broken")
    if os.environ.get("TOY") == said["hook"] + " hangs":
        time.sleep(3600)
    time.sleep(float(os.environ.get("TOY_SECONDS", 0)))
    with open(os.environ["TOY_JOURNAL"], "a") as journal:
        journal.write(json.dumps({**said, "done": True}) + "\\n")

@hookimpl
def pausepoint_engine():
    run = os.environ.get("TOY_RUN")
    return RunContext(engine="toy", run_id=run) if run else None

@hookimpl
def pausepoint_wake(request, reason):
    note(hook="wake", id=request.request_id, reason=reason)

@hookimpl
def pausepoint_settled(request, response):
    note(hook="settled", id=request.request_id, outcome=response.outcome)
"""
"""A plugin for an engine that is an environment variable; it notes each call when it begins and when it is done."""


def install(folder: Path, name: str, code: str = TOY) -> None:
    """Install a distribution, version 1.0, with one plugin of that name; found by who has the folder on their path."""
    about = folder / f"pausepoint_{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pausepoint-{name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[pausepoint]\n{name} = pausepoint_{name}\n")
    (folder / f"pausepoint_{name}.py").write_text(code)
