"""No process is held: an answer starts the run again, each question is asked once, and nothing is lost in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from uuid import uuid4

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running, Scheduled

import pausepoint_prefect.plugin
from pausepoint.errors import AdapterError
from pausepoint.hooks import Request, RunContext
from pausepoint_prefect import resume_flow_run, suspend_flow_run

from flying import Flying, answer, links_of, resume, states_of, status
from reviewing import Machine
from serving import Deployment, link_of, until_completed, until_suspended

SERVED = """
import sys
from pathlib import Path
from typing import Annotated

import prefect.runtime
from pydantic import AfterValidator, ValidationError, field_validator

import pausepoint
from pausepoint.errors import WaitTimeoutError
from pausepoint_prefect import RunInput, suspend_flow_run

def tell(line: str) -> None:
    with Path(sys.argv[1], prefect.runtime.flow_run.id).open("a") as file:
        file.write(f"{line}\\n")

class Badge(RunInput):
    name: str = "Guest"

    @field_validator("name")
    @classmethod
    def is_a_name(cls, name):
        if name == "x":
            raise ValueError("That is no name.")
        return name

def even(number: int) -> int:
    if number % 2:
        raise ValueError("Only even numbers.")
    return number

@prefect.flow
def suspending(asks: str) -> None:
    tell("began")
    if asks == "two":
        got = [suspend_flow_run(str, key="first"), suspend_flow_run(int, key="second")]
    elif asks == "judged":
        got = suspend_flow_run(Annotated[int, AfterValidator(even)])
    elif asks == "badge":
        try:
            got = suspend_flow_run(Badge).name
        except ValidationError:
            got = suspend_flow_run(Badge).name
    elif asks == "nothing":
        got = suspend_flow_run()
    elif asks == "timeout":
        try:
            got = pausepoint.pause(str, timeout=10)
        except WaitTimeoutError:
            got = "nobody"
    else:
        got = pausepoint.pause(str)
    tell(f"got {got}")

if __name__ == "__main__":
    suspending.serve(name=sys.argv[2], print_starting_message=False)
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One for all tests here: its two processes take seconds to start."""
    machine = Machine(tmp_path_factory.mktemp("suspending"))
    yield Deployment(machine, "shared", SERVED, "suspending", PAUSEPOINT_PREFECT_WAIT="suspend")
    machine.close()


def test_two_questions_are_each_asked_once_and_no_process_waits(deployment: Deployment) -> None:
    run_id = deployment.run(asks="two")
    until_suspended(run_id)
    assert answer(link_of(run_id), "Ann").status_code == 200
    until_suspended(run_id, 2)
    assert answer(link_of(run_id, 1), 7).status_code == 200
    until_completed(run_id)

    assert deployment.lines(run_id) == ["began"] * 3 + ["got ['Ann', 7]"]
    assert len(links_of(run_id)) == 2


def test_a_premature_resume_asks_nothing_twice(deployment: Deployment) -> None:
    run_id = deployment.run(asks="one")
    until_suspended(run_id)
    link = link_of(run_id)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Scheduled(name="Resuming"))
    until_suspended(run_id, 2)
    assert links_of(run_id) == [link]
    answer(link, "Ann")
    until_completed(run_id)

    assert deployment.lines(run_id) == ["began"] * 3 + ["got Ann"]


def test_an_answer_in_prefects_own_dialog_settles_a_suspended_question_too(deployment: Deployment) -> None:
    run_id = deployment.run(asks="one")
    until_suspended(run_id)
    link = link_of(run_id)
    assert resume(run_id, {"value": 7})["status"] == "REJECT"
    resume_flow_run(run_id, run_input={"value": "Ann"})
    until_completed(run_id)

    assert deployment.lines(run_id)[-1] == "got Ann"
    assert status(link)["status"] == "completed"


@pytest.mark.parametrize(("asks", "got"), [("nothing", None), ("badge", "Guest")])
def test_a_form_that_is_sent_as_prefect_shows_it_is_an_answer(
    deployment: Deployment, asks: str, got: str | None
) -> None:
    run_id = deployment.run(asks=asks)
    until_suspended(run_id)
    resume_flow_run(run_id)
    until_completed(run_id)

    assert deployment.lines(run_id) == ["began", "began", f"got {got}"]


def test_an_answer_in_prefects_dialog_that_is_refused_does_not_become_the_default(deployment: Deployment) -> None:
    run_id = deployment.run(asks="badge")
    until_suspended(run_id)
    resume_flow_run(run_id, {"name": "x"})
    until_suspended(run_id, 2)
    assert status(link_of(run_id))["status"] == "pending"
    answer(link_of(run_id), {"name": "Ann"})
    until_completed(run_id)

    assert deployment.lines(run_id)[-1] == "got Ann"


def test_an_answer_that_only_the_flow_can_judge_wakes_it_for_that(deployment: Deployment) -> None:
    run_id = deployment.run(asks="judged")
    until_suspended(run_id)
    link = link_of(run_id)
    assert answer(link, 3).status_code == 202
    until_suspended(run_id, 2)
    assert answer(link, 4).status_code == 202
    until_completed(run_id)

    assert deployment.lines(run_id)[-1] == "got 4"


def test_a_deadline_wakes_the_run_which_catches_it_and_goes_on(deployment: Deployment) -> None:
    run_id = deployment.run(asks="timeout")
    until_suspended(run_id)
    until_completed(run_id)

    assert deployment.lines(run_id)[-1] == "got nobody"


def test_an_app_killed_between_settling_and_resuming_is_made_good_by_the_next_one(deployment: Deployment) -> None:
    run_id = deployment.run(asks="one")
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

    assert deployment.lines(run_id)[-1] == "got Ann"


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


def test_an_answer_that_comes_while_the_run_is_about_to_be_suspended_wakes_it_later() -> None:
    @flow
    def some_flow() -> None:
        pass

    with get_client(sync_client=True) as client:
        run = client.create_flow_run(some_flow, state=Running())
        request = request_of(str(run.id))
        woken = pausepoint_prefect.plugin.pausepoint_wake(request=request, reason="response")
        assert woken is not None
        asyncio.run(woken)
        client.create_flow_run_input(run.id, f"pausepoint-{request.request_id[:8]}-suspending", '"about to be"')
    with pytest.raises(AdapterError, match="about to be suspended"):
        asyncio.run(pausepoint_prefect.plugin.pausepoint_wake(request=request, reason="response"))


def test_waking_a_run_that_is_gone_or_that_no_server_knows_is_no_error() -> None:
    gone = request_of("00000000-0000-4000-8000-000000000000")
    asyncio.run(pausepoint_prefect.plugin.pausepoint_wake(request=gone, reason="response"))

    unknown = gone.model_copy(update={"run": gone.run.model_copy(update={"url": None})})
    assert pausepoint_prefect.plugin.pausepoint_wake(request=unknown, reason="response") is None


def test_an_app_that_knows_no_prefect_server_does_not_take_the_run_for_gone() -> None:
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(AdapterError, match="PREFECT_API_URL is not set"):
        asyncio.run(pausepoint_prefect.plugin.pausepoint_wake(request=request_of(str(uuid4())), reason="response"))


def request_of(run_id: str) -> Request:
    return Request(
        request_id="a" * 26,
        name="approve",
        key="approve",
        run=RunContext(engine="prefect", run_id=run_id, url=f"http://127.0.0.1/runs/flow-run/{run_id}"),
        title="Approve?",
        prompt="",
        data_type="bool",
        json_schema={"type": "boolean"},
        schema_complete=True,
        created_at=datetime.now(timezone.utc),
    )
