"""The suite's own modules, importable by its tests and by the processes that they start; and its stores."""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent

# A package and not `runpy`, as in smaller suites: its modules import each other.
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """An S3 server of our own, with an empty bucket."""
    servers = runpy.run_path(str(HERE.parent / "stores" / "servers.py"))
    with tempfile.TemporaryDirectory(prefix="pp-") as folder, servers["ministack"](Path(folder)) as server:
        yield server


@pytest.fixture
def new_store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], tuple[str, dict[str, str]]]:
    """A function that makes an empty store of a kind: its URL, and what a process needs in its environment for it."""

    def new_store(kind: str, number: int) -> tuple[str, dict[str, str]]:
        if kind == "file":
            return (tmp_path / f"store-{number}").as_uri(), {}
        server = request.getfixturevalue(kind)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        return f"{server.url}-{number}-{os.urandom(4).hex()}", dict(server.environ)

    return new_store
