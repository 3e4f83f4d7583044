"""`RunInput`: a model that is asked for as a form, some of whose fields can be filled in beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema
from typing_extensions import Self

from ..errors import UsageError
from .complaints import complaints


class RunInput(BaseModel):
    """
    A model to ask for: `class ShirtOrder(RunInput): size: Literal["small", "large"]`.

    Everything that pydantic allows in a model is allowed here. `str(answer)` prints its fields and nothing else.
    """

    __pausepoint_original__: ClassVar[type[RunInput] | None] = None
    __pausepoint_initial__: ClassVar[Mapping[str, object]] = {}
    __pausepoint_prompt__: ClassVar[str | None] = None

    @classmethod
    def with_initial_data(cls, description: str | None = None, **values: object) -> type[Self]:
        """
        Return the same model, prefilled: these fields become optional, with the value as their default.

        Constraints, titles and descriptions stay as they are. Answers are instances of the original class.

        Args:
            description: Markdown that is shown as the prompt.
            values: Initial values by field name; each is checked at once.

        Raises:
            UsageError: A name is no field of this model, or a value does not fit its field.
        """
        original = cls.__pausepoint_original__ or cls
        given = {**cls.__pausepoint_initial__, **_checked(original, values)}
        prompt = cls.__pausepoint_prompt__ if description is None else description
        members = {
            "__module__": original.__module__,
            "__qualname__": original.__qualname__,
            "__doc__": original.__doc__,
            "__pausepoint_original__": original,
            "__pausepoint_initial__": given,
            "__pausepoint_prompt__": prompt,
        }
        made: type[Self] = type(cls)(original.__name__, (original,), members)  # type: ignore[misc]
        return made

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build the schema of a prefilled model from the original's, so that answers are instances of the original."""
        original = cls.__dict__.get("__pausepoint_original__")
        if original is None:
            return handler(source)
        schema = handler.generate_schema(original)
        if schema["type"] == "definition-ref":
            schema = handler.resolve_ref_schema(schema)
        return _prefilled(schema, cls.__pausepoint_initial__)


def _checked(model: type[RunInput], values: Mapping[str, object]) -> dict[str, object]:
    """Return the values as their fields' own types; refuse unknown names and values that do not fit."""
    for name in values:
        if name not in model.model_fields:
            known = ", ".join(model.model_fields) or "none"
            raise UsageError(f"{model.__name__} has no field {name!r}.", f"Its fields are: {known}.")
    given = {name: _fitted(model, name, model.model_fields[name], value) for name, value in values.items()}
    _refuse_by_validators(model, given)
    return given


def _fitted(model: type[RunInput], name: str, field: FieldInfo, value: object) -> object:
    adapter: TypeAdapter[object] = TypeAdapter(Annotated[(field.annotation, field)])  # type: ignore[arg-type]
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise _unfit(model, {name: next(iter(complaints(error, None).values()))}) from None


def _refuse_by_validators(model: type[RunInput], given: Mapping[str, object]) -> None:
    """Run the author's field validators over the given values; what is still missing is no fault here."""
    by_alias = {_input_name(model, name): value for name, value in given.items()}
    try:
        model.model_validate(by_alias)
    except ValidationError as error:
        told = {}
        for found in error.errors(include_url=False, include_context=False):
            if found["loc"] and found["loc"][0] in by_alias:
                told[str(found["loc"][0])] = (
                    found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
                )
        if told:
            raise _unfit(model, told) from None


def _input_name(model: type[RunInput], name: str) -> str:
    field = model.model_fields[name]
    alias = field.validation_alias
    return alias if isinstance(alias, str) else field.alias or name


def _unfit(model: type[RunInput], told: Mapping[str, str]) -> UsageError:
    reasons = "; ".join(f"{name}: {message.rstrip('.')}" for name, message in told.items())
    return UsageError(
        f"Initial data of {model.__name__} does not fit: {reasons}.", "Give values that the fields accept."
    )


def _prefilled(schema: Any, initial: Mapping[str, object]) -> CoreSchema:
    """Copy a model's schema along the way to its fields, and give the fields their defaults there."""
    copied = {key: value for key, value in schema.items() if key != "ref"}
    if copied["type"] == "model-fields":
        fields = dict(copied["fields"])
        for name, value in initial.items():
            fields[name] = {**fields[name], "schema": _with_default(fields[name]["schema"], value)}
        copied["fields"] = fields
    else:
        copied["schema"] = _prefilled(copied["schema"], initial)
    return copied


def _with_default(schema: Any, value: object) -> CoreSchema:
    inner = schema["schema"] if schema["type"] == "default" else schema
    made: CoreSchema = {"type": "default", "schema": inner, "default": value, "copy_default": True}
    return made
