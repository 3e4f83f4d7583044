"""The public calls, and what wires the floors together."""

from .pausing import Pause, pause
from .wiring import run

__all__ = ["Pause", "pause", "run"]
