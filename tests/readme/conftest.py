"""A clean copy of this repository, as a newcomer's clone would be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A folder with every file that git tracks or would track, and nothing that git ignores.

    Not `git clone`: that would test the last commit and not what is being written.
    """
    target = tmp_path_factory.mktemp("clone") / "pausepoint"
    # CI may run as another user than the one who cloned, and git would refuse to look.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target
