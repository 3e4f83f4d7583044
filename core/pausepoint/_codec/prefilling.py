"""Prefilling: a model's schema with initial values, such that answers are still instances of the model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler, JsonValue, ValidationError
from pydantic_core import CoreSchema, core_schema

from .json_text import encode_json


class Prefilling:
    """
    The validator of a prefilled model.

    It fills in at the level of JSON and hands over to the model's own validator, because pydantic replaces any other
    schema of a finished class by the one that the class was built with.
    """

    def __init__(self, model: type[BaseModel], initial: Mapping[str, JsonValue], values: Mapping[str, object]) -> None:
        self._model = model
        self._initial = dict(initial)
        self._values = dict(values)

    def __call__(self, value: Any) -> BaseModel:
        """Validate a JSON value; pydantic puts the errors in their place."""
        # As JSON and strictly first, for the same reasons as in AnswerType.parse.
        text = encode_json(self.filled(value))
        validator = self._model.__pydantic_validator__
        try:
            answer: BaseModel = validator.validate_json(text, strict=True)
        except ValidationError:
            answer = validator.validate_json(text)
        return answer

    def filled(self, value: Any) -> Any:
        """Return a JSON value with the initial values filled in where it has none."""
        return {**self._initial, **value} if isinstance(value, dict) else value

    def filled_python(self, value: Any) -> Any:
        """Return the arguments of a constructor with the initial values filled in, as values of their own each time."""
        return {**deepcopy(self._values), **value} if isinstance(value, dict) else value

    def schema(self, original: CoreSchema) -> CoreSchema:
        """Return the core schema of the prefilled model, made of the original's."""
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_plain_validator_function(self),
            python_schema=core_schema.no_info_before_validator_function(self.filled_python, original),
            metadata={"pydantic_js_functions": [self._described(original)]},
        )

    def _described(self, original: CoreSchema) -> Callable[[CoreSchema, GetJsonSchemaHandler], dict[str, Any]]:
        def describe(_: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
            # A copy: the definition may be shared with the model itself, which has no such defaults.
            described = deepcopy(handler.resolve_ref_schema(handler(original)))
            for name, value in self._initial.items():
                described["properties"][name]["default"] = value
            required = [name for name in described.pop("required", ()) if name not in self._initial]
            return {**described, "required": required} if required else described

        return describe
