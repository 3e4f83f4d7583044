"""`RunInput`: a model that is asked for as a form, some of whose fields can be filled in beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema
from typing_extensions import Self

from ..errors import UsageError
from .complaints import complaints, message
from .prefilling import Prefilling


class RunInput(BaseModel):
    """
    A model to ask for: `class ShirtOrder(RunInput): size: Literal["small", "large"]`.

    Everything that pydantic allows in a model is allowed here. `str(answer)` prints its fields and nothing else.
    """

    # Dunder names: pydantic takes them for no fields, and no author's field can have such a name.
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
        # Of this very class: a subclass that somebody makes of a prefilled model is a model of its own.
        original = cls.__dict__.get("__pausepoint_original__")
        if original is None:
            return handler(source)
        values = {_input_name(original, name): value for name, value in cls.__pausepoint_initial__.items()}
        written = {
            _input_name(original, name): _field_type(original, name).dump_python(value, mode="json", round_trip=True)
            for name, value in cls.__pausepoint_initial__.items()
        }
        return Prefilling(original, written, values).schema(handler.generate_schema(original))


def _checked(model: type[RunInput], values: Mapping[str, object]) -> dict[str, object]:
    """Return the values as their fields' own types; refuse unknown names and values that do not fit."""
    for name in values:
        if name not in model.model_fields:
            known = ", ".join(model.model_fields) or "none"
            raise UsageError(f"{model.__name__} has no field {name!r}.", f"Use one of its fields: {known}.")
    given = {name: _fitted(model, name, value) for name, value in values.items()}
    _refuse_by_validators(model, given)
    return given


def _fitted(model: type[RunInput], name: str, value: object) -> object:
    try:
        return _field_type(model, name).validate_python(value)
    except ValidationError as error:
        raise _unfit(model, {name: next(iter(complaints(error, None).values()))}) from None


def _field_type(model: type[RunInput], name: str) -> TypeAdapter[Any]:
    """Return the type of one field with its constraints, but without what only a model can judge."""
    # Pydantic moves these out of the annotation, and a union without its discriminator is another type.
    field = model.model_fields[name]
    tagged = [Field(discriminator=field.discriminator)] if field.discriminator else []
    annotated = (field.annotation, *field.metadata, *tagged)
    return TypeAdapter(Annotated[annotated] if len(annotated) > 1 else field.annotation)  # type: ignore[arg-type]


def _refuse_by_validators(model: type[RunInput], given: Mapping[str, object]) -> None:
    """Run the author's validators over the given values; what is still missing is no fault here."""
    by_alias = {_input_name(model, name): value for name, value in given.items()}
    try:
        model.model_validate(by_alias)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # With fields missing, only the given ones can be judged, and what is said about the whole is no news.
        whole = not any(one["type"] == "missing" and len(one["loc"]) == 1 for one in found)
        told = {
            str(one["loc"][0]) if one["loc"] else "the whole": message(one)
            for one in found
            if whole or (one["loc"] and one["loc"][0] in by_alias)
        }
        if told:
            raise _unfit(model, told) from None
    except Exception:
        # A validator may rely on a field that is still missing (`info.data["size"]`); with the answer it is there.
        if all(name in given for name, field in model.model_fields.items() if field.is_required()):
            raise


def _input_name(model: type[RunInput], name: str) -> str:
    field = model.model_fields[name]
    alias = field.validation_alias
    return alias if isinstance(alias, str) else field.alias or name


def _unfit(model: type[RunInput], told: Mapping[str, str]) -> UsageError:
    reasons = "; ".join(f"{name}: {words.rstrip('.')}" for name, words in told.items())
    return UsageError(
        f"Initial data of {model.__name__} does not fit: {reasons}.", "Give values that the fields accept."
    )
