"""
The JSON Schema of a type: pydantic's, made strict enough to refuse by and plain enough to draw a form from.

Where it differs from pydantic's own: unknown fields are refused unless the model allows them, a Decimal is one field
(text or number, format `decimal`) so that a form shows one input and loses no digit, times say whether an offset is
needed (`date-time`, `naive-date-time`, `any-date-time`, and the same for `time`), and enums carry the names of their
members.
"""

from __future__ import annotations

import math
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind, NoDefault
from pydantic_core import CoreSchema, PydanticSerializationError, core_schema

from ..errors import UnsupportedTypeError, UsageError
from .json_text import encode_json

ENUM_NAMES = "x-enum-varnames"
"""The keyword that lists an enum's member names, in the order of its values."""

EMPTY_FACTORIES = (list, dict, set, tuple, frozenset, str, int, float, bool)
"""Default factories that make the same empty value each time, and cannot fail."""

_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}


def schema_of(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """
    Return the JSON Schema 2020-12 of a type's answers.

    Raises:
        UnsupportedTypeError: A branch of a union has no JSON Schema, or what the author added is not JSON.
        pydantic.errors.PydanticInvalidForJsonSchema: The type has none.
    """
    schema = adapter.json_schema(schema_generator=AnswerSchema, mode="validation")
    try:
        encode_json(schema)
    except UsageError as error:
        raise UnsupportedTypeError(
            "The JSON Schema of this type is not JSON.",
            "Look for NaN, infinity or Python objects in its examples, json_schema_extra or constraints.",
        ) from error
    return schema


class AnswerSchema(GenerateJsonSchema):
    """Pydantic's generator with the differences named at the top of this module."""

    ignored_warning_kinds = {  # noqa: RUF012
        "non-serializable-default"
    }

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Refuse a union that would lose a branch: the form must offer what the type allows."""
        if kind == "skipped-choice":
            raise UnsupportedTypeError(
                "One of the alternatives of this type has no JSON Schema.",
                "Leave out of the union what cannot be written as JSON, such as a callable.",
            )
        super().emit_warning(kind, detail)

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> Any:
        """Show the default of `default_factory=list` and the like, which is the same at any time."""
        factory = schema.get("default_factory")
        if any(factory is known for known in EMPTY_FACTORIES):
            return factory()  # type: ignore[misc, call-arg]
        return schema.get("default", NoDefault)

    def encode_default(self, dft: Any) -> Any:
        """Leave out a default that is not JSON, as pydantic does for one that it cannot serialise."""
        encoded = super().encode_default(dft)
        try:
            encode_json(encoded)
        except UsageError as error:
            raise PydanticSerializationError("The default is not JSON.") from error
        return encoded

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Refuse unknown fields unless the model allows them."""
        return _closed(super().model_schema(schema)) if not schema.get("root_model") else super().model_schema(schema)

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Refuse unknown fields unless the dataclass allows them."""
        return _closed(super().dataclass_schema(schema))

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        """Refuse unknown keys unless the TypedDict allows them."""
        return _closed(super().typed_dict_schema(schema))

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """Keep the names of the members beside their values."""
        members = list(dict.fromkeys(schema["members"]))  # a second name of a member is no second choice
        generated = super().enum_schema({**schema, "members": members})
        return {**generated, ENUM_NAMES: [member.name for member in members]}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        """Refuse members of plain enums, which pydantic's literals do not know again in JSON."""
        if any(isinstance(value, Enum) and not isinstance(value, (str, int)) for value in schema["expected"]):
            raise UnsupportedTypeError(
                "A Literal of enum members cannot be read from JSON.",
                "Ask for the Enum itself, or derive it from str too: class Color(str, Enum).",
            )
        return super().literal_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Refuse keys that JSON, where every key is text, cannot hold."""
        # Looked at before they become `propertyNames`, where a reader could no longer tell int keys from text.
        keys = self.resolve_ref_schema(self.generate_inner(schema.get("keys_schema", core_schema.str_schema())))
        fixed = [*keys.get("enum", ()), *([keys["const"]] if "const" in keys else [])]
        if keys.get("type") in ("array", "object") or not all(isinstance(value, str) for value in fixed):
            raise UnsupportedTypeError(
                "The keys of a dict are always text in JSON.", "Use keys of type str, or int, or an Enum of texts."
            )
        return super().dict_schema(schema)

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """Leave out bounds that JSON has no number for: they exclude nothing."""
        return {key: found for key, found in super().float_schema(schema).items() if not _endless(found)}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """One field for a Decimal: text (which keeps every digit) or a number."""
        # Pydantic would make it a union of two, and the form would ask which of the two was meant.
        result: JsonSchemaValue = {"type": ["string", "number"], "format": "decimal"}
        for name, keyword in _BOUNDS.items():
            bound = _exact(schema.get(name))
            if bound is not None:
                result[keyword] = bound
        for name, keyword in (("max_digits", "maxDigits"), ("decimal_places", "decimalPlaces")):
            if schema.get(name) is not None:
                result[keyword] = schema.get(name)
        return result

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """Say whether the moment needs an offset, must not have one, or may."""
        return {"type": "string", "format": _zoned(schema, "date-time")}

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        """Say whether the time of day needs an offset, must not have one, or may."""
        return {"type": "string", "format": _zoned(schema, "time")}

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:  # noqa: ARG002
        """A duration is text, whatever the model's configuration says about writing it."""
        return {"type": "string", "format": "duration"}


def _zoned(schema: CoreSchema, name: str) -> str:
    constraint = schema.get("tz_constraint")
    # A fixed offset in seconds still needs an offset; the type itself checks which.
    return {"naive": f"naive-{name}", None: f"any-{name}"}.get(constraint, name)


def _closed(schema: JsonSchemaValue) -> JsonSchemaValue:
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def _endless(found: object) -> bool:
    return isinstance(found, float) and not math.isfinite(found)


def _exact(bound: object) -> int | float | None:
    """Return a bound as a JSON number, or None where it would be another number: the type itself then refuses."""
    if not isinstance(bound, (int, float, Decimal)) or not math.isfinite(bound):
        return None
    exact = Decimal(repr(bound)) if isinstance(bound, float) else Decimal(bound)
    if exact == exact.to_integral_value() and abs(exact) < 10**15:
        return int(exact)
    # A float that is not the very bound would refuse its neighbours, or let them through.
    near = float(exact)
    return near if math.isfinite(near) and Decimal(repr(near)) == exact else None
