"""A forked child can use the store that its parent used, and so can the child's child, and the parent afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
]


def test_a_forked_child_uses_the_store_of_its_parent(server: Any, use: Callable[..., str]) -> None:
    command = [sys.executable, "-W", "error", str(Path(__file__).with_name("forking.py")), f"{use(server)}/forked"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = [line.split()[:2] for line in ran.stdout.splitlines()]
    assert told == [[f"parent-{number}", "True"] for number in range(4)] + [
        [f"again-{number}", "True"] for number in (2, 1, 0)
    ]
