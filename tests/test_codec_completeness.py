"""A schema that calls itself complete accepts nothing that the type refuses; one that is not says so."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    RootModel,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from pausepoint._codec import AnswerType, answer_type, check, decode_json, encode_json

from typed_values import COMPLETE_LEAVES, LEAVES, TEXT, values_of

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10),
    st.integers(),
    st.sampled_from([2**53 + 1, 10**400, 10**1000, "1", "true", "maybe", "nan", "", "small", "r", "green"]),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["size", "kind", "x_y", "name", "left"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def near_misses(draw: st.DrawFn, value: Any) -> Any:
    """The JSON of a value with one part replaced, added or taken out."""
    if not isinstance(value, (dict, list)) or not value or draw(st.integers(0, 3)) == 0:
        return draw(st.just(value) | ANY_JSON)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        return [draw(near_misses(child)) if here == at else child for here, child in enumerate(value)]
    key = draw(st.sampled_from(sorted(value)))
    changed = {**value, key: draw(near_misses(value[key]))}
    what = draw(st.integers(0, 4))
    if what == 0:
        del changed[key]
    return {**changed, "extra": 1} if what == 1 else changed


@given(values_of(COMPLETE_LEAVES), st.data())
@settings(max_examples=200, suppress_health_check=SLOW)
def test_what_a_complete_schema_accepts_the_type_accepts(pair: tuple[Any, Any], data: st.DataObject) -> None:
    data_type, value = pair
    asked: AnswerType[Any] = answer_type(data_type)
    assert asked.complete
    given_json = data.draw(near_misses(asked.dump(value)) | ANY_JSON)
    value = decode_json(encode_json(given_json))

    if check(asked.json_schema, value) == {}:
        asked.parse(value)


@given(values_of(LEAVES))
@settings(max_examples=100, suppress_health_check=SLOW)
def test_what_a_type_writes_its_schema_accepts(pair: tuple[Any, Any]) -> None:
    data_type, value = pair
    asked: AnswerType[Any] = answer_type(data_type)
    assert check(asked.json_schema, decode_json(encode_json(asked.dump(value)))) == {}


def noop(value: Any) -> Any:
    return value


class WithFieldValidator(BaseModel):
    size: int

    @field_validator("size")
    @classmethod
    def judge(cls, value: int) -> int:
        return value


class WithModelValidator(BaseModel):
    size: int

    @model_validator(mode="after")
    def judge(self) -> WithModelValidator:
        return self


class WithInit(BaseModel):
    size: int

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)


class WithPostInit(BaseModel):
    size: int

    def model_post_init(self, context: Any) -> None:
        raise ValueError("no")


class Stripping(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_min_length=1)
    name: str


class OwnSchema(BaseModel):
    size: int

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return {}


class ExtraSchema(BaseModel):
    model_config = ConfigDict(json_schema_extra={"properties": {}})
    size: int


class ExtraOnField(BaseModel):
    size: int = Field(json_schema_extra={"type": "string"})


class CheckedDefault(BaseModel):
    size: int = Field(default=3, validate_default=True)


class Forgiving(enum.Enum):
    A = "a"

    @classmethod
    def _missing_(cls, value: object) -> Forgiving | None:
        raise ValueError("no")


class Aliased(BaseModel):
    size: int = Field(validation_alias="Size")


@dataclass
class WithPostInitData:
    size: int

    def __post_init__(self) -> None:
        raise ValueError("no")


INCOMPLETE: list[Any] = [
    date,
    datetime,
    timedelta,
    Decimal,
    uuid.UUID,
    HttpUrl,
    bytes,
    complex,
    RootModel[int],
    Annotated[int, AfterValidator(noop)],
    Annotated[int, BeforeValidator(noop)],
    Annotated[int, WithJsonSchema({})],
    Annotated[str, Field(pattern="^a")],
    Annotated[str, StringConstraints(strip_whitespace=True)],
    Annotated[float, Field(multiple_of=0.1)],
    Annotated[float, Field(gt=2.0**60)],
    Literal[1, True],
    set[float],
    dict[int, str],
    WithFieldValidator,
    WithModelValidator,
    WithInit,
    WithPostInit,
    Stripping,
    OwnSchema,
    ExtraSchema,
    ExtraOnField,
    CheckedDefault,
    Forgiving,
    WithPostInitData,
    list[WithFieldValidator],
    Decimal | None,
    int | Annotated[str, AfterValidator(noop)],
    dict[str, list[date]],
]


@pytest.mark.parametrize("data_type", INCOMPLETE, ids=str)
def test_a_type_that_knows_more_than_its_schema_is_not_complete(data_type: Any) -> None:
    assert not answer_type(data_type).complete


@pytest.mark.parametrize(
    "data_type", [None, Any, object, list[Any], Aliased, *(one.type for one in COMPLETE_LEAVES)], ids=str
)
def test_a_type_whose_schema_says_everything_is_complete(data_type: Any) -> None:
    assert answer_type(data_type).complete


def test_a_type_that_writes_its_own_way_is_not_complete() -> None:
    assert not answer_type(Annotated[int, PlainSerializer(str)]).complete


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_number_beyond_a_float_is_refused_by_the_schema_too(value: int) -> None:
    assert check(answer_type(float).json_schema, value) == {"": "This number is too large."}
    assert check(answer_type(dict[str, float]).json_schema, {"a": value}) == {"a": "This number is too large."}
