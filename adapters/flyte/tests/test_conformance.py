"""The checks that every adapter must pass, in Flyte's local mode."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import flyte
import pytest

from pausepoint.testing.adapters import AdapterKit, EngineDriver, Task

env = flyte.TaskEnvironment(name="kit")
_tasks: dict[str, tuple[Task, int]] = {}


@env.task(report=True)
def blocking(which: str) -> str:
    return str(_tasks[which][0]())


@env.task(report=True)
async def awaiting(which: str) -> str:
    return str(await _tasks[which][0].aio())


@env.task
async def all_of(which: list[str]) -> list[str]:
    called = []
    for each in which:
        task, retries = _tasks[each]
        chosen = awaiting if task.is_async else blocking
        called.append(chosen.override(short_name=task.name, retries=retries).aio(each))
    return list(await asyncio.gather(*called))


@dataclass
class Run:
    """One local run; Flyte knows it by its name."""

    which: list[str]
    name: str = field(default_factory=lambda: f"kit{uuid4().hex}")
    thread: threading.Thread = field(default_factory=threading.Thread)
    error: str = ""


class Driver(EngineDriver):
    """Runs tasks in this process, each run in a thread."""

    def start(self, tasks: Sequence[Task], retries: int = 0) -> Run:
        names = [uuid4().hex for _ in tasks]
        _tasks.update({name: (task, retries) for name, task in zip(names, tasks, strict=True)})
        run = Run(names)
        self._begin(run)
        return run

    def restart(self, run: Run) -> None:
        run.thread.join()
        self._begin(run)

    def links(self, run: Run) -> str:
        return self.reports(run)

    def reports(self, run: Run) -> str:
        folder = Path("/tmp/flyte/metadata") / run.name
        pages = [path.read_text() for path in folder.rglob("report.html")]
        # Without what Flyte puts around it, which has a script of its own.
        return "\n".join(page.partition('id="flyte-frame-container"')[2].partition("</body>")[0] for page in pages)

    def told(self, run: Run) -> str:
        return run.error

    def _begin(self, run: Run) -> None:
        def work() -> None:
            try:
                flyte.with_runcontext(mode="local", name=run.name).run(all_of, which=run.which)
            except Exception as error:  # a failed run is what some checks are about
                run.error = repr(error)

        run.thread = threading.Thread(target=work, daemon=True)
        run.thread.start()


class TestLocalMode(AdapterKit):
    engine_name = "flyte"
    engine_module = "flyte"
    plugin_module = "pausepoint_flyte.plugin"
    can_serve = True
    patience = 90.0

    @pytest.fixture
    def engine(self) -> Driver:
        return Driver()
