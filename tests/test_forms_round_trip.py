"""A value goes into a form, through a browser and back, and nothing about it changes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings

from pausepoint._codec import answer_type, check
from pausepoint._forms import build, draft_of, parse

from browserless import submitted
from typed_values import LEAVES, values_of

TYPED_VALUES = values_of(LEAVES)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@given(TYPED_VALUES)
@settings(max_examples=150, suppress_health_check=SLOW)
def test_a_value_that_goes_through_a_form_comes_back_equal_and_of_the_same_type(pair: tuple[Any, Any]) -> None:
    data_type, value = pair
    asked = answer_type(data_type)
    draft = draft_of(asked.json_schema, asked.dump(value))

    parsed = parse(asked.json_schema, submitted(build(asked.json_schema, draft)))

    assert parsed.errors == {}
    assert check(asked.json_schema, parsed.value) == {}
    back = asked.parse(parsed.value)
    assert back == value
    assert type(back) is type(value)
    assert "v:json" not in draft
