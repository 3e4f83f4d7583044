"""A whole installation for one test: form apps, the nginx in front of them, workflows that wait."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from fronting import PREFIX, Certificates, Front

from reviewing import LIMIT, PLAIN, Machine, Script, free_port

OPERATOR = "the operator's own token"
WORKFLOW = Path(__file__).with_name("workflow.py")


class House:
    """
    The installation.

    Args:
        machine: Its store, and what starts processes.
        folder: Where nginx and certificates are.
    """

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.certificates = Certificates(folder / "tls")
        self.front: Front
        self.apps: dict[int, Script] = {}
        self.settings: dict[str, str] = {}

    def open(self, replicas: int = 1, workers: int = 1, recipe: str = "pausepoint.conf", **settings: str) -> Front:
        """Start form apps and the nginx in front of them; return it."""
        ports = [free_port() for _ in range(replicas)]
        more = settings.pop("more", None)
        self.front = Front(self.folder / "nginx", self.certificates, ports, recipe, json.loads(more) if more else None)
        self.settings = {
            "PAUSEPOINT_PUBLIC_URL": self.front.url,
            "PAUSEPOINT_TRUSTED_PROXIES": "127.0.0.1",
            "PAUSEPOINT_API_TOKEN": OPERATOR,
            "PAUSEPOINT_LOG": "json",
            **settings,
        }
        for port in ports:
            self.start_app(port, workers)
        self.front.start()
        for port in ports:
            self.until_ready(port)
        return self.front

    def start_app(self, port: int, workers: int = 1) -> Script:
        """Start one form app, as the recipes do; each has a machine's folder of its own."""
        command = ["pausepoint", "serve", "--port", str(port), "--root-path", PREFIX, "--workers", str(workers)]
        state = {"XDG_STATE_HOME": str(self.folder / f"state-{port}")}
        self.apps[port] = self.machine.command(*command, **self.settings, **state)
        return self.apps[port]

    def until_ready(self, port: int) -> dict[str, Any]:
        """Wait until an app says that it can work; return what it says."""
        give_up = time.monotonic() + LIMIT
        while True:
            assert self.apps[port].process.poll() is None, self.apps[port].told
            try:
                reply = httpx.get(
                    f"http://127.0.0.1:{port}{PREFIX}/ready", trust_env=False, timeout=LIMIT, verify=PLAIN
                )
            except httpx.TransportError:
                reply = None
            if reply is not None and reply.status_code == 200:
                told: dict[str, Any] = reply.json()
                return told
            assert time.monotonic() < give_up, self.apps[port].told
            time.sleep(0.05)  # a server tells its readiness to whoever asks, and to nobody else

    def workflow(self, events: int, run: str = "nightly", **settings: str) -> Workflow:
        """Start a process that asks that many questions at once and waits for all answers, through the front."""
        reached, _ = self.front.reached(self.front.url)
        given = {**self.settings, "PAUSEPOINT_URL": reached, "SSL_CERT_FILE": str(self.certificates.authority)}
        del given["PAUSEPOINT_API_TOKEN"]
        return Workflow(self.machine.start(WORKFLOW, str(events), run, **{**given, **settings}))

    def figures(self, port: int) -> dict[str, float]:
        """Scrape an app as Prometheus does."""
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        reply = httpx.get(
            f"http://127.0.0.1:{port}{PREFIX}/metrics", headers=headers, trust_env=False, timeout=LIMIT, verify=PLAIN
        )
        lines = [line for line in reply.raise_for_status().text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def until_counted(self, port: int, name: str, value: float) -> dict[str, float]:
        """Wait until an app's figures have this value, which takes it some seconds; return all of them."""
        give_up = time.monotonic() + LIMIT
        while (told := self.figures(port))[name] != value:
            assert time.monotonic() < give_up, told
            time.sleep(0.2)  # figures are asked for, never told
        return told

    def close(self) -> None:
        """End nginx; what the machine started ends with the machine."""
        if hasattr(self, "front"):
            self.front.stop()


class Workflow:
    """The process of `workflow.py`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._read = 0

    def links(self, count: int) -> dict[int, str]:
        """Return the links of its questions by their number, once it has asked so many."""
        return {int(told["asked"]): told["link"] for told in self._until("asked", count)}

    def until_pushed(self, times: int = 1) -> None:
        """Wait until its stream has been opened so often."""
        self._until("pushed", times)

    def answers(self) -> dict[int, Any]:
        """Wait for its end; return what each question's `wait` returned."""
        code = self.script.process.wait(LIMIT * 10)
        self.script.wait()
        assert code == 0, self.script.told[-4000:]
        return {int(told["got"]): told["value"] for told in self._told() if "got" in told}

    def streams(self) -> int:
        """Return how often its stream has been opened so far."""
        return sum("pushed" in told for told in self._told())

    def _until(self, word: str, count: int) -> list[dict[str, Any]]:
        give_up = time.monotonic() + LIMIT * 5
        while len(found := [told for told in self._told() if word in told]) < count:
            assert self.script.process.poll() is None, self.script.told[-4000:]
            assert time.monotonic() < give_up, self.script.told[-4000:]
            time.sleep(0.05)  # it is another process
        return found

    def _told(self) -> Iterable[dict[str, Any]]:
        return [json.loads(line) for line in list(self.script.stdout) if line.startswith("{")]


def end(script: Script, within: float = 10.0) -> int:
    """Tell a process to end, as an orchestrator does, and kill it if it has not by then; return its exit code."""
    script.process.send_signal(signal.SIGTERM)
    return script.process.wait(within)
