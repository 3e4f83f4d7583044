"""Many reviewers at once through nginx: no error, nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from crowd import Crowd

REVIEWERS, EVENTS = (300, 10_000) if os.environ.get("DEPLOY_LONG") == "1" else (30, 300)


@pytest.mark.timeout(3000)
def test_many_reviewers_answer_through_nginx_and_nothing_is_lost_or_doubled(
    house: Any, measured: Callable[[str], None]
) -> None:
    house.open(workers=2)
    workflow = house.workflow(EVENTS)
    links = workflow.links(EVENTS)
    workflow.until_pushed()
    began = time.monotonic()
    sent = asyncio.run(Crowd(house.front, links).answer(REVIEWERS))
    took = time.monotonic() - began
    got = workflow.answers()
    measured(f"{REVIEWERS} reviewers, {EVENTS} events in {took:.0f} s, of two workers behind nginx: {sent.told()}")

    assert sent.strange == []
    assert sent.failed == 0
    assert len(got) == EVENTS, "each question has its answer"
    assert all(len(values) == 1 for values in sent.accepted.values()), "two were told accepted"
    assert {number: values[0] for number, values in sent.accepted.items()} == got


@pytest.mark.timeout(300)
def test_the_figures_of_several_workers_add_up(house: Any) -> None:
    house.open(workers=3)
    [port] = house.apps
    workflow = house.workflow(40)
    links = workflow.links(40)
    house.until_counted(port, "pausepoint_open_events", 40)
    asyncio.run(Crowd(house.front, links, contested=0).answer(4))
    workflow.answers()
    counted = 'pausepoint_settled_events_total{outcome="answered"}'
    told = house.until_counted(port, counted, 40)
    # Whichever worker is asked: they do not take turns in any order that we know.
    seen = [house.figures(port) for _ in range(12)]

    assert told["pausepoint_decision_seconds_count"] == 40
    assert {each[counted] for each in seen} == {40}
    assert {each["pausepoint_open_events"] for each in seen} == {0}
    assert seen[-1]["pausepoint_resume_seconds_count"] == 40


@pytest.mark.timeout(300)
def test_when_the_worker_that_counts_is_killed_another_goes_on_counting(house: Any) -> None:
    house.open(workers=2)
    [(port, app)] = house.apps.items()
    workflow = house.workflow(3)
    links = workflow.links(3)
    counted = 'pausepoint_settled_events_total{outcome="answered"}'
    for answered, (number, link) in enumerate(links.items(), 1):
        sent = asyncio.run(Crowd(house.front, {number: link}, contested=0).answer(1))
        assert sent.accepted == {number: [number]}
        # What had been counted is kept, whoever counted it.
        house.until_counted(port, counted, answered)
        workers = [
            child for child in psutil.Process(app.process.pid).children() if "spawn_main" in str(child.cmdline())
        ]
        os.kill(workers[answered % len(workers)].pid, signal.SIGKILL)
        house.until_ready(port)

    assert workflow.answers() == {0: 0, 1: 1, 2: 2}
