"""The protocol in any interleaving, with a crash at any step."""

from __future__ import annotations

import os

import pytest
from harness.model import Protocol
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "1000"))
STEPS = 40


# A second per example catches whatever hangs, on a slow machine, too.
@pytest.mark.timeout(EXAMPLES)
def test_nothing_is_lost_doubled_or_changed_in_any_interleaving() -> None:
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
