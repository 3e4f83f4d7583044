"""What waiting costs a process, what requests cost the form app, and what an import costs everybody."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from latency import beside_app
from peers import Costs, clean, costs_of
from processes import Process, author, environ, served
from reviewer import get, post_json

PART = 10_000
"""Events asked and waited for at once while a process is filled."""


class Idle(NamedTuple):
    """
    What a process spends while its events wait.

    Attributes:
        events: How many wait.
        ticks: LISTs a minute.
        sweep: GETs a minute.
        cpu: Of one core, percent.
        memory: Bytes per event that waiting takes, and with the handle and its question, all together.
        asked, entered: CPU milliseconds per event to ask it, and to begin to wait for it.
    """

    events: int
    ticks: float
    sweep: float
    cpu: float
    memory: tuple[float, float]
    asked: float
    entered: float


class Plan(NamedTuple):
    """A process that waits: for how many events, whether hints are pushed to it, and through `Watcher.wait` alone."""

    events: int
    pushed: bool = True
    by_watcher: bool = False


def idle(plans: list[Plan], seconds: float) -> list[Idle]:
    """Let processes wait side by side for a while; their stores are on a file system in memory."""
    with ExitStack() as stack:
        shared = Path("/dev/shm")
        where = stack.enter_context(tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None))
        waiting = [_waiting(stack, Path(where, str(number)), plan) for number, plan in enumerate(plans)]
        before = [(asking.cpu(), asking.ask("counts")) for asking, _ in waiting]
        time.sleep(seconds)
        found = []
        for (asking, partly), (cpu, counted), plan in zip(waiting, before, plans, strict=True):
            used = asking.cpu() - cpu
            now = asking.ask("counts")
            ticks, sweep = ((now.get(kind, 0) - counted.get(kind, 0)) * 60 / seconds for kind in ("list", "get"))
            found.append(Idle(plan.events, ticks, sweep, used / seconds * 100, *partly))
        return found


def _waiting(stack: ExitStack, folder: Path, plan: Plan) -> tuple[Process, Any]:
    folder.mkdir()
    options = ["--count", *(["--watcher"] if plan.by_watcher else [])]
    if plan.pushed:
        asking, _ = stack.enter_context(beside_app(folder, "", *options))
    else:
        settings = environ(folder, (folder / "store").as_uri(), PAUSEPOINT_RUN_ID="bench")
        asking = stack.enter_context(author(folder, settings, *options))
        asking.ask("ask", count=1)
    if plan.events == 1:
        return asking, ((0.0, 0.0), 0.0, 0.0)
    empty, each = asking.ask("memory"), plan.events - 1
    # In parts, so that a slow machine still answers within the limit of a line.
    asked = [asking.ask("ask", count=min(PART, each - done)) for done in range(0, each, PART)]
    waits = sum(part["after"] - part["before"] for part in asked)
    memory = waits / each, (asking.ask("memory") - empty) / each
    spent = (sum(part[kind] for part in asked) / each * 1000 for kind in ("asked_cpu", "entered_cpu"))
    return asking, (memory, *spent)


def routes(folder: Path, count: int) -> dict[str, Costs]:
    """Load one worker of `pausepoint serve` with forms and with answers, each to its own event, on a real disk."""
    settings = environ(folder, (folder / "store").as_uri(), PAUSEPOINT_RUN_ID="bench")
    with served(folder, settings) as (server, url):
        small = asyncio.run(_stored(settings["PAUSEPOINT_STORE"], count, int))
        large = asyncio.run(_stored(settings["PAUSEPOINT_STORE"], count // 4, _order()))
        posts = [post_json(url, "/submit/json", {"request_id": each, "value": 3}) for each in small]
        return {
            "form": costs_of(server, url, [get(url, f"/form/{each}") for each in small]),
            "order": costs_of(server, url, [get(url, f"/form/{each}") for each in large]),
            "post": costs_of(server, url, posts),
        }


async def _stored(store: str, count: int, data_type: Any) -> list[str]:
    """Store questions without a process that waits for them."""
    from pausepoint import RunContext, open_store
    from pausepoint._codec import answer_type
    from pausepoint._models import Request, utc_now
    from pausepoint._runs import request_id_of
    from pausepoint._store import Records

    records = Records(open_store(store))
    secret, run, now = await records.identity_secret(), RunContext(engine="local", run_id="r"), utc_now()
    answer = answer_type(data_type)

    async def one(number: int) -> str:
        key = f"{answer.name}-{number}"
        request = Request(
            request_id=request_id_of(secret, run, key, 0),
            name="bench",
            key=key,
            run=run,
            title="bench",
            prompt="How many?",
            data_type=answer.name,
            json_schema=answer.json_schema,
            schema_complete=answer.complete,
            created_at=now,
            deadline=now + timedelta(days=1),
        )
        await records.put_request(request)
        return request.request_id

    found: list[str] = []
    for done in range(0, count, 50):
        found += await asyncio.gather(*(one(number) for number in range(done, min(done + 50, count))))
    return found


def _order() -> Any:
    from datetime import date
    from typing import Literal

    from pydantic import BaseModel, Field

    class Line(BaseModel):
        size: Literal["S", "M", "L"]
        count: int = Field(ge=1, le=10, description="How many of them.")

    class Order(BaseModel):
        name: str = Field(min_length=1, max_length=80)
        express: bool = False
        wanted: date | None = None
        lines: list[Line] = [Line(size="M", count=1)]

    return Order


def ours() -> tuple[Path, dict[str, str]]:
    """Return the Python and the environment in which `import pausepoint` is timed."""
    import pausepoint

    return Path(sys.executable), clean(PYTHONPATH=str(Path(pausepoint.__file__).parents[1]))
