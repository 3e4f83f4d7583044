"""
Help for tests: answer an author's questions without a person, and stand-ins for an engine, a clock and a store.

The checks for adapters and stores, which need pytest, are in `pausepoint.testing.adapters` and
`pausepoint.testing.stores`. Nothing of the core imports any of it.
"""

from .._store import MemoryStore
from .answering import Decline, Expire, answers
from .fakes import FakeClock, FakeEngine, Told

__all__ = ["Decline", "Expire", "FakeClock", "FakeEngine", "MemoryStore", "Told", "answers"]
