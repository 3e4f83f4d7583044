"""What suites about waking share: the plugins of engines that are not there, which remember what they were told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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
        obstacle: What every plugin meets with.

    Attributes:
        tried: The first letter of the event and the reason, for each call.
        woken: The same for each call that came to its end.
        ended: The first letter of each event that was told to be settled, and how it ended.
    """

    def __init__(self, *engines: str, obstacle: Obstacle = nothing) -> None:
        self.engines = engines
        self.obstacle = obstacle
        self.tried: list[tuple[str, str]] = []
        self.woken: list[tuple[str, str]] = []
        self.ended: list[tuple[str, str]] = []

    def wakes(self, engine: str) -> bool:
        return engine in self.engines

    def who(self, engine: str) -> str:
        return f"pausepoint-{engine} 1.0"

    async def wake(self, request: Request, reason: Reason) -> None:
        told = (request.request_id[0], reason)
        self.tried.append(told)
        await self.obstacle(request)
        self.woken.append(told)

    async def settled(self, request: Request, response: Response) -> None:
        self.ended.append((request.request_id[0], response.outcome))
