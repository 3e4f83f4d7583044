"""What a type checker must know of Prefect's call shapes. Never run: mypy reads it, and reports an ignore too many."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from prefect.input import RunInput as PrefectRunInput
from pydantic import Field
from typing_extensions import assert_type

from pausepoint import Default
from pausepoint_prefect import (
    RunInput,
    apause_flow_run,
    asuspend_flow_run,
    pause_flow_run,
    resume_flow_run,
    suspend_flow_run,
)


class Order(RunInput):
    """A model of ours."""

    count: int


class Native(PrefectRunInput):
    """A model of Prefect's own."""

    count: int


def the_answer_is_of_the_type_that_was_asked_for() -> None:
    """And None where nothing was."""
    assert_type(pause_flow_run(str), str)
    assert_type(pause_flow_run(Order), Order)
    assert_type(pause_flow_run(Native, 60, 1, "order"), Native)
    assert_type(pause_flow_run(Order.with_initial_data(description="What?", count=1)), Order)
    assert_type(pause_flow_run(Literal["red", "blue"]), Literal["red", "blue"])
    assert_type(pause_flow_run(int | None), int | None)
    assert_type(pause_flow_run(Annotated[int, Field(ge=1)], wait="paused", prompt="How many?"), int)
    assert_type(pause_flow_run(bool, timeout=None, on_timeout=Default(False)), bool)
    assert_type(suspend_flow_run(Order, timeout=60, key="order", title="Which?"), Order)
    pause_flow_run(timeout=60)
    suspend_flow_run(key="go-on")
    suspend_flow_run(flow_run_id=UUID(int=1))
    resume_flow_run(UUID(int=1), {"value": 3})


async def the_async_twins_are_awaited() -> None:
    """The same types."""
    assert_type(await apause_flow_run(Order), Order)
    assert_type(await apause_flow_run(int | None, wait="running"), int | None)
    assert_type(await asuspend_flow_run(bool), bool)
    await apause_flow_run()


def what_cannot_work_is_refused() -> None:
    """Each line carries what mypy must find on it."""
    pause_flow_run(3)  # type: ignore[call-overload]
    pause_flow_run(str, wait="sitting")  # type: ignore[call-overload]
    pause_flow_run(str, promt="Who?")  # type: ignore[call-overload]
    suspend_flow_run(str, wait="paused")  # type: ignore[call-overload]
    text: str = pause_flow_run(int)  # type: ignore[assignment]
    nothing: str = pause_flow_run()  # type: ignore[assignment]
    del text, nothing
