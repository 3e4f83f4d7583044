"""Flyte's own conditions as a second way to answer and to be woken; the store stays the truth."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from control_plane.cluster import Attempt, Cluster, until

ROUNDS = int(os.environ.get("CONDITION_ROUNDS", "100"))


@pytest.fixture
def run() -> str:
    return f"c{uuid4().hex[:10]}"


@pytest.fixture
def held(cluster: Cluster) -> Iterator[Any]:
    """A switch: while it is on, the control plane keeps signals waiting."""
    hold = cluster.work / "hold"
    yield hold
    hold.unlink(missing_ok=True)


def signal(cluster: Cluster, asked: dict[str, Any], value: int) -> str:
    """Signal an event's condition; say what became of it."""
    try:
        cluster.signal(asked["id"][:8], int_value=value)
    except ConnectError as error:
        if error.code != Code.FAILED_PRECONDITION:
            raise
        return "too late"
    return "signalled"


def rounds(form: Cluster, run: str) -> Iterator[tuple[Attempt, int, dict[str, Any]]]:
    """Give each question of a task that asks one after another, once it waits on the question's condition."""
    attempt = form.attempt(run, "cluster_tasks:rounds", ROUNDS=str(ROUNDS))
    for number in range(1, ROUNDS + 1):
        asked = attempt.tell("asked", number)
        until(lambda asked=asked: form.conditions(asked["id"][:8]), "a condition")
        yield attempt, number, asked
    assert attempt.end() == 0


def test_a_condition_that_is_signalled_in_flyte_settles_the_event(form: Cluster, run: str) -> None:
    delays = []
    for attempt, number, asked in rounds(form, run):
        cluster_time = time.time()
        assert signal(form, asked, number) == "signalled"
        answer = attempt.tell("answer", number)
        delays.append(answer["at"] - cluster_time)
        assert answer["value"] == number
        response = form.stored(asked["path"].replace("request.json", "response.json"))
        assert (response["value"], response["through"], response["outcome"]) == (number, "flyte", "answered")
    print(f"\nsignal to answer: p50 {sorted(delays)[len(delays) // 2] * 1000:.1f} ms of {len(delays)}")


def test_an_answer_in_the_form_wakes_the_task_by_its_condition(form: Cluster, run: str) -> None:
    delays = []
    for attempt, number, asked in rounds(form, run):
        assert form.post(asked, number).status_code == 200
        replied = time.time()
        answer = attempt.tell("answer", number)
        delays.append(answer["at"] - replied)
        assert answer["value"] == number
        until(lambda asked=asked: not form.running(asked["id"][:8]), "a signal")
    print(
        f"\nanswer to resumed, with conditions: p50 {sorted(delays)[len(delays) // 2] * 1000:.1f} ms of {len(delays)}"
    )


def test_of_a_signal_and_an_answer_at_once_one_wins_and_the_task_gets_that_one(form: Cluster, run: str) -> None:
    won = {"form": 0, "condition": 0}
    for attempt, number, asked in rounds(form, run):
        barrier = threading.Barrier(2)
        posted: list[int] = []

        def post(asked: dict[str, Any] = asked, barrier: Any = barrier, posted: list[int] = posted) -> None:
            barrier.wait()
            posted.append(form.post(asked, 1000).status_code)

        thread = threading.Thread(target=post)
        thread.start()
        barrier.wait()
        signal(form, asked, 2000)
        thread.join()
        value = attempt.tell("answer", number)["value"]
        response = form.stored(asked["path"].replace("request.json", "response.json"))

        assert response["value"] == value
        # Whoever was told "accepted" is the one whose answer the task has.
        assert posted == [200 if value == 1000 else 409]
        won["form" if value == 1000 else "condition"] += 1
    print(f"\nboth at once, {ROUNDS} rounds: {won}")


def test_a_signal_while_nobody_ran_is_the_answer_of_the_next_attempt(form: Cluster, run: str) -> None:
    first = form.attempt(run, "cluster_tasks:one")
    asked = first.tell("asked")
    until(lambda: form.conditions(asked["id"][:8]), "a condition")
    first.kill()
    assert signal(form, asked, 9) == "signalled"
    second = form.attempt(run, "cluster_tasks:one", 2)

    assert second.tell("answer") == 9
    assert len(form.conditions(asked["id"][:8])) == 1


def test_a_signal_that_the_type_refuses_leaves_the_event_open(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:bounded")
    asked = attempt.tell("asked")
    until(lambda: form.conditions(asked["id"][:8]), "a condition")
    signal(form, asked, 99)
    until(lambda: len(form.conditions(asked["id"][:8])) == 2, "another condition")
    signal(form, asked, 9)

    assert attempt.tell("answer") == 9


def test_an_app_that_is_killed_between_settling_and_signalling_signals_when_it_is_back(
    form: Cluster, run: str, held: Any
) -> None:
    attempt = form.attempt(run, "cluster_tasks:one")
    asked = attempt.tell("asked")
    until(lambda: form.conditions(asked["id"][:8]), "a condition")
    attempt.kill()
    held.touch()
    assert form.post(asked, 5).status_code == 200
    action = form.conditions(asked["id"][:8])[0]["action"]
    until(lambda: form.diary("signalling", run=run, action=action), "an attempt to signal")
    form.end_form()
    held.unlink()
    # What the killed app had sent may have got through or not; it is gone with the connection.
    form.ensure_form()
    second = form.attempt(run, "cluster_tasks:one", 2)

    assert second.tell("answer") == 5
    until(lambda: not form.running(asked["id"][:8]), "a signal")


def test_the_name_of_a_condition_can_be_read_and_is_no_other_events(form: Cluster, run: str) -> None:
    attempt = form.attempt(run, "cluster_tasks:twice")
    asked = attempt.tell("asked")
    names = [condition["name"] for condition in (until(lambda: form.conditions(asked[1]["id"][:8]), "one"))]

    assert re.fullmatch(r"again-[a-z2-7]{8}", names[0])
