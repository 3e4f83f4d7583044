"""
The faults of flyteplugins-hitl 2.12.1 that show in a cluster only, by their numbers in docs/reference/flyte.md.

Like those of `test_faults.py`, these run against that distribution, too, and fail there: then everything in the pods is
the other one's, the form app included.
"""

from __future__ import annotations

import html
import re
import signal
import subprocess
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from control_plane.cluster import Cluster, until
from control_plane.gate import gate_before
from flyteidl2.app import app_definition_pb2 as apps

OVER = 2.0 + 6.0
"""Seconds after which the wait of the task `late` is over, also where only the form app is left to say so."""


@pytest.fixture
def run() -> str:
    return f"o{uuid4().hex[:10]}"


def answer(form: Cluster, asked: dict[str, Any], value: int) -> httpx.Response:
    return form.post(asked, value, **asked["claims"])


def test_01_a_retry_finds_the_question_and_the_answer(form: Cluster, run: str) -> None:
    first = form.attempt(run, "compared_tasks:one")
    asked = first.tell("asked")
    first.kill()
    assert answer(form, asked, 17).status_code == 200
    second = form.attempt(run, "compared_tasks:one", 2)

    assert second.tell("asked") == asked
    assert second.tell("answer") == 17


def test_02_a_crash_does_not_begin_the_timeout_anew(form: Cluster, run: str) -> None:
    first = form.attempt(run, "compared_tasks:late")
    first.tell("asked")
    first.kill()
    time.sleep(OVER)  # the time that is over when the second attempt asks
    second = form.attempt(run, "compared_tasks:late", 2)
    reply = answer(form, second.tell("asked"), 1)

    assert reply.status_code in {409, 410}
    assert second.tell("answer") == "TimeoutError"


def test_02_time_also_passes_for_a_process_that_stands_still(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "compared_tasks:late")
    asked = attempt.tell("asked")
    attempt.process.send_signal(signal.SIGSTOP)
    time.sleep(OVER)  # of which the process sleeps nothing
    reply = answer(form, asked, 1)
    attempt.process.send_signal(signal.SIGCONT)

    assert reply.status_code in {409, 410}
    assert attempt.tell("answer") == "TimeoutError"


def test_05_a_storage_error_that_passes_does_not_end_the_wait(form: Cluster, run: str) -> None:
    with gate_before(form.storage["FLYTE_AWS_ENDPOINT"]) as gate:
        # By its address, or the app would be told of the gate.
        told = {"PAUSEPOINT_URL": form.app_url, "PAUSEPOINT_LINKS": "token", "FLYTE_AWS_ENDPOINT": gate.url}
        attempt = form.attempt(run, "compared_tasks:one", **told)
        asked = attempt.tell("asked")
        until(lambda: any(path.endswith("/response.json") for path in list(gate.asked)), "a look for the answer")
        with gate.shut():
            until(lambda: gate.refused >= 2 or attempt.process.poll() is not None, "trouble")
        answer(form, asked, 5)

        assert attempt.tell("answer") == 5


def test_32_the_command_in_the_report_works_when_it_is_pasted(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "compared_tasks:one")
    asked = attempt.tell("asked")
    report = until(lambda: [found for found in form.reports(run) if asked["id"] in found], "a report")[0]
    found = re.search(r"curl -.*?(?=</)", report, re.DOTALL)
    assert found is not None
    command = html.unescape(found[0]).replace("{your_value}", "5")  # which one of the two pages asks for
    subprocess.run(["bash", "-c", command], capture_output=True, check=True)

    reply = answer(form, asked, 6)
    assert reply.status_code == 409, "the command was no answer"
    assert isinstance(attempt.tell("answer"), int)


def test_34_a_wait_needs_no_other_pod(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "compared_tasks:one")
    answer(form, attempt.tell("asked"), 5)

    assert attempt.tell("answer") == 5
    assert form.diary("task", run=run) == []


def test_35_another_process_builds_no_image_and_leaves_the_app_alone(form: Cluster, run: str) -> None:
    form.attempt(f"{run}-0", "compared_tasks:one").tell("asked")
    images, updates = form.diary("image"), form.diary("app-updated")
    for number in (1, 2):
        form.attempt(f"{run}-{number}", "compared_tasks:one").tell("asked")

    assert form.diary("app-updated") == updates
    assert form.diary("image") == images


def test_36_an_app_that_was_stopped_is_started_for_a_later_question_of_the_same_process(
    form: Cluster, run: str
) -> None:
    attempt = form.attempt(run, "compared_tasks:first_and_second")
    asked = attempt.tell("asked")
    form.stop_app()
    answer(form, asked, 1)
    answer(form, attempt.tell("asked", 2), 2)

    assert attempt.tell("answer") == 3
    assert form.app().spec.desired_state != apps.Spec.DESIRED_STATE_STOPPED
