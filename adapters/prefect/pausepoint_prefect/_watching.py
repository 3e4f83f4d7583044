"""Watches a wait from both sides: the event's outcome, and the run's state in Prefect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, TypeVar
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, ObjectNotFound
from prefect.states import Cancelled

from pausepoint.hooks import Leave, Response, Waiter

T = TypeVar("T")
LONGEST_GOODBYE = 2.0
"""Seconds that a wait which is broken off has to close its event."""
MOST_RUNS = 1000
"""Runs whose last look is remembered, far more than one process has at once."""


@asynccontextmanager
async def listening(waiter: Waiter) -> AsyncIterator[asyncio.Future[Response]]:
    """Await the outcome beside the block."""
    outcome = asyncio.ensure_future(waiter.settled())
    try:
        yield outcome
    finally:
        outcome.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await outcome


async def seen_before(outcome: asyncio.Future[Response], watching: Coroutine[Any, Any, T]) -> T | None:
    """
    Watch until there is an outcome; return what was seen before it, if anything was.

    Side by side: while Prefect's server does not answer, its client tries for a minute.
    """
    watched = asyncio.ensure_future(watching)
    try:
        either: set[asyncio.Future[Any]] = {outcome, watched}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return None if outcome.done() else watched.result()
    finally:
        watched.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await watched


# ---- the run's state

_looks: dict[UUID, tuple[float, bool]] = {}


async def until_cancelled(client: PrefectClient, run_id: UUID, poll: float) -> Literal["cancelled"]:
    """Wait until the run is cancelled."""
    while True:
        await asyncio.sleep(poll)
        if await _is_cancelled(client, run_id, poll):
            return "cancelled"


async def _is_cancelled(client: PrefectClient, run_id: UUID, poll: float) -> bool:
    """Say whether the run is cancelled; questions of one run that are open at once share one look per poll."""
    looked, known = _looks.get(run_id, (float("-inf"), False))
    if time.monotonic() - looked < 0.9 * poll:
        return known
    if len(_looks) > MOST_RUNS:
        _looks.clear()
    _looks[run_id] = time.monotonic(), known
    state_is = says_cancelled(await read(client, run_id))
    _looks[run_id] = time.monotonic(), state_is
    return state_is


async def read(client: PrefectClient, run_id: UUID) -> FlowRun | None:
    """Read the run; None while the server does not answer, which is no reason to stop waiting."""
    try:
        return await client.read_flow_run(run_id)
    except ObjectNotFound:
        # Deleted: nobody can resume, see or finish it any more.
        return FlowRun.model_construct(id=run_id, flow_id=run_id, state=Cancelled())
    except httpx.HTTPError:
        return None


async def last_pause(client: PrefectClient, run_id: UUID, prefix: str) -> tuple[str | None, bool]:
    """
    Return the key of the run's last pause whose key begins so, and whether somebody resumed it in Prefect.

    Only what follows the pause in the history tells: a run whose state was set by hand or by a sweep of the server, or
    that another process has taken over, is no longer paused either, and nobody has answered anything.
    """
    states = sorted(await client.read_flow_run_states(run_id), key=lambda state: state.timestamp)
    key, after = None, None
    for at, state in enumerate(states):
        if (state.state_details.pause_key or "").startswith(prefix):
            key, after = state.state_details.pause_key, next(iter(states[at + 1 :]), None)
    # What Pausepoint itself sets to resume a run carries a message.
    return key, after is not None and (after.is_running() or (after.name == "Resuming" and not after.message))


def says_cancelled(run: FlowRun | None) -> bool:
    """Say whether the run is cancelled, or about to be."""
    return run is not None and run.state is not None and (run.state.is_cancelled() or run.state.is_cancelling())


async def left(client: PrefectClient, run_id: UUID, waiter: Waiter) -> Response | Leave:
    """
    Close the event of a run that was cancelled, and leave the flow.

    With `Abort`, after which Prefect sets no state: any other error would turn Cancelled into Failed. Not in a subflow,
    whose parent would be left running for ever.
    """
    response = await waiter.cancel("The flow run was cancelled in Prefect.")
    around, run = FlowRunContext.get(), await read(client, run_id)
    # By the context, for a run that was deleted says nothing any more.
    within = around.flow_run if around is not None else run
    if run is None or run.state is None or (within is not None and within.parent_task_run_id is not None):
        return response
    if run.state.is_cancelling():
        await client.set_flow_run_state(run_id, Cancelled(message="Cancelled while it waited for an answer."))
    return Leave(Abort("The flow run was cancelled while it waited for an answer."))


async def close_if_cancelled(client: PrefectClient, run_id: UUID, waiter: Waiter) -> None:
    """Close the event if the run was cancelled; a wait that its own author broke off leaves it open."""
    with suppress(Exception):
        await asyncio.wait_for(asyncio.shield(_closed(client, run_id, waiter)), LONGEST_GOODBYE)


async def _closed(client: PrefectClient, run_id: UUID, waiter: Waiter) -> None:
    if says_cancelled(await read(client, run_id)):
        await waiter.cancel("The flow run was cancelled in Prefect.")
