"""The checks that every adapter must pass, in a run that blocks its thread and in one that gives it up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pausepoint.testing.adapters import AdapterKit, EngineDriver, Task

import example_engine


class Driver(EngineDriver):
    """Runs tasks in the example engine."""

    def __init__(self, suspends: bool) -> None:
        self.suspends = suspends

    def start(self, tasks: Sequence[Task], retries: int = 0) -> example_engine.Run:
        return example_engine.start({task.name: task for task in tasks}, retries=retries, suspends=self.suspends)

    def restart(self, run: example_engine.Run) -> None:
        example_engine.restart(run)

    def links(self, run: example_engine.Run) -> str:
        return "\n".join(run.links.values())

    def reports(self, run: example_engine.Run) -> str:
        return "\n".join(run.reports.values())

    def told(self, run: example_engine.Run) -> str:
        return f"The engine says: {[(task.name, task.state) for task in run.tasks]}"


class TestBlockingRuns(AdapterKit):
    engine_name = "example"
    engine_module = "example_engine"
    plugin_module = "pausepoint_example.plugin"
    can_serve = True

    @pytest.fixture
    def engine(self) -> Driver:
        return Driver(suspends=self.can_suspend)


class TestSuspendingRuns(TestBlockingRuns):
    can_suspend = True
