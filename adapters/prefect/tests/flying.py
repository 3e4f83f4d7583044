"""A flow in the air, and what its reviewer and Prefect's own client can do about it."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterName,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, State

T = TypeVar("T")
LIMIT = 120.0
"""Seconds after which something counts as never happening: much, so that a slow machine is no failure."""
LINK = re.compile(r"\((https?://[^\s)]+/form/[a-z2-7]{26})\)")


def until(look: Callable[[], T | None], what: str, limit: float = LIMIT) -> T:
    """Look again and again until there is something; fail with *what* was waited for."""
    ends = time.monotonic() + limit
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < ends, f"There never was {what}."
        time.sleep(0.05)


class Flying:
    """
    A flow that runs in a thread of its own.

    Args:
        flow: A plain or an async flow.
        args: Its arguments.
    """

    def __init__(self, flow: Any, *args: Any) -> None:
        self.name = uuid4().hex
        self._flow = flow.with_options(flow_run_name=self.name)
        self._args = args
        self._ended: tuple[str, Any] | None = None
        self._thread = threading.Thread(target=self._fly, daemon=True)
        self._thread.start()

    def _fly(self) -> None:
        try:
            result = self._flow(*self._args)
            self._ended = ("returned", asyncio.run(result) if asyncio.iscoroutine(result) else result)
        except BaseException as error:
            self._ended = ("raised", error)

    def result(self) -> Any:
        """Wait for the flow to end, and return what it returned."""
        how, what = self._outcome()
        if how == "raised":
            raise what
        return what

    def error(self) -> BaseException:
        """Wait for the flow to end, and return what it raised."""
        how, what = self._outcome()
        assert how == "raised", f"It returned {what!r}."
        return what

    def _outcome(self) -> tuple[str, Any]:
        self._thread.join(LIMIT)
        assert self._ended is not None, f"The flow is still running: {self.state()}"
        return self._ended

    @property
    def run_id(self) -> UUID:
        """The id of the flow run."""
        return self.run().id

    def run(self) -> FlowRun:
        """The flow run as the server knows it."""
        return until(lambda: run_named(self.name), "a flow run")

    def state(self) -> State[Any]:
        """The state that the flow run is in."""
        state = self.run().state
        assert state is not None
        return state

    def history(self) -> list[State[Any]]:
        """All states of the flow run, the first one first."""
        return states_of(self.run_id)

    def until_state(self, name: str) -> State[Any]:
        """Wait for a state of this name."""
        state = until(lambda: state if (state := self.state()).name == name else None, f"the state {name}")
        schema = (state.state_details.run_input_keyset or {}).get("schema")
        if schema is not None:
            # A server of Prefect 3.9 takes the form away with the new state, and gets it again a moment later.
            until(lambda: has_input(self.run_id, schema), "a form in Prefect's dialog")
        return state

    def link(self, which: int = 0) -> str:
        """The link of the question asked as the first, second, ... one of the run."""
        return self.links(which + 1)[which]

    def links(self, count: int) -> list[str]:
        """The links of the first *count* questions, as artifacts of the run show them."""
        return until(lambda: found if len(found := links_of(self.run_id)) >= count else None, f"{count} links")[:count]

    def link_count(self) -> int:
        """How many questions the run has asked so far."""
        return len(links_of(self.run_id))

    def logged(self, text: str) -> str:
        """Wait for a line in the run's log on the server, and return it."""
        return until(lambda: next((line for line in log_of(self.run_id) if text in line), None), f"the line {text!r}")


def run_named(name: str) -> FlowRun | None:
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[name])))
    return found[0] if found else None


def states_of(run_id: UUID) -> list[State[Any]]:
    with get_client(sync_client=True) as client:
        found = client.read_flow_run_states(run_id)
    return sorted(found, key=lambda state: state.timestamp)


def has_input(run_id: UUID, key: str) -> bool:
    with get_client(sync_client=True) as client:
        return bool(client.filter_flow_run_input(run_id, key, 1, set()))


def has_ended(run_id: UUID) -> bool:
    return states_of(run_id)[-1].is_final()


def links_of(run_id: UUID) -> list[str]:
    filtered = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(artifact_filter=filtered)
    made = sorted(artifacts, key=lambda artifact: artifact.created)
    return list(dict.fromkeys(link for artifact in made for link in LINK.findall(str(artifact.data))))


def log_of(run_id: UUID) -> list[str]:
    filtered = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id]))

    async def read() -> list[str]:
        async with get_client() as client:
            return [log.message for log in await client.read_logs(filtered)]

    return asyncio.run(read())


def answer(link: str, value: object) -> httpx.Response:
    """Answer as a program does; return whatever came back."""
    base, _, request_id = link.partition("/form/")
    return httpx.post(f"{base}/submit/json", json={"request_id": request_id, "value": value}, timeout=LIMIT)


def status(link: str) -> dict[str, Any]:
    """How the event of a link stands."""
    base, _, request_id = link.partition("/form/")
    told: dict[str, Any] = httpx.get(f"{base}/status/{request_id}", timeout=LIMIT).raise_for_status().json()
    return told


def resume(run_id: UUID, run_input: dict[str, Any] | None = None) -> dict[str, Any]:
    """Resume through Prefect's REST API, as its page does; return what it said."""
    with get_client(sync_client=True) as client:
        reply = client.request(
            "POST", "/flow_runs/{id}/resume", path_params={"id": run_id}, json={"run_input": run_input}
        )
    told: dict[str, Any] = reply.json()
    return told
