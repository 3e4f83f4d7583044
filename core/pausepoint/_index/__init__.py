"""
The app's index of events: an SQLite cache in memory that makes lists cheap, and that is made again where it is gone.

It is built from one listing of the store and one read per event, and kept up by the opened markers. The store remains
the truth: what is about to be shown as pending is looked at in the store first.
"""

from __future__ import annotations

from .following import Ended, Follower, Waiting
from .index import CURSOR, RELIST_SECONDS, Index, Listed, Status
from .rows import Entry

__all__ = ["CURSOR", "RELIST_SECONDS", "Ended", "Entry", "Follower", "Index", "Listed", "Status", "Waiting"]
