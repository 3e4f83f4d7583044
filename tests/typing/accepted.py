"""Calls that must type-check, and what a type checker must know of their results. Never run: see `tox -e types`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Literal, Optional, TypedDict, Union
from uuid import UUID

from pydantic import BaseModel, Field
from typing_extensions import assert_type

from pausepoint import Default, Event, RunInput, new_event, pause, run


class Size(Enum):
    """An enumeration."""

    SMALL = "small"
    LARGE = "large"


class Order(BaseModel):
    """A model."""

    size: Size
    count: int = 1


class Review(RunInput):
    """An input of a run."""

    note: str


@dataclass
class Point:
    """A dataclass."""

    x: float
    y: float


class Row(TypedDict):
    """A typed dictionary."""

    name: str


def pause_gives_back_the_very_type() -> None:
    """One call, one type."""
    assert_type(pause(str), str)
    assert_type(pause(int), int)
    assert_type(pause(bool, prompt="Deploy?"), bool)
    assert_type(pause(date), date)
    assert_type(pause(UUID), UUID)
    assert_type(pause(Size), Size)
    assert_type(pause(Order), Order)
    assert_type(pause(Review), Review)
    assert_type(pause(Point), Point)
    assert_type(pause(Row), Row)
    assert_type(pause(list[Order]), list[Order])
    assert_type(pause(dict[str, int]), dict[str, int])


def pause_infers_forms_that_are_not_classes() -> None:
    """What `type[T]` would refuse."""
    assert_type(pause(Literal["red", "blue"]), Literal["red", "blue"])
    assert_type(pause(Optional[int]), Optional[int])
    assert_type(pause(int | None), Optional[int])
    assert_type(pause(Union[int, str]), Union[int, str])
    assert_type(pause(Annotated[int, Field(ge=1)]), int)


def pause_takes_what_the_contract_names() -> None:
    """Every argument, by position and by name."""
    pause()
    pause(int, 60)
    pause(int, None, 5, "how-many")
    pause(
        int, timeout=60, poll_interval=0.5, key="how-many", prompt="How many?", title="Count", initial=3, generation=1
    )
    pause(bool, on_timeout=Default(False))
    pause(bool, on_timeout="raise", attachments=())


def an_event_carries_its_type() -> None:
    """A handle on a question."""
    event = new_event("approve", bool)
    assert_type(event, Event[bool])
    assert_type(event.wait(), bool)
    assert_type(new_event("size", Literal["s", "l"], timeout_seconds=None).wait(), Literal["s", "l"])
    assert_type(Event.create("order", Order, "run", "What?", 60, 5).wait(), Order)
    assert_type(event.form_url, str)
    assert_type(event.request_id, str)


async def everything_has_an_async_form() -> None:
    """The same types, awaited."""
    assert_type(await pause.aio(int), int)
    assert_type(await pause.aio(Optional[Order]), Optional[Order])
    event = await new_event.aio("approve", Order)
    assert_type(event, Event[Order])
    assert_type(await event.wait.aio(), Order)
    assert_type(await Event.create.aio("approve", bool), Event[bool])


def a_run_is_a_context() -> None:
    """What a plain script writes."""
    with run("nightly-42"):
        assert_type(pause(int), int)


def initial_data_keep_the_type() -> None:
    """A prefilled form is still a form of that type."""
    assert_type(pause(Review.with_initial_data(note="ok")), Review)
