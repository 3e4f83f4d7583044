"""
Short plays at one store, and each of them once for every step that can fail and every way in which it can.

Where the model tries much at random, this tries little, and leaves nothing of it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

from .claims import claim
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
            if going.over:
                break
            if going.scope is not None and self.waits_in_vain(going):
                self.run(going.give_up())
            else:
                self.step(going)
        going.result()
        self.check_hinted(going)
        self.everything_holds()

    def step(self, going: Party) -> None:
        """Let one operation of the store end as planned."""
        if not going.over:
            fate = self.plan.get(self.steps, Fate.GOES_WELL)
            self.steps += 1
            self.run(going.go_on(fate))

    def goes_as_far_as(self, going: Party, ending: str) -> None:
        """Step up to just before the write of such an object."""
        while not going.over and not (going.at.startswith("create") and going.at.endswith(ending)):
            self.step(going)

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
        if self.sent:
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
    """The page sees the verdict, and the event is cancelled before the response."""
    play.begins()
    play.reviewer_submits(0, 0, False, False, False, None)
    page = play.parties[-1]
    while not page.over and page.scope is None:
        play.step(page)
    play.waiter_looks(0, 0, None)
    waiter = play.parties[-1]
    play.goes_as_far_as(waiter, "response.json")
    for _ in range(4):
        play.step(page)
    play.cancels()
    play.finish(waiter)
    play.finish(page)


def two_attempts_judge_at_once(play: Play) -> None:
    play.begins(opinion=accept)
    play.restarts(refuse_even)
    play.submits()
    play.waiter_looks(1, 0, None)
    zombie = play.parties[-1]
    play.goes_as_far_as(zombie, ".verdict.json")
    play.looks()
    play.finish(zombie)


def an_answer_comes_as_the_deadline_settles(play: Play) -> None:
    play.begins()
    play.time_passes(61)
    play.waiter_looks(0, 0, None)
    waiter = play.parties[-1]
    while not waiter.over and not waiter.at.endswith("candidates/1.json"):
        play.step(waiter)
    play.step(waiter)
    play.submits()
    play.finish(waiter)
    if not play.plan:
        event = play.events()[play.ids[0]]
        claim(event.response and event.response["outcome"] == "answered", "the deadline settled over a stored answer")


def two_answers_arrive_at_once(play: Play) -> None:
    play.begins(whole=True)
    play.reviewer_submits(0, 0, False, False, False, None)
    slow = play.parties[-1]
    play.goes_as_far_as(slow, "response.json")
    play.submits(app=1)
    play.finish(slow)
    play.looks()


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
    two_attempts_judge_at_once,
    two_answers_arrive_at_once,
    an_answer_comes_as_the_deadline_settles,
    a_workflow_is_retried_in_its_process,
]


def perform(scene: Scene, plan: dict[int, Fate]) -> int:
    """Play a scene, with all claims checked; return how many steps it had."""
    play = Play(plan)
    try:
        scene(play)
        steps = play.steps
        play.plan = {}
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
