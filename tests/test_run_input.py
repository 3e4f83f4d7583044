"""A model that is asked for as a form, some of whose fields are filled in beforehand."""

from __future__ import annotations

import pickle
import warnings
from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from pausepoint._codec import AnswerType, RunInput, answer_type, check
from pausepoint._forms import build, draft_of, parse
from pausepoint.errors import AnswerError, UsageError


class ShirtOrder(RunInput):
    """A shirt with our logo."""

    size: Literal["small", "medium", "large"] = Field(title="Which size", description="As on the label")
    color: Literal["red", "green"]
    count: int = Field(1, ge=1, le=9)
    due: date | None = None

    @field_validator("count")
    @classmethod
    def no_seven(cls, value: int) -> int:
        if value == 7:
            raise ValueError("seven is not sold")
        return value

    @model_validator(mode="after")
    def no_small_green(self) -> ShirtOrder:
        if (self.size, self.color) == ("small", "green"):
            raise ValueError("green is not made in small")
        return self


def test_it_prints_its_fields_and_nothing_else() -> None:
    class Shirt(RunInput):
        size: str
        color: str

    assert str(Shirt(size="medium", color="red")) == "size='medium' color='red'"
    assert (
        str(answer_type(Shirt.with_initial_data(size="medium")).parse({"color": "red"})) == "size='medium' color='red'"
    )


def test_a_prefilled_model_keeps_constraints_titles_and_descriptions_and_its_fields_become_optional() -> None:
    plain = answer_type(ShirtOrder).json_schema
    prefilled = answer_type(ShirtOrder.with_initial_data(size="medium", count=3)).json_schema
    assert prefilled["properties"]["size"] == {**plain["properties"]["size"], "default": "medium"}
    assert prefilled["properties"]["count"] == {**plain["properties"]["count"], "default": 3}
    assert prefilled["required"] == ["color"]
    assert {key: prefilled[key] for key in ("title", "description", "additionalProperties")} == {
        "title": "ShirtOrder",
        "description": "A shirt with our logo.",
        "additionalProperties": False,
    }


def test_the_form_is_prefilled() -> None:
    schema = answer_type(ShirtOrder.with_initial_data(size="medium", due=date(2025, 12, 31))).json_schema
    draft = draft_of(schema, None, given=False)
    assert (draft["v/size"], draft["v/due"], "v/due:none" in draft) == ("medium", "2025-12-31", False)
    assert not {field.path: field for field in build(schema, draft).children}["size"].required
    assert parse(schema, {**draft, "v/color": "red"}).value == {
        "size": "medium",
        "color": "red",
        "count": 1,
        "due": "2025-12-31",
    }


def test_an_answer_is_an_instance_of_the_original_class_with_initial_values_filled_in() -> None:
    asked: AnswerType[ShirtOrder] = answer_type(ShirtOrder.with_initial_data(size="medium"))
    answer = asked.parse({"color": "red"})
    assert type(answer) is ShirtOrder
    assert answer == ShirtOrder(size="medium", color="red")
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert asked.dump(answer) == {"size": "medium", "color": "red", "count": 1, "due": None}
    assert asked.name == "ShirtOrder"


def test_an_answer_may_overrule_the_initial_values_and_is_still_validated() -> None:
    asked: AnswerType[ShirtOrder] = answer_type(ShirtOrder.with_initial_data(size="small", color="red"))
    assert asked.parse({"size": "large"}).size == "large"
    with pytest.raises(AnswerError) as caught:
        asked.parse({"color": "green"})
    assert caught.value.fields == {"": "green is not made in small"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"colour": "red"}, "no field 'colour'"),
        ({"size": "huge"}, "size: Choose one of"),
        ({"count": 0}, "count: Must be at least 1"),
        ({"count": 7}, "count: seven is not sold"),
        ({"size": "small", "color": "green"}, "green is not made in small"),
    ],
    ids=str,
)
def test_initial_values_are_checked_at_once(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ShirtOrder.with_initial_data(**values)


def test_a_validator_that_needs_a_field_which_is_still_missing_is_not_run_to_its_end() -> None:
    class Shirt(RunInput):
        size: str
        color: str

        @field_validator("color")
        @classmethod
        def no_small_green(cls, value: str, info: ValidationInfo) -> str:
            if (info.data["size"], value) == ("small", "green"):
                raise ValueError("green is not made in small")
            return value

    asked: AnswerType[Shirt] = answer_type(Shirt.with_initial_data(color="green"))
    assert asked.parse({"size": "large"}) == Shirt(size="large", color="green")
    with pytest.raises(UsageError, match="green is not made in small"):
        Shirt.with_initial_data(size="small", color="green")


def test_a_validator_that_fails_although_nothing_is_missing_is_heard() -> None:
    class Broken(RunInput):
        size: str
        color: str = "red"

        @field_validator("size")
        @classmethod
        def fails(cls, value: str) -> str:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Broken.with_initial_data(size="small")


def test_the_description_is_the_prompt_and_not_the_description_of_the_class() -> None:
    asked: AnswerType[ShirtOrder] = answer_type(ShirtOrder.with_initial_data("Pick **one**.", size="medium"))
    assert asked.prompt == "Pick **one**."
    assert asked.json_schema["description"] == "A shirt with our logo."
    assert answer_type(ShirtOrder).prompt is None


def test_initial_data_can_be_given_in_two_goes() -> None:
    twice = ShirtOrder.with_initial_data("Pick.", size="medium").with_initial_data(color="red")
    asked: AnswerType[ShirtOrder] = answer_type(twice)
    assert asked.parse({}) == ShirtOrder(size="medium", color="red")
    assert asked.prompt == "Pick."


def test_a_prefilled_model_can_be_part_of_another() -> None:
    class Parcel(BaseModel):
        first: ShirtOrder.with_initial_data(size="medium")  # type: ignore[valid-type]
        more: list[ShirtOrder.with_initial_data(color="green")]  # type: ignore[misc]

    asked: AnswerType[Parcel] = answer_type(Parcel)
    value: Any = {"first": {"color": "red"}, "more": [{"size": "large"}]}
    assert check(asked.json_schema, value) == {}
    parcel = asked.parse(value)
    assert type(parcel.first) is ShirtOrder
    assert parcel.more == [ShirtOrder(size="large", color="green")]


def test_a_mutable_initial_value_is_not_shared_between_answers() -> None:
    class Tags(RunInput):
        tags: list[str]

    asked: AnswerType[Tags] = answer_type(Tags.with_initial_data(tags=["a"]))
    asked.parse({}).tags.append("b")
    assert asked.parse({}).tags == ["a"]


def test_an_alias_is_what_the_answer_calls_the_field() -> None:
    class Sized(RunInput):
        size: int = Field(alias="Size")
        other: int

    asked: AnswerType[Sized] = answer_type(Sized.with_initial_data(size=3))
    assert asked.json_schema["properties"]["Size"]["default"] == 3
    assert asked.parse({"other": 1}).size == 3


def test_a_model_without_validators_stays_complete_when_it_is_prefilled() -> None:
    class Plain(RunInput):
        size: Literal["s", "m"]
        count: int

    assert answer_type(Plain.with_initial_data(size="s")).complete
    assert not answer_type(ShirtOrder.with_initial_data(size="small")).complete


def test_validators_of_the_old_style_work() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pydantic import validator

        class Old(RunInput):
            size: str
            color: str

            @validator("color")  # type: ignore[deprecated, untyped-decorator, unused-ignore]
            @classmethod
            def no_green(cls, value: str, values: dict[str, Any]) -> str:
                if value == "green" and values["size"] == "small":
                    raise ValueError("green is not made in small")
                return value

        asked: AnswerType[Old] = answer_type(Old.with_initial_data(size="small"))
    assert asked.parse({"color": "red"}) == Old(size="small", color="red")
    with pytest.raises(AnswerError) as caught:
        asked.parse({"color": "green"})
    assert caught.value.fields == {"color": "green is not made in small"}
