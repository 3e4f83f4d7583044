"""A Prefect server of the tests' own on loopback, and a store for each test."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from reviewing import Machine, free_port

# Before anything imports Prefect, which reads its settings once.
HOME = Path(tempfile.mkdtemp(prefix="pausepoint-prefect-"))
PORT = free_port()
for name in [name for name in os.environ if name.startswith(("PAUSEPOINT_", "PREFECT_"))]:
    del os.environ[name]
os.environ.update(
    {
        "PREFECT_HOME": str(HOME),
        "PREFECT_API_URL": f"http://127.0.0.1:{PORT}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(HOME / "results"),
        "XDG_DATA_HOME": str(HOME / "data"),
        "XDG_STATE_HOME": str(HOME / "state"),
    }
)
LIMIT = 300.0
"""Seconds that the server has to start, which takes five on a machine with nothing else to do."""
# Also before that: what is registered first is called last, and Prefect sends its last logs and events when we exit.
SERVERS: list[subprocess.Popen[bytes]] = []


@atexit.register
def stop_servers() -> None:
    """End what was started here."""
    for process in SERVERS:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session", autouse=True)
def server() -> str:
    """The address of a Prefect server with a database of its own."""
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(PORT)]
    with (HOME / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    SERVERS.append(process)
    url = os.environ["PREFECT_API_URL"]
    ends = time.monotonic() + LIMIT
    while not answers(url):
        assert process.poll() is None, (HOME / "server.log").read_text("utf-8")
        assert time.monotonic() < ends, (HOME / "server.log").read_text("utf-8")
        time.sleep(0.2)
    return url


@pytest.fixture
def outage(server: str) -> AbstractContextManager[None]:
    """A block in which the server lives and does not answer."""
    assert server
    started = psutil.Process(SERVERS[0].pid)
    processes = [started, *started.children(recursive=True)]

    @contextmanager
    def stopped() -> Iterator[None]:
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(processes):
                process.resume()

    return stopped()


def answers(url: str) -> bool:
    """Say whether the server is up."""
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that no other test uses, served at a port that no other test uses."""
    monkeypatch.setenv("PAUSEPOINT_STORE", (tmp_path / "store").as_uri())
    monkeypatch.setenv("PAUSEPOINT_PORT", str(free_port()))
    return tmp_path / "store"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Processes that share this test's store; what was started there ends with the test."""
    made = Machine(tmp_path)
    yield made
    made.close()
