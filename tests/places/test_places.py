"""Questions asked from wherever a program may be: threads, tasks, other loops, child processes. All of them real."""

from __future__ import annotations

import multiprocessing
import signal

import pytest

from reviewing import Machine

METHODS = sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods()))

IN_A_THREAD = """
import threading
from pausepoint import pause

told = []
thread = threading.Thread(target=lambda: told.append(pause(int, prompt="How many?")))
thread.start()
thread.join()
print(told)
"""

IN_TASKS = """
import asyncio
from pausepoint import pause

async def main():
    told = await asyncio.gather(*(pause.aio(int, key=f"task-{n}", prompt=f"Number {n}?") for n in range(100)))
    print(told == list(range(100)))

asyncio.run(main())
"""

UNDER_UVLOOP = """
import asyncio, uvloop
from pausepoint import pause

async def main():
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
    print(await pause.aio(int, prompt="How many?"))

uvloop.run(main())
"""

IN_A_CHILD = """
import multiprocessing, sys
from pausepoint import pause

def ask(replies):
    replies.put(pause(int, prompt="The child: how many?"))

if __name__ == "__main__":
    start = multiprocessing.get_context(sys.argv[1])
    if "ask-first" in sys.argv:
        print(pause(int, prompt="The parent: how many?"))
    replies = start.Queue()
    child = start.Process(target=ask, args=(replies,))
    child.start()
    print(replies.get())
    child.join()
    sys.exit(child.exitcode)
"""

IN_A_LOOP_WITHOUT_AIO = """
import asyncio
from pausepoint import pause
from pausepoint.errors import UsageError

async def main():
    try:
        pause(int)
    except UsageError as error:
        print(error)

asyncio.run(main())
"""

THAT_CATCHES_CTRL_C = """
from pausepoint import new_event, run

def ask():
    return new_event("approve", bool, key="approve")

with run("ctrl-c"):
    try:
        ask().wait()
    except KeyboardInterrupt:
        print("settled" if ask().response() else "still open")
        raise SystemExit(130)
    print("answered")
"""


def test_a_thread_asks(machine: Machine) -> None:
    script = machine.start(machine.write("script.py", IN_A_THREAD))

    assert machine.answer(script.link(), 3).status_code == 200
    assert script.finish() == "[3]\n"


def test_a_hundred_tasks_ask_at_once_and_each_gets_its_own_answer(machine: Machine) -> None:
    script = machine.start(machine.write("script.py", IN_TASKS))
    for link in [script.link() for _ in range(100)]:
        name = machine.status(link)["name"]
        assert machine.answer(link, int(name.removeprefix("task-"))).status_code == 200

    assert script.finish() == "True\n"


def test_a_task_under_uvloop_asks(machine: Machine) -> None:
    pytest.importorskip("uvloop", reason="uvloop is not made for this platform")
    script = machine.start(machine.write("script.py", UNDER_UVLOOP))

    assert machine.answer(script.link(), 3).status_code == 200
    assert script.finish() == "3\n"


@pytest.mark.parametrize("method", METHODS)
def test_a_child_process_asks(machine: Machine, method: str) -> None:
    script = machine.start(machine.write("script.py", IN_A_CHILD), method)

    assert machine.answer(script.link(), 4).status_code == 200
    assert script.finish() == "4\n"


@pytest.mark.parametrize("method", METHODS)
def test_a_child_process_asks_after_its_parent_did(machine: Machine, method: str) -> None:
    # Python 3.12 and later warn of every fork of a process with threads, of which ours is one.
    quiet = ("-W", "ignore::DeprecationWarning")
    script = machine.start(*quiet, machine.write("script.py", IN_A_CHILD), method, "ask-first")

    assert machine.answer(script.link(), 3).status_code == 200
    assert machine.answer(script.link(), 4).status_code == 200
    assert script.finish() == "3\n4\n"


def test_a_blocking_call_in_a_running_loop_names_the_other_form(machine: Machine) -> None:
    script = machine.start(machine.write("script.py", IN_A_LOOP_WITHOUT_AIO))

    assert "await pause.aio(...)" in script.finish()


def test_ctrl_c_ends_the_wait_at_once_and_leaves_the_event_open(machine: Machine) -> None:
    path = machine.write("script.py", THAT_CATCHES_CTRL_C)
    script = machine.start(path)
    link = script.link()
    script.process.send_signal(signal.SIGINT)

    assert script.wait() == 130, script.told
    assert script.stdout == ["still open\n"]

    again = machine.start(path)
    assert again.link() == link
    machine.answer(link, True)
    assert again.finish() == "answered\n"
