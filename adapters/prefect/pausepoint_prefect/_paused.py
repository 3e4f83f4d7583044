"""Waits with the run shown as Paused: an answer in our form or in Prefect's own dialog settles the same event."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.input import keyset_from_paused_state
from prefect.states import Paused, Running

from pausepoint.errors import UsageError
from pausepoint.hooks import Leave, Request, Response, Waiter

from ._choosing import Choice
from ._form_in_prefect import offered, set_with_form
from ._showing import run_log
from ._watching import (
    LONGEST_GOODBYE,
    close_if_cancelled,
    last_pause,
    left,
    listening,
    read,
    says_cancelled,
    seen_before,
    until_cancelled,
)

OURS = "pausepoint-"
"""What the pause keys of our pauses begin with."""


@dataclass(frozen=True)
class Pause:
    """One stretch of the run in the state Paused."""

    client: PrefectClient
    run_id: UUID
    request: Request
    state: State[Any]

    def is_on(self, run: FlowRun | None) -> bool:
        """Say whether the run is in this very pause."""
        return run is not None and run.state is not None and run.state.state_details.pause_key == self.key

    @property
    def key(self) -> str | None:
        return self.state.state_details.pause_key

    async def end(self, message: str) -> None:
        """Set the run to Running, with the reason in its history, unless somebody has ended this pause already."""
        if self.is_on(await read(self.client, self.run_id)):
            await self.client.set_flow_run_state(self.run_id, Running(message=message))


async def paused(request: Request, waiter: Waiter, way: Choice, run_id: UUID) -> Response | Leave:
    """
    Wait in the state Paused.

    Raises:
        UsageError: Another question of the run is open, or the run is not running.
        AnsweredInVain: Prefect's dialog took an answer that the type refuses, and the caller wants to know.
    """
    message = f"Waiting for an answer: {waiter.form_url}"
    async with get_client() as client:
        while True:
            pause = await _begun(client, run_id, request, waiter.form_url, message)
            outcome = await _until_left(pause, waiter, way)
            if outcome is not None:
                return outcome
            key = keyset_from_paused_state(pause.state)["response"]
            given = await offered(client, run_id, request, waiter, way, key)
            if isinstance(given, Response):
                return given
            message = f"The answer given here was refused: {given}. Answer again: {waiter.form_url}"


async def _begun(client: PrefectClient, run_id: UUID, request: Request, url: str, message: str) -> Pause:
    # A key that no pause has had: Prefect takes a known one for a repetition, and goes on without asking.
    key = f"{OURS}{request.request_id[:8]}-{secrets.token_hex(4)}"
    # Without Prefect's own timeout, which fails the run behind the flow's back; the deadline is the event's.
    state: State[Any] = Paused(message=message, pause_key=key)
    result = await set_with_form(client, run_id, request, state, url)
    if result.status != SetStateStatus.ACCEPT:
        raise await _refused(client, run_id, request)
    return Pause(client, run_id, request, state)


async def _refused(client: PrefectClient, run_id: UUID, request: Request) -> UsageError:
    run = await read(client, run_id)
    state = run.state if run is not None else None
    if state is not None and state.is_paused():
        what = "Prefect can show a run as Paused for one question at a time, and another one of this run is open."
        return UsageError(what, 'Ask one after the other, or both with wait="running".', request.label)
    named = state.name if state is not None else "unknown"
    what = f"Prefect does not let the run pause: its state is {named}."
    return UsageError(what, 'Ask while it is running, or with wait="running".', request.label)


async def _until_left(pause: Pause, waiter: Waiter, way: Choice) -> Response | Leave | None:
    """Wait until the event is settled or the run cancelled; None when somebody has resumed the run in Prefect."""
    async with listening(waiter) as outcome:
        try:
            seen = await seen_before(outcome, _until_ended(pause, waiter, way.poll))
            if seen == "cancelled":
                return await left(pause.client, pause.run_id, waiter)
            if seen == "resumed":
                return None
        except BaseException:
            await close_if_cancelled(pause.client, pause.run_id, waiter)
            with suppress(Exception):
                await asyncio.wait_for(asyncio.shield(pause.end("No longer waiting for an answer.")), LONGEST_GOODBYE)
            raise
        response = outcome.result()
    await pause.end(_told(response))
    return response


async def _until_ended(pause: Pause, waiter: Waiter, poll: float) -> Literal["cancelled", "resumed"]:
    while True:
        await asyncio.sleep(poll)
        run = await read(pause.client, pause.run_id)
        if says_cancelled(run):
            return "cancelled"
        if run is None or pause.is_on(run):
            continue
        with suppress(httpx.HTTPError):
            _, is_resumed = await last_pause(pause.client, pause.run_id, str(pause.key))
            if is_resumed:
                return "resumed"
            run_log().warning("The run is no longer paused. Its question is still open: %s", waiter.form_url)
            return await until_cancelled(pause.client, pause.run_id, poll)


def _told(response: Response) -> str:
    if response.outcome == "answered":
        by = response.by.name if response.by and response.by.name else "somebody with the link"
        return f"Answered by {by}, through {response.through or 'Pausepoint'}."
    ended = {"declined": "A reviewer declined to answer.", "cancelled": "The question was withdrawn."}
    return ended.get(response.outcome, "Nobody answered by the deadline.")
