"""
Pausepoint: workflows that stop, ask a person, and go on with a typed answer.

The public names, and nothing else; what begins with an underscore may change today. Errors are in `pausepoint.errors`,
the form app in `pausepoint.app`, help for authors' tests in `pausepoint.testing`.
"""

from ._api import pause, run
from ._codec import RunInput
from ._event import Default, Event, new_event
from ._models import RunContext, Served
from ._store import open_store
from .hooks import hookimpl

__all__ = [
    "Default",
    "Event",
    "RunContext",
    "RunInput",
    "Served",
    "hookimpl",
    "new_event",
    "open_store",
    "pause",
    "run",
]
