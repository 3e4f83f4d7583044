from __future__ import annotations

import enum
import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import field_validator

from pausepoint import Default, RunInput, new_event, pause, run
from pausepoint.errors import AnswerError, DeclinedError, UsageError, WaitTimeoutError
from pausepoint.testing import Decline, Expire, answers


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Box:
    colour: Colour
    price: Decimal
    when: date


class Even(RunInput):
    number: int

    @field_validator("number")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("Only even numbers.")
        return value


def test_typed_values_and_their_json_are_both_taken() -> None:
    box = Box(Colour.RED, Decimal("1.10"), date(2026, 1, 2))
    with answers({"box": box, "again": {"colour": "red", "price": "1.10", "when": "2026-01-02"}}):
        assert new_event("box", Box).wait() == box
        assert new_event("again", Box).wait() == box


def test_what_was_asked_is_kept_in_order() -> None:
    with answers({"approve": True, "int": 3}) as asked:
        new_event("approve", bool, prompt="Deploy?").wait()
        pause(int)

    assert [(request.name, request.prompt) for request in asked] == [
        ("approve", "Deploy?"),
        ("int", "Please provide a value"),
    ]


@pytest.mark.anyio
async def test_the_aio_forms_are_answered_too() -> None:
    with answers({"int": 3}):
        assert await pause.aio(int) == 3


def test_a_question_nobody_thought_of_fails_the_test_instead_of_hanging() -> None:
    with answers({"approve": True}), pytest.raises(UsageError, match="has nothing for this question"):
        new_event("deploy", bool)


def test_a_value_the_type_refuses_is_refused_where_it_is_asked() -> None:
    with answers({"n": "maybe"}), pytest.raises(AnswerError):
        new_event("n", bool)


def test_a_value_the_authors_validator_refuses_fails_with_its_message() -> None:
    def use() -> None:
        with answers({"Even": {"number": 3}}):
            pause(Even)

    with pytest.raises(AnswerError) as caught:
        use()

    assert caught.value.fields == {"number": "Only even numbers."}


def test_declining_and_expiring_are_answers_for_tests() -> None:
    with answers({"deploy": Decline("too risky"), "n": Expire(), "d": Expire()}):
        with pytest.raises(DeclinedError) as caught:
            new_event("deploy", bool).wait()
        with pytest.raises(WaitTimeoutError):
            new_event("n", int).wait()
        assert new_event("d", int, on_timeout=Default(7)).wait() == 7

    assert caught.value.comment == "too risky"


def test_a_function_is_asked_each_time() -> None:
    numbers = iter([1, 2])

    def next_number(request: Any) -> int:
        assert request.name == "n"
        return next(numbers)

    with answers({"n": next_number}):
        assert [new_event("n", int).wait(), new_event("n", int).wait()] == [1, 2]


def test_each_block_is_a_fresh_store_so_a_run_can_finish_in_each() -> None:
    for _ in range(2):
        with answers({"n": 1}), run("nightly"):
            assert new_event("n", int).wait() == 1


def test_threads_that_ask_one_question_at_once_each_get_its_answer() -> None:
    given: list[bool] = []
    asking = threading.Barrier(8)

    def ask() -> None:
        asking.wait()
        given.append(pause(bool, key="deploy"))

    with answers({"deploy": True}) as asked:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert given == [True] * 8
    assert len(asked) == 1
