"""
What the tests of old faults are about, reached in one way: ours, or flyteplugins-hitl itself, to see them fail there.

`FAULTS_OF=flyteplugins-hitl pytest tests/test_faults.py tests/test_cluster_faults.py`, in an environment with that
distribution and without ours, fails each test. Errors are no failures: they mean that the other one was not reached.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

BROWSER = {"sec-fetch-site": "same-origin"}


@dataclass
class Asked:
    """A question, and where what becomes of it is stored."""

    request_id: str
    request_path: Path
    response_path: Path
    event: Any


class Subject(ABC):
    """
    A plugin under test.

    Args:
        folder: Where its store is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def ask(self, data_type: Any = int, name: str = "n", prompt: str = "?", timeout: Any = 60, poll: Any = 5) -> Asked:
        """Ask a question, as a task does."""

    @abstractmethod
    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to the form app."""

    @abstractmethod
    def claims(self, asked: Asked) -> dict[str, str]:
        """Return what an old client sends along with each answer."""

    @abstractmethod
    def answered_by_hand(self, asked: Asked, value: Any) -> bytes:
        """Return a response as somebody could have put it into the store."""

    def wait(self, asked: Asked) -> Any:
        """Wait for the answer, as a task does."""
        return asked.event.wait()

    def form(self, asked: Asked) -> httpx.Response:
        """Open the form by its link."""
        return self.send("GET", f"/form/{asked.request_id}", params={"request_path": str(asked.request_path)})

    def submit(self, asked: Asked, value: Any, **over: Any) -> httpx.Response:
        """Answer as an old program does."""
        body = {"request_id": asked.request_id, "value": value, **self.claims(asked), **over}
        return self.send("POST", "/submit/json", json=body)

    def submit_form(self, asked: Asked, value: str, **headers: str) -> httpx.Response:
        """Fill the form in and submit it, as a browser does."""
        page = self.form(asked).text
        hidden = {
            re.search(r'name="([^"]*)"', tag)[1]: unescape((re.search(r'value="([^"]*)"', tag) or ["", ""])[1])  # type: ignore[index]
            for tag in re.findall(r"<input[^>]*hidden[^>]*>", page)
        }
        field = "v" if 'name="v"' in page else "value"
        return self.send("POST", "/submit", data={**hidden, field: value}, headers={**BROWSER, **headers})


class Ours(Subject):
    """Pausepoint's, served by this process."""

    def ask(self, data_type: Any = int, name: str = "n", prompt: str = "?", timeout: Any = 60, poll: Any = 5) -> Asked:
        from flyteplugins import hitl

        event = hitl.new_event(name, data_type, "run", prompt, timeout, poll)
        self.base = event.endpoint
        return Asked(event.request_id, self.folder / event.request_path, self.folder / event.response_path, event)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        if not hasattr(self, "base"):
            self.ask(name="served")
        headers = {"origin": self.base, **more.pop("headers", {})} if method == "POST" else {}
        return httpx.request(method, f"{self.base}{path}", headers=headers, timeout=60, **more)

    def claims(self, asked: Asked) -> dict[str, str]:
        return {"data_type": asked.event._handle._request.data_type, "response_path": asked.event.response_path}

    def answered_by_hand(self, asked: Asked, value: Any) -> bytes:
        record = {"request_id": asked.request_id, "outcome": "answered", "value": value, "source": "reviewer"}
        return json.dumps({"schema_version": 1, "write_id": uuid4().hex, **record}).encode()


class Theirs(Subject):
    """
    flyteplugins-hitl's app and wait, with a question stored as its own `create` stores one.

    To be run in a folder without ours: what cannot be imported fails, too, and says nothing.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        from flyteplugins import hitl

        assert not hasattr(hitl, "_alone"), f"{hitl.__file__} is ours"

    def ask(self, data_type: Any = int, name: str = "n", prompt: str = "?", timeout: Any = 60, poll: Any = 5) -> Asked:
        from flyteplugins.hitl import Event
        from flyteplugins.hitl._helpers import _get_type_name

        request_id = str(uuid4())
        folder = self.folder / request_id
        folder.mkdir(parents=True)
        kind = _get_type_name(data_type)
        paths = folder / "request.json", folder / "response.json"
        record = {"request_id": request_id, "event_name": name, "scope": "run", "prompt": prompt, "data_type": kind}
        more = {"status": "pending", "request_path": str(paths[0]), "response_path": str(paths[1])}
        paths[0].write_text(json.dumps({**record, **more}))
        self.kinds = {**getattr(self, "kinds", {}), request_id: kind}
        event = Event(
            name, "run", data_type, prompt, request_id, "http://x", str(paths[0]), str(paths[1]), timeout, poll
        )
        return Asked(request_id, *paths, event)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        from flyteplugins.hitl._app import app

        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
                return await client.request(method, path, **more)

        found: list[httpx.Response] = []
        # Tests may run a loop of their own.
        thread = threading.Thread(target=lambda: found.append(asyncio.run(sent())))
        thread.start()
        thread.join()
        return found[0]

    def claims(self, asked: Asked) -> dict[str, str]:
        return {"data_type": self.kinds[asked.request_id], "response_path": str(asked.response_path)}

    def answered_by_hand(self, asked: Asked, value: Any) -> bytes:
        return json.dumps({"status": "completed", "value": value, "request_id": asked.request_id}).encode()

    def wait(self, asked: Asked) -> Any:
        from flyteplugins.hitl._event import wait_for_input_event

        event = asked.event
        return asyncio.run(
            wait_for_input_event(
                event.name,
                event.request_id,
                str(asked.response_path),
                event.timeout_seconds,
                event.poll_interval_seconds,
            )
        )
