"""Executes the tasks of the kit's checks in pods: `KIT_TASKS` names the file that has them."""

from __future__ import annotations

import asyncio
import os
import pickle
from pathlib import Path

import flyte
from flyteplugins import hitl

from pausepoint.testing.adapters import Task

env = flyte.TaskEnvironment(name="kit", depends_on=[hitl.env])


def _tasks(path: str) -> list[Task]:
    found: list[Task] = pickle.loads(Path(path).read_bytes())
    return found


@env.task(report=True)
def blocking() -> str:
    return str(_tasks(os.environ["KIT_TASKS"])[0]())


@env.task(report=True)
async def awaiting() -> str:
    return str(await _tasks(os.environ["KIT_TASKS"])[0].aio())


@env.task(report=True)
def one_of(path: str, number: int) -> str:
    return str(_tasks(path)[number]())


@env.task
async def all_of() -> list[str]:
    path = os.environ["KIT_TASKS"]
    return list(await asyncio.gather(*(one_of.aio(path, number) for number in range(len(_tasks(path))))))
