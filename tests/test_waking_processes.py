"""Waking between real processes: the end of a script, and an engine whose process was its own."""

from __future__ import annotations

import json
import time
from typing import Any

import anyio
import httpx
import pytest

from pausepoint._store import Records, open_store

from reviewing import Machine
from rousing import install

SECONDS = 60

ASKS = """
from pausepoint import pause
print(pause(int, key="how-many", timeout=60))
"""
ASKS_WHAT_ONLY_IT_CAN_JUDGE = """
from typing import Annotated
from pydantic import AfterValidator
from pausepoint import pause
print(pause(Annotated[int, AfterValidator(lambda value: value)], key="how-many", timeout=60))
"""
ASKS_AND_CANCELS = """
from pausepoint import new_event
event = new_event("how-many", int, timeout_seconds=60)
event.cancel("never mind")
"""

ENDS_WHILE_ITS_LOOP_IS_BUSY = """
import time
from pausepoint import new_event
from pausepoint._event import current_surface
from pausepoint._sync import begin

event = new_event("how-many", int, timeout_seconds=60)
watcher = current_surface().watcher()

async def withdraw():
    request = await watcher.records.request(event.request_id)
    await watcher.settling.cancel(request, "never mind")
    time.sleep(2)

begin(withdraw)
time.sleep(0.5)
"""


class Toy:
    """A machine on which the toy engine's plugin is installed."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.journal = machine.folder / "toy.jsonl"
        install(machine.folder / "installed", "toy")

    def environ(self, **more: str) -> dict[str, str]:
        return {"PYTHONPATH": str(self.machine.folder / "installed"), "TOY_JOURNAL": str(self.journal), **more}

    def start(self, code: str, **more: str) -> Any:
        return self.machine.start("-c", code, **self.environ(**more))

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal.read_text().splitlines()] if self.journal.exists() else []

    def done(self) -> list[str]:
        return [each.get("outcome") or each["reason"] for each in self.said() if each.get("done")]

    async def until_remembered(self, request_id: str, number: int = 0) -> str:
        """Wait until it is remembered that the engine was woken; return by whom."""
        records = Records(open_store(self.machine.store))
        with anyio.fail_after(SECONDS):
            while (wake := await records.wake(request_id, number)) is None:
                await anyio.sleep(0.1)
        return wake.by

    async def is_remembered(self, request_id: str) -> bool:
        return await Records(open_store(self.machine.store)).wake(request_id, 0) is not None


@pytest.fixture
def toy(machine: Machine) -> Toy:
    return Toy(machine)


def test_a_script_that_ends_with_the_answer_has_told_slow_plugins_of_it(toy: Toy) -> None:
    script = toy.start(ASKS, TOY_RUN="r1", TOY_SECONDS="0.5")
    assert toy.machine.answer(script.link(), 3).is_success

    assert script.finish() == "3\n"
    assert toy.done() == ["answered"]


def test_a_plugin_that_hangs_does_not_keep_a_script_from_ending(toy: Toy) -> None:
    script = toy.start(ASKS, TOY_RUN="r1", TOY="settled hangs")
    assert toy.machine.answer(script.link(), 3).is_success

    assert script.finish() == "3\n"
    assert [each["hook"] for each in toy.said()] == ["settled"]


def test_a_script_that_withdraws_its_question_wakes_the_engine_before_it_ends(toy: Toy) -> None:
    toy.start(ASKS_AND_CANCELS, TOY_RUN="r1", TOY_SECONDS="0.5").finish()

    assert sorted(toy.done()) == ["cancelled", "response"]


def test_plugins_are_told_by_a_process_that_ends_and_can_start_no_thread_any_more(toy: Toy) -> None:
    script = toy.start(ENDS_WHILE_ITS_LOOP_IS_BUSY, TOY_RUN="r1", PAUSEPOINT_STORE="memory://")
    script.finish()

    assert sorted(toy.done()) == ["cancelled", "response"]
    assert "RuntimeError" not in script.told


@pytest.mark.parametrize("code", [ASKS, ASKS_WHAT_ONLY_IT_CAN_JUDGE])
def test_who_waited_in_its_own_process_is_woken_by_the_next_form_app_and_not_by_itself(toy: Toy, code: str) -> None:
    script = toy.start(code, TOY_RUN="r1")
    link = script.link()
    request_id = link.rpartition("/")[2]
    assert toy.machine.answer(link, 3).is_success
    script.finish()
    assert toy.done() == ["answered"]
    assert not anyio.run(toy.is_remembered, request_id)
    toy.machine.command("pausepoint", "serve", **toy.environ())

    assert anyio.run(toy.until_remembered, request_id) == "pausepoint-toy 1.0"
    assert toy.done() == ["answered", "response"]


def test_a_form_app_that_ends_lets_go_of_a_plugin_that_hangs(toy: Toy, free_port: int) -> None:
    app = toy.machine.command("pausepoint", "serve", "--port", str(free_port), **toy.environ(TOY="wake hangs"))
    toy.machine.until_it_answers(f"http://127.0.0.1:{free_port}/health")
    asking = toy.start(ASKS, TOY_RUN="r1", PAUSEPOINT_URL=f"http://127.0.0.1:{free_port}")
    link = asking.link()
    assert toy.machine.answer(link, 3).is_success
    asking.finish()
    httpx.get(link, timeout=SECONDS).raise_for_status()
    woken = {"hook": "wake", "id": link.rpartition("/")[2], "reason": "response"}
    give_up = time.monotonic() + SECONDS
    while woken not in toy.said():
        assert time.monotonic() < give_up, app.told
        time.sleep(0.05)  # it is another process
    app.process.terminate()

    assert app.wait() == 0
