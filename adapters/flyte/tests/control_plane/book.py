"""What a control plane remembers: actions with their state, who follows them, and apps."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from flyteidl2.actions import actions_service_pb2 as actions
from flyteidl2.common import phase_pb2
from flyteidl2.workflow import state_service_pb2 as states

RUNNING = phase_pb2.ACTION_PHASE_RUNNING
SUCCEEDED = phase_pb2.ACTION_PHASE_SUCCEEDED
FAILED = phase_pb2.ACTION_PHASE_FAILED
TIMED_OUT = phase_pb2.ACTION_PHASE_TIMED_OUT

Key = tuple[str, str]
"""A run's name and an action's."""


def key_of(action_id: Any) -> Key:
    return action_id.run.name, action_id.name


class Book:
    """
    One control plane's memory; lost when the process ends, as no test restarts it.

    Args:
        diary: A file that gets one JSON line per thing that happens, for tests to read.
    """

    def __init__(self, diary: Path) -> None:
        self._diary = diary
        self.actions: dict[Key, actions.Action] = {}
        self.updates: dict[Key, states.ActionUpdate] = {}
        self.apps: dict[str, Any] = {}
        self._changed = asyncio.Condition()

    def note(self, what: str, **facts: Any) -> None:
        """Write a line into the diary."""
        with self._diary.open("a") as file:
            file.write(json.dumps({"what": what, "at": time.time(), **facts}) + "\n")

    async def begin(self, action: actions.Action, phase: int = RUNNING, **more: Any) -> None:
        """Remember a new action."""
        self.actions[key_of(action.action_id)] = action
        await self.move(key_of(action.action_id), phase, **more)

    async def move(self, key: Key, phase: int, **more: Any) -> None:
        """Change an action's phase, and tell whoever follows."""
        update = states.ActionUpdate(action_id=self.actions[key].action_id, phase=phase, **more)
        async with self._changed:
            self.updates[key] = update
            self._changed.notify_all()

    def is_running(self, key: Key) -> bool:
        return key in self.updates and self.updates[key].phase == RUNNING

    async def follow(self, parent: Key) -> AsyncIterator[states.ActionUpdate | None]:
        """Give what is known of an action's children, then None, then each change as it comes."""
        told: dict[Key, bytes] = {}

        def news() -> list[states.ActionUpdate]:
            found = []
            for key, update in self.updates.items():
                written = update.SerializeToString(deterministic=True)
                is_child = (key[0], self.actions[key].parent_action_name) == parent
                if is_child and told.get(key) != written:
                    told[key] = written
                    found.append(update)
            return found

        for update in news():
            yield update
        yield None
        while True:
            async with self._changed:
                # Looked at with the lock held: a change between looking and waiting would be missed.
                while not (found := news()):
                    await self._changed.wait()
            for update in found:
                yield update
