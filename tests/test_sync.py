from __future__ import annotations

import asyncio
import contextvars
import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pausepoint._sync import Dual, in_loop, portal, run_sync
from pausepoint.errors import UsageError

WORD: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="nothing")


async def _double(number: int) -> int:
    await anyio.lowlevel.checkpoint()
    return number * 2


async def _word() -> str:
    return WORD.get()


double = Dual(_double, "double")


def test_the_plain_call_blocks_and_returns() -> None:
    assert double(21) == 42


@pytest.mark.anyio
async def test_the_aio_form_returns_the_same() -> None:
    assert await double.aio(21) == 42


@pytest.mark.anyio
async def test_the_plain_call_in_an_event_loop_names_the_aio_form() -> None:
    with pytest.raises(UsageError, match=r"Write `await double\.aio\(\.\.\.\)` instead"):
        double(21)


def test_the_callers_context_variables_are_seen() -> None:
    WORD.set("carried")

    assert run_sync(_word) == "carried"


def test_an_error_reaches_the_caller_as_it_is() -> None:
    async def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run_sync(fail)


class _Leaving(BaseException):
    """Stands for the way in which pytest fails or skips a test, or a program ends."""


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt, _Leaving])
def test_what_ends_a_program_reaches_the_caller_and_not_the_loop(ending: type[BaseException]) -> None:
    async def end() -> None:
        raise ending("mine")

    with pytest.raises(ending, match="mine"):
        run_sync(end)

    assert double(21) == 42


@pytest.mark.anyio
async def test_what_ends_a_program_reaches_the_awaiting_caller_and_not_the_loop() -> None:
    async def end() -> None:
        raise _Leaving("mine")

    with pytest.raises(_Leaving, match="mine"):
        await Dual(end, "end").aio()

    assert await double.aio(21) == 42


def test_fifty_threads_share_one_loop() -> None:
    async def here() -> int:
        return threading.get_ident()

    with ThreadPoolExecutor(50) as pool:
        threads = set(pool.map(lambda _: run_sync(here), range(50)))

    assert len(threads) == 1


@pytest.mark.anyio
async def test_cancelling_the_caller_cancels_the_work() -> None:
    ended = threading.Event()
    begun = threading.Event()

    async def long() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    task = asyncio.create_task(Dual(long, "long").aio())
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()

    assert await asyncio.to_thread(ended.wait, 60)


USED_A_THREAD = """
import asyncio
from pausepoint._sync import run_sync

run_sync(asyncio.to_thread, print, "from a thread")
"""


def test_a_thread_that_was_used_in_the_loop_makes_no_noise_when_the_interpreter_ends() -> None:
    ran = subprocess.run([sys.executable, "-c", USED_A_THREAD], capture_output=True, text=True, timeout=60, check=True)

    assert (ran.stdout.strip(), ran.stderr) == ("from a thread", "")


@pytest.mark.anyio
async def test_work_that_is_cancelled_cancels_its_caller() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Dual(cancelled, "cancelled").aio()


@pytest.mark.anyio
async def test_what_a_cancelled_caller_no_longer_hears_of_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def fail() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()
            raise LookupError("nobody asks")

    task = asyncio.create_task(Dual(fail, "fail").aio())
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    await asyncio.to_thread(ended.wait, 60)
    # Through both loops once more, so that the outcome has arrived.
    await double.aio(1)
    del task
    gc.collect()

    assert caplog.records == []


class _Turnstile:
    """Holds any number of calls in Pausepoint's loop, to be weighed."""

    def __init__(self) -> None:
        self.inside = 0

    async def make(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self.loop.create_future()

    async def wait(self) -> None:
        self.inside += 1
        await self.opened

    async def open(self) -> None:
        self.opened.set_result(None)

    async def weigh(self, call: Callable[[], Coroutine[Any, Any, None]], many: int = 200) -> float:
        """Return the bytes of each of many calls while they wait."""
        gc.collect()
        tracemalloc.start()
        tasks = [asyncio.create_task(call()) for _ in range(many)]
        while self.inside < many:
            await asyncio.sleep(0.001)
        gc.collect()
        weight = tracemalloc.get_traced_memory()[0] / many
        tracemalloc.stop()
        await Dual(self.open, "open").aio()
        await asyncio.gather(*tasks)
        return weight


@pytest.mark.anyio
async def test_a_call_that_waits_weighs_much_less_than_in_asyncios_own_way() -> None:
    ours, theirs = _Turnstile(), _Turnstile()
    await Dual(ours.make, "make").aio()
    await Dual(theirs.make, "make").aio()

    async def usual() -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(theirs.wait(), theirs.loop))

    # Weighed against it, because both weigh something else in each Python.
    assert await ours.weigh(lambda: Dual(ours.wait, "wait").aio()) < 0.7 * await theirs.weigh(usual)


INTERRUPTED = """
import anyio, sys
from pausepoint._sync import run_sync

async def forever():
    print("waiting", flush=True)
    try:
        await anyio.sleep_forever()
    finally:
        print("cancelled", flush=True)

try:
    run_sync(forever)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one child")
def test_ctrl_c_ends_a_blocked_call_and_the_interpreter_exits() -> None:
    child = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "waiting\n"
    child.send_signal(signal.SIGINT)
    told, _ = child.communicate(timeout=60)

    assert "interrupted" in told
    assert child.returncode == 0


def test_what_is_raised_into_a_blocked_thread_ends_the_call_and_cancels_it() -> None:
    waiting, cancelled = threading.Event(), threading.Event()
    raised: list[str] = []

    async def forever() -> None:
        waiting.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    def call() -> None:
        try:
            run_sync(forever)
        except ZeroDivisionError:
            raised.append("as an engine's time limit is")

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    assert waiting.wait(60)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(ZeroDivisionError))
    thread.join(20)

    assert raised
    assert cancelled.wait(60)


FORKED = """
import os, sys
from pausepoint._sync import run_sync

async def pid():
    return os.getpid()

assert run_sync(pid) == os.getpid()
child = os.fork()
if not child:
    os._exit(0 if run_sync(pid) == os.getpid() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_its_own_loop_instead_of_hanging() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED], timeout=60, check=False, capture_output=True
    )

    assert done.returncode == 0, done.stderr.decode()


def test_a_process_that_used_the_loop_ends_by_itself() -> None:
    code = "from pausepoint._sync import run_sync\nimport anyio\nrun_sync(anyio.sleep, 0)"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")


NO_DESCRIPTOR_LEFT = """
import os, resource
import anyio, anyio._backends._asyncio
from pausepoint._sync import portal

resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    portal()
except OSError as error:
    os._exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_loop_that_cannot_start_is_an_error_and_not_a_wait_for_ever() -> None:
    done = subprocess.run([sys.executable, "-c", NO_DESCRIPTOR_LEFT], timeout=60, check=False, capture_output=True)

    assert done.returncode == 7, done.stderr.decode()


STUCK = """
import threading, time
from pausepoint._sync import begin

stuck = threading.Event()

async def block():
    stuck.set()
    time.sleep(3600)

begin(block)
stuck.wait()
"""


def test_a_process_whose_loop_is_stuck_ends_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], timeout=60, check=False, capture_output=True)

    assert done.returncode == 0, done.stderr.decode()


def test_a_plain_thread_has_no_loop() -> None:
    assert not in_loop()
    assert portal() is portal()
