"""The bridge between a Python type and JSON: `AnswerType`."""

from __future__ import annotations

import threading
import types
import warnings
from contextlib import suppress
from typing import Any, Generic, TypeVar, overload

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, SchemaError

from ..errors import AnswerError, UnsupportedTypeError, UsageError
from .checking import check
from .complaints import complaints
from .completeness import is_complete
from .json_text import encode_json
from .schema import schema_of
from .type_name import type_name

T = TypeVar("T")


class AnswerType(Generic[T]):
    """
    A type that can be asked for.

    Attributes:
        name: What the type is called in messages and records, e.g. `int`, `ShirtOrder`, `list[int]`.
        json_schema: JSON Schema 2020-12 of its answers.
        complete: True where the schema is the whole type: what `check` accepts, `parse` accepts.
        prompt: Markdown that the type itself brings along (`RunInput.with_initial_data(description=...)`), else None.
    """

    def __init__(self, data_type: object, adapter: TypeAdapter[T], json_schema: dict[str, Any]) -> None:
        self.name = type_name(data_type)
        self.json_schema = json_schema
        self.complete = is_complete(adapter.core_schema)
        self.prompt: str | None = getattr(data_type, "__pausepoint_prompt__", None)
        self._adapter = adapter

    def __repr__(self) -> str:
        return f"AnswerType({self.name})"

    def parse(self, value: JsonValue) -> T:
        """
        Return the Python value of an answer.

        Args:
            value: JSON that passed `check` against `json_schema`; pydantic alone would take `"yes"` for True.

        Raises:
            AnswerError: The type refuses the value; `.fields` has a message per dotted path, without the value.
            Exception: A validator of the author's raised something else than ValueError or AssertionError.
        """
        # JSON text rather than Python objects: in pydantic's JSON mode a text is a date, and a list is a tuple.
        text = encode_json(value)
        with suppress(ValidationError):
            # Strictly first: otherwise a union of a date and an enum of integers reads the integer as a moment.
            return self._adapter.validate_json(text, strict=True)
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            fields = complaints(error, value)
        # Outside of the except block, so that the value in pydantic's error does not travel along as the context.
        raise AnswerError(f"The answer does not fit {self.name}.", "Correct the fields that are named.", fields=fields)

    def dump(self, value: object) -> JsonValue:
        """
        Return a value of this type as JSON, such that `parse` gives the same value back.

        Args:
            value: A value of the type itself, or its JSON (a dict for a model, `"2025-12-31"` for a date).

        Raises:
            UsageError: It is neither, or JSON cannot hold it: NaN, a secret, a field that is left out when written.
        """
        try:
            typed = self._typed(value)
            dumped: JsonValue = self._written(typed)
            # A default or prefilled value that does not come back as it was must be found out now, not when it is used.
            back = self.parse(dumped)
        except (ValidationError, PydanticSerializationError, UsageError, AnswerError) as error:
            reasons = _reasons(error)
        else:
            # A secret is written as asterisks, which parse: only the comparison tells. Without secrets there is none,
            # because types need not define equality.
            if not self._masks_secrets() or back == typed:
                return dumped
            reasons = "it holds a secret, which is never written down"
        raise UsageError(
            f"The value is not of type {self.name}, or JSON cannot hold it: {reasons}.", "Give a value of that type."
        )

    def _typed(self, value: object) -> T:
        try:
            return self._adapter.validate_python(value, strict=True)
        except ValidationError:
            # No value of the type, so perhaps its JSON; checked as an answer is, since pydantic alone is too lenient.
            given = self._as_json(value)
            refused = check(self.json_schema, given)
            if refused:
                raise AnswerError("The value does not fit.", fields=refused) from None
            return self.parse(given)

    @staticmethod
    def _as_json(value: object) -> JsonValue:
        written: JsonValue = _ANYTHING.dump_python(value, mode="json", round_trip=True)
        return written

    def _written(self, typed: T) -> JsonValue:
        # Warnings say that a part is not of its type, which the reader of the JSON would find out too late.
        dumped: JsonValue = self._adapter.dump_python(
            typed, mode="json", by_alias=True, round_trip=True, warnings="error"
        )
        encode_json(dumped)
        return dumped

    def _masks_secrets(self) -> bool:
        return '"writeOnly":true' in encode_json(self.json_schema).decode()


_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
# catch_warnings saves and restores the filters of the whole process; two at once can restore the wrong ones for good.
_FILTERING = threading.RLock()


@overload
def answer_type(data_type: type[T]) -> AnswerType[T]: ...
@overload
def answer_type(data_type: object) -> AnswerType[object]: ...
def answer_type(data_type: object) -> AnswerType[Any]:
    """
    Return what is needed to ask for a type.

    Args:
        data_type: Any type that pydantic can make a JSON Schema of; None for an answer without content.

    Raises:
        UnsupportedTypeError: Pydantic knows no schema of it, or no JSON Schema.
    """
    # Pydantic takes callables for types of their own and asks for nothing; whoever passes one meant to call it.
    if isinstance(data_type, (types.FunctionType, types.MethodType, types.BuiltinFunctionType, TypeVar)):
        raise UnsupportedTypeError(
            f"{type_name(data_type)} is not a type.", "Ask for a type, such as int or a BaseModel."
        )
    try:
        with _FILTERING, warnings.catch_warnings():
            # Pydantic warns about field names and defaults where the class is defined: no need to repeat it here.
            warnings.simplefilter("ignore", UserWarning)
            adapter: TypeAdapter[Any] = TypeAdapter(data_type)  # type: ignore[arg-type]
            return AnswerType(data_type, adapter, schema_of(adapter))
    except UnsupportedTypeError as error:
        raise UnsupportedTypeError(
            f"No form can be made for {type_name(data_type)}: {error.what}", error.todo
        ) from error
    except (PydanticUserError, SchemaError, TypeError, NameError, RecursionError) as error:
        raise UnsupportedTypeError(
            f"No form can be made for {type_name(data_type)}: pydantic can make no JSON Schema of it.",
            "Ask for a type that pydantic knows, such as int, a Literal, a dataclass or a BaseModel.",
        ) from error


def _reasons(error: Exception) -> str:
    if isinstance(error, AnswerError):
        return "; ".join(f"{path or 'the value'}: {told.rstrip('.')}" for path, told in error.fields.items())
    if isinstance(error, ValidationError):
        return f"{error.error_count()} part(s) have another type"
    return "JSON has no way to write it"
