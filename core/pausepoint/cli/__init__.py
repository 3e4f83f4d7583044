"""
The command line: `pausepoint demo | serve | list | show | answer | cancel | doctor`.

Each command is a function in a module named by what it is about. `main` puts them together, and turns every error of
Pausepoint's into a message on standard error and a documented exit code.
"""

from __future__ import annotations

from .exits import EXIT_CODES, ExitCode
from .programme import main

__all__ = ["EXIT_CODES", "ExitCode", "main"]
