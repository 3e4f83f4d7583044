"""The threads that local files are written in."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pausepoint._store.workers import MOST, in_worker


@pytest.mark.anyio
async def test_the_work_is_done_in_another_thread_and_its_result_returned() -> None:
    assert await in_worker(threading.get_ident) != threading.get_ident()


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
async def test_what_the_work_raises_reaches_whoever_awaits_it(kind: type[BaseException]) -> None:
    def fail() -> None:
        raise kind("mine")

    # As a future, because a task that a KeyboardInterrupt ends would end the test run.
    with pytest.raises(kind, match="mine"):
        await in_worker(fail)

    assert await in_worker(lambda: 1) == 1


@pytest.mark.anyio
async def test_whoever_is_cancelled_does_not_wait_and_the_work_goes_on_to_its_end() -> None:
    begun, let_go, ended = threading.Event(), threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        let_go.wait(60)
        ended.set()

    task = asyncio.create_task(in_worker(long))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not ended.is_set()
    let_go.set()
    assert await asyncio.to_thread(ended.wait, 60)


@pytest.mark.anyio
async def test_more_work_than_threads_is_all_done() -> None:
    barrier = threading.Barrier(MOST)

    # Only eight at a time get past the barrier, so it also shows that there are eight.
    assert sorted(await asyncio.gather(*(in_worker(lambda: barrier.wait(60)) for _ in range(3 * MOST)))) == sorted(
        3 * list(range(MOST))
    )


@pytest.mark.anyio
async def test_files_are_written_although_the_author_holds_all_of_asyncios_threads() -> None:
    let_go = threading.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    held = asyncio.ensure_future(asyncio.to_thread(let_go.wait, 60))
    await asyncio.sleep(0)

    assert await asyncio.wait_for(in_worker(lambda: "written"), 60) == "written"
    assert not held.done()
    let_go.set()
    await held


def test_an_event_loop_that_has_closed_meanwhile_ends_no_worker() -> None:
    let_go = threading.Event()

    async def leave() -> None:
        left = [asyncio.ensure_future(in_worker(lambda: let_go.wait(60))) for _ in range(MOST)]
        await asyncio.wait(left, timeout=0)

    asyncio.run(leave())
    let_go.set()

    assert asyncio.run(in_worker(lambda: 1)) == 1


FORKED = """
import asyncio, os, sys
from pausepoint._store.workers import in_worker

assert asyncio.run(in_worker(os.getpid)) == os.getpid()
child = os.fork()
if not child:
    os._exit(0 if asyncio.run(in_worker(os.getpid)) == os.getpid() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED], timeout=60, check=False, capture_output=True
    )

    assert done.returncode == 0, done.stderr.decode()


BLOCKED = """
import asyncio, time
from pausepoint._store.workers import in_worker

async def main():
    asyncio.ensure_future(in_worker(lambda: time.sleep(3600)))
    await asyncio.sleep(0)

asyncio.run(main())
"""


def test_work_that_hangs_does_not_hold_up_the_end_of_the_interpreter() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], timeout=60, check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
