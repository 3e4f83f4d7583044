"""Asking at the terminal: which questions are put, and what the typed lines are worth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from pausepoint._models import DefaultValue, Request, RunContext, utc_now
from pausepoint.cli.asking import Questionnaire, introduce

ADDRESS = {
    "type": "object",
    "title": "Address",
    "properties": {
        "street": {"type": "string", "minLength": 1, "description": "Without the number."},
        "number": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["home", "work"], "default": "home"},
        "floor": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "door": {"type": "string"},
    },
    "required": ["street", "number"],
    "additionalProperties": False,
}


class Typist:
    """A terminal at which given lines are typed; nothing is typed once they are used up."""

    def __init__(self, *lines: str) -> None:
        self._lines: Iterable[str] = iter(lines)
        self.told: list[str] = []
        self.asked: list[str] = []
        self.hidden: list[str] = []

    def tell(self, text: str, style: str = "") -> None:
        self.told.append(text)

    def ask(self, question: str, hidden: bool = False) -> str:
        (self.hidden if hidden else self.asked).append(question)
        for line in self._lines:
            return line
        raise EOFError


def a_request(json_schema: dict[str, Any], **more: Any) -> Request:
    given: dict[str, Any] = {
        "request_id": "a" * 26,
        "name": "ask",
        "key": "k",
        "run": RunContext(engine="local", run_id="r"),
        "title": "Where to?",
        "prompt": "Say **where**.",
        "data_type": "Address",
        "json_schema": json_schema,
        "schema_complete": True,
        "created_at": utc_now(),
    }
    return Request.model_validate({**given, **more})


def test_title_and_prompt_come_first() -> None:
    typist = Typist()
    introduce(a_request({"type": "string"}), typist)

    assert typist.told == ["Where to?", "Say **where**."]


@pytest.mark.parametrize(
    ("json_schema", "typed", "value"),
    [
        ({"type": "integer"}, "3", 3),
        ({"type": "string"}, "", ""),
        ({"type": "boolean"}, "yes", True),
        ({"type": "boolean"}, "FALSE", False),
        ({"enum": [1, 2, 3]}, "2", 2),
        ({"type": "string", "format": "date"}, "2030-01-31", "2030-01-31"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "", None),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "4", 4),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"type": "null"}, "", None),
    ],
)
def test_one_line_is_one_answer(json_schema: dict[str, Any], typed: str, value: object) -> None:
    given = Questionnaire(a_request(json_schema), Typist(typed)).ask({})

    assert (given, type(given)) == (value, type(value))


def test_a_model_of_single_inputs_is_asked_field_by_field() -> None:
    typist = Typist("High Street", "3", "", "", "")
    given = Questionnaire(a_request(ADDRESS), typist).ask({})

    assert typist.asked == ["Street: ", "Number: ", "Kind [home]: ", "Floor [no value]: ", "Door [no value]: "]
    assert given == {"street": "High Street", "number": 3, "kind": "home", "floor": None}


def test_a_field_shows_its_help_its_limits_and_its_choices() -> None:
    typist = Typist("High Street", "3", "work", "2", "left")
    given = Questionnaire(a_request(ADDRESS), typist).ask({})

    assert [line.strip() for line in typist.told if line.strip() in ("home", "work")] == ["home", "work"]
    assert "  Without the number." in typist.told
    assert "  a whole number of at least 1" in typist.told
    assert given == {"street": "High Street", "number": 3, "kind": "work", "floor": 2, "door": "left"}


def test_a_spelling_that_is_not_understood_is_asked_for_again_with_the_reason() -> None:
    typist = Typist("maybe", "true")

    assert Questionnaire(a_request({"type": "boolean"}), typist).ask({}) is True
    assert "  Please choose one." in typist.told
    assert len(typist.asked) == 2


def test_json_that_breaks_off_is_asked_for_again() -> None:
    typist = Typist("[1,", "[1]")

    assert Questionnaire(a_request({"type": "array", "items": {"type": "integer"}}), typist).ask({}) == [1]
    assert any("not JSON" in line for line in typist.told)


def test_after_a_refusal_only_the_fields_that_it_names_are_asked_again() -> None:
    typist = Typist("High Street", "0", "", "", "", "7")
    questions = Questionnaire(a_request(ADDRESS), typist)
    questions.ask({})
    given = questions.ask({"number": "Must be at least 1."})

    assert "  Must be at least 1." in typist.told
    assert typist.asked[-1] == "Number [0]: "
    assert given == {"street": "High Street", "number": 7, "kind": "home", "floor": None}


def test_after_a_refusal_that_names_no_field_everything_is_asked_again() -> None:
    typist = Typist("High Street", "3", "", "", "", "", "", "work", "", "")
    questions = Questionnaire(a_request(ADDRESS), typist)
    questions.ask({})
    given = questions.ask({"": "Not there."})

    assert "  Not there." in typist.told
    assert given == {"street": "High Street", "number": 3, "kind": "work", "floor": None}


def test_what_the_author_prefilled_is_the_default() -> None:
    initial = DefaultValue(value={"street": "Low Street", "number": 9, "kind": "work", "floor": 1, "door": "right"})
    typist = Typist("", "", "", "", "")

    assert Questionnaire(a_request(ADDRESS, initial=initial), typist).ask({}) == initial.value
    assert typist.asked[0] == "Street [Low Street]: "


def test_a_value_of_an_optional_is_taken_back_with_a_hyphen() -> None:
    schema = {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 3}
    typist = Typist("-")

    assert Questionnaire(a_request(schema), typist).ask({}) is None
    assert "  - for no value" in typist.told
    assert Questionnaire(a_request(schema), Typist("")).ask({}) == 3


def test_a_secret_is_typed_hidden() -> None:
    typist = Typist("hush")
    schema = {"type": "string", "format": "password", "writeOnly": True}

    assert Questionnaire(a_request(schema), typist).ask({}) == "hush"
    assert (typist.asked, len(typist.hidden)) == ([], 1)


def test_the_offset_of_a_prefilled_moment_is_kept_and_replaced_with_it() -> None:
    schema = {"type": "string", "format": "date-time"}
    initial = DefaultValue(value="2030-01-31T14:30:00+02:00")

    assert Questionnaire(a_request(schema, initial=initial), Typist("")).ask({}) == initial.value
    assert (
        Questionnaire(a_request(schema, initial=initial), Typist("2031-01-01T00:00:00Z")).ask({})
        == "2031-01-01T00:00:00Z"
    )


def test_nothing_is_made_up_where_nothing_more_is_typed() -> None:
    with pytest.raises(EOFError):
        Questionnaire(a_request(ADDRESS), Typist("High Street")).ask({})
