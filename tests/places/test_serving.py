"""`pausepoint serve` beside a workflow: hints by push, several workers, and an end that waits for no stream."""

from __future__ import annotations

import os
import re
import signal
import sys
import time

import psutil
import pytest

from reviewing import LIMIT, Machine, Script

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for one child")

ASKS = """
import pausepoint
from pausepoint._waiting import watcher_of  # to say when the stream is open

event = pausepoint.new_event("how-many", int, poll_interval_seconds=3600)

async def until_pushed():
    import asyncio
    from pausepoint._event import current_surface
    watcher = current_surface().watcher()
    while watcher._stream is None or not watcher._stream.is_healthy:
        await asyncio.sleep(0.01)

import threading
from pausepoint._sync import run_sync
def tell():
    run_sync(until_pushed)
    print("stream is open", flush=True)
threading.Thread(target=tell, daemon=True).start()
print("answer", event.wait(), flush=True)
"""


def served_at(machine: Machine, server: Script) -> str:
    """Return where it is once it answers: a workflow that meets nobody at its address for 6 s serves its own form."""
    until_told(server, "")
    found = re.search(r"at (http://\S+)", server.stdout[0])
    assert found, server.told
    machine.until_it_answers(f"{found[1]}/health")
    return found[1]


def until_told(script: Script, words: str) -> None:
    give_up = time.monotonic() + LIMIT
    while not any(words in line for line in script.stdout):
        assert script.process.poll() is None, script.told
        assert time.monotonic() < give_up, script.told
        time.sleep(0.01)  # a thread reads what it says


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_workflow_beside_a_server_is_answered_by_push_and_the_server_then_ends(
    machine: Machine, workers: str
) -> None:
    server = machine.command("pausepoint", "serve", "--workers", workers)
    base = served_at(machine, server)
    asking = machine.start(machine.write("asks.py", ASKS))
    link = asking.link()
    until_told(asking, "stream is open")

    assert link.startswith(f"{base}/form/")
    assert machine.answer(link, 7).status_code == 200
    assert "answer 7" in asking.finish()
    # Another that still waits has its stream open while the server is told to end.
    waiting = machine.start(machine.write("asks.py", ASKS))
    waiting.link()
    until_told(waiting, "stream is open")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait() == 0, server.told


def test_workers_end_with_a_parent_that_was_killed(machine: Machine) -> None:
    server = machine.command("pausepoint", "serve", "--workers", "2")
    served_at(machine, server)
    asking = machine.start(machine.write("asks.py", ASKS))
    machine.until_it_answers(asking.link())
    asking.kill()
    server.process.kill()

    # Its output ends with the last process that has it open.
    server.wait()
    assert not any(reader.is_alive() for reader in server._readers)


def test_a_worker_that_is_killed_is_replaced_and_loses_nothing(machine: Machine) -> None:
    server = machine.command("pausepoint", "serve", "--workers", "2")
    served_at(machine, server)
    asking = machine.start(machine.write("asks.py", ASKS))
    link = asking.link()
    machine.until_it_answers(link)
    workers = [child.pid for child in psutil.Process(server.process.pid).children()]
    # The resource tracker of multiprocessing is a child, too; it serves nobody, and its end harms nobody.
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    machine.until_it_answers(link)

    assert machine.answer(link, 7).status_code == 200
    assert "answer 7" in asking.finish()
