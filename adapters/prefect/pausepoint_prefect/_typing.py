"""What type checkers know of a call that asks: None where nothing is asked for, else the type that is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Protocol, TypeVar, cast, overload

from typing_extensions import ParamSpec, TypeForm

P = ParamSpec("P")
T = TypeVar("T")


class Typed(Protocol[P]):
    """A call that asks, with *P* after what it asks for."""

    @overload
    def __call__(self, wait_for_input: None = None, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    def __call__(self, wait_for_input: TypeForm[T], *args: P.args, **kwargs: P.kwargs) -> T: ...


class TypedAio(Protocol[P]):
    """The same for async code."""

    @overload
    async def __call__(self, wait_for_input: None = None, *args: P.args, **kwargs: P.kwargs) -> None: ...
    @overload
    async def __call__(self, wait_for_input: TypeForm[T], *args: P.args, **kwargs: P.kwargs) -> T: ...


def typed(call: Callable[Concatenate[Any, P], Any]) -> Typed[P]:
    """Tell type checkers what the call returns."""
    return cast("Typed[P]", call)


def typed_aio(call: Callable[Concatenate[Any, P], Coroutine[Any, Any, Any]]) -> TypedAio[P]:
    """Do the same for a coroutine function."""
    return cast("TypedAio[P]", call)
