"""Types with values of them, for property tests: everything that a form can ask for."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Union

import typing_extensions
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, Field, HttpUrl, NaiveDatetime, create_model

TEXT = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=("Cs",)), max_size=20)
NAMES = st.sampled_from(["size", "a/b", "t~x", "k:ind", "line items", "none", "rows", "0", "x_y", "é"])
IDENTIFIERS = st.sampled_from(["size", "colour", "kind", "rows", "none", "x_y", "key"])


class Typed(NamedTuple):
    """A type, a strategy for its values, and the kind of JSON that they are (for unions that JSON can tell apart)."""

    type: Any
    values: st.SearchStrategy[Any]
    json: str


class Colour(enum.Enum):
    RED = "r"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Odd(enum.Enum):
    TEXT = ""
    NUMBER = 3
    LINES = "a\nb"


class Square(BaseModel):
    kind: Literal["square"] = "square"
    side: int


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: Decimal
    centre: tuple[int, int] | None = None


class Tree(BaseModel):
    name: str
    left: Tree | None = None
    children: list[Tree] = []
    other: Tree | int = 3


class Pair(NamedTuple):
    first: int
    second: str = "x"


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
AWARE = st.datetimes(timezones=OFFSETS)
TREES = st.recursive(
    st.builds(Tree, name=TEXT),
    lambda inner: st.builds(
        Tree, name=TEXT, left=st.none() | inner, children=st.lists(inner, max_size=2), other=inner | st.integers()
    ),
    max_leaves=4,
)
SHAPES = st.builds(Square, side=st.integers()) | st.builds(
    Circle,
    kind=st.just("circle"),
    radius=st.decimals(allow_nan=False, allow_infinity=False),
    centre=st.none() | st.tuples(st.integers(), st.integers()),
)

COMPLETE_LEAVES = [
    Typed(int, st.integers(), "integer"),
    Typed(Annotated[int, Field(ge=-5, lt=100)], st.integers(-5, 99), "integer"),
    Typed(Annotated[int, Field(multiple_of=3)], st.integers().map(lambda number: 3 * number), "integer"),
    Typed(float, st.floats(allow_nan=False, allow_infinity=False), "number"),
    Typed(Annotated[float, Field(gt=0, le=1)], st.floats(0, 1, exclude_min=True), "number"),
    Typed(bool, st.booleans(), "boolean"),
    Typed(str, TEXT, "string"),
    Typed(Annotated[str, Field(min_length=1, max_length=300)], TEXT.filter(bool), "string"),
    Typed(Literal["small", "large"], st.sampled_from(["small", "large"]), "string"),
    Typed(Literal[1, "1", None, "", "a\nb"], st.sampled_from([1, "1", None, "", "a\nb"]), "any"),
    Typed(Colour, st.sampled_from(Colour), "string"),
    Typed(Level, st.sampled_from(Level), "integer"),
    Typed(Odd, st.sampled_from(Odd), "any"),
    Typed(set[int], st.sets(st.integers(), max_size=3), "array"),
    Typed(frozenset[str], st.frozensets(TEXT, max_size=3), "array"),
    Typed(Tree, TREES, "object"),
]
LEAVES = [
    *COMPLETE_LEAVES,
    Typed(Decimal, st.decimals(allow_nan=False, allow_infinity=False), "any"),
    Typed(Annotated[Decimal, Field(max_digits=8, decimal_places=2)], st.decimals(-999, 999, places=2), "any"),
    Typed(dt.date, st.dates(), "string"),
    Typed(dt.datetime, st.datetimes() | AWARE, "string"),
    Typed(AwareDatetime, AWARE, "string"),
    Typed(NaiveDatetime, st.datetimes(), "string"),
    Typed(dt.time, st.times() | st.times(timezones=OFFSETS), "string"),
    Typed(dt.timedelta, st.timedeltas(), "string"),
    Typed(uuid.UUID, st.uuids(), "string"),
    Typed(HttpUrl, st.sampled_from(["http://a/", "https://x.example/%7Ea?b#c"]).map(HttpUrl), "string"),
    Typed(Annotated[Square | Circle, Field(discriminator="kind")], SHAPES, "object"),
    Typed(Pair, st.builds(Pair, st.integers(), TEXT), "array"),
    Typed(Any, st.none() | st.booleans() | st.lists(st.integers(), max_size=2) | TEXT, "any"),
    Typed(type(None), st.none(), "null"),
]


def types(leaves: list[Typed]) -> st.SearchStrategy[Typed]:
    """Types made of these leaves, up to three levels deep."""
    return st.recursive(st.sampled_from(leaves), _larger, max_leaves=4)


def _larger(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return st.one_of(
        inner.map(_optional),
        inner.map(lambda one: Typed(list[one.type], st.lists(one.values, max_size=3), "array")),
        inner.map(lambda one: Typed(dict[str, one.type], st.dictionaries(TEXT, one.values, max_size=3), "object")),
        st.tuples(inner, inner).map(_pair),
        st.lists(inner, min_size=1, max_size=3).map(_union),
        st.dictionaries(IDENTIFIERS, st.tuples(inner, st.booleans()), min_size=1, max_size=3).flatmap(_model),
        st.dictionaries(IDENTIFIERS, inner, min_size=1, max_size=3).map(_dataclass),
        st.dictionaries(NAMES, st.tuples(inner, st.booleans()), max_size=3).map(_typed_dict),
    )


def _optional(one: Typed) -> Typed:
    return Typed(one.type | None, st.none() | one.values, "any")


def _pair(both: tuple[Typed, Typed]) -> Typed:
    return Typed(tuple[both[0].type, both[1].type], st.tuples(both[0].values, both[1].values), "array")


def _union(several: list[Typed]) -> Typed:
    """Alternatives that JSON tells apart: two kinds of text would be a guess for anybody."""
    apart = {one.json: one for one in several if one.json not in ("any", "number", "null")}
    if "object" in apart:
        apart.pop("array", None)
    if not apart:
        return several[0]
    chosen = list(apart.values())
    kind = chosen[0].json if len(chosen) == 1 else "any"
    made = Union[tuple(one.type for one in chosen)]  # noqa: UP007
    return Typed(made, st.one_of([one.values for one in chosen]), kind)


def _model(fields: dict[str, tuple[Typed, bool]]) -> st.SearchStrategy[Typed]:
    defaults = {name: one.values for name, (one, has_default) in fields.items() if has_default}
    return st.fixed_dictionaries(defaults).map(lambda given: _made_model(fields, given))


def _made_model(fields: dict[str, tuple[Typed, bool]], defaults: dict[str, Any]) -> Typed:
    declared = {name: (one.type, defaults.get(name, ...)) for name, (one, _) in fields.items()}
    made = create_model("Made", **declared)
    return Typed(made, _built(made, {name: one.values for name, (one, _) in fields.items()}), "object")


def _dataclass(fields: dict[str, Typed]) -> Typed:
    made = dataclasses.make_dataclass("MadeData", [(name, one.type) for name, one in fields.items()])
    return Typed(made, _built(made, {name: one.values for name, one in fields.items()}), "object")


def _typed_dict(fields: dict[str, tuple[Typed, bool]]) -> Typed:
    declared = {
        name: one.type if needed else typing_extensions.NotRequired[one.type] for name, (one, needed) in fields.items()
    }
    made = typing_extensions.TypedDict("MadeDict", declared)  # type: ignore[operator]
    needed = {name: one.values for name, (one, is_needed) in fields.items() if is_needed}
    other = {name: one.values for name, (one, is_needed) in fields.items() if not is_needed}
    return Typed(made, st.fixed_dictionaries(needed, optional=other), "object")


def _built(made: Callable[..., Any], values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(values).map(lambda given: made(**given))


def values_of(leaves: list[Typed]) -> st.SearchStrategy[tuple[Any, Any]]:
    """A type, and a value of it."""
    return types(leaves).flatmap(lambda one: st.tuples(st.just(one.type), one.values))


__all__ = ["COMPLETE_LEAVES", "LEAVES", "TEXT", "types", "values_of"]
