"""
Short plays at one store, and each of them once for every step that can fail and every way in which it can.

Where the model tries much at random, this tries little, and leaves nothing of it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

from .model import Protocol, accept, refuse_even, refuse_odd
from .stepping import Fate, Party

TROUBLE = [fate for fate in Fate if fate is not Fate.GOES_WELL]
MOST_STEPS = 400

Scene = Callable[["Play"], None]


class Play(Protocol):
    """
    The model with everything decided beforehand.

    Args:
        plan: How the steps with these numbers end, counted from 0 over all parties; all others go well.
    """

    def __init__(self, plan: dict[int, Fate]) -> None:
        super().__init__()
        self.plan = plan
        self.steps = 0

    def finish(self, going: Party) -> None:
        """Run an operation to its end, or to its crash."""
        for _ in range(MOST_STEPS):
            if going.over or going.scope is None or not self.waits_in_vain(going):
                if going.over:
                    break
                fate = self.plan.get(self.steps, Fate.GOES_WELL)
                self.steps += 1
                self.run(going.go_on(fate))
            else:
                self.run(going.give_up())
        going.result()
        self.check_hinted(going)
        self.everything_holds()

    def begins(self, whole: bool = False, default: bool = False, opinion: Any = refuse_odd) -> None:
        self.set_up(whole, 60.0, default, opinion, (2.5, -2.5, 0.0))
        if len(self.attempts[-1].asked) < 2:
            self.restarts(opinion)

    def submits(self, odd: bool = False, app: int = 0, by_form: bool = False, declined: bool = False) -> None:
        self.reviewer_submits(app, 0, odd, by_form, declined, "finishes")

    def looks(self, back: int = 0) -> None:
        if not self.attempts[-1 - back].asked:
            self.attempt_starts(refuse_odd, False, "finishes")
        self.waiter_looks(back, 0, "finishes")

    def restarts(self, opinion: Any = refuse_odd, same_process: bool = False) -> None:
        self.attempt_starts(opinion, same_process, "finishes")

    def sends_again(self, app: int, changed: bool) -> None:
        self.form_is_sent_again(app, 0, changed)
        self.finish(self.parties[-1])

    def sweeps(self) -> None:
        self.app_expires_what_is_overdue(1, 0)
        self.finish(self.parties[-1])

    def cancels(self) -> None:
        self.somebody_cancels(0, 0, True)
        self.finish(self.parties[-1])


def an_answer_is_judged_and_the_deadline_passes(play: Play) -> None:
    play.begins()
    play.submits()
    play.looks()
    play.time_passes(70)
    play.sweeps()
    play.restarts()
    play.looks()


def the_first_answer_that_fits_is_taken(play: Play) -> None:
    play.begins()
    for odd in (True, False, False):
        play.submits(odd)
    play.looks()
    play.submits()


def a_zombie_judges_otherwise(play: Play) -> None:
    play.begins(opinion=refuse_even)
    play.restarts(refuse_odd)
    play.submits()
    play.looks(1)
    play.looks()
    play.submits(True)
    play.looks()
    play.looks(1)


def an_answer_waits_when_the_deadline_passes(play: Play) -> None:
    play.begins(default=True)
    play.submits()
    play.time_passes(70)
    play.sweeps()
    play.submits(app=1)
    play.looks()


def the_app_settles_by_itself(play: Play) -> None:
    play.begins(whole=True)
    play.submits()
    play.submits(app=1)
    play.looks()


def nobody_answers(play: Play) -> None:
    play.begins(whole=True, default=True)
    play.time_passes(61)
    play.looks()
    play.time_passes(9)
    play.sweeps()
    play.submits()


def a_form_is_sent_three_times(play: Play) -> None:
    play.begins(whole=True)
    play.submits(by_form=True)
    play.sends_again(1, changed=False)
    play.sends_again(0, changed=True)
    play.looks()


def a_candidates_form_is_sent_three_times(play: Play) -> None:
    play.begins()
    play.submits(True)
    play.submits(by_form=True)
    play.sends_again(1, changed=False)
    play.sends_again(0, changed=True)
    play.looks()
    play.sends_again(0, changed=False)


def somebody_declines_behind_an_answer(play: Play) -> None:
    play.begins()
    play.submits()
    play.looks()
    play.submits(declined=True)
    play.looks()


def a_cancel_meets_an_answer(play: Play) -> None:
    play.begins(opinion=accept)
    play.submits()
    play.cancels()
    play.looks()
    play.submits()


def a_verdict_comes_while_the_page_waits(play: Play) -> None:
    """The page waits for its verdict; the event is cancelled between the verdict and the response."""
    play.begins()
    play.reviewer_submits(0, 0, False, False, False, None)
    page = play.parties[-1]
    while not page.over and page.scope is None:
        play.run(page.go_on(Fate.GOES_WELL))
    play.waiter_looks(0, 0, None)
    waiter = play.parties[-1]
    while not waiter.over and not (waiter.at.startswith("create") and waiter.at.endswith("response.json")):
        play.run(waiter.go_on(Fate.GOES_WELL))
    for _ in range(4):
        if not page.over:
            play.run(page.go_on(Fate.GOES_WELL))
    play.cancels()
    play.finish(waiter)
    play.finish(page)


def a_workflow_is_retried_in_its_process(play: Play) -> None:
    play.begins()
    play.restarts(same_process=True)
    play.submits()
    play.looks()


SCENES: list[Scene] = [
    an_answer_is_judged_and_the_deadline_passes,
    the_first_answer_that_fits_is_taken,
    a_zombie_judges_otherwise,
    an_answer_waits_when_the_deadline_passes,
    the_app_settles_by_itself,
    nobody_answers,
    a_form_is_sent_three_times,
    a_candidates_form_is_sent_three_times,
    somebody_declines_behind_an_answer,
    a_cancel_meets_an_answer,
    a_verdict_comes_while_the_page_waits,
    a_workflow_is_retried_in_its_process,
]


def perform(scene: Scene, plan: dict[int, Fate]) -> int:
    """Play a scene, with all claims checked; return how many steps it had."""
    play = Play(plan)
    try:
        scene(play)
        steps = play.steps
        play.ends_well()
    finally:
        play.close()
    return steps


def plans(scene: Scene) -> Iterator[dict[int, Fate]]:
    """Return every way in which exactly one step of a scene fails."""
    steps = perform(scene, {})
    for fate in TROUBLE:
        yield from ({step: fate} for step in range(steps))


def pairs(scene: Scene) -> Iterator[dict[int, Fate]]:
    """Return every way in which two steps of a scene fail."""
    steps = perform(scene, {})
    for first, second in combinations(range(steps + 10), 2):
        yield from ({first: one, second: other} for one, other in product(TROUBLE, TROUBLE))


__all__ = ["SCENES", "Scene", "pairs", "perform", "plans"]
