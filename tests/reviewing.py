"""
A script as a real process, and the reviewer who answers it over HTTP.

Suites take it as the fixture `machine`. Waits have a limit only so that a test that would hang fails instead.
"""

from __future__ import annotations

import os
import queue
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

LINK = re.compile(r"https?://[^\s/]+/form/[a-z2-7]{26}")
LIMIT = 60.0
"""Seconds after which something that should have happened counts as never happening."""
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For HTTP without TLS. Each client that is given none reads what HTTPS trusts, which takes 24 ms of CPU."""


class Script:
    """
    A process of ours, with what it prints and the links among it.

    Args:
        command: What to start.
        folder: Where.
        environ: With what settings.
    """

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]) -> None:
        self.environ = environ
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._links: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._readers = [
            threading.Thread(target=self._read, args=streams, daemon=True)
            for streams in ((self.process.stdout, self.stdout), (self.process.stderr, self.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def link(self) -> str:
        """Return the next link that the process prints; fail with all that it printed if it ends without one."""
        link = self._links.get(timeout=LIMIT)
        assert link, f"It ended without a (further) link.\n{self.told}"
        return link

    def finish(self) -> str:
        """Wait for the process to end well; return what it printed on standard output."""
        code = self.wait()
        assert code == 0, f"It ended with {code}.\n{self.told}"
        return "".join(self.stdout)

    def wait(self) -> int:
        """Wait for the process to end, and for the last of what it printed."""
        code = self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join(LIMIT)
        return code

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.wait()

    @property
    def told(self) -> str:
        """All that the process printed so far."""
        return f"--- stdout\n{''.join(self.stdout)}--- stderr\n{''.join(self.stderr)}"

    def close(self) -> None:
        """End whatever still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            lines.append(line)
            for link in LINK.findall(line):
                self._links.put(link)
        if lines is self.stderr:
            self._links.put(None)  # nothing more can come


class Machine:
    """
    A machine of its own for one test: a store, and the folders where processes find each other.

    Args:
        folder: Where all of it lives.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        # Not the default port, which another suite may take while ours is between two processes.
        self._port = free_port()
        self._running: list[Script] = []

    def environ(self, **more: str) -> dict[str, str]:
        """Return this process's environment without its settings, and with this machine's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAUSEPOINT_")}
        own = {
            "PAUSEPOINT_STORE": self.store.as_uri(),
            "PAUSEPOINT_PORT": str(self._port),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        }
        return inherited | own | more

    def start(self, *arguments: str | Path, **settings: str) -> Script:
        """Start Python with *arguments*; `PAUSEPOINT_...` settings by keyword."""
        return self.command(sys.executable, *arguments, **settings)

    def command(self, *command: str | Path, **settings: str) -> Script:
        """Start a command."""
        self.folder.mkdir(parents=True, exist_ok=True)
        script = Script([str(part) for part in command], self.folder, self.environ(**settings))
        self._running.append(script)
        return script

    def write(self, name: str, text: str) -> Path:
        """Put a script into the folder."""
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def until_it_answers(self, link: str) -> None:
        """Wait for a server that is just starting, or just taking over."""
        tries = int(LIMIT / 0.1)
        while not _is_served(link):
            tries -= 1
            assert tries, f"Nobody answers at {link}."
            time.sleep(0.1)

    def answer(self, link: str, value: object) -> httpx.Response:
        """Answer as a program does, through POST /submit/json; return whatever came back."""
        base, _, request_id = link.partition("/form/")
        return httpx.post(
            f"{base}/submit/json", json={"request_id": request_id, "value": value}, timeout=LIMIT, verify=PLAIN
        )

    def status(self, link: str) -> dict[str, Any]:
        """Ask how the event of a link stands."""
        base, _, request_id = link.partition("/form/")
        told: dict[str, Any] = (
            httpx.get(f"{base}/status/{request_id}", timeout=LIMIT, verify=PLAIN).raise_for_status().json()
        )
        return told

    def submit(self, link: str, typed: dict[str, str]) -> httpx.Response:
        """
        Answer as a browser without JavaScript does: open the form, change some inputs, send all of them.

        Args:
            link: The link.
            typed: By input name; `action` is the button.
        """
        base = link.partition("/form/")[0]
        with httpx.Client(timeout=LIMIT, verify=PLAIN) as browser:
            shown = Inputs(browser.get(link).raise_for_status().text)
            return browser.post(f"{base}/submit", data=shown.inputs | typed, headers={"Origin": base})

    def close(self) -> None:
        """End everything that was started here."""
        for script in self._running:
            script.close()


def _is_served(link: str) -> bool:
    try:
        httpx.get(link, timeout=LIMIT, verify=PLAIN).raise_for_status()
    except httpx.TransportError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Inputs(HTMLParser):
    """What a browser would submit of a page as it was shown: hidden and text inputs, ticked boxes, selected options."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inputs: dict[str, str] = {}
        self._area: str | None = None
        self._select: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "textarea":
            self._area = name
            self.inputs[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.inputs[self._select] = given.get("value", "")
        elif tag == "input" and name and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            self.inputs[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.inputs[self._area] += data.removeprefix("\n")
