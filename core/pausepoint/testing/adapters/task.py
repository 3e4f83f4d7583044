"""What the checks have an engine execute: a task that asks one question, and writes down what comes of it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Annotated, Any, Literal

import anyio
from pydantic import AfterValidator, Field

from ..._event import Event, new_event
from ..._store import Records, open_store
from ...errors import PausepointError
from .reviewer import submit

Step = Literal["wait", "crash", "wait, and be answered while leaving"]
"""What one execution of a task does once it has asked."""

Entry = dict[str, Any]


class CrashedError(Exception):
    """Stands for the end of a process: what a task raises after it has asked, and before it waits."""


def _even(number: int) -> int:
    if number % 2:
        raise ValueError("Only even numbers.")
    return number


Number = Annotated[int, Field(ge=0)]
"""A type whose schema says all of it: the form app settles by itself."""

Even = Annotated[int, AfterValidator(_even)]
"""A type that only the asking code can judge."""

TYPES: Mapping[str, Any] = {"number": Number, "even": Even}

WAKE_WITHIN = 3.0
"""Seconds that the form app has to wake the engine while a task leaves; it begins at once."""


async def _woken(store_url: str, request_id: str) -> None:
    """
    Wait until the engine has been woken for the response, or a while where the plugin refuses: whoever answers is told
    so before that, and a wake that came after the task had left would not be the one that is looked for.
    """
    records = Records(open_store(store_url))
    with anyio.move_on_after(WAKE_WITHIN):
        while await records.wake(request_id, 0) is None:  # noqa: ASYNC110 - another process may write it
            await anyio.sleep(0.02)


@dataclass(frozen=True)
class Journal:
    """
    A file that a task writes into and a check reads, wherever the task is executed.

    Args:
        path: The file; it need not exist yet.
    """

    path: str

    def write(self, says: str, **facts: object) -> None:
        """Append one entry, in one piece."""
        line = json.dumps({"says": says, **facts}) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode("ascii"))
        finally:
            os.close(descriptor)

    def entries(self, *says: str) -> list[Entry]:
        """Return the entries in order; with arguments, those that say one of these."""
        try:
            lines = Path(self.path).read_text("ascii").splitlines(keepends=True)
        except FileNotFoundError:
            return []
        # A line without its end is being written at this moment.
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [entry for entry in found if not says or entry["says"] in says]


@dataclass(frozen=True)
class Task:
    """
    One task of a check. An engine executes it by calling it, or by awaiting `aio()`; each execution follows the plan.

    Attributes:
        name: What it may be called in the engine; letters, digits and hyphens.
        journal: Where it writes what happens to it.
        plan: What each execution does, in order; the last step is repeated.
        asks: The arguments of the question, but for its type.
        data_type: A name in `TYPES`.
        is_async: The author's code is a coroutine; calling the task starts an event loop for it.
        settings: The `PAUSEPOINT_...` variables of the check, for an execution in another process.
    """

    name: str
    journal: Journal
    plan: tuple[Step, ...] = ("wait",)
    asks: Mapping[str, Any] = field(default_factory=dict)
    data_type: str = "number"
    is_async: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    def __call__(self) -> object:
        """Ask and wait as an author's plain function does; return the answer."""
        if self.is_async:
            return asyncio.run(self.aio())
        step = self._begin()
        try:
            event = new_event(data_type=TYPES[self.data_type], **self.asks)
            self._asked(event)
            self._crash_if(step)
            value = event.wait()
        except BaseException as error:
            self._raised(error, step)
            raise
        return self._got(value)

    async def aio(self) -> object:
        """Ask and wait as an author's coroutine does; return the answer."""
        step = self._begin()
        try:
            event = await new_event.aio(data_type=TYPES[self.data_type], **self.asks)
            self._asked(event)
            self._crash_if(step)
            value = await event.wait.aio()
        except BaseException as error:
            self._raised(error, step)
            raise
        return self._got(value)

    def _begin(self) -> Step:
        # Equal in the check's own process; an engine's worker may have begun before the check.
        os.environ.update(self.settings)
        executed = len(self.journal.entries("began"))
        self.journal.write("began")
        return self.plan[min(executed, len(self.plan) - 1)]

    def _asked(self, event: Event[Any]) -> None:
        self.journal.write("asked", request_id=event.request_id, form_url=event.form_url)

    def _crash_if(self, step: Step) -> None:
        if step == "crash":
            raise CrashedError("The check asks for the end of this execution.")

    def _got(self, value: object) -> object:
        self.journal.write("got", value=value)
        return value

    def _raised(self, error: BaseException, step: Step) -> None:
        kind = (
            "crashed" if isinstance(error, CrashedError) else "raised" if isinstance(error, PausepointError) else "left"
        )
        if kind == "left" and step == "wait, and be answered while leaving":
            # Here, since the engine has not been told yet that this execution ends.
            asked = self.journal.entries("asked")[-1]
            status = submit(asked["form_url"], 7).status_code
            # In a thread, for the engine may call this one in a loop of its own.
            waiting = Thread(target=anyio.run, args=(_woken, self.settings["PAUSEPOINT_STORE"], asked["request_id"]))
            waiting.start()
            waiting.join()
            self.journal.write("answered while leaving", status=status)
        self.journal.write(kind, error=type(error).__name__, text=str(error))
