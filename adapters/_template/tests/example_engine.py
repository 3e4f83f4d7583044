"""
A toy engine for the example adapter: tasks in threads, retries, restarts, and tasks that give their thread up.

It knows its runs in this process alone, where a real engine has a server. Your adapter needs no such file.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

VERSION = (1, 0)


class Suspend(BaseException):
    """Ends an execution; the task is executed again when it is resumed, or after so many seconds."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass
class Run:
    """One run, and what its page shows."""

    suspends: bool = False
    id: str = field(default_factory=lambda: uuid4().hex[:8])
    restarts: int = 0
    links: dict[str, str] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)


@dataclass
class Task:
    """One task; `attempt` counts its executions from 0, for whatever reason there was another."""

    run: Run
    name: str
    function: Callable[[], object]
    retries: int
    attempt: int = -1
    state: str = "new"
    resumed: bool = False
    thread: threading.Thread = field(default_factory=threading.Thread)


runs: dict[str, Run] = {}
_here: ContextVar[Task | None] = ContextVar("example_engine_task", default=None)
_lock = threading.RLock()
_hosted: dict[str, str] = {}


def current() -> Task | None:
    """Return the task that the calling code belongs to."""
    return _here.get()


def start(functions: dict[str, Callable[[], object]], *, retries: int = 0, suspends: bool = False) -> Run:
    """Begin a run of tasks, each in a thread of its own."""
    run = Run(suspends)
    runs[run.id] = run
    run.tasks += [Task(run, name, function, retries) for name, function in functions.items()]
    for task in run.tasks:
        _begin(task)
    return run


def restart(run: Run) -> None:
    """Execute the failed tasks of a run again."""
    run.restarts += 1
    for task in run.tasks:
        task.thread.join()
        if task.state == "failed":
            _begin(task)


def resume(run_id: str, name: str | None) -> None:
    """Execute a suspended task again; one that is about to be suspended, as soon as it is."""
    for task in [task for task in runs[run_id].tasks if task.name == name] if run_id in runs else ():
        with _lock:
            task.resumed = True
            if task.state == "suspended":
                task.state = "resumed"
                _begin(task)


def _begin(task: Task) -> None:
    task.thread = threading.Thread(target=_execute, args=(task,), daemon=True)
    task.thread.start()


def _execute(task: Task) -> None:
    _here.set(task)
    tries = 0
    while tries <= task.retries:
        task.attempt += 1
        task.state, task.resumed = "running", False
        try:
            task.function()
        except Suspend as suspended:
            with _lock:
                if task.resumed:
                    continue
                task.state = "suspended"
            _resume_after(task, suspended.seconds)
            return
        except Exception:
            task.state = "failed"
            tries += 1
        else:
            task.state = "done"
            return


def _resume_after(task: Task, seconds: float | None) -> None:
    if seconds is not None:
        timer = threading.Timer(max(0.0, seconds), resume, (task.run.id, task.name))
        timer.daemon = True
        timer.start()


def host(name: str, make_app: Callable[[], Any]) -> str:
    """Serve a web app on loopback as long as the process lives, once for each name; return its address."""
    import uvicorn

    with _lock:
        if name not in _hosted:
            listener = socket.create_server(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(make_app(), log_config=None))
            threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
            _hosted[name] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    return _hosted[name]
