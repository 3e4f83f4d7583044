"""One run in the engine, begun for one check, and what its tasks have written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
import pytest

from ..._models import Request
from ..._store import Records, open_store
from .driver import EngineDriver
from .reviewer import submit, withdraw
from .task import Entry, Journal, Step, Task

if TYPE_CHECKING:
    import httpx

LOOK_EVERY = 0.02


class Trial:
    """
    A run of one or more tasks.

    Args:
        engine: What drives the engine.
        run: What the engine knows the run by.
        tasks: Its tasks.
        patience: Seconds after which something that should have happened counts as never happening.
        may_leave: A task may give its process up and be executed again.
    """

    def __init__(self, engine: EngineDriver, run: Any, tasks: list[Task], patience: float, may_leave: bool) -> None:
        self._engine = engine
        self.run = run
        self.tasks = tasks
        self._patience = patience
        self._may_leave = may_leave

    def restart(self) -> None:
        """Have the engine execute the failed tasks again."""
        self._engine.restart(self.run)

    def asked(self, execution: int = 0, task: int = 0) -> Entry:
        """Wait until an execution of a task has asked; return its `request_id` and `form_url`."""
        return self.until("asked", count=execution + 1, task=task)

    def crashed(self, execution: int = 0) -> Entry:
        """Wait until an execution has ended as if its process had been lost."""
        return self.until("crashed", count=execution + 1)

    def ended(self, task: int = 0) -> Entry:
        """Wait until a task got an answer (`value`) or one of Pausepoint's errors (`error`)."""
        return self.until("got", "raised", task=task)

    def until(self, *says: str, count: int = 1, task: int = 0) -> Entry:
        """Wait until a task has written the given entry so many times; return the last of these."""
        journal = self.tasks[task].journal
        late = time.monotonic() + self._patience
        while len(found := journal.entries(*says)) < count:
            left = journal.entries("left")
            if left and not self._may_leave and "left" not in says:
                self.fail(f"The task was left by {left[0]['error']}, where can_suspend is False: {left[0]['text']}")
            if time.monotonic() > late:
                self.fail(f"The task has not {' or '.join(says)} within {self._patience:g} s.")
            time.sleep(LOOK_EVERY)
        return found[count - 1]

    def repeated(self, done: Callable[[], bool], what: str) -> None:
        """Try something until it succeeds."""
        late = time.monotonic() + self._patience
        while not done():
            if time.monotonic() > late:
                self.fail(f"{what} did not happen within {self._patience:g} s.")
            time.sleep(LOOK_EVERY)

    def answer(self, value: object = None, task: int = 0, **more: object) -> httpx.Response:
        """Answer over HTTP, by the link that a task has."""
        return submit(self.asked(task=task)["form_url"], value, **more)

    def cancel(self, reason: str) -> httpx.Response:
        """Withdraw the event over HTTP."""
        return withdraw(self.asked()["form_url"], reason)

    def request(self, execution: int = 0, task: int = 0) -> Request:
        """Return the question as it is stored."""
        found = self.asked(execution, task)["request_id"]
        records = Records(open_store(self.tasks[task].settings["PAUSEPOINT_STORE"]))
        return anyio.run(records.request, found)

    def fail(self, what: str) -> NoReturn:
        """Fail the check with everything that is known about the run."""
        journals = [f"{task.name}: {entry}" for task in self.tasks for entry in task.journal.entries()]
        pytest.fail("\n".join([what, *journals, self._engine.told(self.run)]).rstrip(), pytrace=False)

    def close(self) -> None:
        """Withdraw what is still open, so that no task goes on waiting."""
        from httpx import HTTPError

        for link in {entry["form_url"] for task in self.tasks for entry in task.journal.entries("asked")}:
            # The form app may be gone with the process that served it; then nobody waits either.
            with suppress(HTTPError):
                withdraw(link, "The check is over.")


class Bench:
    """
    Begins runs for one check.

    Args:
        engine: What drives the engine.
        folder: For journals.
        settings: What leads to the store.
        patience: See `Trial`.
        may_leave: See `Trial`.
    """

    def __init__(
        self, engine: EngineDriver, folder: Path, settings: Mapping[str, str], patience: float, may_leave: bool
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._settings = settings
        self._patience = patience
        self._may_leave = may_leave
        self._trials: list[Trial] = []
        self.store = open_store(settings["PAUSEPOINT_STORE"])

    def begin(
        self,
        *plan: Step,
        copies: int = 1,
        retries: int = 0,
        data_type: str = "number",
        is_async: bool = False,
        **asks: Any,
    ) -> Trial:
        """
        Begin a run whose tasks all follow one plan and ask the same question.

        Args:
            plan: What each execution does; nothing: it waits.
            copies: How many tasks.
            retries: How often the engine executes a task again that raised.
            data_type: See `Task`.
            is_async: See `Task`.
            asks: Arguments of the question.
        """
        number = len(self._trials)
        # The folder is a check's own, and so is the name: no check finds the event of another.
        asked = {"name": self._folder.name[:150], "timeout_seconds": 600.0, **asks}
        first = Task("", Journal(""), plan or ("wait",), asked, data_type, is_async, self._settings)
        tasks = [
            replace(first, name=f"task-{index}", journal=Journal(str(self._folder / f"{number}-{index}.jsonl")))
            for index in range(copies)
        ]
        trial = Trial(self._engine, self._engine.start(tasks, retries), tasks, self._patience, self._may_leave)
        self._trials.append(trial)
        return trial

    def links(self, trial: Trial) -> str:
        """Return what the engine shows people to click on."""
        return self._engine.links(trial.run)

    def reports(self, trial: Trial) -> str:
        """Return the reports that the engine shows."""
        return self._engine.reports(trial.run)

    def close(self) -> None:
        """End every run."""
        for trial in self._trials:
            trial.close()


@contextmanager
def bench_of(
    engine: EngineDriver, folder: Path, settings: Mapping[str, str], patience: float, may_leave: bool
) -> Iterator[Bench]:
    """Give a bench, and end its runs when the block is left."""
    bench = Bench(engine, folder, settings, patience, may_leave)
    try:
        yield bench
    finally:
        bench.close()
