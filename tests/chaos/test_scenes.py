"""Short plays, each with every step failing in every way."""

from __future__ import annotations

import os
import random

import pytest
from harness.claims import BrokenClaimError
from harness.scenes import SCENES, Scene, pairs, perform, plans

PAIRS = int(os.environ.get("CHAOS_PAIRS", "40"))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_whatever_step_fails_everything_holds(scene: Scene) -> None:
    for plan in plans(scene):
        check(scene, plan)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_whatever_two_steps_fail_everything_holds(scene: Scene) -> None:
    every = list(pairs(scene))
    for plan in random.Random(7).sample(every, min(PAIRS, len(every))):
        check(scene, plan)


def check(scene: Scene, plan: dict[int, object]) -> None:
    try:
        perform(scene, plan)
    except BrokenClaimError as broken:
        pytest.fail(f"{broken}; with {plan}")
