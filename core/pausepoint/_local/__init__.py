"""The built-in adapter, for a plain process: the form app inside it, one address per store and machine."""

from .address import SharedAddress
from .embedded import end_streams
from .listening import base_url_of, open_listener, refuse_beyond_loopback
from .surface import LocalSurface

__all__ = ["LocalSurface", "SharedAddress", "base_url_of", "end_streams", "open_listener", "refuse_beyond_loopback"]
