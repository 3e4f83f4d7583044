"""The suite's own modules, importable by its tests and by the processes that they start."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent

# A package and not `runpy`, as in smaller suites: its modules import each other.
sys.path.insert(0, str(HERE))
