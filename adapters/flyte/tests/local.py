"""Runs tasks in Flyte's local mode, with a person who answers."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import flyte
import httpx
from tasks.local_tasks import ASKED


class Human:
    """
    Answers each event that a task asks.

    Args:
        answer: What is answered: given the event, its value.
    """

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.events: list[Any] = []
        self.replies: list[httpx.Response] = []
        self._answer = answer

    @contextmanager
    def answering(self) -> Iterator[Human]:
        """Answer until the block is left."""
        while not ASKED.empty():
            ASKED.get()
        over = threading.Event()
        thread = threading.Thread(target=self._work, args=(over,))
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()

    def _work(self, over: threading.Event) -> None:
        while not over.is_set():
            try:
                event = ASKED.get(timeout=0.05)
            except queue.Empty:
                continue
            if event.request_id not in {known.request_id for known in self.events}:
                body = {"request_id": event.request_id, "value": self._answer(event)}
                self.replies.append(httpx.post(event.api_url, json=body, timeout=60))
            self.events.append(event)


def run(task: Any, work: Path, name: str = "", **inputs: Any) -> Any:
    """Run a task in local mode; return what it returned."""
    name = name or f"run{uuid4().hex}"
    context = flyte.with_runcontext(mode="local", name=name, raw_data_path=str(work / "raw"))
    return context.run(task, **inputs).outputs()[0]


def reports(run: str) -> list[str]:
    """Return the reports that a run has written; where, Flyte says."""
    return [path.read_text() for path in (Path("/tmp/flyte/metadata") / run).rglob("report.html")]


def request_of(store: Path, event: Any) -> dict[str, Any]:
    """Return a question as it is stored."""
    found: dict[str, Any] = json.loads((store / event.request_path).read_text())
    return found
