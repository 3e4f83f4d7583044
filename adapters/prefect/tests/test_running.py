"""The default way to wait: no state changes, nothing is asked twice, and any number of questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.exceptions import FlowPauseTimeout
from prefect.states import Cancelled, Cancelling
from pydantic import AfterValidator, BaseModel, Field, HttpUrl

import pausepoint
from pausepoint.errors import EventCancelledError, UsageError, WaitTimeoutError
from pausepoint_prefect import PauseTimeoutError, pause_flow_run

from flying import Flying, answer, links_of, status, until


@flow
def name_please() -> str:
    return pause_flow_run(str)


def test_an_answer_in_our_form_goes_on_and_the_state_never_changed() -> None:
    flying = Flying(name_please)

    assert answer(flying.link(), "Ann").status_code == 200
    assert flying.result() == "Ann"
    assert [state.name for state in flying.history()] == ["Pending", "Running", "Completed"]
    assert flying.logged("Pausing flow, execution will continue when this flow run is resumed.")
    assert flying.logged("Resuming flow run execution!")


def test_the_link_is_in_the_log_in_an_artifact_and_in_a_custom_event() -> None:
    flying = Flying(name_please)
    link = flying.link()

    assert flying.logged(link)
    told = until(lambda: events_of(flying.run_id, "pausepoint.event.opened"), "a custom event")
    assert [event["payload"]["link"] for event in told] == [link]
    answer(link, "Ann")
    flying.result()


def events_of(run_id: UUID, name: str) -> list[dict[str, Any]]:
    asked = {"filter": {"event": {"name": [name]}, "any_resource": {"id": [f"prefect.flow-run.{run_id}"]}}}
    with get_client(sync_client=True) as client:
        found: list[dict[str, Any]] = client.request("POST", "/events/filter", json=asked).json()["events"]
    return found


# ---- retries


def test_a_pause_uses_up_no_retry_and_a_flow_retry_asks_nothing_twice() -> None:
    tries: list[int] = []

    @flow(retries=1)
    def fails_once() -> list[int]:
        numbers = [pause_flow_run(int) for _ in range(2)]
        tries.append(len(tries))
        if len(tries) == 1:
            raise RuntimeError("after the answers")
        return numbers

    flying = Flying(fails_once)
    answer(flying.link(0), 1)
    answer(flying.link(1), 2)

    assert flying.result() == [1, 2]
    assert len(tries) == 2
    assert flying.link_count() == 2


def test_a_task_retry_asks_nothing_twice() -> None:
    tries: list[bool] = []

    @task(retries=2)
    def approve() -> bool:
        approved = pause_flow_run(bool)
        tries.append(approved)
        if len(tries) < 3:
            raise RuntimeError("after the answer")
        return approved

    @flow
    def approval() -> bool:
        return approve()

    flying = Flying(approval)
    answer(flying.link(), True)

    assert flying.result() is True
    assert len(tries) == 3


def test_a_retried_call_of_a_task_gets_its_own_answer_and_not_that_of_the_call_before_it() -> None:
    tries: list[str] = []

    @task(retries=1)
    def ask(about: str) -> str:
        given = pause_flow_run(str)
        tries.append(about)
        if tries.count(about) == 1:
            raise RuntimeError("after the answer")
        return given

    @flow
    def twice() -> list[str]:
        return [ask("one"), ask("two")]

    flying = Flying(twice)
    answer(flying.link(0), "first")
    answer(flying.link(1), "second")

    assert flying.result() == ["first", "second"]


def test_equal_calls_of_a_task_keep_their_answers_when_each_is_retried() -> None:
    tries: list[str] = []

    @task(retries=1)
    def ask() -> str:
        given = pause_flow_run(str)
        tries.append(given)
        if tries.count(given) == 1:
            raise RuntimeError("after the answer")
        return given

    @flow
    def twice() -> list[str]:
        return [ask(), ask()]

    flying = Flying(twice)
    answer(flying.link(0), "first")
    answer(flying.link(1), "second")

    assert flying.result() == ["first", "second"]


def test_a_retry_of_a_task_that_has_changed_its_inputs_asks_nothing_twice() -> None:
    @task(retries=1)
    def collect(names: list[str]) -> list[str]:
        names.append(pause_flow_run(str))
        if len(names) == 1:
            raise RuntimeError("after the answer")
        return names

    @flow
    def collecting() -> list[str]:
        return collect([])

    flying = Flying(collecting)
    answer(flying.link(), "Ann")

    assert flying.result() == ["Ann", "Ann"]


def test_what_a_task_was_given_to_iterate_over_is_left_to_it() -> None:
    # Prefect's own cache would look into it.
    @task(cache_policy=NO_CACHE)
    def read(lines: Iterator[str]) -> list[str]:
        return [pause_flow_run(str), *lines]

    @flow
    def reading() -> list[str]:
        return read(line for line in ("one", "two"))

    flying = Flying(reading)
    answer(flying.link(), "Ann")

    assert flying.result() == ["Ann", "one", "two"]


def test_mapped_tasks_ask_at_once_and_keep_their_answers_through_a_flow_retry() -> None:
    tries: list[list[str]] = []

    @task
    def label(picture: bytes) -> str:
        return pause_flow_run(str, prompt="What is this?")

    @flow(retries=1)
    def label_all() -> list[str]:
        labels = label.map([b"cat", b"dog", b"owl"]).result()
        tries.append(labels)
        if len(tries) == 1:
            raise RuntimeError("after the answers")
        return labels

    flying = Flying(label_all)
    links = flying.links(3)
    for number, link in enumerate(links):
        answer(link, f"label {number}")

    assert flying.result() == tries[0]
    assert sorted(tries[0]) == ["label 0", "label 1", "label 2"]
    assert flying.link_count() == 3


def test_two_tasks_wait_in_parallel_and_each_gets_its_own_answer() -> None:
    @task
    def ask(key: str) -> str:
        return pause_flow_run(str, key=key)

    @flow
    def both() -> list[str]:
        return [future.result() for future in [ask.submit("left"), ask.submit("right")]]

    flying = Flying(both)
    for link in flying.links(2):
        name = httpx.get(f"{link.replace('/form/', '/api/v1/events/')}").json()["name"]
        answer(link, f"the {name} one")

    assert flying.result() == ["the left one", "the right one"]


def test_a_subflow_asks_and_a_retry_of_its_parent_asks_nothing_twice() -> None:
    tries: list[str] = []

    @flow
    def inner() -> str:
        given = pause_flow_run(str)
        tries.append(given)
        if len(tries) == 1:
            raise RuntimeError("after the answer")
        return given

    @flow(retries=1)
    def outer() -> str:
        return inner()

    flying = Flying(outer)
    link = until(lambda: link_in_subflow_of(flying.run_id), "a link in the subflow")
    answer(link, "once")

    assert flying.result() == "once"
    assert tries == ["once", "once"]


def link_in_subflow_of(run_id: UUID) -> str | None:
    children = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run_id]))
    with get_client(sync_client=True) as client:
        links = [link for child in client.read_flow_runs(flow_run_filter=children) for link in links_of(child.id)]
    return links[0] if links else None


# ---- timeouts


def test_a_timeout_fires_by_the_clock_is_both_errors_and_the_flow_goes_on() -> None:
    caught: list[BaseException] = []

    @flow
    def goes_on() -> str:
        try:
            pause_flow_run(str, timeout=1, poll_interval=3600)
        except FlowPauseTimeout as error:
            caught.append(error)
        return pause_flow_run(str, key="afterwards")

    flying = Flying(goes_on)
    flying.link(0)
    answer(flying.link(1), "still here")

    assert flying.result() == "still here"
    assert isinstance(caught[0], WaitTimeoutError)
    assert isinstance(caught[0], PauseTimeoutError)
    assert flying.state().is_completed()


def test_a_timeout_of_none_waits_without_a_deadline_and_of_zero_not_at_all() -> None:
    @flow
    def patient() -> str:
        with pytest.raises(FlowPauseTimeout):
            pause_flow_run(int, timeout=0)
        return pause_flow_run(str, timeout=None)

    flying = Flying(patient)
    link = flying.link(1)
    assert httpx.get(link.replace("/form/", "/api/v1/events/")).json()["deadline"] is None
    answer(link, "at last")

    assert flying.result() == "at last"


def test_a_tasks_own_time_limit_ends_its_wait_in_a_thread_too() -> None:
    @task(timeout_seconds=2)
    def waits() -> str:
        return pause_flow_run(str, timeout=None)

    @flow
    def limited() -> str:
        return waits.submit().result()

    flying = Flying(limited)

    assert isinstance(flying.error(), TimeoutError)
    assert status(flying.link())["status"] == "pending"


def test_an_answer_given_while_prefects_server_does_not_answer_goes_on_at_once(
    outage: AbstractContextManager[None],
) -> None:
    got: list[str] = []

    @flow
    def asking() -> str:
        got.append(pause_flow_run(str, poll_interval=0.1))
        return got[0]

    flying = Flying(asking)
    link = flying.link()
    with outage:
        assert answer(link, "Ann").status_code == 200
        until(lambda: got, "an answer in the flow", limit=45)

    assert flying.result() == "Ann"


# ---- what is accepted


@pytest.mark.parametrize(
    ("data_type", "bad", "good", "expected"),
    [
        (date, "2026-02-30", "2026-02-28", date(2026, 2, 28)),
        (UUID, "not one", "12345678-1234-4234-8234-123456789abc", UUID("12345678-1234-4234-8234-123456789abc")),
        (HttpUrl, "no url", "https://example.org/", HttpUrl("https://example.org/")),
        (Annotated[int, Field(ge=18)], 17, 18, 18),
    ],
)
def test_formats_and_limits_are_enforced_before_an_answer_is_accepted(
    data_type: Any, bad: object, good: object, expected: object
) -> None:
    @flow
    def asking() -> Any:
        return pause_flow_run(data_type)

    flying = Flying(asking)
    assert answer(flying.link(), bad).status_code == 422
    assert answer(flying.link(), good).status_code == 200
    assert flying.result() == expected


def _no_green(color: str) -> str:
    if color == "green":
        raise ValueError("We don't carry green.")
    return color


class Shirt(BaseModel):
    color: Annotated[str, AfterValidator(_no_green)]


def test_a_custom_validators_refusal_is_shown_to_the_reviewer_and_not_thrown_into_the_flow() -> None:
    @flow
    def asking() -> str:
        return pause_flow_run(Shirt).color

    flying = Flying(asking)
    refused = answer(flying.link(), {"color": "green"})
    assert refused.status_code == 422
    assert "We don't carry green." in refused.text
    answer(flying.link(), {"color": "red"})

    assert flying.result() == "red"


def test_a_template_in_an_answer_is_data() -> None:
    @flow
    def asking() -> Any:
        return pause_flow_run(dict[str, Any])

    typed = {"a": {"__prefect_kind": "jinja", "template": "{{ 6*7 }}"}}
    flying = Flying(asking)
    answer(flying.link(), typed)

    assert flying.result() == typed


# ---- cancelling


@pytest.mark.parametrize("cancelled", [Cancelled, Cancelling])
def test_a_cancelled_run_stops_waiting_closes_the_event_and_stays_cancelled(cancelled: Any) -> None:
    @flow
    def waits() -> str:
        return pause_flow_run(str, poll_interval=0.2, timeout=None)

    flying = Flying(waits)
    link = flying.link()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flying.run_id, cancelled())

    assert "cancelled" in str(flying.error())
    assert flying.state().name == "Cancelled"
    assert answer(link, "too late").status_code == 410


def test_a_cancelled_run_stops_a_wait_in_a_submitted_task() -> None:
    @task
    def waits() -> str:
        return pause_flow_run(str, poll_interval=0.2, timeout=None)

    @flow
    def outer() -> str:
        return waits.submit().result()

    flying = Flying(outer)
    link = flying.link()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flying.run_id, Cancelled())

    flying.error()
    assert flying.state().name == "Cancelled"
    assert answer(link, "too late").status_code == 410


def cancelled(client: SyncPrefectClient, run_id: UUID) -> None:
    client.set_flow_run_state(run_id, Cancelled())


def deleted(client: SyncPrefectClient, run_id: UUID) -> None:
    client.request("DELETE", "/flow_runs/{id}", path_params={"id": run_id})


@pytest.mark.parametrize(("end", "kind"), [(cancelled, EventCancelledError), (deleted, Exception)])
def test_a_subflow_that_is_ended_fails_its_parent_and_leaves_nothing_running(
    end: Callable[[SyncPrefectClient, UUID], None], kind: type[Exception]
) -> None:
    @flow
    def inner() -> str:
        return pause_flow_run(str, poll_interval=0.2, timeout=None)

    @flow
    def outer() -> str:
        return inner()

    flying = Flying(outer)
    link = until(lambda: link_in_subflow_of(flying.run_id), "a link in the subflow")
    children = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flying.run_id]))
    with get_client(sync_client=True) as client:
        end(client, client.read_flow_runs(flow_run_filter=children)[0].id)

    assert isinstance(flying.error(), kind)
    assert flying.state().is_failed()
    assert answer(link, "too late").status_code == 410


# ---- without any import of ours


def test_the_neutral_pause_does_the_same_in_a_flow() -> None:
    @flow(retries=1)
    def neutral() -> str:
        given = pausepoint.pause(str, key="neutral")
        if not tries:
            tries.append(given)
            raise RuntimeError("after the answer")
        return given

    tries: list[str] = []
    flying = Flying(neutral)
    answer(flying.link(), "Ann")

    assert flying.result() == "Ann"
    assert [state.name for state in flying.history()].count("Paused") == 0
    assert flying.logged("Pausing flow")
    assert flying.logged("Resuming flow")


def test_the_environment_chooses_the_way_and_an_unknown_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAUSEPOINT_PREFECT_WAIT", "sitting")
    error = Flying(name_please).error()

    assert isinstance(error, UsageError)
    assert "PAUSEPOINT_PREFECT_WAIT must be running, paused or suspend" in str(error)


def test_a_dozen_mapped_questions_are_open_at_once_and_each_gets_its_own_answer() -> None:
    @task
    def ask(number: int) -> int:
        return pause_flow_run(int, key=f"n{number}", poll_interval=1)

    @flow
    def many() -> list[int]:
        return ask.map(list(range(12))).result()

    flying = Flying(many)
    links = flying.links(12)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda link: answer(link, int(number_of(link))), links))

    assert flying.result() == list(range(12))


def number_of(link: str) -> str:
    told = json.loads(httpx.get(link.replace("/form/", "/api/v1/events/")).text)
    return str(told["name"]).removeprefix("n")
