"""One store, some runs, an app and reviewers; the harness kills and restarts them, and asks whether all is well."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from pausepoint._store import Store, layout, open_store

from .claims import BrokenClaimError, Stored, Told, Witness, check_event, check_told, claim, events_of, moment
from .roles import read
from .steps import AROUND_A_WRITE
from .zygote import Zygote

RUNS_AT_ONCE = 3
REVIEWERS = 2
SKEW = 5.0
LONGEST = 150.0
"""Seconds in which nobody is killed or woken and no workflow notes anything, after which a scenario never ends."""

FIRST_KINDS = ("key", "store")
MARKERS = ("opened", "wake")
KINDS = {
    "workflow": ("request", "opened", "verdict", "response", "wake", "finished"),
    "app": ("candidate", "response", "wake"),
}
WAKES = ("woken",)
"""What an app stores, too, where a plugin wakes engines."""


@dataclass
class Slot:
    """One process that is started again whenever it has died."""

    role: str
    name: str
    given: dict[str, Any]
    pid: int = 0
    starts: int = 0
    armed: str = ""
    zombies: list[int] = field(default_factory=list)


@dataclass
class Plan:
    """
    What a scenario does.

    Attributes:
        seed: Decides everything that is not left to the machine.
        kills: How many processes are killed at least.
        embedded: The workflows serve the form themselves; else an app does.
        every_step: Go on until every named step was died at, for six times as many kills at most; of these further
            ones all are at a step.
        first: The steps at which the first processes of the new store die, in order.
        moments: The moments of a write that can be told apart in this store.
        rate: How many store operations meet with trouble, 0 to 1.
        shifts: How far the clocks of workflow and app are ahead, seconds.
        plugins: A folder in which a plugin is installed that wakes engines; the app has it, the workflows do not.
    """

    seed: int
    kills: int
    embedded: bool = False
    every_step: bool = False
    first: tuple[str, ...] = ()
    moments: tuple[str, ...] = ("before", "unlinked", "linked", "after")
    rate: float = 0.0
    shifts: tuple[float, float] = (0.0, 0.0)
    plugins: str = ""


class Scenario:
    """
    One scenario.

    Args:
        folder: Where journals, logs and this machine's state are.
        store_url: An empty store.
        plan: What happens.
        steps: The named steps that have been died at so far; shared by all scenarios.
        environ: What else the processes need in their environment.
    """

    def __init__(
        self, folder: Path, store_url: str, plan: Plan, steps: Counter[str], environ: Mapping[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.plan = plan
        self.steps = steps
        self.kills = 0
        self.paused = 0
        self.store = open_store(store_url)
        self.witness = Witness()
        self.chance = random.Random(plan.seed)
        self.port = free_port()
        self.ended: set[str] = set()
        self.woken: set[str] = set()
        self.last = ((0, 0, 0), time.monotonic())
        self.journals = folder / "journals"
        self.journals.mkdir()
        self.zygote = Zygote(self._environ(store_url, environ or {}), folder / "zygote.log")
        self.runs: list[Slot] = []
        self.others: list[Slot] = []

    # the play

    def play(self) -> None:
        """Kill and restart until there were enough kills, then let everything end, and check."""
        try:
            self._begin()
            while self._wants_more():
                if self.kills < self.plan.kills:
                    self._disturb()
                else:
                    # Only steps are wanting. Who is killed by the clock never comes to theirs on a slow machine.
                    self.zygote.wait_for_change(0.25)
                self._tend()
                self.witness.look(self.objects())
            self._let_end()
        finally:
            self._end_all()
        self.check()

    def __str__(self) -> str:
        where = "served by the workflows" if self.plan.embedded else "served by an app"
        return f"seed {self.plan.seed}: {self.kills} kills, {self.paused} pauses, {len(self.runs)} runs, {where}"

    def _begin(self) -> None:
        self.runs.append(self._slot("workflow", "run0"))
        for step in self.plan.first:
            self._start(self.runs[0], step)
            claim(self.zygote.wait(self.runs[0].pid) == -signal.SIGKILL, f"nobody comes to the step: {step}")
            self._buried(self.runs[0])
        if not self.plan.embedded:
            self.others.append(self._slot("app", "app"))
        for number in range(REVIEWERS):
            self.others.append(self._slot("reviewer", f"r{number}"))
        self._tend()

    def _disturb(self) -> None:
        """Wait for a random moment, and kill somebody, or have somebody stand still."""
        self.zygote.wait_for_change(self.chance.uniform(0.0, 0.25))
        slot = self.chance.choice(self.runs + self.others)
        if slot.armed and self.chance.random() < 0.8:
            return  # it has an end of its own before it
        if slot.role == "workflow" and not self.plan.embedded and self.chance.random() < 0.4:
            self._pause(slot)
        elif self._lives(slot.pid):
            self.zygote.signal(slot.pid, signal.SIGKILL)
            self._buried(slot)

    def _pause(self, slot: Slot) -> None:
        """Have a workflow stand still, so that a second attempt meets it when it wakes."""
        if len(slot.zombies) < 1 and self._lives(slot.pid):
            self.zygote.signal(slot.pid, signal.SIGSTOP)
            slot.zombies.append(slot.pid)
            slot.pid = 0
            self.paused += 1
        for pid in slot.zombies[:-1] if self.chance.random() < 0.5 else slot.zombies:
            self.zygote.signal(pid, signal.SIGCONT)

    def _tend(self) -> None:
        """Start whoever is dead, and a new run for each that has ended."""
        self._count_steps()
        self._refuse_standstill()
        while len([run for run in self.runs if not self._ended(run)]) < RUNS_AT_ONCE and self._wants_more():
            self.runs.append(self._slot("workflow", f"run{len(self.runs)}"))
        for slot in self.runs + self.others:
            if not self._lives(slot.pid) and not self._ended(slot):
                self._start(slot)

    def _refuse_standstill(self) -> None:
        # What happened counts and not how long all of it took, which is a matter of the machine and of chance.
        told = sum(journal.stat().st_size for journal in self.journals.glob("run*.jsonl"))
        happened = self.kills, told, len(self.woken)
        if happened != self.last[0]:
            self.last = happened, time.monotonic()
        elif time.monotonic() - self.last[1] >= LONGEST:
            raise BrokenClaimError(f"the scenario does not end: {self._unended()}; see {self.folder}")

    def _unended(self) -> str:
        """Say what a scenario that does not end still waits for, for whoever cannot look into its folder."""
        never = sorted(step for step, times in self._dying().items() if not times)
        runs = [f"{run.name} (started {run.starts} times)" for run in self.runs if not self._ended(run)]
        events = events_of(self.objects())
        unsettled = [event.request_id for event in events.values() if event.response is None]
        unwoken = self._unwoken() if self.plan.plugins else []
        waits = f"runs {runs}, unsettled {unsettled}, unwoken {unwoken}" if not self._wants_more() else f"steps {never}"
        return f"{self}; it waits for {waits}"

    def _wants_more(self) -> bool:
        most = self.plan.kills * 6 if self.plan.every_step and not all(self._dying().values()) else self.plan.kills
        return self.kills < most

    def _dying(self) -> dict[str, int]:
        """Return how often each step was died at that can be reached at any time."""
        roles = ("workflow",) if self.plan.embedded else ("workflow", "app")
        return {f"{role} {step}": self.steps[f"{role} {step}"] for role in roles for step in self._steps_of(role)}

    def _steps_of(self, role: str) -> list[str]:
        kinds = KINDS[role] + (KINDS["app"] if self.plan.embedded else ())
        if role == "app" and self.plan.plugins:
            kinds += WAKES
        return sorted({f"{moment} {kind}" for kind in kinds for moment in moments_of(kind, self.plan.moments)})

    def _let_end(self) -> None:
        while not all(self._ended(run) for run in self.runs):
            for slot in self.runs:
                for pid in slot.zombies:
                    self.zygote.signal(pid, signal.SIGCONT)
            self._tend()
            self.zygote.wait_for_change(0.1)
        while self.plan.plugins and not self.plan.embedded and self._unwoken():
            self._tend()
            self.zygote.wait_for_change(0.5)
        self.witness.look(self.objects())

    def _unwoken(self) -> list[str]:
        """Return the events that are settled, and whose engine is not known to have been woken for that."""
        return anyio.run(self._look_for_unwoken)

    async def _look_for_unwoken(self) -> list[str]:
        unwoken: list[str] = []
        # Only at those that were not woken before, for each look costs the app time in which it wakes.
        for request_id in set(await self.store.list(layout.EVENTS)) - self.woken:
            if await self.store.get(layout.wake_path(request_id, 0)) is not None:
                self.woken.add(request_id)
            elif await self.store.get(layout.response_path(request_id)) is not None:
                unwoken.append(request_id)
        return unwoken

    def _end_all(self) -> None:
        """End every process that was started here."""
        for slot in self.runs + self.others:
            for pid in [*slot.zombies, slot.pid]:
                if self._lives(pid):
                    self.zygote.signal(pid, signal.SIGKILL)
                    self.zygote.wait(pid)
        self.zygote.close()

    # processes

    def _slot(self, role: str, name: str) -> Slot:
        journal = str(self.journals / f"{name}.jsonl")
        given: dict[str, Any] = {"journal": journal}
        if role == "workflow":
            given["run_id"] = name
        elif role == "app":
            given.update(port=self.port, plugins=self.plan.plugins)
        else:
            asked = str(self.journals / "run*.jsonl")
            given.update(name=name, url=f"http://127.0.0.1:{self.port}", asked=asked)
        return Slot(role, name, given)

    def _start(self, slot: Slot, step: str | None = None) -> None:
        slot.starts += 1
        claim(slot.starts < 300, f"{slot.name} never comes to its end; see {self.folder}")
        seed = self.chance.randrange(10**6)
        given = dict(slot.given)
        if slot.role == "reviewer":
            given["seed"] = seed
        else:
            slot.armed = self._next_step(slot) if step is None else step
            shift = self.plan.shifts[0 if slot.role == "workflow" else 1]
            given.update(settings=self._settings(slot), step=slot.armed, seed=seed, rate=self.plan.rate, shift=shift)
        slot.pid = self.zygote.start(slot.role, self.folder / f"{slot.name}.log", **given)

    def _next_step(self, slot: Slot) -> str:
        """Return the named step at which this process shall die: one that was not tried yet, where there is one."""
        if not self._wants_more():
            return ""
        steps = self._steps_of(slot.role)
        least = min(self.steps[f"{slot.role} {step}"] for step in steps)
        rare = [step for step in steps if self.steps[f"{slot.role} {step}"] == least]
        return self.chance.choice(rare) if not least or self.chance.random() < 0.5 else ""

    def _count_steps(self) -> None:
        for slot in self.runs + self.others:
            if slot.armed and slot.pid and self.zygote.status(slot.pid) == -signal.SIGKILL:
                self._buried(slot)

    def _buried(self, slot: Slot) -> None:
        self.zygote.wait(slot.pid)
        noted = Path(f"{slot.given['journal']}.steps")
        # Empty where somebody was killed just as they opened it.
        if slot.armed and noted.exists() and noted.read_text().splitlines()[-1:] == [slot.armed]:
            noted.unlink()
            self.steps[f"{slot.role} {slot.armed}"] += 1
        slot.armed = ""
        slot.pid = 0
        self.kills += 1

    def _lives(self, pid: int) -> bool:
        return bool(pid) and self.zygote.status(pid) is None

    def _ended(self, slot: Slot) -> bool:
        if slot.role != "workflow" or slot.name in self.ended:
            return slot.role == "workflow"
        if any(line["said"] == "ended" for line in read(slot.given["journal"])):
            self.ended.add(slot.name)
        return slot.name in self.ended

    def _settings(self, slot: Slot) -> dict[str, str]:
        return {"PAUSEPOINT_URL": f"http://127.0.0.1:{self.port}"} if self._is_served_elsewhere(slot) else {}

    def _is_served_elsewhere(self, slot: Slot) -> bool:
        return slot.role == "workflow" and not self.plan.embedded

    def _environ(self, store_url: str, more: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAUSEPOINT_")}
        own = {
            "PAUSEPOINT_STORE": store_url,
            "PAUSEPOINT_PORT": str(self.port),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "PYTHONUNBUFFERED": "1",
        }
        return {**inherited, **own, **more}

    # the claims

    def objects(self) -> dict[str, bytes]:
        """Return every object of every event."""
        return anyio.run(all_objects, self.store)

    def check(self) -> None:
        """Check the whole story."""
        events = events_of(self.objects())
        for event in events.values():
            check_event(event)
            claim(event.response is not None, f"an event has not ended; see {self.folder}")
        sent = {line["sending"]: line for line in read(str(self.journals / "r[0-9]*.jsonl")) if "sending" in line}
        self._check_told(events, sent)
        self._check_responses(events, sent)
        for run in self.runs:
            self._check_run(events, read(run.given["journal"]))

    def _check_told(self, events: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        told: list[Told] = []
        for line in read(str(self.journals / "r[0-9]*.jsonl")):
            if "told" not in line:
                continue
            what = sent[line["mark"]]
            told.append(Told(what["id"], line["mark"], what["value"], what["declined"], line["told"]))
            event = events[what["id"]]
            # It was stored two seconds before it was told, so whoever settles later must have seen it.
            if line["told"] == "saved" and line["at"] + SKEW < moment(event.response["settled_at"]).timestamp():
                _check_judged(event, line["mark"])
        check_told(events, told)

    def _check_responses(self, events: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        for event in events.values():
            if event.response["source"] == "reviewer":
                given = sent.get(event.response["comment"], {})
                claim(given.get("id") == event.request_id, "an answer was given to another question")
                claim(given["value"] == event.response["value"], "the response is not what its reviewer sent")

    def _check_run(self, events: Mapping[str, Any], lines: list[dict[str, Any]]) -> None:
        asked: dict[str, tuple[str, str]] = {}
        for line in lines:
            if line["said"] == "asked":
                known = asked.setdefault(line["label"], (line["id"], line["deadline"]))
                claim(known[0] == line["id"], "a restart asked a question again under another id")
                claim(known[1] == line["deadline"], "a restart moved a deadline")
        claim(len({request_id for request_id, _ in asked.values()}) == len(asked), "two questions share an id")
        ends = {line["label"]: line for line in lines if line["said"] in {"returned", "raised"}}
        claim(set(ends) == set(asked), "a question never came back")
        for line in lines:
            if line["said"] in {"returned", "raised"}:
                _check_end(line, events[asked[line["label"]][0]].response)


def _check_end(line: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    """Check that what the workflow got is what is stored, and what it must be."""
    if line["said"] == "returned":
        claim(response["outcome"] in {"answered", "expired"}, "the workflow got a value that nobody gave")
        claim(line["value"] == response["value"], "the workflow returned another value than the stored one")
        claim(response["outcome"] == "answered" or response["source"] == "default", "silence became a value")
    else:
        kinds = {"declined": "DeclinedError", "expired": "WaitTimeoutError", "cancelled": "EventCancelledError"}
        claim(kinds.get(response["outcome"]) == line["kind"], "the workflow was told another outcome")
    if line["label"] == "silent":
        claim(line.get("kind") == "WaitTimeoutError", "silence became an answer")
    if line["label"] == "silent-default":
        claim(line.get("value") == -2, "silence is not the declared default")


def _check_judged(event: Stored, mark: str) -> None:
    """Check that an answer somebody was told is saved was judged before the deadline settled."""
    if event.response and event.response["outcome"] == "expired":
        numbers = {number for number, each in event.candidates.items() if each["answer"]["comment"] == mark}
        claim(numbers <= set(event.verdicts), "a saved answer expired without being judged")


async def all_objects(store: Store) -> dict[str, bytes]:
    """Read all objects of all events; what a killed writer left behind is none."""
    found: dict[str, bytes] = {}
    for request_id in await store.list(layout.EVENTS):
        folder = f"{layout.EVENTS}/{request_id}"
        names = [f"{folder}/{name}" for name in await store.list(folder) if "." in name]
        if len(names) < 3 and await store.list(f"{folder}/candidates"):
            names += [f"{folder}/candidates/{name}" for name in await store.list(f"{folder}/candidates")]
        names += [f"{folder}/wakes/{name}" for name in await store.list(f"{folder}/wakes")]
        for name in names:
            body = await store.get(name)
            if body is not None:
                found[name] = body
    return found


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def first_steps(moments: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return what can be died at only while a store is new: the first time all but the last moment, then the last."""
    yield tuple(f"{moment} {kind}" for kind in FIRST_KINDS for moment in moments[:-1])
    yield tuple(f"{moments[-1]} {kind}" for kind in FIRST_KINDS)


def named_steps(moments: tuple[str, ...]) -> list[str]:
    """Return every step that somebody must have died at."""
    kinds = {"workflow": FIRST_KINDS + KINDS["workflow"], "app": KINDS["app"] + WAKES}
    return [f"{role} {moment} {kind}" for role in kinds for kind in kinds[role] for moment in moments_of(kind, moments)]


def moments_of(kind: str, moments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the moments of writing one kind of object; an empty one has nothing to be linked."""
    return tuple(each for each in moments if kind not in MARKERS or each in AROUND_A_WRITE)


__all__ = ["BrokenClaimError", "Plan", "Scenario", "first_steps", "named_steps"]
