"""The event: ask, announce, wait."""

from .asking import form_url
from .event import Event, NewEvent, new_event
from .question import Attachments, Default, Image, OnTimeout
from .surface import Surface, current_surface, replaced, use_by_default

__all__ = [
    "Attachments",
    "Default",
    "Event",
    "Image",
    "NewEvent",
    "OnTimeout",
    "Surface",
    "current_surface",
    "form_url",
    "new_event",
    "replaced",
    "use_by_default",
]
