"""Which alternative of a union a value belongs to, as far as its inputs are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from .shape import Shape, inner, item, options, parts
from .spelling import same, split_offset, understood

_UNFIT = -1
_BY_TYPE = {"boolean": bool, "integer": int, "text": str, "long_text": str, "secret": str}
_SPELT = ("date", "datetime", "time", "decimal")


def best_option(shape: Shape, value: JsonValue) -> int | None:
    """Return the number of the alternative that says most about the value, None where none can hold it."""
    scores = [score(option, value) for option in options(shape)]
    best = max(scores, default=_UNFIT)
    return None if best == _UNFIT else scores.index(best)


def score(shape: Shape, value: JsonValue) -> int:
    """Return how much the inputs of a shape say about a value; -1 where they cannot hold it."""
    # 3 for what only this alternative can hold, 2 for a kind, 1 for a kind that includes another: so 1 is an integer
    # rather than a number, and "2025-12-31" a date rather than a text.
    if shape.kind in ("null", "constant"):
        return 3 if same(shape.schema.get("const"), value) else _UNFIT
    if shape.kind == "choice":
        return 3 if any(same(known, value) for known in shape.schema["enum"]) else _UNFIT
    if shape.kind in _BY_TYPE:
        return 2 if type(value) is _BY_TYPE[shape.kind] and _within(shape.schema, value) else _UNFIT
    if shape.kind == "number":
        return 1 if type(value) in (int, float) and _within(shape.schema, value) else _UNFIT
    if shape.kind in _SPELT:
        return 3 if isinstance(value, str) and _is_spelt(shape, value) else _UNFIT
    return _of_container(shape, value)


def _of_container(shape: Shape, value: JsonValue) -> int:
    if shape.kind == "optional":
        return 1 if value is None and not shape.omits else score(inner(shape), value)
    if shape.kind == "union":
        return max((score(option, value) for option in options(shape)), default=_UNFIT)
    if shape.kind == "group":
        return _of_group(shape, value)
    if shape.kind == "list":
        return _sum([score(item(shape), child) for child in value]) if isinstance(value, list) else _UNFIT
    if shape.kind == "map":
        return _sum([score(item(shape), child) for child in value.values()]) if isinstance(value, dict) else _UNFIT
    return 0


def _of_group(shape: Shape, value: JsonValue) -> int:
    if isinstance(value, list) and "prefixItems" in shape.schema:
        found: Mapping[str | int, JsonValue] = dict(enumerate(value))
    elif isinstance(value, dict) and "prefixItems" not in shape.schema:
        found = dict(value.items())
    else:
        return _UNFIT
    known = {part.key: part for part in parts(shape)}
    if found.keys() - known.keys() or any(part.required and part.key not in found for part in known.values()):
        return _UNFIT
    return _sum([score(known[key].shape, child) for key, child in found.items()])


def _sum(scores: list[int]) -> int:
    return _UNFIT if _UNFIT in scores else 1 + sum(scores)


def _is_spelt(shape: Shape, value: str) -> bool:
    text, offset = split_offset(value) if shape.kind in ("datetime", "time") else (value, "")
    try:
        return bool(understood(shape, text, offset))
    except ValueError:
        return False


def _within(schema: Mapping[str, Any], value: Any) -> bool:
    """Look at the constraints that commonly tell the alternatives of a union apart."""
    if isinstance(value, str):
        return bool(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)))
    inside = schema.get("minimum", value) <= value <= schema.get("maximum", value)
    above = "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"]
    return bool(inside and above and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"]))
