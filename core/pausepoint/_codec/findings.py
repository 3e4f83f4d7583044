"""
What a JSON Schema refuses, in words for reviewers, by dotted path.

Of the branches of a union only the best fit is heard: the one that the discriminator names, or else the one of the
right kind with the fewest faults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .telling import EMPTY, FALLBACK, gathered
from .validator_schema import LARGEST_FLOAT

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_UNIONS = ("anyOf", "oneOf")
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no (true or false)",
    "null": "no value (null)",
    "array": "a list",
    "object": "a group of named values",
}
_FORMATS = {
    "date": "a date, such as 2025-12-31",
    "date-time": "a date and time with its UTC offset, such as 2025-12-31T14:30+02:00",
    "naive-date-time": "a date and time without offset, such as 2025-12-31T14:30",
    "any-date-time": "a date and time, such as 2025-12-31T14:30",
    "time": "a time of day with its UTC offset, such as 14:30+02:00",
    "naive-time": "a time of day without offset, such as 14:30",
    "any-time": "a time of day, such as 14:30",
    "duration": "a length of time, such as 1:30:00 or 2 days",
    "decimal": "a decimal number, such as 12.50",
    "uuid": "a UUID, such as 12345678-1234-5678-1234-567812345678",
    "uri": "a web address, such as https://example.org",
    "email": "an e-mail address, such as name@example.org",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "regex": "a regular expression",
}


def findings(errors: Sequence[ValidationError], schema: Mapping[str, Any]) -> dict[str, str]:
    """
    Return a message per dotted path, no more of them than `telling.gathered` allows.

    Args:
        errors: What the validator found; their texts are not used, because they repeat the value.
        schema: The whole JSON Schema, where discriminators are looked up.
    """
    return gathered(told for error in errors for told in _messages(error, schema))


def _messages(error: ValidationError, schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    kind = error.kind.name
    facts = error.kind.as_dict()
    if kind in _UNIONS:
        return _of_union(error, schema)
    if kind == "required":
        return [(_path(error, facts["property"]), "This field is missing.")]
    if kind in ("additionalProperties", "unevaluatedProperties"):
        return [(_path(error, name), "Unknown field.") for name in facts["unexpected"]]
    if kind == "pattern" and error.instance == "":
        return [(_path(error), EMPTY)]
    return [(_path(error), _message(kind, facts))]


def _message(kind: str, facts: Mapping[str, Any]) -> str:
    limit = _spelt(facts.get("limit"))
    # The bound that validator_schema added; nobody wrote it, and its 309 digits help nobody.
    if kind in ("minimum", "maximum") and abs(facts["limit"]) == LARGEST_FLOAT:
        return "This number is too large."
    if kind == "type":
        return f"Must be {_either([_TYPES.get(name, name) for name in facts['types']])}."
    if kind == "enum":
        return f"Choose one of: {', '.join(map(_spelt, facts['options']))}."
    if kind == "const":
        return f"Must be {_spelt(facts['expected_value'])}."
    if kind == "format":
        return f"Must be {_FORMATS.get(facts['format'], 'spelt as ' + facts['format'])}."
    if kind == "multipleOf":
        return f"Must be a multiple of {_spelt(facts['multiple_of'])}."
    if facts.get("keyword") == "x-decimal-bounds":
        return str(facts["message"])
    return _LIMITS[kind].format(limit) if kind in _LIMITS else FALLBACK


_LIMITS = {
    "minimum": "Must be at least {}.",
    "exclusiveMinimum": "Must be more than {}.",
    "maximum": "Must be at most {}.",
    "exclusiveMaximum": "Must be less than {}.",
    "minLength": "Must be at least {} characters long.",
    "maxLength": "Must be at most {} characters long.",
    "minItems": "Needs at least {} entries.",
    "maxItems": "May have at most {} entries.",
    "minProperties": "Needs at least {} entries.",
    "maxProperties": "May have at most {} entries.",
    "uniqueItems": "Each entry may occur only once.",
    "pattern": "Does not have the expected form.",
    "propertyNames": "A name in it is not accepted.",
}


def _of_union(error: ValidationError, schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    branches = _context(error)
    tag = _discriminator(error, schema)
    if tag is not None and isinstance(error.instance, dict):
        name, mapping = tag
        if error.instance.get(name) not in list(mapping):
            given = name in error.instance
            told = f"Choose one of: {', '.join(map(_spelt, mapping))}." if given else "This field is missing."
            return [(_path(error, name), told)]
        branches = [found for found in branches if not _refuses(found, error, name)] or branches
    # No complaint in any branch: oneOf, which wants exactly one, was fitted by several.
    if not any(branches):
        return [(_path(error), "More than one of the alternatives fits.")]
    return _of_best(error, [found for found in branches if found], schema)


def _of_best(
    error: ValidationError, branches: list[list[ValidationError]], schema: Mapping[str, Any]
) -> list[tuple[str, str]]:
    of_kind = [found for found in branches if not any(_wrong_kind(one, error) for one in found)]
    if not of_kind:
        return [(_path(error), _any_kind(branches, error))]
    best = min(of_kind, key=len)
    return [told for one in best for told in _messages(one, schema)]


def _any_kind(branches: Sequence[Sequence[ValidationError]], union: ValidationError) -> str:
    """Join what the branches of a union would have taken: kinds of values first, then fixed values."""
    kinds: list[str] = []
    fixed: list[str] = []
    for found in _leaves(branches, union):
        facts = {one.kind.name: one.kind.as_dict() for one in found}
        # Pydantic writes the type beside an enum: the values say more than their kind.
        if "enum" in facts:
            fixed += map(_spelt, facts["enum"]["options"])
        elif "const" in facts:
            fixed.append(_spelt(facts["const"]["expected_value"]))
        elif "type" in facts:
            kinds += [_TYPES.get(name, name) for name in facts["type"]["types"]]
    return f"Must be {_either([*kinds, *fixed])}." if kinds else f"Choose one of: {', '.join(dict.fromkeys(fixed))}."


def _leaves(branches: Sequence[Sequence[ValidationError]], union: ValidationError) -> list[list[ValidationError]]:
    leaves: list[list[ValidationError]] = []
    for found in branches:
        here = [one for one in found if one.instance_path == union.instance_path]
        inner = [branch for one in here if one.kind.name in _UNIONS for branch in _context(one)]
        leaves += _leaves(inner, union) if inner else [here]
    return leaves


def _context(union: ValidationError) -> list[list[ValidationError]]:
    return union.kind.as_dict().get("context") or []


def _wrong_kind(one: ValidationError, union: ValidationError) -> bool:
    """Return True where the value is not even of the kind that a branch takes, as opposed to wrong in some part."""
    if one.instance_path != union.instance_path:
        return False
    if one.kind.name in _UNIONS:
        branches = _context(one)
        return bool(branches) and all(any(_wrong_kind(inner, union) for inner in found) for found in branches)
    return one.kind.name in ("type", "enum", "const")


def _refuses(found: Sequence[ValidationError], union: ValidationError, name: str) -> bool:
    return any(one.instance_path == [*union.instance_path, name] for one in found)


def _discriminator(error: ValidationError, schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    # OpenAPI's keyword, which the validator ignores; pydantic writes it beside the oneOf that failed.
    node: Any = schema
    for part in error.schema_path[:-1]:
        node = node[part]
    found = node.get("discriminator") if isinstance(node, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(found.get("mapping"), Mapping):
        return None
    return str(found.get("propertyName")), found["mapping"]


def _path(error: ValidationError, *more: str) -> str:
    return ".".join(map(str, [*error.instance_path, *more]))


def _spelt(value: object) -> str:
    if isinstance(value, str):
        return value or '""'
    # Limits come as floats (ge=1 on a float field); "at least 1" reads better than "1.0", as long as it is exact.
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _either(words: Sequence[str]) -> str:
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} or {last}" if first else last
