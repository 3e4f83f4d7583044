"""How the checks reach an engine: the one thing that an adapter's tests have to write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from .task import Task


class EngineDriver(ABC):
    """
    Runs tasks in a real engine and tells what the engine shows; subclass it.

    A run is whatever the engine knows it by; the checks only hand it back. Tasks can be pickled, and report to the
    check through a file, so the engine may execute them in a thread or in another process of this machine.
    """

    @abstractmethod
    def start(self, tasks: Sequence[Task], retries: int = 0) -> Any:
        """
        Begin a new run of these tasks, and return at once what the engine knows it by.

        A task is executed by calling it, or, where the engine runs coroutines, by awaiting `task.aio()`. What it raises
        must reach the engine. With `can_suspend`, a task that gave its process up is executed again once the engine was
        woken, by the engine's own worker or, where there is none, by a thread that this method starts.

        Args:
            tasks: Usually one. Several begin at the same time, or one after the other where the engine can do no more.
            retries: How often the engine executes a task again that raised, in the same process and at once.
        """

    def restart(self, run: Any) -> None:
        """
        Execute the failed tasks of the run again, as the engine does after a process was lost; return once that begins.

        The task has raised by now, but the engine may not know it yet: wait for that. Needed with `can_restart`.
        """
        raise NotImplementedError("can_restart needs EngineDriver.restart(run).")

    def links(self, run: Any) -> str:
        """
        Return all that the engine shows people to click on for this run, as one text.

        Needed with `can_link`.
        """
        raise NotImplementedError("can_link needs EngineDriver.links(run).")

    def reports(self, run: Any) -> str:
        """
        Return the reports that the engine shows of this run, as one text: HTML, or Markdown that may hold some.

        Needed with `can_report`.
        """
        raise NotImplementedError("can_report needs EngineDriver.reports(run).")

    def told(self, run: Any) -> str:  # noqa: ARG002 - for those that override it
        """Return what may explain why a run did not do what was expected: its state, its log. Default: nothing."""
        return ""
