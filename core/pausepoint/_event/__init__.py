"""The event: ask, announce, wait."""

from .asking import api_url, form_url
from .event import Event, NewEvent, new_event
from .question import Attachments, Default, Image, OnTimeout
from .surface import Surface, Way, current_surface, replaced, use_by_default
from .waiter import EventWaiter

__all__ = [
    "Attachments",
    "Default",
    "Event",
    "EventWaiter",
    "Image",
    "NewEvent",
    "OnTimeout",
    "Surface",
    "Way",
    "api_url",
    "current_surface",
    "form_url",
    "new_event",
    "replaced",
    "use_by_default",
]
