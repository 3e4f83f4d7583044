"""Finds, checks, selects and calls plugins: the one room that touches pluggy's manager."""

from .facade import Hooks
from .plugin import LOCAL, Plugin, examined, installed, own_version
from .survey import Standing, survey
from .telling import GOODBYE, Pace, Telling
from .waking import RESPONSE, Engines, Waking

__all__ = [
    "GOODBYE",
    "LOCAL",
    "RESPONSE",
    "Engines",
    "Hooks",
    "Pace",
    "Plugin",
    "Standing",
    "Telling",
    "Waking",
    "examined",
    "installed",
    "own_version",
    "survey",
]
