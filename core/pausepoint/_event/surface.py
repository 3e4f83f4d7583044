"""What an event needs of its surroundings, as one small Protocol; the floors above satisfy it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from .._models import Request, Response, RunContext, Served
from .._runs import RunScope
from .._sync import Caller
from .._waiting import Watcher
from ..errors import UsageError
from .waiter import EventWaiter

Way = Callable[[EventWaiter, Caller], Awaitable[Response | None]]
"""
An engine's own way to wait: given what it waits with and how it is called, it returns the stored response, or None to
leave the wait to Pausepoint.
"""


@dataclass(frozen=True)
class Asked:
    """
    A question that is stored and reachable.

    Attributes:
        request: As stored, which may be older than this process.
        served: Where the form app is.
        form_url: The link to the form, with its token where links need one.
    """

    request: Request
    served: Served
    form_url: str = field(repr=False)

    @property
    def api_url(self) -> str:
        """Where a program posts answers as JSON."""
        return f"{self.served.base_url}/submit/json"


class Surface(Protocol):
    """
    The surroundings of a question: which run asks, where it is stored, how the form is reached, who else waits.

    Everything but `watcher` is called where the author is, in the author's thread and context.

    Attributes:
        mailbox: Where wake markers for events asked from here go.
    """

    mailbox: str

    def engine(self) -> RunContext | None:
        """Return the engine's run that the calling code belongs to; None outside of every engine."""

    def scope(self) -> RunScope:
        """Return the run that the calling code belongs to, an engine's or another."""

    def watcher(self) -> Watcher:
        """Return this process's watcher of the store."""

    async def serve(self, run: RunContext, caller: Caller) -> Served:
        """Make the form app reachable and say where; the same address when asked again."""

    async def announce(self, asked: Asked, caller: Caller) -> None:
        """Tell people that there is a question, and where its form is."""

    def way(self, request: Request) -> Way | None:
        """Return the engine's own way to wait for this event; None where Pausepoint waits as it always does."""


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
