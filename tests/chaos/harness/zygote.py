"""
Starts processes within milliseconds: everything is imported once, and each process is a fork of that.

Run as a programme: it reads one JSON object per line, `{"role", "log", ...}`, forks a process that plays the role, and
writes `{"pid"}`; when a process has ended it writes `{"ended": pid, "status"}`. It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import pausepoint

HARNESS = Path(__file__).parent
PACKAGE = Path(pausepoint.__file__).parent
LIMIT = 60.0


class Zygote:
    """
    The starter, seen from the test.

    Args:
        environ: What its processes find in their environment.
        log: Where it tells what went wrong.
    """

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{HARNESS.name}.zygote"],
            cwd=log.parent,
            env={**environ, "PYTHONPATH": os.pathsep.join([str(HARNESS.parent), str(PACKAGE.parent)])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._changed = threading.Condition()
        self._started: list[int] = []
        self._status: dict[int, int] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, role: str, log: Path, **given: Any) -> int:
        """Start a process; return its id."""
        assert self._process.stdin is not None
        with self._changed:
            self._process.stdin.write(json.dumps({"role": role, "log": str(log), **given}) + "\n")
            self._process.stdin.flush()
            assert self._changed.wait_for(lambda: self._started or self._gone, LIMIT), "no process was started"
            assert not self._gone, f"the starter has ended; see {self._log.name}"
            return self._started.pop()

    def status(self, pid: int) -> int | None:
        """Return how a process ended: its exit code, or a signal's negative number; None while it lives."""
        return self._status.get(pid)

    def wait_for_change(self, seconds: float) -> None:
        """Return when some process has ended, or after so many seconds."""
        with self._changed:
            self._changed.wait(seconds)

    def wait(self, pid: int) -> int:
        """Wait for a process to end."""
        with self._changed:
            assert self._changed.wait_for(lambda: pid in self._status, LIMIT), f"process {pid} does not end"
            return self._status[pid]

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to a process that was started here and has not ended."""
        with self._changed:
            if pid not in self._status:
                # It may have ended, and its parent reaped it, a moment before that is told to us.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def close(self) -> None:
        """End the starter; its processes must have ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(LIMIT)
        self._reader.join(LIMIT)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            with self._changed:
                if "pid" in told:
                    self._started.append(told["pid"])
                else:
                    self._status[told["ended"]] = told["status"]
                self._changed.notify_all()
        with self._changed:
            self._gone = True
            self._changed.notify_all()


def main() -> None:
    """Serve until standard input ends."""
    from .roles import ROLES

    # A child that ends makes the pipe readable, so that nothing is polled.
    ended, awake = os.pipe()
    os.set_blocking(awake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(awake)
    children: set[int] = set()
    buffered = b""
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            reap(children)
        if 0 in ready:
            read = os.read(0, 65536)
            if not read:
                break
            buffered += read
            *lines, buffered = buffered.split(b"\n")
            for line in lines:
                children.add(fork(json.loads(line), ROLES))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def reap(children: set[int]) -> None:
    """Tell who has ended."""
    for child in list(children):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            children.discard(pid)
            tell(ended=pid, status=os.waitstatus_to_exitcode(status))


def fork(given: dict[str, Any], roles: dict[str, Any]) -> int:
    """Start a child that plays a role."""
    pid = os.fork()
    if pid:
        tell(pid=pid)
        return pid
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(given.pop("log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, descriptor)
    return play(roles[given.pop("role")], given)


def play(role: Any, given: dict[str, Any]) -> NoReturn:
    """Play a role as a programme of its own would run, and end."""
    import atexit
    import traceback

    code = 0
    try:
        role(**given)
    except BaseException:  # noqa: BLE001 - whatever it is, it goes to the log, and the process ends
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(code)


def tell(**told: int) -> None:
    """Write one line at once, so that lines never mix."""
    os.write(1, json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    main()
