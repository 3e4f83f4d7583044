"""What a type is called where people read it: in messages, records and on pages."""

from __future__ import annotations

import types
from enum import Enum
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

from .._models import MAX_LABEL_CHARS


def type_name(data_type: object) -> str:
    """
    Return a type's name without modules and constraints, at most 200 characters.

    `Annotated[int, Gt(0)]` is `int`, `Optional[Order]` is `Order | None`, `Literal["a"]` is `Literal['a']`.
    """
    return _name(data_type)[:MAX_LABEL_CHARS]


def _name(data_type: object) -> str:
    origin, arguments = get_origin(data_type), get_args(data_type)
    if data_type is None or data_type is type(None):
        return "None"
    if data_type is Ellipsis:
        return "..."
    if origin is Annotated:
        return _name(arguments[0])
    if origin is Literal:
        # A member's own repr names its class, which says nothing to a reviewer.
        spelt = (repr(argument.value if isinstance(argument, Enum) else argument) for argument in arguments)
        return f"Literal[{', '.join(spelt)}]"
    if origin is Union or origin is types.UnionType:
        return " | ".join(map(_name, arguments))
    if origin is not None and arguments:
        return f"{_name(origin)}[{', '.join(map(_name, arguments))}]"
    if isinstance(data_type, (type, TypeVar)):
        return data_type.__name__
    return getattr(data_type, "__name__", None) or repr(data_type).replace("typing.", "")
