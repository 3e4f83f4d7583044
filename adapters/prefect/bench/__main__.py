"""
Measure `pause_flow_run` beside Prefect's own, in one run, on one server.

    python adapters/prefect/bench [--count 12] [--minute 60] [--json FILE]

For each way: seconds from "accepted" to the flow going on, answered at random moments; and HTTP requests to Prefect's
server in a minute of waiting, from the server's own access log. Nothing passes or fails by it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from flows import WAYS

HERE = Path(__file__).parent
LIMIT = 60.0
# Of the run's own life and not of its waiting: its log, which is sent in batches, and its events, by WebSocket.
REQUEST = re.compile(r'"(?:GET|POST|PATCH|PUT|DELETE) /api/(?!logs|health|events)\S* HTTP')
LINK = re.compile(r"https?://\S+/form/[a-z2-7]{26}")


class Lines:
    """A process whose output is read as it comes."""

    def __init__(self, command: list[str], environ: dict[str, str], log: Path) -> None:
        self._log = log
        self._read = 0
        with log.open("w") as file:
            self.process = subprocess.Popen(command, env=environ, stdout=file, stderr=subprocess.STDOUT)

    def text(self) -> str:
        """All that was printed so far."""
        return self._log.read_text("utf-8", "replace")

    def next(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait for the next match."""
        ends = time.monotonic() + LIMIT
        while not (found := pattern.search(self.text(), self._read)):
            if time.monotonic() > ends:
                sys.exit(f"There never was {pattern.pattern}:\n{self.text()[-3000:]}")
            time.sleep(0.002)
        self._read = found.end()
        return found

    def end(self) -> None:
        """End the process."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(20)


@contextmanager
def served(folder: Path, environ: dict[str, str]) -> Iterator[Lines]:
    """A Prefect server that writes down each request."""
    port = environ["PREFECT_API_URL"].rpartition(":")[2].partition("/")[0]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    server = Lines(command, environ | {"PREFECT_SERVER_LOGGING_LEVEL": "INFO"}, folder / "server.log")
    try:
        ends = time.monotonic() + LIMIT
        while time.monotonic() < ends:
            with suppress(httpx.HTTPError):
                httpx.get(f"{environ['PREFECT_API_URL']}/health")
                break
            time.sleep(0.2)
        yield server
    finally:
        server.end()


def measured(
    way: str, count: int, minute: float, folder: Path, environ: dict[str, str], server: Lines
) -> dict[str, float]:
    """Measure one way."""
    flow = Lines([sys.executable, str(HERE / "flows.py"), way, str(count + 1)], environ, folder / f"{way}.log")
    api, took = environ["PREFECT_API_URL"], []
    requests = 0
    for number in range(count + 1):
        run_id = flow.next(re.compile(r"@ asks (\S+)")).group(1)
        link = flow.next(LINK).group() if way.startswith("ours") else None
        until_open(api, run_id, link is None or way.endswith("paused"))
        if number == 0:
            time.sleep(3)  # the waiting itself, without what began it
            before = len(REQUEST.findall(server.text()))
            time.sleep(minute)
            requests = len(REQUEST.findall(server.text())) - before
        else:
            time.sleep(random.uniform(0, 10))
        accepted = answered(api, run_id, link)
        returned = int(flow.next(re.compile(r"@ returned (\d+)")).group(1))
        if number:
            took.append((returned - accepted) / 1e9)
    flow.process.wait(LIMIT)
    return {"median": statistics.median(took), "most": max(took), "requests": requests * 60 / minute}


def until_open(api: str, run_id: str, paused: bool) -> None:
    """Wait until the question can be answered."""
    ends = time.monotonic() + LIMIT
    while paused and time.monotonic() < ends:
        state = httpx.get(f"{api}/flow_runs/{run_id}").json()["state"]
        if state["type"] == "PAUSED":
            # Prefect's own pause writes its form after its state; a resume between the two is refused.
            time.sleep(0.5)
            return
        time.sleep(0.1)


def answered(api: str, run_id: str, link: str | None) -> int:
    """Answer in our form, or through Prefect's API; return the moment at which it had said yes."""
    if link is None:
        reply = httpx.post(f"{api}/flow_runs/{run_id}/resume", json={"run_input": {"value": 3}}).raise_for_status()
        assert reply.json()["status"] == "ACCEPT", reply.text
    else:
        base, _, request_id = link.partition("/form/")
        httpx.post(f"{base}/submit/json", json={"request_id": request_id, "value": 3}).raise_for_status()
    return time.monotonic_ns()


def main() -> None:
    """Measure every way and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--count", type=int, default=12, help="answers for each way")
    parser.add_argument("--minute", type=float, default=60.0, help="seconds of waiting in which requests are counted")
    parser.add_argument("--json", type=Path, help="where the figures go")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pausepoint-prefect-bench-") as name:
        folder = Path(name)
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PAUSEPOINT_", "PREFECT_"))}
        environ = clean | {
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_URL": f"http://127.0.0.1:{random.randint(20_000, 29_000)}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PAUSEPOINT_STORE": (folder / "store").as_uri(),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONUNBUFFERED": "1",
        }
        with served(folder, environ) as server:
            figures = {way: measured(way, given.count, given.minute, folder, environ, server) for way in WAYS}
    print(f"{'':30}{'median':>10}{'most':>10}{'requests/min':>15}")
    for way, found in figures.items():
        print(f"{way:30}{found['median']:>8.3f} s{found['most']:>8.3f} s{found['requests']:>15.0f}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
