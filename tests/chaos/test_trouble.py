"""Storage that fails, loses replies, is slow or full, and clocks that differ, with processes killed among it all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.cutting import CuttingProxy
from harness.scenario import Plan, Scenario

SEED = int(os.environ.get("CHAOS_SEED", "20261120"))
KILLS = 8 if int(os.environ.get("CHAOS_KILLS", "100")) <= 100 else 80

Play = Callable[..., Scenario]

pytestmark = pytest.mark.timeout(400 if KILLS == 8 else 900)


@pytest.fixture
def play(tmp_path: Path, measured: Callable[[str], None]) -> Play:
    """A function that plays a scenario on a store."""

    def play(store: tuple[str, dict[str, str]], **more: Any) -> Scenario:
        plan = Plan(**{"seed": SEED, "kills": KILLS, "moments": ("before", "after"), **more})
        scenario = Scenario(tmp_path / "play", store[0], plan, Counter(), store[1])
        scenario.play()
        measured(f"{scenario}, {scenario.plan.rate:.0%} of operations in trouble, clocks {scenario.plan.shifts}")
        return scenario

    return play


@pytest.mark.parametrize("embedded", [False, True])
def test_a_store_that_fails_loses_replies_is_slow_or_full_loses_and_doubles_nothing(
    play: Play, new_store: Any, embedded: bool
) -> None:
    play(new_store("file", 0), rate=0.05, embedded=embedded)


@pytest.mark.parametrize("shifts", [(2.5, -2.5), (0.0, 5.0)])
def test_clocks_that_differ_by_five_seconds_decide_nothing_wrongly(
    play: Play, new_store: Any, shifts: tuple[float, float]
) -> None:
    play(new_store("file", 0), shifts=shifts)


def test_an_s3_server_whose_replies_are_cut_loses_and_doubles_nothing(play: Play, new_store: Any, s3: Any) -> None:
    url, environ = new_store("s3", 0)
    with CuttingProxy(s3.port, SEED, 0.05).running() as proxy:
        scenario = play((url, {**environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}))
        assert proxy.cut
        print(scenario, proxy.cut, "replies cut")
