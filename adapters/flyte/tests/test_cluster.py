"""Tasks in a cluster: real pods of the SDK's own entrypoint, killed and started again."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from uuid import uuid4

import httpx
import pytest
from control_plane.cluster import LOOKUP, Cluster, until
from control_plane.pods import BUCKET


@pytest.fixture
def run() -> str:
    """A run's name that no other test has."""
    return f"r{uuid4().hex[:10]}"


def test_a_killed_task_finds_its_event_its_deadline_and_the_answer_that_came_meanwhile(form: Cluster, run: str) -> None:
    first = form.attempt(run, "cluster_tasks:one")
    asked = first.tell("asked")
    before = form.stored(asked["path"])
    first.kill()

    assert form.post(asked, 17).status_code == 200
    second = form.attempt(run, "cluster_tasks:one", 2)

    assert second.tell("asked") == asked
    assert second.tell("answer") == 17
    assert second.end() == 0
    assert form.stored(asked["path"]) == before


def test_a_task_that_is_killed_again_and_again_still_waits_for_the_same_event(form: Cluster, run: str) -> None:
    asked = []
    for number in (1, 2, 3):
        attempt = form.attempt(run, "cluster_tasks:one", number)
        asked.append(attempt.tell("asked"))
        attempt.kill()
    last = form.attempt(run, "cluster_tasks:one", 4)
    last.tell("asked")
    form.post(asked[0], 4)

    assert asked[0] == asked[1] == asked[2]
    assert last.tell("answer") == 4


def test_the_first_answer_wins_and_the_second_is_told_so(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:one")
    asked = attempt.tell("asked")
    first, second = form.post(asked, 1), form.post(asked, 2)

    assert (first.status_code, second.status_code) == (200, 409)
    assert attempt.tell("answer") == 1


def test_two_runs_of_the_same_task_ask_two_questions(form: Cluster, run: str) -> None:
    one, other = form.attempt(run, "cluster_tasks:one"), form.attempt(f"{run}b", "cluster_tasks:one")

    assert one.tell("asked")["id"] != other.tell("asked")["id"]


def test_two_events_of_one_name_get_each_their_own_answer(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:twice")
    first, second = attempt.tell("asked")
    attempt.kill()
    form.post(second, "second")
    form.post(first, "first")
    again = form.attempt(run, "cluster_tasks:twice", 2)

    assert again.tell("asked") == [first, second]
    assert again.tell("answer") == ["second", "first"]


def test_a_timeout_goes_by_the_clock_also_where_nobody_ran(form: Cluster, run: str) -> None:
    first = form.attempt(run, "cluster_tasks:late")
    asked = first.tell("asked")
    first.kill()
    deadline = datetime.fromisoformat(form.stored(asked["path"])["deadline"])
    time.sleep(max(0.0, deadline.timestamp() - time.time()))
    second = form.attempt(run, "cluster_tasks:late", 2)

    assert second.tell("answer") == "WaitTimeoutError"
    assert form.post(asked, 1).status_code in {409, 410}


@pytest.mark.parametrize("task", ["sync_without_report", "blocking"])
def test_blocking_forms_work_in_a_pod(form: Cluster, run: str, task: str) -> None:
    attempt = form.attempt(run, f"cluster_tasks:{task}")
    form.post(attempt.tell("asked"), 3)

    assert attempt.tell("answer") == 3
    assert attempt.end() == 0


@pytest.mark.parametrize("task", ["without_report", "sync_without_report"])
def test_a_task_without_a_report_shows_the_link_on_a_child_and_waits_meanwhile(
    form: Cluster, run: str, task: str
) -> None:
    attempt = form.attempt(run, f"cluster_tasks:{task}")
    asked = attempt.tell("asked")
    child = until(lambda: form.diary("task", run=run), "a child")[0]

    assert child["links"] == [["Event Form", asked["form"]]]
    assert child["image"] == LOOKUP["hitl-event-task-env"]
    # Answered before the child's pod has shown anything: nobody waits for it.
    form.post(asked, 3)
    assert attempt.tell("answer") == 3


def test_the_child_shows_the_question(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:without_report")
    asked = attempt.tell("asked")
    report = until(lambda: form.reports(run), "the child's report")[0]

    assert asked["form"] in report


def test_a_task_with_a_report_needs_no_other_pod(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:one")
    asked = attempt.tell("asked")
    form.post(asked, 3)
    attempt.tell("answer")
    attempt.end()

    assert form.diary("task", run=run) == []
    report = form.read(f"{attempt.outputs}/report.html").decode()
    assert asked["form"] in report
    assert asked["api"] in report
    assert "curl" in report


def test_the_app_is_created_once_and_left_alone_by_those_that_come_later(form: Cluster, run: str) -> None:
    updated = []
    for number in (1, 2, 3):
        attempt = form.attempt(f"{run}-{number}", "cluster_tasks:one")
        attempt.tell("asked")
        attempt.kill()
        updated.append(len(form.diary("app-updated")))

    created = form.diary("app-created")
    assert (len(created), len(set(updated))) == (1, 1)
    assert created[0]["image"] == LOOKUP["hitl-event-app"]
    assert created[0]["subdomain"] == "hitl-event-app-local-shop-development"
    assert run not in json.dumps(created)
    assert created[0]["env"]["PAUSEPOINT_STORE"] == f"{BUCKET}/pausepoint/local/shop/development"


def test_an_app_that_was_scaled_to_nothing_knows_the_question_when_it_is_back(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:one")
    asked = attempt.tell("asked")
    form.end_form()
    form.ensure_form()

    with httpx.Client(follow_redirects=True) as browser:
        assert browser.get(asked["form"]).status_code == 200
    assert form.post(asked, 8).status_code == 200
    assert attempt.tell("answer") == 8


def test_pause_in_a_flyte_task_uses_the_adapter_without_another_import(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "plain_tasks:deploy", lookup={"plain": "registry.test/own:1"})
    asked = attempt.tell("asked")
    request = form.stored(asked["path"])
    form.post(asked, True)

    assert attempt.tell("answer") is True
    assert (request["run"]["engine"], request["run"]["project"]) == ("flyte", "local/shop/development")
    assert (request["run"]["run_id"], request["run"]["task_id"]) == (run, "a0")


def test_an_answer_reaches_the_task_by_push(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:rounds", ROUNDS="20", PAUSEPOINT_FLYTE_CONDITIONS="0")
    delays = []
    for number in range(1, 21):
        asked = attempt.tell("asked", number)
        time.sleep(0.2)  # until it waits
        form.post(asked, 1)
        replied = time.time()
        delays.append(attempt.tell("answer", number)["at"] - replied)

    print(f"\nresumed after an answer, by push: p50 {sorted(delays)[10] * 1000:.0f} ms of 20 (polling: up to 5000 ms)")
    assert attempt.end() == 0


def test_an_id_without_its_token_opens_nothing_unless_somebody_said_so(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:one")
    asked = attempt.tell("asked")
    bare = httpx.post(asked["api"], json={"request_id": asked["id"], "value": 1})
    listed = httpx.get(f"{form.app_url}/api/v1/events")

    if os.environ.get("PAUSEPOINT_LINKS") == "open":
        assert bare.status_code == 200
    else:
        assert "?token=" in asked["form"]
        assert (bare.status_code, listed.status_code) == (401, 401)
