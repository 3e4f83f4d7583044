"""Watches a wait from both sides: the event's outcome, and the run's state in Prefect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Abort, ObjectNotFound
from prefect.states import Cancelled

from pausepoint.hooks import Leave, Response, Waiter

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


async def is_done(outcome: asyncio.Future[Response], within: float) -> bool:
    """Wait at most *within* seconds; say whether the outcome is known."""
    await asyncio.wait({outcome}, timeout=within)
    return outcome.done()


# ---- the run's state

_looks: dict[UUID, tuple[float, bool]] = {}


async def is_cancelled(client: PrefectClient, run_id: UUID, poll: float) -> bool:
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
    run = await read(client, run_id)
    if run is None or run.state is None or run.parent_task_run_id is not None:
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
