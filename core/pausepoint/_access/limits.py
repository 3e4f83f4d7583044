"""
How much is taken from one link and from one address: buckets that fill up again with time, in bounded memory.

A link is counted for what it may do. An address is counted for what it was refused, so that many reviewers behind one
address do not stand in each other's way. Each process counts for itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

MOST = 10_000
"""Buckets of a kind that are kept; beyond it the one that was used longest ago is forgotten, which forgives it."""


class Allowance(NamedTuple):
    """
    How much is taken from one.

    Attributes:
        at_once: Requests that are taken without a pause.
        per_second: How many more with each second.
    """

    at_once: int
    per_second: float


PER_LINK = Allowance(120, 2.0)
REFUSALS_PER_ADDRESS = Allowance(60, 1.0)


class Buckets:
    """
    One bucket for each key.

    Args:
        allowance: How much is taken.
        clock: Returns seconds that never go back.
        most: Buckets that are kept.
    """

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._allowance = allowance
        self._clock = clock
        self._most = most
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used)

    def take(self, key: str) -> float:
        """Count one request; return 0, or the seconds until there is room for it, which is then not counted."""
        used = self._used_by(key)
        if used + 1 > self._allowance.at_once:
            return self.wait(key)
        self._used[key] = (used + 1, self._clock())
        self._used.move_to_end(key)
        if len(self._used) > self._most:
            self._used.popitem(last=False)
        return 0.0

    def wait(self, key: str) -> float:
        """Return the seconds until there is room for one more request, 0 where there is; count nothing."""
        excess = self._used_by(key) + 1 - self._allowance.at_once
        return max(0.0, excess / self._allowance.per_second)

    def _used_by(self, key: str) -> float:
        used, at = self._used.get(key, (0.0, 0.0))
        return max(0.0, used - (self._clock() - at) * self._allowance.per_second) if used else 0.0


class Limits:
    """
    The limits of one app process.

    Args:
        clock: Returns seconds that never go back.
        most: Buckets of each kind that are kept.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self.links = Buckets(PER_LINK, clock, most)
        self.refusals = Buckets(REFUSALS_PER_ADDRESS, clock, most)
