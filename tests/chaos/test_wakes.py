"""Form apps are killed between settling and waking, and around the record of it; the next app wakes what they left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from harness.scenario import free_port

from pausepoint._markers import Markers
from pausepoint._models import Request, RunContext, utc_now
from pausepoint._store import Records, open_store

from reviewing import Machine
from rousing import install

HERE = Path(__file__).parent
SECONDS = 60
APP = """
import sys
from harness.roles import app
app(port=int(sys.argv[1]), journal=sys.argv[2], settings={}, step=sys.argv[3])
"""


class Site:
    """A store, a plugin, and form apps that die at a named step."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.journal = machine.folder / "toy.jsonl"
        self.records = Records(open_store(machine.store))
        install(machine.folder / "installed", "toy")

    def app(self, step: str = "") -> tuple[Any, str]:
        """Start an app; return it and where it is."""
        port = free_port()
        path = os.pathsep.join([str(HERE), str(self.machine.folder / "installed"), *filter(None, sys.path)])
        environ = {"PYTHONPATH": path, "TOY_JOURNAL": str(self.journal)}
        started = self.machine.start("-c", APP, str(port), str(self.machine.folder / "steps"), step, **environ)
        self.machine.until_it_answers(f"http://127.0.0.1:{port}/health")
        return started, f"http://127.0.0.1:{port}"

    async def ask(self, letter: str, complete: bool = True) -> str:
        await self.records.identity_secret()
        request = Request(
            request_id=letter * 26,
            name="approve",
            key=letter,
            run=RunContext(engine="toy", run_id="r"),
            title="Approve?",
            prompt="Do you?",
            data_type="int",
            json_schema={"type": "integer"},
            schema_complete=complete,
            created_at=utc_now(),
        )
        await self.records.put_request(request)
        await Markers(self.records.store).opened(request.request_id)
        return request.request_id

    def woken(self) -> Counter[tuple[str, str]]:
        """How often the engine was woken, by the first letter of the event and the reason."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        said = [json.loads(line) for line in lines]
        return Counter((each["id"][0], each["reason"]) for each in said if each["hook"] == "wake" and each.get("done"))

    async def until_remembered(self, *wanted: tuple[str, int]) -> None:
        with anyio.fail_after(SECONDS):
            for letter, number in wanted:
                while await self.records.wake(letter * 26, number) is None:
                    await anyio.sleep(0.1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    machine = Machine(tmp_path)
    yield Site(machine)
    machine.close()


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("after response", 0, 1),  # between settling and waking
        ("after candidate", 0, 1),
        ("before woken", 1, 2),  # between waking and its record: woken twice rather than never
        ("unlinked woken", 1, 2),
        ("linked woken", 1, 1),
        ("after woken", 1, 1),
    ],
)
def test_whatever_a_killed_app_left_undone_the_next_one_does_and_nothing_else(
    site: Site, step: str, before: int, after: int
) -> None:
    kind = "candidate" if step == "after candidate" else "response"
    dying, url = site.app(step)
    request_id = anyio.run(site.ask, "a", kind == "response")
    with contextlib.suppress(httpx.TransportError):  # it may die before it replies
        httpx.post(f"{url}/submit/json", json={"request_id": request_id, "value": 1}, timeout=SECONDS)
    assert dying.wait() == -signal.SIGKILL
    assert (site.machine.folder / "steps.steps").read_text().splitlines() == [step]
    assert site.woken() == ({("a", kind): before} if before else {})
    _, url = site.app()
    anyio.run(site.until_remembered, ("a", 0 if kind == "response" else 1))

    assert site.woken() == {("a", kind): after}
    if kind == "response":
        again = httpx.post(f"{url}/submit/json", json={"request_id": request_id, "value": 2}, timeout=SECONDS)
        assert again.status_code == 409
