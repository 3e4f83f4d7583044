"""What an event needs of its surroundings, as one small Protocol; the floors above satisfy it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from .._models import Request, RunContext, Served
from .._runs import RunScope
from .._waiting import Watcher
from ..errors import UsageError


class Surface(Protocol):
    """
    The surroundings of a question: which run asks, where it is stored, how the form is reached.

    Attributes:
        mailbox: Where wake markers for events asked from here go.
    """

    mailbox: str

    def scope(self) -> RunScope:
        """Return the run that the calling code belongs to; called in the author's own context."""

    def watcher(self) -> Watcher:
        """Return this process's watcher of the store."""

    async def serve(self, run: RunContext) -> Served:
        """Make the form app reachable and say where; the same address when asked again."""

    async def announce(self, request: Request, url: str) -> None:
        """Tell people that there is a question, and where its form is."""


# Filled in from above, because this floor may not import the one that makes surfaces.
_defaults: list[Callable[[], Surface]] = []
# For the process and not for a context: threads that the tested code starts must be answered, too.
_replacements: list[Surface] = []


def use_by_default(make: Callable[[], Surface]) -> None:
    """Say how the ordinary surface is made; called once, by the floor that wires the others together."""
    _defaults[:] = [make]


def current_surface() -> Surface:
    """Return the surface in use: the innermost of `replaced`, else the ordinary one."""
    if _replacements:
        return _replacements[-1]
    if not _defaults:
        raise UsageError("Nothing says where questions are asked.", "Import pausepoint, not its modules.")
    return _defaults[0]()


@contextmanager
def replaced(surface: Surface) -> Iterator[None]:
    """Use another surface in this whole process until the block is left; for tests of authors' code."""
    _replacements.append(surface)
    try:
        yield
    finally:
        _replacements.remove(surface)
