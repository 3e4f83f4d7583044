"""A served flow, the form app beside it, and what its runs wrote down."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from flying import has_ended, has_input, links_of, log_of, states_of, until
from reviewing import Machine, Script


class Deployment:
    """
    A deployment of its own, served by a process of its own.

    Args:
        machine: Where the processes run.
        name: What tells it from other deployments.
        source: A script that serves a flow; it is given a folder, to write into a file named by the run, and the name.
        flow: The flow's name.
        settings: For the script.
    """

    def __init__(self, machine: Machine, name: str, source: str, flow: str, **settings: str) -> None:
        self.machine = machine
        self.name = f"{flow}/{name}"
        self.told = machine.folder / "told"
        self.told.mkdir(parents=True)
        self.served_by = machine.write("served.py", source)
        self.start_app()
        self.runner = machine.start(self.served_by, self.told, name, PAUSEPOINT_URL=self.url, **settings)
        until(self.known, "a deployment")

    def start_app(self) -> None:
        port = self.machine.environ()["PAUSEPOINT_PORT"]
        self.url = f"http://127.0.0.1:{port}"
        self.app: Script = self.machine.command("pausepoint", "serve", "--port", port)
        self.machine.until_it_answers(f"{self.url}/health")

    def known(self) -> Any:
        assert self.runner.process.poll() is None, self.runner.told
        with get_client(sync_client=True) as client:
            try:
                return client.read_deployment_by_name(self.name)
            except ObjectNotFound:
                return None

    def run(self, **parameters: object) -> UUID:
        with get_client(sync_client=True) as client:
            return client.create_flow_run_from_deployment(self.known().id, parameters=parameters).id

    def lines(self, run_id: UUID) -> list[str]:
        """What the run wrote down."""
        file = self.told / str(run_id)
        return file.read_text("utf-8").splitlines() if file.exists() else []


def until_suspended(run_id: UUID, times: int = 1) -> None:
    def is_so() -> bool:
        names = [state.name for state in states_of(run_id)]
        return names.count("Suspended") >= times and names[-1] == "Suspended"

    until(is_so, f"the run Suspended for the {times}. time: {states_of(run_id)} {log_of(run_id)}")
    schema = (states_of(run_id)[-1].state_details.run_input_keyset or {}).get("schema")
    until(lambda: schema is None or has_input(run_id, schema), "a form in Prefect's dialog")


def until_completed(run_id: UUID) -> list[str | None]:
    until(partial(has_ended, run_id), f"the end: {states_of(run_id)}")
    names = [state.name for state in states_of(run_id)]
    assert names[-1] == "Completed", f"{names} {log_of(run_id)}"
    return names


def link_of(run_id: UUID, which: int = 0) -> str:
    return until(lambda: found[which] if len(found := links_of(run_id)) > which else None, "a link")
