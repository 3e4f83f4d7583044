"""
What is added to a JSON Schema before it is compiled: limits that JSON Schema itself has no words for.

The stored schema stays as it is. A number that must fit a float gets a float's range; a decimal that is sent as text is
held to the same bounds as one that is sent as a number; a pattern that only Python's engine understands is left to the
type.
"""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from typing import Any

from .formats import DECIMAL

DECIMAL_BOUNDS = "x-decimal-bounds"
LARGEST_FLOAT = int(sys.float_info.max)
"""As an integer: its shortest decimal spelling is a little less, and would refuse the number itself."""

_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "maxDigits", "decimalPlaces")
# Where subschemas can be: values elsewhere (enum, const, default, examples) only look like schemas.
_ONE = (
    "items",
    "additionalProperties",
    "propertyNames",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedProperties",
)
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "patternProperties", "dependentSchemas")


def validator_schema(schema: Any) -> Any:
    """Return a copy of a JSON Schema with the additions, in each of its subschemas."""
    if not isinstance(schema, dict):
        return schema
    copied = dict(schema)
    for keyword in _ONE:
        if keyword in copied:
            copied[keyword] = validator_schema(copied[keyword])
    for keyword in _MANY:
        if isinstance(copied.get(keyword), list):
            copied[keyword] = [validator_schema(inner) for inner in copied[keyword]]
    for keyword in _NAMED:
        if isinstance(copied.get(keyword), dict):
            copied[keyword] = {name: validator_schema(inner) for name, inner in copied[keyword].items()}
    return _with_limits(copied)


def _with_limits(schema: dict[str, Any]) -> dict[str, Any]:
    # JSON Schema applies `minimum` and its like to numbers alone, and a decimal comes as text from every form.
    if schema.get("format") == "decimal":
        schema[DECIMAL_BOUNDS] = {name: schema[name] for name in _BOUNDS if name in schema}
    # An integer of 400 digits is a number in JSON, and overflows where the type wants a float.
    if schema.get("type") == "number":
        schema.setdefault("maximum", LARGEST_FLOAT)
        schema.setdefault("minimum", -LARGEST_FLOAT)
    if "pattern" in schema and not _compiles(schema["pattern"]):
        del schema["pattern"]
    return schema


def _compiles(pattern: object) -> bool:
    import jsonschema_rs

    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


class DecimalBounds:
    """The keyword that holds decimals sent as text to their bounds; it refuses with a message for reviewers."""

    def __init__(self, _parent: dict[str, Any], value: Any, _path: list[str | int]) -> None:
        # repr gives the shortest digits: Decimal(0.1) itself is 0.1000000000000000055...
        self._bounds: dict[str, Decimal] = {name: Decimal(repr(bound)) for name, bound in value.items()}

    def validate(self, instance: object) -> None:
        """Raise ValueError where a text is a decimal beyond its bounds; texts that are no decimals are the format's."""
        if not isinstance(instance, str) or not DECIMAL.fullmatch(instance):
            return
        message = self._complaint(Decimal(instance))
        if message:
            raise ValueError(message)

    def _complaint(self, number: Decimal) -> str:
        bounds = self._bounds
        if "minimum" in bounds and number < bounds["minimum"]:
            return f"Must be at least {bounds['minimum']}."
        if "exclusiveMinimum" in bounds and number <= bounds["exclusiveMinimum"]:
            return f"Must be more than {bounds['exclusiveMinimum']}."
        if "maximum" in bounds and number > bounds["maximum"]:
            return f"Must be at most {bounds['maximum']}."
        if "exclusiveMaximum" in bounds and number >= bounds["exclusiveMaximum"]:
            return f"Must be less than {bounds['exclusiveMaximum']}."
        return self._digits(number)

    def _digits(self, number: Decimal) -> str:
        places = self._bounds.get("decimalPlaces")
        if places is not None and _places(number) > places:
            return f"Must have at most {places} digits after the point."
        step = self._bounds.get("multipleOf")
        if step and not _divides(step, number):
            return f"Must be a multiple of {step}."
        return ""


def _places(number: Decimal) -> int:
    """Count the digits after the point, zeros at the end aside; normalize() would round to 28 digits."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent >= 0 or not number:
        return 0
    kept = "".join(map(str, digits)).rstrip("0")
    return max(0, -exponent - (len(digits) - len(kept)))


def _divides(step: Decimal, number: Decimal) -> bool:
    try:
        return number % step == 0
    except InvalidOperation:
        # More digits than decimal arithmetic keeps; the type itself decides.
        return True
