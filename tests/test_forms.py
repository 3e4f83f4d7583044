"""Forms: what is drawn, what typing means, what buttons do."""

from __future__ import annotations

import enum
import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime, SecretStr
from typing_extensions import NotRequired, TypedDict

from pausepoint._codec import answer_type, check
from pausepoint._forms import Parsed, build, draft_of, edit, parse
from pausepoint._models import Field as FormField

from browserless import fields_by_path, submitted
from typed_values import LEAVES, types

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


class Color(enum.Enum):
    DARK_RED = "r"
    GREEN = "green"


class Line(BaseModel):
    """What is ordered."""

    size: Literal["small", "large"]
    count: int = Field(1, ge=1, le=9, title="How many", description="In boxes", examples=[2, 3])


class Order(BaseModel):
    lines: list[Line]
    nick: str | None = None
    note: Annotated[str, Field(min_length=2)] = "none"


class Node(BaseModel):
    name: str
    left: Node | None = None
    other: Node | int = 3


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


def schema_of(data_type: Any) -> dict[str, Any]:
    return answer_type(data_type).json_schema


def blank(data_type: Any) -> dict[str, str]:
    return draft_of(schema_of(data_type), None, given=False)


def typed(data_type: Any, **inputs: str) -> Parsed:
    """Type into an empty form; `__` stands for `/`, and the root is `v`."""
    names = {name.replace("__", "/"): text for name, text in inputs.items()}
    return parse(schema_of(data_type), {**blank(data_type), **names})


def one(data_type: Any, text: str) -> Any:
    """Return what one text is worth, or the message that refuses it."""
    found = typed(data_type, v=text)
    return found.errors[""] if found.errors else found.value


# What typing means


@pytest.mark.parametrize(
    ("data_type", "text", "value"),
    [
        (int, "3", 3),
        (int, " +3 ", 3),
        (int, "-0", 0),
        (int, "1" * 1000, int("1" * 1000)),
        (float, "3", 3),
        (float, "2.5", 2.5),
        (float, ".5e1", 5.0),
        (Decimal, "1.50", "1.50"),
        (bool, "false", False),
        (str, "", ""),
        (str, " a ", " a "),
        (str, "a\r\nb\rc", "a\nb\nc"),
        (datetime, "2025-12-31 14:30", "2025-12-31T14:30"),
        (datetime, "2025-12-31T14:30Z", "2025-12-31T14:30Z"),
        (Color, "green", "green"),
        (Any, '{"a": [1, 2.5]}', {"a": [1, 2.5]}),
    ],
    ids=str,
)
def test_what_is_typed_means_what_it_says(data_type: Any, text: str, value: Any) -> None:
    found = one(data_type, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        (int, ""),
        (int, "3.0"),
        (int, "1_000"),
        (int, "٣"),
        (int, "three"),
        (int, "1" * 5000),
        (float, "nan"),
        (float, "1e400"),
        (float, "1" * 400),
        (float, "1,5"),
        (Decimal, "Infinity"),
        (bool, "maybe"),
        (bool, "True"),
        (bool, "1"),
        (Color, "DARK_RED"),
        (datetime, "2025-02-30T14:30"),
        (datetime, "1577836800"),
        (AwareDatetime, "2025-12-31T14:30"),
        (NaiveDatetime, "2025-12-31T14:30Z"),
        (Any, "{"),
        (Any, '{"a":1,"a":2}'),
        (Any, "NaN"),
        (Any, "[" * 1000),
        (Any, ""),
        (Annotated[str, Field(min_length=1)], ""),
    ],
    ids=lambda found: str(found)[:20],
)
def test_what_cannot_be_meant_is_refused_in_words_that_do_not_repeat_it(data_type: Any, text: str) -> None:
    found = typed(data_type, v=text)
    assert list(found.errors) == [""]
    assert len(text) < 4 or text not in found.errors[""]


def test_an_offset_may_be_typed_in_its_own_input_or_behind_the_time() -> None:
    asked = schema_of(AwareDatetime)
    assert parse(asked, {"v": "2025-12-31T14:30", "v:offset": "+02:00"}).value == "2025-12-31T14:30+02:00"
    assert parse(asked, {"v": "2025-12-31T14:30-05:30", "v:offset": ""}).value == "2025-12-31T14:30-05:30"
    assert list(parse(asked, {"v": "2025-12-31T14:30", "v:offset": "Berlin"}).errors) == [""]


def test_nothing_at_all_is_an_error_at_each_field_that_needs_something() -> None:
    assert parse(schema_of(Cat), {}).errors == {}
    assert parse(schema_of(Dog), {}).errors == {"name": "Please fill this in."}
    assert parse(schema_of(Line), {}).errors == {"size": "Please choose one."}
    assert parse(schema_of(bool), {}).errors == {"": "Please choose one."}


def test_no_value_is_not_the_empty_text() -> None:
    assert typed(Order).value == {"lines": [], "nick": None, "note": "none"}
    shown = blank(Order)
    del shown["v/nick:none"]
    assert parse(schema_of(Order), shown).value == {"lines": [], "nick": "", "note": "none"}


def test_a_ticked_no_value_wins_over_what_is_typed_beside_it() -> None:
    assert parse(schema_of(int | None), {"v": "3", "v:none": "1"}) == Parsed(None, {})
    assert parse(schema_of(int | None), {"v": "3"}) == Parsed(3, {})


def test_an_emptied_field_with_a_default_is_left_out() -> None:
    assert typed(Line, v__size="small", v__count="").value == {"size": "small"}
    assert typed(Order, v__note="").value == {"lines": [], "nick": None}


def test_a_field_without_a_default_that_may_be_left_out_has_a_control_for_it() -> None:
    class Loose(TypedDict):
        size: NotRequired[int]
        nick: NotRequired[str | None]

    schema = schema_of(Loose)
    draft = draft_of(schema, {})
    assert set(draft) == {"v/size:out:none", "v/size", "v/nick:out:none", "v/nick"}
    assert parse(schema, draft).value == {}
    assert parse(schema, {"v/size": "3", "v/nick:none": "1"}).value == {"size": 3, "nick": None}
    assert [field.kind for field in build(schema, draft).children] == ["optional", "optional"]


def test_only_the_selected_alternative_counts() -> None:
    pet = Annotated[Cat | Dog, Field(discriminator="kind")]
    draft = {**blank(pet), "v:0/lives": "many"}
    assert parse(schema_of(pet), draft).errors == {"": "Please choose one."}
    assert parse(schema_of(pet), {**draft, "v:kind": "1", "v:1/name": "Rex"}) == Parsed(
        {"kind": "dog", "name": "Rex"}, {}
    )
    assert parse(schema_of(pet), {**draft, "v:kind": "0"}).errors["lives"]
    assert parse(schema_of(pet), {**draft, "v:kind": "7"}).errors == {"": "Please choose one."}


def test_a_key_of_a_map_may_occur_once() -> None:
    draft = draft_of(schema_of(dict[str, int]), {"a": 1, "b": 2})
    found = parse(schema_of(dict[str, int]), {**draft, "v/1:key": "a"})
    assert found.errors == {"1:key": "Each name may occur only once."}
    shown = fields_by_path(build(schema_of(dict[str, int]), {**draft, "v/1:key": "a"}, found.errors))
    assert shown["1:key"].error


def test_the_messages_of_parse_and_check_go_together() -> None:
    schema = schema_of(list[Line])
    draft = draft_of(schema, [{"size": "small", "count": 12}, {"size": "large", "count": 2}])
    found = parse(schema, {**draft, "v/1/count": "x"})
    assert {**check(schema, found.value), **found.errors} == {
        "0.count": "Must be at most 9.",
        "1.count": "Please write a whole number in digits, such as 3.",
    }


# What is drawn


def test_a_field_says_everything_that_a_template_needs() -> None:
    count = fields_by_path(build(schema_of(Line), blank(Line), {"count": "Too many."}))["count"]
    assert count == FormField(
        kind="integer",
        name="v/count",
        path="count",
        id="f-v-2f-count",
        label="How many",
        help="In boxes",
        hint="a whole number from 1 to 9; left empty, it is 1",
        examples=("2", "3"),
        required=False,
        value="1",
        error="Too many.",
    )


@pytest.mark.parametrize(
    ("data_type", "kind"),
    [
        (int, "integer"),
        (float, "number"),
        (Decimal, "decimal"),
        (bool, "boolean"),
        (str, "text"),
        (Annotated[str, Field(max_length=1000)], "long_text"),
        (Annotated[str, Field(json_schema_extra={"format": "multiline"})], "long_text"),
        (SecretStr, "secret"),
        (Color, "choice"),
        (Literal["a", "b"], "choice"),
        (Literal["a"], "constant"),
        (None, "null"),
        (Any, "json"),
        (Line, "group"),
        (tuple[int, str], "group"),
        (list[int], "list"),
        (set[int], "list"),
        (dict[str, int], "map"),
        (int | str, "union"),
        (int | None, "optional"),
    ],
    ids=str,
)
def test_each_type_has_its_kind_of_field(data_type: Any, kind: str) -> None:
    assert build(schema_of(data_type), blank(data_type)).kind == kind


def test_nothing_is_chosen_for_the_reviewer() -> None:
    for data_type in (bool, Color, int | str):
        assert not any(option.selected for option in build(schema_of(data_type), blank(data_type)).options)


def test_the_choices_of_an_enum_are_read_by_their_names() -> None:
    options = build(schema_of(Color), blank(Color)).options
    assert [(option.value, option.label) for option in options] == [("r", "Dark red"), ("green", "Green")]


def test_alternatives_are_called_differently() -> None:
    options = build(schema_of(Cat | list[int] | list[str] | int), {}).options
    assert [option.label for option in options] == ["Cat", "List", "List (2)", "Whole number"]


def test_text_with_line_breaks_is_shown_where_it_keeps_them() -> None:
    assert build(schema_of(str), draft_of(schema_of(str), "a\nb")).kind == "long_text"
    assert build(schema_of(str), draft_of(schema_of(str), "a b")).kind == "text"


@pytest.mark.parametrize(
    ("text", "native"),
    [
        ("", True),
        ("2025-12-31T14:30", True),
        ("2025-12-31T14:30:05.123456", False),
        ("tomorrow", False),
        ("2025-02-30T14:30", False),
    ],
)
def test_a_moment_that_a_browser_could_not_show_is_shown_as_text(text: str, native: bool) -> None:
    field = build(schema_of(datetime), {"v": text, "v:offset": "+02:00"})
    assert (field.value, field.native, field.offset) == (text, native, "+02:00")
    assert build(schema_of(NaiveDatetime), {"v": text}).offset is None


def test_a_secret_is_never_shown_again() -> None:
    schema = schema_of(SecretStr)
    assert draft_of(schema, "hunter2") == {}
    assert "hunter2" not in build(schema, {"v": "hunter2"}).model_dump_json()


class Login(BaseModel):
    user: str
    pin: SecretStr


class Hidden(BaseModel):
    user: str
    pin: Annotated[str, Field(json_schema_extra={"format": "password"})] = ""


class OpenLogin(Login):
    model_config = ConfigDict(extra="allow")


class Below(BaseModel):
    login: Login
    anything: Any = None


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        (Hidden, {"user": "u", "pin": "hunter2"}),
        (OpenLogin, {"user": "u", "pin": "hunter2"}),
        (list[Login], [{"user": "u", "pin": "hunter2"}] * 201),
        (list[list[Login]], [[{"user": "u", "pin": "hunter2"}] * 150] * 20),
        (Login | int, {"user": 3, "pin": "hunter2"}),
        (Below, {"login": {"user": "u", "pin": "hunter2", "more": 1}}),
    ],
    ids=["text", "open", "many rows", "many inputs", "no alternative", "unknown field"],
)
def test_a_secret_is_not_shown_as_json_either(data_type: Any, value: Any) -> None:
    schema = schema_of(data_type)
    draft = draft_of(schema, value)
    assert "hunter2" not in str(draft)
    assert "hunter2" not in build(schema, draft).model_dump_json()


def test_json_beside_a_secret_is_shown() -> None:
    draft = draft_of(schema_of(Below), {"login": {"user": "u", "pin": "hunter2"}, "anything": [1]})
    assert "hunter2" not in str(draft)
    assert draft["v/anything"] == "[\n  1\n]"


def test_a_message_is_shown_once() -> None:
    for data_type, inputs in [
        (int | None, {"v": "x"}),
        (int | None, {"v:none": "1"}),
        (int | str, {"v:kind": "0"}),
    ]:
        shown = build(schema_of(data_type), inputs, {"": "No."}).model_dump_json()
        assert shown.count("No.") == 1


def test_a_part_that_no_inputs_can_hold_is_typed_as_json_in_its_place() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        size: int

    class Outer(BaseModel):
        inner: Open
        count: int

    draft = draft_of(schema_of(Outer), {"inner": {"size": 1, "more": [2]}, "count": 3})
    assert draft["v/count"] == "3"
    assert fields_by_path(build(schema_of(Outer), draft))["inner"].kind == "json"
    assert parse(schema_of(Outer), draft).value == {"inner": {"size": 1, "more": [2]}, "count": 3}


def test_a_recursive_type_is_drawn_only_as_far_as_there_is_something_in_it() -> None:
    schema = schema_of(Node)
    draft = blank(Node)
    shown = fields_by_path(build(schema, draft))
    assert "left.name" not in shown
    opened = edit(schema, draft, "add:v/left")
    assert "v/left:none" not in opened
    shown = fields_by_path(build(schema, opened))
    assert "left.name" in shown
    assert "left.left.name" not in shown


def test_unticking_no_value_opens_a_recursive_part_with_its_defaults() -> None:
    schema = schema_of(Node)
    draft = {name: text for name, text in blank(Node).items() if name != "v/left:none"}
    found = parse(schema, draft)
    assert found.errors == {"left": "Please fill in the fields that are shown here now."}
    shown = build(schema, draft, found.errors)
    assert "left.name" in fields_by_path(shown)
    again = submitted(shown)
    assert again["v/left/left:none"] == "1"
    assert parse(schema, again).value == {
        "name": "",
        "left": {"name": "", "left": None, "other": 3},
        "other": 3,
    }


def test_ids_are_unique_and_safe() -> None:
    values = {"a/b": [1, None], "a~1b": [2], "": []}
    schema = schema_of(dict[str, list[int | None]])
    ids = re.findall(r'"id":"([^"]*)"', build(schema, draft_of(schema, values)).model_dump_json())  # type: ignore[arg-type]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", found) for found in ids)


# Rows


def test_rows_are_added_and_taken_out_and_everything_typed_stays() -> None:
    schema = schema_of(Order)
    draft = draft_of(schema, {"lines": [{"size": "small", "count": 1}, {"size": "large", "count": 2}], "nick": "x"})
    draft["v/lines/1/count"] = "twelve"
    more = edit(schema, draft, "add:v/lines")
    assert (more["v/lines:rows"], more["v/lines/2/count"], more["v/lines/1/count"]) == ("3", "1", "twelve")
    fewer = edit(schema, more, "remove:v/lines/0")
    assert (fewer["v/lines:rows"], fewer["v/lines/0/count"], fewer["v/lines/1/count"]) == ("2", "twelve", "1")
    assert fewer["v/nick"] == "x"
    assert not [name for name in fewer if name.startswith("v/lines/2")]


def test_rows_of_a_map_keep_their_keys() -> None:
    schema = schema_of(dict[str, int | None])
    draft = draft_of(schema, {"a": 1, "b": None, "c": 3})
    fewer = edit(schema, draft, "remove:v/0")
    assert parse(schema, fewer).value == {"b": None, "c": 3}
    more = edit(schema, fewer, "add:v")
    assert (more["v/2:key"], more["v:rows"]) == ("", "3")


def test_a_list_in_an_optional_gets_its_rows() -> None:
    schema = schema_of(list[int] | None)
    assert edit(schema, draft_of(schema, [1]), "add:v") == {"v:rows": "2", "v/0": "1", "v/1": ""}


@pytest.mark.parametrize(
    "action",
    [
        "",
        "add",
        "add:",
        "add:v",
        "add:v/size",
        "add:w",
        "remove:v",
        "remove:v/9",
        "remove:v/-1",
        "remove:v/lines/x",
        "drop:v/lines",
        "add:v/lines/0/../..",
    ],
)
def test_a_button_that_the_form_does_not_have_changes_nothing(action: str) -> None:
    draft = draft_of(schema_of(Order), {"lines": [{"size": "small"}]})
    assert edit(schema_of(Order), draft, action) == draft


# Limits


def test_no_more_than_200_rows() -> None:
    schema = schema_of(list[int])
    full = {"v:rows": "200", **{f"v/{at}": "1" for at in range(200)}}
    assert parse(schema, full).value == [1] * 200
    assert edit(schema, full, "add:v") == full
    assert not build(schema, full).can_add
    assert list(parse(schema, {**full, "v:rows": "201"}).errors) == [""]
    assert draft_of(schema, [1] * 201).keys() == {"v:json"}


def test_no_more_than_2000_inputs() -> None:
    assert list(parse(schema_of(Any), {str(at): "" for at in range(2001)}).errors) == [""]
    schema = schema_of(list[list[list[int]]])
    draft = {"v:rows": "200", **{f"v/{a}:rows": "200" for a in range(200)}}
    assert list(parse(schema, draft).errors) == [""]
    assert build(schema, draft).kind == "json"
    assert draft_of(schema, [[[1] * 10] * 10] * 30).keys() == {"v:json"}


def test_a_schema_whose_alternatives_multiply_is_typed_as_json() -> None:
    def level(number: int) -> dict[str, Any]:
        tuples = [
            {"type": "array", "prefixItems": [{"$ref": f"#/$defs/{number + 1}"}], "items": False, "title": str(at)}
            for at in range(8)
        ]
        return {"anyOf": tuples}

    schema = {"$defs": {**{str(at): level(at) for at in range(9)}, "9": {"type": "integer"}}, "$ref": "#/$defs/0"}
    assert draft_of(schema, None, given=False) == {"v:json": ""}
    assert build(schema, {}).kind == "json"


def test_what_is_nested_too_deeply_is_typed_as_json() -> None:
    deep: Any = int
    value: Any = 1
    for _ in range(12):
        deep, value = list[deep], [value]
    schema = schema_of(deep)
    draft = draft_of(schema, value)
    assert parse(schema, submitted(build(schema, draft))).value == value
    assert [text for text in draft.values() if text.startswith("[")]


def test_a_reference_that_leads_nowhere_is_typed_as_json() -> None:
    for node in (
        {"$ref": "#/$defs/x"},
        {"$ref": "#"},
        {"$ref": "http://x.example"},
        {"allOf": [True, {}]},
        {"not": {}},
    ):
        assert build(node, draft_of(node, None, given=False)).kind == "json"


# Whatever is sent

DRAFTS = st.dictionaries(
    st.from_regex(r"v(/[a-z0-9~]{1,5}|:(none|kind|rows|key|json|offset|out|[0-3])){0,4}", fullmatch=True),
    st.sampled_from(["", "0", "1", "2", "200", "٣", "x", "null", "[]", "true", "2025-12-31"]) | st.text(max_size=5),
    max_size=12,
)


@given(types(LEAVES), st.data())
@settings(max_examples=150, suppress_health_check=SLOW)
def test_whatever_is_sent_parse_and_build_and_edit_do_not_raise(one_type: Any, data: st.DataObject) -> None:
    schema = schema_of(one_type.type)
    real = draft_of(schema, None, given=False)
    draft = data.draw(DRAFTS)
    texts = st.sampled_from(["", "x", "1", "999", "null"])
    draft |= {name: data.draw(texts) for name in real if data.draw(st.booleans())}
    found = parse(schema, draft)
    assert check(schema, found.value) is not None
    build(schema, draft, found.errors)
    edit(schema, draft, f"add:{data.draw(st.sampled_from([*real, 'v']))}")
    edit(schema, draft, f"remove:{data.draw(st.sampled_from([*real, 'v']))}")


@given(types(LEAVES), st.data())
@settings(max_examples=150, suppress_health_check=SLOW)
def test_everything_typed_is_still_there_when_the_form_is_shown_again(one_type: Any, data: st.DataObject) -> None:
    schema = schema_of(one_type.type)
    shown = submitted(build(schema, draft_of(schema, None, given=False)))
    words = st.sampled_from(["", "x", "1", "2.50", "2025-12-31T14:30", " spaced "])
    fixed = re.compile(r".*:(none|kind|rows)")
    constants = {field.name for field in _all(build(schema, shown)) if field.kind == "constant"}
    draft = {
        name: text if fixed.fullmatch(name) or name in constants else data.draw(words) for name, text in shown.items()
    }

    again = submitted(build(schema, draft, parse(schema, draft).errors))

    kept = {name: again.get(name) for name in draft}
    assert {name: text for name, text in kept.items() if text is not None} == {
        name: text for name, text in draft.items() if kept[name] is not None
    }
    chosen = {field.name for field in _all(build(schema, draft)) if field.kind in ("boolean", "choice", "secret")}
    assert {name for name, text in kept.items() if text is None} <= chosen


def _all(field: FormField) -> list[FormField]:
    return [field, *(found for child in field.children for found in _all(child))]


def test_the_tag_of_a_discriminated_union_is_chosen_once_and_not_shown_again() -> None:
    class Card(BaseModel):
        kind: Literal["card"]
        number: str

    class Cash(BaseModel):
        kind: Literal["cash"] = "cash"
        coins: int

    schema = answer_type(Annotated[Card | Cash, Field(discriminator="kind")]).json_schema
    root = build(schema, draft_of(schema, {"kind": "cash", "coins": 3}))

    assert [[part.path for part in option.children] for option in root.children] == [["number"], ["coins"]]
    assert parse(schema, submitted(root)).value == {"kind": "cash", "coins": 3}
