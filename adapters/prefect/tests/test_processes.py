"""Processes that are killed, and one module that asks the same wherever it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Cancelling, Scheduled

import anywhere
from flying import Flying, answer, links_of, states_of, until
from reviewing import Machine
from serving import Deployment, link_of, until_completed

KILLED = """
import os
import sys
from pathlib import Path

import prefect.runtime

import pausepoint

def tell(line: str) -> None:
    with Path(sys.argv[1], prefect.runtime.flow_run.id).open("a") as file:
        file.write(f"{line}\\n")

@prefect.flow
def killed(wait: str) -> None:
    os.environ["PAUSEPOINT_PREFECT_WAIT"] = wait
    tell(f"pid {os.getpid()}")
    first = pausepoint.pause(str)
    tell(f"got {first}")

if __name__ == "__main__":
    killed.serve(name=sys.argv[2], print_starting_message=False)
"""


def killed_and_continued(machine: Machine, name: str, wait: str) -> None:
    deployment = Deployment(machine, name, KILLED, "killed")
    run_id = deployment.run(wait=wait)
    link = link_of(run_id)
    pid = until(
        lambda: next((int(line[4:]) for line in deployment.lines(run_id) if line.startswith("pid")), None), "a pid"
    )
    if wait == "paused":
        until(lambda: states_of(run_id)[-1].name == "Paused", "a pause")
    os.kill(pid, signal.SIGKILL)
    # Nobody runs at this moment.
    assert answer(link, "Ann").status_code == 200
    until(lambda: states_of(run_id)[-1].name == "Crashed", f"a crash: {states_of(run_id)}")
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Scheduled(name="AwaitingRetry"), force=True)
    until_completed(run_id)

    assert deployment.lines(run_id)[-1] == "got Ann"
    assert links_of(run_id) == [link]


def test_a_run_killed_while_it_waits_and_started_again_continues(machine: Machine, tmp_path: Path) -> None:
    killed_and_continued(machine, tmp_path.name, "running")


def test_a_run_killed_while_paused_and_started_again_continues(machine: Machine, tmp_path: Path) -> None:
    killed_and_continued(machine, tmp_path.name, "paused")


def test_one_module_asks_in_plain_python_and_in_a_flow(machine: Machine) -> None:
    """The file that every adapter's tests run: it imports nothing of any engine."""
    plain = machine.start(anywhere.__file__)
    answer(plain.link(), "small")
    assert plain.finish() == "small\n"

    flying = Flying(flow(anywhere.which_one))
    answer(flying.link(), "large")
    assert flying.result() == "large"


def test_asking_outside_of_a_flow_imports_no_prefect() -> None:
    code = "import sys, pausepoint_prefect.plugin as p; print(p.pausepoint_engine(), 'prefect' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert told == "None False\n"


def test_a_run_cancelled_under_a_runner_closes_its_question(machine: Machine, tmp_path: Path) -> None:
    deployment = Deployment(machine, tmp_path.name, KILLED, "killed")
    run_id = deployment.run(wait="running")
    link = link_of(run_id)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Cancelling())
    until(lambda: states_of(run_id)[-1].name == "Cancelled", f"an end: {states_of(run_id)}")

    assert until(lambda: answer(link, "too late").status_code == 410, "a closed question")
    assert not [line for line in deployment.lines(run_id) if line.startswith("got")]
