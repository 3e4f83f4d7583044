"""The built-in adapter, for a plain process: the form app inside it, one address per store and machine."""

from .address import SharedAddress
from .embedded import end_streams
from .listening import base_url_of, open_listener, refuse_beyond_loopback
from .runtime import LocalRuntime, form_app

__all__ = [
    "LocalRuntime",
    "SharedAddress",
    "base_url_of",
    "end_streams",
    "form_app",
    "open_listener",
    "refuse_beyond_loopback",
]
