"""The table of occasions: each makes the project raise one error, the way that a person or a program would."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio

F = TypeVar("F", bound=Callable[..., Any])

TYPED = "Zaphod-typed-this-4711"
"""What a reviewer types; no message repeats it."""
SECRET = "hunter2-is-a-secret-0815"
"""A password, a token; no message repeats it."""
ID = "abcdefghijklmnopqrstuvwx23"
OTHER_ID = "abcdzzzzzzzzzzzzzzzzzzzz77"

_occasions: dict[str, Callable[..., Any]] = {}


def occasion(function: F) -> F:
    """
    Add a function to the table under its name; it is a plain function or a coroutine function.

    It may take `folder`, an empty folder of its own. It raises the error, or returns the text that told about it: a
    page, a problem, what a command printed.
    """
    _add(function.__name__, function)
    return function


def each(**cases: Any) -> Callable[[F], F]:
    """Add a function once per case; the case is its first argument."""

    def add(function: F) -> F:
        for name, case in cases.items():
            _add(f"{function.__name__} {name}", partial(function, case))
        return function

    return add


def all_occasions() -> Mapping[str, Callable[..., Any]]:
    """Return the table, by name."""
    return _occasions


def brought_about(function: Callable[..., Any], folder: Path) -> str | None:
    """Bring an occasion about; return the text that told, where one did. What it raises, it raises."""
    given = {"folder": folder} if "folder" in inspect.signature(function).parameters else {}
    plain = function.func if isinstance(function, partial) else function
    if inspect.iscoroutinefunction(plain):
        told: str | None = anyio.run(partial(function, **given))
    else:
        told = function(**given)
    return told


def _add(name: str, function: Callable[..., Any]) -> None:
    name = name.replace("_", " ")
    assert name not in _occasions, f"there is an occasion called {name!r} already"
    _occasions[name] = function
