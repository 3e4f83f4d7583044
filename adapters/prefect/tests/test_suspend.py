"""No process is held: an answer starts the run again, each question is asked once, and nothing is lost in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flying import Flying, answer, links_of, log_of, resume, states_of, status, until
from prefect import flow, task
from prefect.client.orchestration import get_client

from pausepoint_prefect import resume_flow_run, suspend_flow_run
from reviewing import Machine, Script

SERVED = '''
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import prefect
from pydantic import AfterValidator

import pausepoint
from pausepoint.errors import WaitTimeoutError
from pausepoint_prefect import suspend_flow_run

told = Path(sys.argv[1])

def even(number: int) -> int:
    if number % 2:
        raise ValueError("Only even numbers.")
    return number

@prefect.flow
def suspending(asks: str) -> None:
    with told.open("a") as file:
        file.write("began\\n")
    if asks == "two":
        got = [suspend_flow_run(str, key="first"), suspend_flow_run(int, key="second")]
    elif asks == "judged":
        got = suspend_flow_run(Annotated[int, AfterValidator(even)])
    elif asks == "timeout":
        try:
            got = pausepoint.pause(str, timeout=2)
        except WaitTimeoutError:
            got = "nobody"
    else:
        got = pausepoint.pause(str)
    with told.open("a") as file:
        file.write(f"got {got}\\n")

if __name__ == "__main__":
    suspending.serve(name=sys.argv[2], print_starting_message=False)
'''


class Deployment:
    """A served flow, a form app beside it, and what its runs wrote down."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.machine = machine
        self.name = f"suspending/{name}"
        self.told = machine.folder / "told.txt"
        self.told.touch()
        self.served_by = machine.write("served.py", SERVED)
        self.app = self.start_app()
        self.runner = machine.start(
            self.served_by, self.told, name, PAUSEPOINT_URL=self.url, PAUSEPOINT_PREFECT_WAIT="suspend"
        )
        until(self.known, "a deployment")

    def start_app(self) -> Script:
        port = self.machine.environ()["PAUSEPOINT_PORT"]
        self.url = f"http://127.0.0.1:{port}"
        app = self.machine.command("pausepoint", "serve", "--port", port)
        self.machine.until_it_answers(f"{self.url}/health")
        return app

    def known(self) -> Any:
        from prefect.exceptions import ObjectNotFound

        assert self.runner.process.poll() is None, self.runner.told
        with get_client(sync_client=True) as client:
            try:
                return client.read_deployment_by_name(self.name)
            except ObjectNotFound:
                return None

    def run(self, asks: str) -> UUID:
        with get_client(sync_client=True) as client:
            return client.create_flow_run_from_deployment(self.known().id, parameters={"asks": asks}).id

    def lines(self) -> list[str]:
        return self.told.read_text("utf-8").splitlines()

    def until_told(self, line: str) -> None:
        until(lambda: line in self.lines(), f"{line!r} in {self.lines()}\n{self.runner.told}")


@pytest.fixture
def deployment(machine: Machine, tmp_path: Path) -> Iterator[Deployment]:
    yield Deployment(machine, tmp_path.name)


def until_suspended(run_id: UUID, times: int = 1) -> None:
    def is_so() -> bool:
        names = [state.name for state in states_of(run_id)]
        return names.count("Suspended") >= times and names[-1] == "Suspended"

    until(is_so, f"the run Suspended for the {times}. time: {states_of(run_id)} {log_of(run_id)}")


def until_completed(run_id: UUID) -> list[str | None]:
    until(lambda: states_of(run_id)[-1].is_final(), f"the end: {states_of(run_id)}")
    names = [state.name for state in states_of(run_id)]
    assert names[-1] == "Completed", f"{names} {log_of(run_id)}"
    return names


def link_of(run_id: UUID, which: int = 0) -> str:
    return until(lambda: found[which] if len(found := links_of(run_id)) > which else None, "a link")


def test_two_questions_are_each_asked_once_and_no_process_waits(deployment: Deployment) -> None:
    run_id = deployment.run("two")
    until_suspended(run_id)
    assert answer(link_of(run_id), "Ann").status_code == 200
    until_suspended(run_id, 2)
    assert answer(link_of(run_id, 1), 7).status_code == 200
    until_completed(run_id)

    assert deployment.lines() == ["began"] * 3 + ["got ['Ann', 7]"]
    assert len(links_of(run_id)) == 2


def test_a_premature_resume_asks_nothing_twice(deployment: Deployment) -> None:
    run_id = deployment.run("one")
    until_suspended(run_id)
    link = link_of(run_id)
    with get_client(sync_client=True) as client:
        from prefect.states import Scheduled

        client.set_flow_run_state(run_id, Scheduled(name="Resuming"))
    until_suspended(run_id, 2)
    assert links_of(run_id) == [link]
    answer(link, "Ann")
    until_completed(run_id)

    assert deployment.lines() == ["began"] * 3 + ["got Ann"]


def test_an_answer_in_prefects_own_dialog_settles_a_suspended_question_too(deployment: Deployment) -> None:
    run_id = deployment.run("one")
    until_suspended(run_id)
    link = link_of(run_id)
    assert resume(run_id, {"value": 7})["status"] == "REJECT"
    resume_flow_run(run_id, run_input={"value": "Ann"})
    until_completed(run_id)

    assert deployment.lines()[-1] == "got Ann"
    assert status(link)["status"] == "completed"


def test_an_answer_that_only_the_flow_can_judge_wakes_it_for_that(deployment: Deployment) -> None:
    run_id = deployment.run("judged")
    until_suspended(run_id)
    link = link_of(run_id)
    assert answer(link, 3).status_code == 202
    until_suspended(run_id, 2)
    assert answer(link, 4).status_code == 202
    until_completed(run_id)

    assert deployment.lines()[-1] == "got 4"


def test_a_deadline_wakes_the_run_which_catches_it_and_goes_on(deployment: Deployment) -> None:
    run_id = deployment.run("timeout")
    until_suspended(run_id)
    until_completed(run_id)

    assert deployment.lines()[-1] == "got nobody"


def test_an_app_killed_between_settling_and_resuming_is_made_good_by_the_next_one(deployment: Deployment) -> None:
    run_id = deployment.run("one")
    until_suspended(run_id)
    link = link_of(run_id)
    # An app that cannot reach Prefect settles and does not resume; then it is killed.
    deployment.app.kill()
    port = deployment.machine.environ()["PAUSEPOINT_PORT"]
    cut_off = deployment.machine.command(
        "pausepoint", "serve", "--port", port, PREFECT_API_URL="http://127.0.0.1:9/api"
    )
    deployment.machine.until_it_answers(f"{deployment.url}/health")
    assert answer(link, "Ann").status_code == 200
    time.sleep(1)
    cut_off.kill()
    assert states_of(run_id)[-1].name == "Suspended"
    deployment.start_app()
    until_completed(run_id)

    assert deployment.lines()[-1] == "got Ann"


def test_prefects_own_reasons_reach_the_author_where_it_cannot_suspend() -> None:
    @flow
    def not_deployed() -> None:
        suspend_flow_run()

    @task
    def in_task() -> None:
        suspend_flow_run()

    @flow
    def calls_task() -> None:
        in_task()

    for flying, reason in ((Flying(not_deployed), "without a deployment"), (Flying(calls_task), "Cannot suspend task")):
        error = flying.error()
        assert isinstance(error, RuntimeError)
        assert reason in str(error)
