"""Fifty processes create the same object: one wins, and everybody reads its bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WRITERS = 50
ROUNDS = int(os.environ.get("RACE_ROUNDS", "20"))
"""`RACE_ROUNDS=200 tox -e stores` is the long run."""

pytestmark = [
    pytest.mark.timeout(300 + 10 * ROUNDS),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the writers are forked, to start fifty in a moment"),
]


def test_one_of_fifty_processes_wins_each_round_and_all_read_its_bytes(
    server: Any, use: Callable[..., str], measured: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    began = time.monotonic()
    command = [sys.executable, str(Path(__file__).with_name("racing.py")), f"{use(server)}/race", str(ROUNDS)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280 + 10 * ROUNDS, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    measured(f"{request.node.name}: {ROUNDS} rounds, {told['reads']} reads, {time.monotonic() - began:.1f} s")
    assert len(told["writers"]) == WRITERS
    assert told["reads"]
    assert told["torn"] == 0
    for number in range(ROUNDS):
        winners = [writer["own"][number] for writer in told["writers"] if writer["won"][number]]
        read = {writer["read"][number] for writer in told["writers"]}
        assert len(winners) == 1
        assert read == set(winners)
