"""Waits for one event inside a flow or task, in the chosen way."""

from __future__ import annotations

import asyncio
from uuid import UUID

from prefect.client.orchestration import get_client

from pausepoint.hooks import Leave, Request, Response, Waiter

from ._choosing import Choice, choice
from ._paused import paused
from ._runs import claim, flow_run_id
from ._showing import run_log
from ._suspending import suspended
from ._watching import close_if_cancelled, left, listening, seen_before, until_cancelled

PAUSING = "Pausing flow, execution will continue when this flow run is resumed."
RESUMING = "Resuming flow run execution!"


async def wait(request: Request, waiter: Waiter) -> Response | Leave:
    """Wait in the chosen way; with Prefect's own lines in the log, unless the caller writes them."""
    claim(request.request_id, request.label)
    way, run_id = choice(), flow_run_id()
    if run_id is None:  # a task that no flow has called: there is no run to pause or to watch
        return await waiter.settled()
    if way.mode == "suspend":
        return await suspended(request, waiter, way, run_id)
    if not way.as_prefect:
        run_log().info(PAUSING)
    if way.mode == "paused":
        response = await paused(request, waiter, way, run_id)
    else:
        response = await _running(waiter, way, run_id)
    if not way.as_prefect and isinstance(response, Response) and response.outcome == "answered":
        run_log().info(RESUMING)
    return response


async def _running(waiter: Waiter, way: Choice, run_id: UUID) -> Response | Leave:
    """Wait without changing the run's state: nothing in Prefect counts it as an attempt, or allows only one."""
    async with get_client() as client, listening(waiter) as outcome:
        try:
            if await seen_before(outcome, until_cancelled(client, run_id, way.poll)):
                return await left(client, run_id, waiter)
        except asyncio.CancelledError:
            # A runner stops the process as soon as it hears of the cancel, which may be before our next look.
            await close_if_cancelled(client, run_id, waiter)
            raise
        return outcome.result()
