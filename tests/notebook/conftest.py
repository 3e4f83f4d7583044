"""The suite's fixture: a machine of its own for each test, with the reviewer who sits at it."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# By path: suites are no package, and pytest's import mode puts no folder on sys.path.
REVIEWING = runpy.run_path(str(Path(__file__).parents[1] / "reviewing.py"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Any]:
    """A store and state folders that nothing else uses; what was started there ends with the test."""
    made = REVIEWING["Machine"](tmp_path)
    yield made
    made.close()
