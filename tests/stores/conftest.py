"""The suite's fixtures: real servers, each started once, on its first use; and the environment of one at a time."""

from __future__ import annotations

import os
import runpy
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

# By path: suites are no package, and pytest's import mode puts no folder on sys.path.
SERVERS = runpy.run_path(str(Path(__file__).with_name("servers.py")))
CLOUDS = ("AWS_", "GOOGLE_", "AZURE_")

Start = Callable[[Path], AbstractContextManager[Any]]


def _started(start: Start) -> Iterator[Any]:
    # Not pytest's own folder: the path of a daemon's socket has at most 108 characters.
    with tempfile.TemporaryDirectory(prefix="pp-") as folder:
        try:
            server = start(Path(folder))
            running = server.__enter__()
        except SERVERS["MissingError"] as missing:
            pytest.skip(str(missing))
        try:
            yield running
        finally:
            server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def ceph() -> Iterator[Any]:
    """S3 on a real Ceph RADOS gateway."""
    yield from _started(SERVERS["ceph"])


@pytest.fixture(scope="session")
def ministack() -> Iterator[Any]:
    """S3 in pure Python."""
    yield from _started(SERVERS["ministack"])


@pytest.fixture(scope="session")
def rclone() -> Iterator[Any]:
    """S3 that overwrites."""
    yield from _started(SERVERS["rclone"])


@pytest.fixture(scope="session")
def s3rver() -> Iterator[Any]:
    """S3 that overwrites, too."""
    yield from _started(SERVERS["s3rver"])


@pytest.fixture(scope="session")
def gcs() -> Iterator[Any]:
    """Google Cloud Storage, as far as a store needs it."""
    yield from _started(SERVERS["gcs"])


@pytest.fixture(scope="session")
def azurite() -> Iterator[Any]:
    """Azure's own emulator."""
    yield from _started(SERVERS["azurite"])


@pytest.fixture(params=["ceph", "ministack", "azurite", "gcs"])
def server(request: pytest.FixtureRequest) -> Any:
    """Each server that creates exclusively."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """A function that puts a server's settings into the environment, and nothing else of a cloud; returns its URL."""

    def use(server: Any, **more: str) -> str:
        for name in [name for name in os.environ if name.startswith(CLOUDS)]:
            monkeypatch.delenv(name)
        for name, value in {**server.environ, **more}.items():
            monkeypatch.setenv(name, value)
        url: str = server.url
        return url

    return use
