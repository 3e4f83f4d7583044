"""
Checking a JSON value against a JSON Schema, and saying what is wrong in words for reviewers.

The schema is all that is needed, so this works in processes that do not have the author's code. Compiled validators are
kept, at most 256 of them, by the schema's canonical text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import JsonValue

from ..errors import UsageError
from .branching import MOST_EXPLAINED, MOST_TRIES, Branching
from .findings import findings
from .formats import FORMATS
from .json_text import encode_json
from .validator_schema import DECIMAL_BOUNDS, DecimalBounds, validator_schema

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

_BACKTRACKS = 100_000
"""Steps after which a pattern is given up and counts as not matching: some take for ever on a text made for it."""

_MANY_PARTS = 2_000
"""
Values within one value from which on only the first fault is told. The validator finds all faults or one, and all of
them in 1 MiB made for it take 14 s of a processor.
"""


def check(json_schema: Mapping[str, Any], value: JsonValue) -> dict[str, str]:
    """
    Say what is wrong with an answer, as far as its JSON Schema tells.

    Args:
        json_schema: JSON Schema 2020-12, as in `AnswerType.json_schema`.
        value: What `decode_json` or a form gave.

    Returns:
        Messages by dotted path (`"lines.0.size"`, `""` for the answer as a whole), never with the value in them. Empty
        where the value fits. Of an answer with more than 2,000 parts only the first fault is told. Where the type holds
        itself through a union, an answer that is nested so deep that it could be read in more than 20,000 ways is
        refused.

    Raises:
        UsageError: The schema itself is not one.
    """
    validator, branching = _compiled(encode_json(dict(json_schema)))
    try:
        fits = validator.is_valid(value)
        if branching.tries(value, by_tag=True) > MOST_TRIES:
            # Also one that fits: the type itself would try for hours before it says so.
            return {"": "This is nested too deep: it could be read in too many ways."}
        if fits:
            return _storable(value)
        if branching.tries(value, by_tag=False) > MOST_EXPLAINED:
            return {"": "Something in this does not fit, and it is nested too deep to say where."}
        errors = _errors(validator, value)
    except (ValueError, TypeError):
        # Not JSON at all: nested beyond what the validator follows, or half of a surrogate pair.
        return {"": "This cannot be read as JSON."}
    return findings(errors, json_schema)


def _errors(validator: Validator, value: JsonValue) -> list[ValidationError]:
    from jsonschema_rs import ValidationError

    if not _has_many_parts(value):
        return list(validator.iter_errors(value))
    try:
        validator.validate(value)
    except ValidationError as error:
        return [error]
    return []


def _has_many_parts(value: JsonValue) -> bool:
    parts, left = [value], _MANY_PARTS
    while parts:
        part = parts.pop()
        left -= 1
        if isinstance(part, (dict, list)):
            if len(part) > left - len(parts):
                return True
            parts += part.values() if isinstance(part, dict) else part
    return left < 0


def _storable(value: JsonValue) -> dict[str, str]:
    """NaN and its like pass where the schema allows anything, but can never be stored."""
    if isinstance(value, (str, bool)) or value is None:
        return {}
    try:
        encode_json(value)
    except UsageError:
        return {"": "NaN and Infinity are not accepted."}
    return {}


def _not_retrieved(uri: str) -> NoReturn:
    """A schema of ours refers to nothing outside of itself; one that does must not make this process fetch it."""
    raise ValueError(f"{uri} is not fetched.")


@lru_cache(maxsize=256)
def _compiled(schema_text: bytes) -> tuple[Validator, Branching]:
    import json

    # Only here, so that a process that asks but never checks does not load it.
    import jsonschema_rs

    json_schema = json.loads(schema_text)
    try:
        validator = jsonschema_rs.Draft202012Validator(
            validator_schema(json_schema),
            formats=FORMATS,
            validate_formats=True,
            retriever=_not_retrieved,
            keywords={DECIMAL_BOUNDS: DecimalBounds},
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
        )
    except ValueError as error:
        raise UsageError("The JSON Schema of this event cannot be used.", "Look at the schema of its type.") from error
    return validator, Branching(json_schema)
