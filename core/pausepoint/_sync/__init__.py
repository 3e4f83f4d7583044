"""Sync by default, `.aio` for async: Pausepoint's own loop, and the two ways to call what runs in it and beside it."""

from .calling import AWAITING, BLOCKING, Awaiting, Blocking, Caller, Dual, Stepwise, taken
from .loop import at_end, begin, in_loop, is_ending, portal, refuse_in_loop, run_aio, run_sync

__all__ = [
    "AWAITING",
    "BLOCKING",
    "Awaiting",
    "Blocking",
    "Caller",
    "Dual",
    "Stepwise",
    "at_end",
    "begin",
    "in_loop",
    "is_ending",
    "portal",
    "refuse_in_loop",
    "run_aio",
    "run_sync",
    "taken",
]
