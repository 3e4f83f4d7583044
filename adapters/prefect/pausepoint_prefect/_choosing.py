"""Which of the three ways to wait: what the author says, else what the environment says, else `running`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, get_args

from pausepoint.errors import UsageError

Mode = Literal["running", "paused", "suspend"]
SETTING = "PAUSEPOINT_PREFECT_WAIT"
POLL = 10.0
"""Seconds between two looks at the run's state, as in Prefect's own pause; answers in our form do not wait for it."""


@dataclass(frozen=True)
class Choice:
    """
    How to wait.

    Attributes:
        mode: `running`, `paused` or `suspend`.
        poll: Seconds between two looks at the run's state in Prefect.
        as_prefect: The call is `pause_flow_run`: it writes Prefect's own lines into the log, and an answer that
            Prefect's dialog let through although its type refuses it is raised, as Prefect does.
    """

    mode: Mode
    poll: float = POLL
    as_prefect: bool = False


_chosen: ContextVar[Choice | None] = ContextVar("pausepoint_prefect_choice", default=None)


@contextmanager
def choosing(choice: Choice) -> Iterator[None]:
    """Wait this way inside the block, in this context."""
    token = _chosen.set(choice)
    try:
        yield
    finally:
        _chosen.reset(token)


def choice() -> Choice:
    """Return how to wait here."""
    return _chosen.get() or Choice(checked_mode(None))


def checked_mode(mode: str | None) -> Mode:
    """
    Return the mode that is meant.

    Raises:
        UsageError: There is no such mode.
    """
    named = mode if mode is not None else os.environ.get(SETTING) or "running"
    for known in get_args(Mode):
        if named == known:
            found: Mode = known
            return found
    where = "wait" if mode is not None else SETTING
    raise UsageError(f"{where} must be running, paused or suspend, not {named!r}.", "Leave it out for running.")
