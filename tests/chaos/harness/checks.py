"""
The checks as programmes, so that they can be run against another copy of the package.

`python -m harness.checks scenes NAME...`, `race`, `kill KILLS` or `model EXAMPLES`. Exit code 0: everything holds; 3: a
claim does not, which is printed; anything else means that the check itself did not work.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import anyio
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pausepoint._store import open_store

from .claims import BrokenClaimError, claim
from .model import Protocol
from .scenario import Plan, Scenario
from .scenes import SCENES, perform, plans

BROKEN = 3
ROUNDS = 40
WRITERS = 8
BODY_BYTES = 400_000


def scenes(*names: str) -> None:
    """Play scenes with every single failure."""
    for scene in SCENES:
        if scene.__name__ in names:
            for plan in plans(scene):
                perform(scene, plan)


def model(examples: str) -> None:
    """Let the model run; the first failure counts, however long it is."""
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=int(examples),
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def race() -> None:
    """Several writers want one path, and readers look at it all the time."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            Race(Path(folder), f"v1/race/{number}").run()


def kill(kills: str) -> None:
    """Kill processes, at random moments and named steps."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store").as_uri()
        Scenario(Path(folder, "play"), store, Plan(seed=7, kills=int(kills)), Counter()).play()


class Race:
    """One round."""

    def __init__(self, folder: Path, path: str) -> None:
        self._store = open_store(folder)
        self._path = path
        self._start = threading.Barrier(WRITERS + 1)
        self._over = threading.Event()
        self._won: list[bytes] = []
        self._read: set[bytes] = set()

    def run(self) -> None:
        """Race, and check who won."""
        writers = [threading.Thread(target=anyio.run, args=(self._write, str(each))) for each in range(WRITERS)]
        reader = threading.Thread(target=anyio.run, args=(self._look,))
        for thread in [reader, *writers]:
            thread.start()
        for writer in writers:
            writer.join()
        self._over.set()
        reader.join()
        claim(len(self._won) == 1, "not exactly one of several writers won")
        claim(self._read <= set(self._won), "a reader saw what is not the winner's")
        claim(anyio.run(self._store.get, self._path) == self._won[0], "the stored object is not the winner's")

    async def _write(self, name: str) -> None:
        body = (name * BODY_BYTES).encode()
        self._start.wait()
        if await self._store.create(self._path, body):
            self._won.append(body)

    async def _look(self) -> None:
        self._start.wait()
        while not self._over.is_set():
            found = await self._store.get(self._path)
            if found is not None:
                self._read.add(found)


def main(check: str, *given: str) -> int:
    """Run a check."""
    checks: dict[str, Callable[..., None]] = {"scenes": scenes, "model": model, "race": race, "kill": kill}
    try:
        checks[check](*given)
    except BrokenClaimError as broken:
        print(f"BROKEN: {broken}")
        return BROKEN
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
