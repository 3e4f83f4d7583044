"""The checks that every adapter must pass, on a real server."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import Pending

from pausepoint.testing.adapters import AdapterKit, EngineDriver, Task

from flying import has_ended, links_of, log_of, states_of, until


@flow
def checked(tasks: list[Task], retries: int) -> None:
    """Run each task of a check as a task of its own, all at once."""
    futures = [task(each, name=each.name, retries=retries, task_run_name=each.name).submit() for each in wrapped(tasks)]
    for future in futures:
        future.result()


def wrapped(tasks: list[Task]) -> list[object]:
    """Prefect wants functions, with names."""

    def function_of(each: Task) -> object:
        def call() -> object:
            return each()

        call.__name__ = call.__qualname__ = each.name
        call.name = each.name  # type: ignore[attr-defined]
        return call

    return [function_of(each) for each in tasks]


class Driver(EngineDriver):
    """Runs the tasks of a check in a flow of this process."""

    def __init__(self) -> None:
        self.given: dict[UUID, tuple[list[Task], int]] = {}

    def start(self, tasks: Sequence[Task], retries: int = 0) -> UUID:
        with get_client(sync_client=True) as client:
            run = client.create_flow_run(checked, state=Pending())
        self.given[run.id] = (list(tasks), retries)
        self.execute(run.id)
        return run.id

    def restart(self, run: UUID) -> None:
        until(partial(has_ended, run), "the end of the execution before")
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run, Pending(), force=True)
        self.execute(run)

    def execute(self, run_id: UUID) -> None:
        tasks, retries = self.given[run_id]
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(run_id)

        def fly() -> None:
            parameters = {"tasks": tasks, "retries": retries}
            run_flow(checked, flow_run=run, parameters=parameters, return_type="state")

        threading.Thread(target=fly, daemon=True).start()

    def links(self, run: UUID) -> str:
        return "\n".join(links_of(run))

    def told(self, run: UUID) -> str:
        return "\n".join([str(states_of(run)), *log_of(run)])


class TestFlows(AdapterKit):
    engine_name = "prefect"
    engine_module = "prefect"
    plugin_module = "pausepoint_prefect.plugin"
    can_report = False

    @pytest.fixture
    def engine(self) -> Driver:
        return Driver()
