"""
The suite's own test: with each fault that is put in on purpose, a check fails; without, the same check passes.

A fault that nothing catches means that a test is missing.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import pausepoint

HERE = Path(__file__).parent
FAULTS: list[Any] = runpy.run_path(str(HERE / "faults.py"))["FAULTS"]
BROKEN = 3

Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def check_without(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """A function that runs a check against a copy as it is; each once."""
    folder = copied(tmp_path_factory.mktemp("sound"))

    @cache
    def check_without(*check: str) -> subprocess.CompletedProcess[str]:
        return run(folder, check)

    return check_without


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_caught(fault: Any, tmp_path: Path, check_without: Check) -> None:
    folder = copied(tmp_path)
    plant(folder / "pausepoint", fault)

    without, with_it = check_without(*fault.check), run(folder, fault.check)

    assert without.returncode == 0, f"{fault.check} fails without any fault:\n{without.stdout}{without.stderr}"
    told = with_it.stdout + with_it.stderr
    assert with_it.returncode == BROKEN, f"{fault.check} does not catch it (exit code {with_it.returncode}):\n{told}"
    print(f"{fault.name}: {with_it.stdout.strip()}")


def copied(folder: Path) -> Path:
    """Copy the package as it is installed."""
    shutil.copytree(Path(pausepoint.__file__).parent, folder / "pausepoint")
    return folder


def plant(package: Path, fault: Any) -> None:
    """Put a fault in."""
    place = package / fault.place
    files = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    fitting = [file for file in files if fault.old in file.read_text("utf-8")]
    assert len(fitting) == 1, f"{fault.place} has changed, and this fault no longer fits: {fault.name}"
    fitting[0].write_text(fitting[0].read_text("utf-8").replace(fault.old, fault.new), "utf-8")
    # What was compiled before could look as new as the source.
    shutil.rmtree(fitting[0].parent / "__pycache__", ignore_errors=True)


def run(folder: Path, check: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run a check against a copy."""
    path = os.pathsep.join([str(folder), str(HERE.parent)])
    return subprocess.run(
        [sys.executable, "-m", "harness.checks", *check],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
