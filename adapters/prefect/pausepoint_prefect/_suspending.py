"""Waits without a process: the run is suspended, and resumed by whoever stores an answer."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound, Pause, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from prefect.states import Scheduled, Suspended

from pausepoint.errors import AdapterError
from pausepoint.hooks import Leave, Reason, Request, Response, Waiter

from ._choosing import Choice
from ._form_in_prefect import AnsweredInVain, may_be_left_empty, offered, set_with_form
from ._paused import OURS
from ._runs import is_in_task
from ._showing import run_log
from ._watching import last_pause

PLUGIN = "pausepoint-prefect"
SUSPENDING = "Suspending flow run, execution will be rescheduled when this flow run is resumed."


async def suspended(request: Request, waiter: Waiter, way: Choice, run_id: UUID) -> Response | Leave:
    """
    Suspend the run, and end this process of it.

    Whoever stores an answer finds the run either suspended, and resumes it, or marked as about to be, and comes back.
    The mark stands from before the last look into the store until after the first look with the run suspended, so that
    no answer can fall between them, whatever is killed when.

    Raises:
        RuntimeError: Prefect cannot suspend here: in a task, a subflow, or without a deployment.
    """
    if is_in_task():
        raise RuntimeError("Cannot suspend task runs.")
    async with get_client() as client:
        response = await _given_in_prefect(client, run_id, request, waiter, way)
        if response is not None:
            return response
        mark = _mark(request)
        await _marked(client, run_id, mark)
        outcome: Response | Leave | None = await waiter.look()
        if outcome is None:
            run_log().info(SUSPENDING)
            outcome = Leave(Pause(state=await _set_suspended(client, run_id, request, waiter)))
            if await waiter.look() is not None:
                await _resume(client, run_id, request)
        await _removed(client, run_id, mark)
    return outcome


async def _given_in_prefect(
    client: PrefectClient, run_id: UUID, request: Request, waiter: Waiter, way: Choice
) -> Response | None:
    """Offer what was given in Prefect's own Resume dialog since the run was suspended."""
    key, is_resumed = await last_pause(client, run_id, _prefix(request))
    if key is None:
        return None
    response, taken = f"suspended-{key}-response", f"suspended-{key}-taken"
    stored = {each.key for each in await client.filter_flow_run_input(run_id, f"suspended-{key}", 10, set())}
    if taken in stored or (response not in stored and not (is_resumed and may_be_left_empty(request))):
        return None
    try:
        given = await offered(client, run_id, request, waiter, way, response)
    except AnsweredInVain:
        # Once: an answer that is refused must not be met again when the flow asks again.
        await _marked(client, run_id, taken)
        raise
    await _marked(client, run_id, taken)
    return given if isinstance(given, Response) else None


async def _set_suspended(client: PrefectClient, run_id: UUID, request: Request, waiter: Waiter) -> State[Any]:
    # Without a timeout: the event has a deadline, and whoever lets it expire resumes the run.
    state: State[Any] = Suspended(
        message=f"Waiting for an answer: {waiter.form_url}", pause_key=f"{_prefix(request)}{secrets.token_hex(4)}"
    )
    result = await set_with_form(client, run_id, request, state, waiter.form_url)
    if result.status == SetStateStatus.ABORT:
        raise RuntimeError(f"Flow run cannot be suspended: {getattr(result.details, 'reason', '')}")
    if result.status != SetStateStatus.ACCEPT:
        # Suspended or paused for another question already: this process ends all the same.
        run = await client.read_flow_run(run_id)
        return run.state or state
    return state


async def wake(request: Request, reason: Reason) -> None:
    """
    Resume the run if it is suspended for one of our questions.

    Raises:
        AdapterError: It is about to be suspended, or Prefect did not take the new state, or cannot be reached from
            here: to be tried again.
    """
    if request.run.task_id is not None or not str(request.run.url).endswith(request.run.run_id):
        return  # tasks, and subflows, which go by their place in the parent, are never suspended
    if not PREFECT_API_URL.value():
        # Prefect would start a server of its own here, which knows no run.
        raise AdapterError(
            "Nobody can be asked to resume a suspended flow run: PREFECT_API_URL is not set here.",
            "Set it where the form app runs.",
            request.label,
            PLUGIN,
        )
    run_id = UUID(request.run.run_id)
    async with get_client() as client:
        try:
            state = (await client.read_flow_run(run_id)).state
        except ObjectNotFound:  # deleted
            return
        if _is_suspended_by_us(state):
            await _resume(client, run_id, request)
        elif state is not None and state.is_running() and await _is_marked(client, run_id, request):
            raise AdapterError(
                f"A {reason} was stored while the flow run was about to be suspended.", "", request.label, PLUGIN
            )


async def _resume(client: PrefectClient, run_id: UUID, request: Request) -> None:
    # Not Prefect's resume, which would want an answer to the form of its own dialog.
    state: State[Any] = Scheduled(name="Resuming", message=f"Event {request.label} was answered.")
    result = await client.set_flow_run_state(run_id, state)
    if result.status != SetStateStatus.ACCEPT and _is_suspended_by_us((await client.read_flow_run(run_id)).state):
        reason = getattr(result.details, "reason", "") or "without a reason"
        raise AdapterError(f"Prefect does not resume the flow run: {reason}.", "", request.label, PLUGIN)


def _is_suspended_by_us(state: State[Any] | None) -> bool:
    key = state.state_details.pause_key if state is not None and state.is_paused() else None
    return state is not None and state.name == "Suspended" and bool(key and key.startswith(OURS))


def _prefix(request: Request) -> str:
    return f"{OURS}{request.request_id[:8]}-"


def _mark(request: Request) -> str:
    return f"{_prefix(request)}suspending"


async def _is_marked(client: PrefectClient, run_id: UUID, request: Request) -> bool:
    return bool(await client.filter_flow_run_input(run_id, _mark(request), 1, set()))


async def _marked(client: PrefectClient, run_id: UUID, key: str) -> None:
    with suppress(PrefectHTTPStatusError):  # it stands already: a process was killed here before
        await client.create_flow_run_input(run_id, key, json.dumps("by Pausepoint"))


async def _removed(client: PrefectClient, run_id: UUID, key: str) -> None:
    with suppress(ObjectNotFound, PrefectHTTPStatusError):
        await client.delete_flow_run_input(run_id, key)
