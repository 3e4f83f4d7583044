"""Asks the same wherever it is called: in plain Python, and in the task of any engine whose adapter is installed."""

from __future__ import annotations

from typing import Literal

import pausepoint


def which_one() -> str:
    """Ask for one of two words."""
    return pausepoint.pause(Literal["small", "large"], key="which", prompt="Which one?")


if __name__ == "__main__":
    print(which_one())
