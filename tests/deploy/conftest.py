"""The suite's own modules, importable by its tests; and a whole installation."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reviewing import Machine

HERE = Path(__file__).parent
LONG = os.environ.get("DEPLOY_LONG") == "1"
"""Three hundred reviewers and ten thousand events, instead of what takes seconds."""

sys.path.insert(0, str(HERE))


@pytest.fixture
def house(machine: Machine, tmp_path: Path) -> Iterator[Any]:
    """An installation that is opened by the test, and ends with it."""
    from house import House

    made = House(machine, tmp_path)
    yield made
    made.close()
