"""Processes that are measured: started here, asked in lines of JSON, read in /proc, ended by their id."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
LIMIT = 300.0
"""Seconds after which a line that has not come never will."""
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """
    A child of ours.

    Args:
        command: What to start.
        environ: All of its environment.
        log: Where its standard error goes.
    """

    def __init__(self, command: list[str], environ: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._errors = log.open("wb")
        self._process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
        )
        self.pid = self._process.pid
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def line(self, within: float = LIMIT) -> str:
        """Return the next line of its standard output."""
        try:
            text = self._lines.get(timeout=within)
        except queue.Empty:
            text = ""
        assert text, f"it said nothing more: {self.log.read_text('utf-8', 'replace')[-3000:]}"
        return text.strip()

    def tell(self, **command: Any) -> None:
        """Send it a line of JSON."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """Return the next line of JSON from it."""
        return json.loads(self.line())

    def ask(self, do: str, **command: Any) -> Any:
        """Send it a line of JSON and return the one that answers it."""
        self.tell(do=do, **command)
        return self.hear()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # it was closed at the end
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put("")

    def cpu(self) -> float:
        """Return the CPU seconds it has used, user and system, its threads included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def until_idle(self) -> None:
        """Wait until it has used next to no CPU for half a second: what it still begins would count as a request's."""
        give_up, before = time.monotonic() + 60, self.cpu()
        while time.monotonic() < give_up:
            time.sleep(0.5)
            now = self.cpu()
            if now - before <= 1 / TICKS:
                return
            before = now

    def memory(self) -> int:
        """Return its resident bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1]) * PAGE


def environ(folder: Path, store: str, **more: str) -> dict[str, str]:
    """Return this process's environment without its settings, and with a store and a machine of their own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAUSEPOINT_")}
    own = {
        "PAUSEPOINT_STORE": store,
        "PAUSEPOINT_PORT": str(free_port()),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_DATA_HOME": str(folder / "data"),
        "PYTHONUNBUFFERED": "1",
    }
    return {**inherited, **own, **more}


@contextlib.contextmanager
def served(folder: Path, settings: Mapping[str, str]) -> Iterator[tuple[Process, str]]:
    """Run `pausepoint serve` and say where; its state is its own, so that nobody finds it without being told."""
    command = [sys.executable, "-c", "from pausepoint.cli import main; main()", "serve"]
    state = {"XDG_STATE_HOME": str(folder / "server-state")}
    with Process(command, {**settings, **state}, folder / f"serve-{free_port()}.log") as server:
        found = re.search(r"at (http://\S+)", server.line())
        assert found, server.log.read_text("utf-8")
        server.line()
        until_listening(found[1])
        yield server, found[1]


@contextlib.contextmanager
def author(folder: Path, settings: Mapping[str, str], *options: str) -> Iterator[Process]:
    """Run a workflow that asks what it is told to ask, see `author.py`."""
    command = [sys.executable, str(HERE / "author.py"), *options]
    with Process(command, settings, folder / f"author-{free_port()}.log") as process:
        yield process


def until_listening(url: str) -> None:
    """Wait until somebody listens at a URL."""
    host, _, port = url.rpartition("/")[2].partition(":")
    give_up = time.monotonic() + 60
    while not _listens(host, int(port)):
        assert time.monotonic() < give_up, f"nobody listens at {url}"
        time.sleep(0.05)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
