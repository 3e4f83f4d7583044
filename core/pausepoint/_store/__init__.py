"""Where events live: the `Store` protocol, the stores themselves, and typed access to what they hold."""

from __future__ import annotations

from . import layout
from .fsspec_store import Backend, FsspecStore
from .local import LocalFiles
from .memory import MemoryStore
from .opening import open_store
from .protocol import Store
from .records import Records
from .writing import Put

__all__ = ["Backend", "FsspecStore", "LocalFiles", "MemoryStore", "Put", "Records", "Store", "layout", "open_store"]
