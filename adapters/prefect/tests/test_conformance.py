"""The checks that every adapter must pass, on a real server: with runs that wait, and with runs that are suspended."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
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


@flow
def alone(task: Task) -> None:
    """Run the one task of a check in the flow itself: Prefect suspends no task."""
    task()


def is_resumed(run_id: UUID) -> bool:
    """Say whether a run that was suspended is to be executed."""
    return states_of(run_id)[-1].is_scheduled()


class SuspendingDriver(Driver):
    """Has a deployment, which Prefect suspends nothing without, and executes its runs again when they are resumed."""

    def start(self, tasks: Sequence[Task], retries: int = 0) -> UUID:
        if len(tasks) > 1:
            # A check of who asks, which waits for nothing.
            return super().start(tasks, retries)
        with get_client(sync_client=True) as client:
            # No runner serves it, so that nobody else takes its runs.
            deployment = client.create_deployment(client.create_flow(alone), "kit")
            run = client.create_flow_run_from_deployment(deployment, state=Pending())
        self.given[run.id] = (list(tasks), retries)
        self.execute(run.id)
        return run.id

    def execute(self, run_id: UUID) -> None:
        tasks, retries = self.given[run_id]
        if len(tasks) > 1:
            super().execute(run_id)
            return

        def fly() -> None:
            while True:
                with get_client(sync_client=True) as client:
                    run = client.read_flow_run(run_id)
                try:
                    again = alone.with_options(retries=retries)
                    run_flow(again, flow_run=run, parameters={"task": tasks[0]}, return_type="state")
                    return
                except Pause:
                    until(partial(is_resumed, run_id), "a resume")

        threading.Thread(target=fly, daemon=True).start()


class TestSuspendedFlows(AdapterKit):
    engine_name = "prefect"
    engine_module = "prefect"
    plugin_module = "pausepoint_prefect.plugin"
    can_report = False
    can_suspend = True

    @pytest.fixture
    def engine(self, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Driver:
        # After the settings, which begin with none of ours.
        assert settings
        monkeypatch.setenv("PAUSEPOINT_PREFECT_WAIT", "suspend")
        return SuspendingDriver()
