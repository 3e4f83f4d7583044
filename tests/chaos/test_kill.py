"""
Workflows, apps and reviewers are killed at random moments and at every named step, and nothing is lost or doubled.

`CHAOS_KILLS` says how often (100), `CHAOS_SEED` with which seed, `CHAOS_STORES` on which stores (`file s3`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.claims import claim
from harness.scenario import Plan, Scenario, first_steps, named_steps

from rousing import install

KILLS = int(os.environ.get("CHAOS_KILLS", "100"))
SEED = int(os.environ.get("CHAOS_SEED", "20261120"))
KILLS_EACH = 25
MOMENTS = {"file": ("before", "unlinked", "linked", "after"), "s3": ("before", "after")}
STORES = os.environ.get("CHAOS_STORES", "file s3").split()
SHARE = {"file": 0.7, "s3": 0.3} if len(STORES) > 1 else {"file": 1.0, "s3": 1.0}

WITNESS = """
import os, pausepoint

@pausepoint.hookimpl
def pausepoint_wake(request, reason):
    with open(os.path.join(os.path.dirname(__file__), "woken"), "a") as journal:
        journal.write(f"{request.request_id} {reason}\\n")
"""
"""A plugin without an engine hears of all, so it is woken for questions of plain processes, too."""


@pytest.mark.timeout(20 * KILLS)
@pytest.mark.parametrize("kind", STORES)
def test_whoever_is_killed_nothing_is_lost_or_doubled(
    kind: str, new_store: Callable[[str, int], Any], tmp_path: Path, measured: Callable[[str], None]
) -> None:
    steps: Counter[str] = Counter()
    kills, number = 0, 0
    firsts = list(first_steps(MOMENTS[kind]))
    install(tmp_path / "installed", "witness", WITNESS)
    while kills < KILLS * SHARE[kind] or number < len(firsts):
        plan = Plan(
            seed=SEED + number,
            kills=KILLS_EACH,
            embedded=bool(number % 2),
            first=firsts[number] if number < len(firsts) else (),
            moments=MOMENTS[kind],
            plugins=str(tmp_path / "installed"),
            every_step=number >= len(firsts) or kind == "s3",
        )
        url, environ = new_store(kind, number)
        scenario = Scenario(tmp_path / str(number), url, plan, steps, environ)
        print(kind, scenario, flush=True)
        scenario.play()
        check_woken(scenario, tmp_path / "installed" / "woken")
        print(kind, scenario, flush=True)
        kills += scenario.kills
        number += 1

    measured(f"{kind}: {kills} kills in {number} scenarios from seed {SEED}, {len(steps)} named steps died at")
    assert not [step for step in named_steps(MOMENTS[kind]) if not steps[step]], "a step that nobody died at"


def check_woken(scenario: Scenario, journal: Path) -> None:
    """Check that what is remembered to have been woken was; the scenario itself waits until all events are."""
    woken = set(journal.read_text().splitlines()) if journal.exists() else set()
    for path in scenario.objects():
        if "/wakes/" in path:
            reason = "response" if path.endswith("/0.json") else "candidate"
            claim(f"{path.split('/')[2]} {reason}" in woken, "it is remembered that somebody was woken, and nobody was")
