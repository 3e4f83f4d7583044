"""The event: ask, announce, wait."""

from .event import Event, NewEvent, new_event
from .finding import FindEvent
from .question import Attachments, Default, Image, OnTimeout
from .surface import Asked, Surface, Way, current_surface, replaced, use_by_default
from .waiter import EventWaiter

__all__ = [
    "Asked",
    "Attachments",
    "Default",
    "Event",
    "EventWaiter",
    "FindEvent",
    "Image",
    "NewEvent",
    "OnTimeout",
    "Surface",
    "Way",
    "current_surface",
    "new_event",
    "replaced",
    "use_by_default",
]
