"""Prefect's call shapes: who blocks and who returns a coroutine, what is raised where, and what `RunInput` can do."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from typing import Annotated, Any, Literal
from uuid import uuid4

import httpx
import prefect
import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.exceptions import FlowPauseTimeout, NotPausedError, ObjectNotFound
from prefect.input import RunInput as PrefectRunInput, keyset_from_base_key
from pydantic import Field, ValidationError

import pausepoint
import pausepoint_prefect
from pausepoint.errors import UsageError, WaitTimeoutError
from pausepoint_prefect import (
    PauseTimeoutError,
    RunInput,
    apause_flow_run,
    pause_flow_run,
    resume_flow_run,
    suspend_flow_run,
)

from flying import Flying, answer, links_of, run_named, until


class Person(RunInput):
    name: Annotated[str, Field(min_length=2, title="Full name")]
    age: Annotated[int, Field(ge=18)] = 18


@pytest.mark.parametrize("name", ["pause_flow_run", "suspend_flow_run", "resume_flow_run"])
def test_every_argument_of_prefects_own_call_is_there_in_the_same_place_with_the_same_default(name: str) -> None:
    own = inspect.signature(getattr(prefect, name)).parameters
    ours = inspect.signature(getattr(pausepoint_prefect, name)).parameters
    positional = [each for each in ours.values() if each.kind is each.POSITIONAL_OR_KEYWORD]

    assert [(each.name, each.default) for each in positional] == [(each.name, each.default) for each in own.values()]


def test_in_an_async_flow_the_plain_name_and_its_twin_return_coroutines() -> None:
    made: list[bool] = []

    @flow
    async def asking() -> list[str]:
        for call in (pause_flow_run, apause_flow_run):
            coroutine = call(str, key="unused")
            made.append(inspect.iscoroutine(coroutine))
            coroutine.close()
        return [await pause_flow_run(str, key="one"), await apause_flow_run(str, key="two")]

    flying = Flying(asking)
    answer(flying.link(0), "1")
    answer(flying.link(1), "2")

    assert flying.result() == ["1", "2"]
    assert made == [True, True]


def test_a_plain_flow_blocks_also_where_it_is_called_from_an_async_one() -> None:
    @flow
    def inner() -> str:
        return pause_flow_run(str)

    @flow
    async def outer() -> str:

        beside = asyncio.get_running_loop().run_in_executor(None, answer_in_subflow_of, names)
        given = inner()
        await beside
        return given

    names: list[str] = []
    flying = Flying(outer)
    names.append(flying.name)

    assert flying.result() == "from beside"


def answer_in_subflow_of(names: list[str]) -> None:
    answer(until(lambda: next(iter(links_below(names[0])), None) if names else None, "a link"), "from beside")


def links_below(name: str) -> list[str]:
    """The links of all subflows of the run of this name."""
    parent = run_named(name)
    children = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent.id] if parent else []))
    with get_client(sync_client=True) as client:
        return [link for child in client.read_flow_runs(flow_run_filter=children) for link in links_of(child.id)]


def test_an_async_task_asks() -> None:
    @task
    async def ask() -> str:
        return await pause_flow_run(str)

    @flow
    async def asking() -> str:
        return await ask()

    flying = Flying(asking)
    answer(flying.link(), "Ann")

    assert flying.result() == "Ann"


def test_outside_of_a_flow_it_is_the_error_that_prefect_raises() -> None:
    for call in (lambda: pause_flow_run(str), lambda: asyncio.run(apause_flow_run(str))):
        with pytest.raises(RuntimeError, match="can only be paused from within a flow run"):
            call()


def test_the_timeout_is_pausepoints_and_prefects_and_pickles() -> None:
    error = PauseTimeoutError.of(WaitTimeoutError("Nobody answered.", "Ask again.", "'x' (abcdefgh)", "2026-01-01"))
    copy = pickle.loads(pickle.dumps(error))

    assert isinstance(copy, FlowPauseTimeout)
    assert isinstance(copy, TimeoutError)
    assert (str(copy), copy.deadline) == ("Nobody answered. Event 'x' (abcdefgh). Ask again.", "2026-01-01")


def test_a_run_that_waits_running_is_not_paused_for_whoever_resumes_it() -> None:
    @flow
    def asking() -> str:
        return pause_flow_run(str)

    flying = Flying(asking)
    link = flying.link()
    with pytest.raises(NotPausedError):
        resume_flow_run(flying.run_id, {"value": "Ann"})
    answer(link, "Ann")

    assert flying.result() == "Ann"


# ---- what may be asked for


def test_prefilling_keeps_constraints_titles_and_checks_values() -> None:
    schema = Person.with_initial_data(description="Who?", name="Ann").model_json_schema()
    assert schema["properties"]["name"] == {"default": "Ann", "minLength": 2, "title": "Full name", "type": "string"}
    assert schema["properties"]["age"]["minimum"] == 18
    with pytest.raises(UsageError):
        Person.with_initial_data(age=3)
    with pytest.raises(UsageError):
        Person.with_initial_data(agee=30)


@pytest.mark.parametrize("base", [RunInput, PrefectRunInput, pausepoint.RunInput])
def test_any_run_input_is_asked_for_with_its_defaults(base: Any) -> None:
    model = type("Who", (base,), {"__annotations__": {"name": str}, "__module__": __name__})

    @flow
    def asking() -> Any:
        return pause_flow_run(model.with_initial_data(description="Tell *us*.", name="anonymous"))

    flying = Flying(asking)
    assert "Tell" in until(lambda: page_of(flying.link()), "a page")
    answer(flying.link(), {})

    who = flying.result()
    assert (who.name, isinstance(who, model)) == ("anonymous", True)


def page_of(link: str) -> str:
    return httpx.get(link).text


def test_saving_and_loading_keep_what_prefects_own_does_and_the_prefilling() -> None:
    keyset = keyset_from_base_key("person")

    @flow
    def saves() -> tuple[dict[str, Any], str, Person]:
        from prefect.runtime import flow_run

        prefilled = Person.with_initial_data(description="Who?", name="Ann")
        prefilled.save(keyset)
        with get_client(sync_client=True) as client:
            read = [
                client.request("GET", "/flow_runs/{id}/input/{key}", path_params={"id": flow_run.id, "key": key}).json()
                for key in (keyset["schema"], keyset["description"])
            ]
            client.create_flow_run_input(flow_run.id, keyset["response"], '{"name": "Bob", "age": 20}')
        return read[0], read[1], Person.load(keyset)

    schema, description, loaded = saves()
    assert schema["properties"]["name"]["default"] == "Ann"
    assert description == "Who?"
    assert (loaded.name, loaded.age) == ("Bob", 20)


def test_flows_send_receive_and_respond_as_with_prefects_own() -> None:
    class Number(RunInput):
        number: int

    @flow
    def squares() -> None:
        got = next(Number.receive(timeout=30, poll_interval=0.1))
        got.respond(Number(number=got.number**2))

    squaring = Flying(squares)

    @flow
    def sends() -> int:
        Number(number=7).send_to(squaring.run_id)
        return next(Number.receive(timeout=30, poll_interval=0.1)).number

    assert sends() == 49
    squaring.result()


def test_the_answer_prints_as_in_prefects_talk() -> None:
    class Shirt(RunInput):
        size: Literal["medium"]
        color: Literal["red"]

    assert f"{Shirt(size='medium', color='red')}" == "size='medium' color='red'"
    with pytest.raises(ValidationError):
        Shirt(size="medium", color="red", sleeves=2)


def test_two_calls_of_a_task_under_one_key_are_refused_and_not_given_one_answer() -> None:
    @task
    def approve(item: str) -> bool:
        return pause_flow_run(bool, key="approve", prompt=f"Approve {item}?")

    @flow
    def approve_all() -> bool:
        first = approve("one")
        with pytest.raises(UsageError, match="Another call of this task"):
            approve("two")
        return first

    flying = Flying(approve_all)
    answer(flying.link(), True)

    assert flying.result() is True


def test_suspending_another_run_is_prefects_own_call() -> None:
    with pytest.raises(ObjectNotFound):
        suspend_flow_run(flow_run_id=uuid4(), timeout=5)
