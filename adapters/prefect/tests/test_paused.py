"""The run is shown as Paused: our form and Prefect's own dialog settle the same event."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import httpx
import pydantic
import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.input import keyset_from_paused_state
from prefect.states import Cancelled, Failed, Pending, Running, Scheduled

import pausepoint
from pausepoint.errors import UsageError
from pausepoint_prefect import RunInput, pause_flow_run, resume_flow_run

from flying import Flying, answer, resume, status, until


class Order(RunInput):
    """What to send."""

    size: Literal["small", "medium"]
    color: Literal["red", "green"]

    @pydantic.model_validator(mode="after")
    def is_in_stock(self) -> Order:
        if self.size == "small" and self.color == "green":
            raise ValueError("Small ones are not green.")
        return self


@flow
def order(poll_interval: float = 0.2) -> Order:
    return pause_flow_run(Order, poll_interval=poll_interval, wait="paused")


@flow
def name_please() -> str:
    return pause_flow_run(str, poll_interval=0.2, wait="paused")


def schema_of(flying: Flying, state: State[Any]) -> dict[str, Any]:
    keyset = state.state_details.run_input_keyset or {}
    with get_client(sync_client=True) as client:
        path = {"id": flying.run_id, "key": keyset["schema"]}
        schema: dict[str, Any] = client.request("GET", "/flow_runs/{id}/input/{key}", path_params=path).json()
    return schema


def test_an_answer_in_our_form_is_told_in_the_state_history() -> None:
    flying = Flying(order, 10.0)
    state = flying.until_state("Paused")
    link = flying.link()
    assert link in (state.message or "")
    base, _, request_id = link.partition("/form/")
    reply = httpx.post(
        f"{base}/api/v1/events/{request_id}/answer",
        json={"value": {"size": "small", "color": "red"}, "reviewer": "ann@example.org"},
    )
    assert reply.status_code == 200, reply.text

    assert flying.result().color == "red"
    history = [(state.name, state.message) for state in flying.history()]
    assert [name for name, _ in history] == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert "Answered by ann@example.org" in (history[3][1] or "")


def test_an_answer_in_prefects_own_dialog_settles_the_same_event(store: Path) -> None:
    flying = Flying(order)
    link = flying.link()
    flying.until_state("Paused")
    assert resume(flying.run_id, {"size": "tiny", "color": "red"})["status"] == "REJECT"
    assert resume(flying.run_id, {"size": "medium", "color": "green"})["status"] == "ACCEPT"

    assert flying.result() == Order(size="medium", color="green")
    assert answer(link, {"size": "small", "color": "red"}).status_code == 409
    response = json.loads((store / "v1" / "events" / link[-26:] / "response.json").read_text("utf-8"))
    assert (response["outcome"], response["through"]) == ("answered", "prefect")


@pytest.mark.parametrize("by", ["our client function", "Prefect's client"])
def test_a_built_in_type_is_the_field_value_for_whoever_resumes_by_program(by: str) -> None:
    flying = Flying(name_please)
    flying.link()
    flying.until_state("Paused")
    if by == "Prefect's client":

        async def resumed() -> None:
            async with get_client() as client:
                await client.resume_flow_run(flying.run_id, run_input={"value": "Ann"})

        asyncio.run(resumed())
    else:
        with pytest.raises(RuntimeError, match="Cannot resume this run"):
            resume_flow_run(flying.run_id, run_input={"name": "Ann"})
        resume_flow_run(flying.run_id, run_input={"value": "Ann"})

    assert flying.result() == "Ann"
    with pytest.raises(NotPausedError):
        resume_flow_run(flying.run_id, run_input={"value": "Bob"})


class Badge(RunInput):
    name: str = "Guest"


@pytest.mark.parametrize("data_type", [None, Badge, int | None])
@pytest.mark.parametrize("states", [[Failed()], [Scheduled(), Pending(), Running()]], ids=["failed", "taken over"])
def test_a_state_that_is_set_by_hand_or_by_another_process_is_no_answer(
    data_type: Any, states: list[State[Any]]
) -> None:
    @flow
    def asking() -> Any:
        return pause_flow_run(data_type, poll_interval=0.2, wait="paused")

    flying = Flying(asking)
    link = flying.link()
    flying.until_state("Paused")
    with get_client(sync_client=True) as client:
        for state in states:
            client.set_flow_run_state(flying.run_id, state, force=True)
    flying.logged("The run is no longer paused. Its question is still open")
    assert status(link)["status"] == "pending"
    given = {"name": "Ann"} if data_type is Badge else None
    assert answer(link, given).status_code == 200

    assert flying.result() == (Badge(name="Ann") if given else None)


@pytest.mark.parametrize("stored", ["no JSON", '"a bare text"', "{}", '{"value": NaN}'])
def test_what_is_no_answer_to_the_form_is_a_validation_error_and_the_question_stays_open(stored: str) -> None:
    flying = Flying(optional_number)
    link = flying.link()
    keyset = keyset_from_paused_state(flying.until_state("Paused"))
    with get_client(sync_client=True) as client:
        # As whoever may use Prefect's API can, past its form.
        client.create_flow_run_input(flying.run_id, keyset["response"], stored)
        client.set_flow_run_state(flying.run_id, Running())

    assert isinstance(flying.error(), pydantic.ValidationError)
    assert status(link)["status"] == "pending"


@flow
def optional_number() -> float | None:
    return pause_flow_run(float | None, poll_interval=0.2, wait="paused")


def test_prefects_dialog_shows_the_same_schema_defaults_and_description() -> None:
    @flow
    def prefilled() -> Order:
        given = Order.with_initial_data(description="Which *one*?", color="red")
        return pause_flow_run(given, poll_interval=0.2, wait="paused")

    flying = Flying(prefilled)
    link = flying.link()
    state = flying.until_state("Paused")
    schema = schema_of(flying, state)
    assert schema["properties"]["size"]["enum"] == ["small", "medium"]
    assert schema["properties"]["color"]["default"] == "red"
    assert schema["required"] == ["size"]
    key = (state.state_details.run_input_keyset or {})["description"]
    with get_client(sync_client=True) as client:
        path = {"id": flying.run_id, "key": key}
        description = client.request("GET", "/flow_runs/{id}/input/{key}", path_params=path).json()
    assert description.startswith("Which *one*?")
    assert link in description
    assert resume(flying.run_id, {"size": "medium"})["status"] == "ACCEPT"

    assert flying.result() == Order(size="medium", color="red")


def test_nothing_to_fill_in_is_a_plain_resume() -> None:
    @flow
    def go_on() -> None:
        pause_flow_run(poll_interval=0.2, wait="paused")

    flying = Flying(go_on)
    flying.link()
    flying.until_state("Paused")
    assert resume(flying.run_id)["status"] == "ACCEPT"

    assert flying.result() is None


def test_a_loop_around_validation_errors_asks_the_same_question_again() -> None:
    refused: list[pydantic.ValidationError] = []

    @flow
    def in_a_loop() -> Order:
        while True:
            try:
                return pause_flow_run(Order, poll_interval=0.2, wait="paused")
            except pydantic.ValidationError as error:  # noqa: PERF203 - the loop is what is tested
                refused.append(error)

    flying = Flying(in_a_loop)
    link = flying.link()
    flying.until_state("Paused")
    assert resume(flying.run_id, {"size": "small", "color": "green"})["status"] == "ACCEPT"
    until(lambda: refused, "a refusal")
    assert "Small ones are not green." in str(refused[0])
    flying.until_state("Paused")
    assert flying.link_count() == 1
    assert status(link)["status"] == "pending"
    answer(link, {"size": "small", "color": "red"})

    assert flying.result() == Order(size="small", color="red")


def test_the_neutral_pause_is_paused_again_with_the_reason_where_prefects_dialog_let_a_bad_answer_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAUSEPOINT_PREFECT_WAIT", "paused")
    monkeypatch.setattr("pausepoint_prefect._choosing.POLL", 0.2)

    @flow
    def neutral() -> Order:
        return pausepoint.pause(Order)

    flying = Flying(neutral)
    link = flying.link()
    flying.until_state("Paused")
    resume(flying.run_id, {"size": "small", "color": "green"})
    again = until(lambda: s if "refused" in ((s := flying.state()).message or "") else None, "a refusal")
    assert "Small ones are not green" in (again.message or "")
    answer(link, {"size": "medium", "color": "green"})

    assert flying.result() == Order(size="medium", color="green")


def test_a_second_open_question_of_the_run_is_refused_with_the_reason() -> None:
    @task
    def ask(key: str) -> str:
        return pause_flow_run(str, key=key, poll_interval=0.2, wait="paused")

    refused: list[UsageError] = []

    @flow
    def both() -> str:
        first = ask.submit("first")
        until(lambda: flying.state().name == "Paused", "a pause")
        with pytest.raises(UsageError) as refusal:
            ask.submit("second").result()
        refused.append(refusal.value)
        return first.result()

    flying = Flying(both)
    link = flying.link(0)
    until(lambda: refused, "a refusal")
    assert "another one of this run is open" in str(refused[0])
    answer(link, "done")

    assert flying.result() == "done"


def test_a_timeout_can_be_caught_and_the_run_is_not_failed_behind_the_flows_back() -> None:
    @flow
    def goes_on() -> str:
        with pytest.raises(FlowPauseTimeout):
            pause_flow_run(str, timeout=8, poll_interval=3600, wait="paused")
        return pause_flow_run(str, key="again", poll_interval=0.2, wait="paused")

    flying = Flying(goes_on)
    answer(flying.link(1), "still here")

    assert flying.result() == "still here"
    assert [state.name for state in flying.history()].count("Paused") == 2
    assert flying.state().is_completed()


def test_answers_survive_a_flow_retry_although_a_pause_costs_prefect_one() -> None:
    tries: list[str] = []

    @flow(retries=3)
    def fails_once() -> str:
        given = pause_flow_run(str, poll_interval=0.2, wait="paused")
        tries.append(given)
        if len(tries) == 1:
            raise RuntimeError("after the answer")
        return given

    flying = Flying(fails_once)
    answer(flying.link(), "once")

    assert flying.result() == "once"
    assert [state.name for state in flying.history()].count("Paused") == 1


def test_a_cancelled_run_stops_waiting_closes_the_event_and_stays_cancelled() -> None:
    flying = Flying(name_please)
    link = flying.link()
    flying.until_state("Paused")
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flying.run_id, Cancelled())

    flying.error()
    assert flying.state().name == "Cancelled"
    assert answer(link, "too late").status_code == 410


def test_a_template_is_data_when_our_client_function_carries_it() -> None:
    @flow
    def asking() -> Any:
        return pause_flow_run(dict[str, Any], poll_interval=0.2, wait="paused")

    typed = {"a": {"__prefect_kind": "jinja", "template": "{{ 6*7 }}"}}
    flying = Flying(asking)
    flying.link()
    flying.until_state("Paused")
    resume_flow_run(flying.run_id, run_input={"value": typed})

    assert flying.result() == typed


def test_what_prefects_endpoint_resolves_arrives_as_a_value_and_is_judged_like_any_other() -> None:
    flying = Flying(order)
    link = flying.link()
    flying.until_state("Paused")
    kind = {"__prefect_kind": "jinja", "template": "{{ 'gre' ~ 'en' }}"}
    assert resume(flying.run_id, {"size": kind, "color": kind})["status"] == "REJECT"
    assert resume(flying.run_id, {"size": "small", "color": kind})["status"] == "ACCEPT"

    assert "Small ones are not green." in str(flying.error())
    assert status(link)["status"] == "pending"


def test_an_async_flow_is_paused_and_answered_either_way() -> None:
    @flow
    async def asking() -> list[str]:
        return [await pause_flow_run(str, poll_interval=0.2, key=key, wait="paused") for key in ("a", "b")]

    flying = Flying(asking)
    flying.link(0)
    flying.until_state("Paused")
    resume(flying.run_id, {"value": "native"})
    answer(flying.link(1), "ours")

    assert flying.result() == ["native", "ours"]
