"""The short form of the bench, which CI runs: that all of it works, and its counts; its timings are only printed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent

# One run of all of it serves every test here.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What one short run wrote."""
    written = tmp_path_factory.mktemp("bench") / "bench.json"
    command = [sys.executable, str(HERE), "--short", "--json", str(written)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    print(ran.stdout)
    return json.loads(written.read_text("utf-8"))


def test_every_figure_is_measured(told: Any, measured: Callable[[str], None]) -> None:
    for figure in told["figures"]:
        measured(f"{figure['name']}: {figure['value']:.3g} {figure['unit']}")

    assert len({figure["name"] for figure in told["figures"]}) == len(told["figures"])
    assert {"push", "bucket", "tick", "verdict", "waiting", "server", "burst"} <= told["facts"].keys()
    assert told["remarks"] == []


@pytest.mark.parametrize("way", ["push", "bucket", "tick", "burst"])
def test_every_wait_returns_the_value_that_was_answered_to_it(told: Any, way: str) -> None:
    fact = told["facts"][way]

    assert fact["right"] == fact["answered"] > 0


def test_every_verdict_is_on_the_page_that_the_submission_returns(told: Any) -> None:
    fact = told["facts"]["verdict"]

    assert fact["right"] == fact["submitted"] > 0


def test_storage_requests_do_not_grow_with_the_events_that_wait(told: Any) -> None:
    one, many = told["facts"]["waiting"].values()

    # In three seconds: at most one look for markers while hints are pushed, and two or three looks of the sweep.
    assert max(one["lists"], many["lists"]) <= 5
    assert max(one["gets"], many["gets"]) <= 8
