"""What a plugin declares, checked before it is used: each error says what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, cast

from ..errors import AdapterError
from ..hooks import NAME, Specs

SPECS: Mapping[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(spec).parameters)[1:]
    for name, spec in vars(Specs).items()
    if name.startswith(f"{NAME}_")
}
"""The hooks by name, each with its arguments."""


def hooks_of(module: object, label: str) -> tuple[str, ...]:
    """
    Return the names of the hooks that a plugin implements, sorted.

    Args:
        module: The plugin.
        label: How errors call it.

    Raises:
        AdapterError: One of them is no hook, is not marked, or cannot be called as hooks are.
    """
    found = []
    for name, function, options in _candidates(module):
        _refuse_unknown(name, options is not None, label)
        if options is None:
            raise _fault(label, f"The function {name} is not marked", "Write @pausepoint.hookimpl above it.")
        _refuse_kind(name, function, options, label)
        _refuse_arguments(name, function, label)
        found.append(name)
    return tuple(sorted(found))


def _candidates(module: object) -> Iterator[tuple[str, Callable[..., Any], Mapping[str, Any] | None]]:
    """Yield what is marked, and each function that is named like a hook; with what the marker says."""
    for name in dir(module):
        value = getattr(module, name, None)
        options = getattr(value, f"{NAME}_impl", None)
        # A dict, since there are objects that have an attribute of any name.
        if isinstance(options, dict) or (inspect.isroutine(value) and name.startswith(f"{NAME}_")):
            yield name, cast("Callable[..., Any]", value), cast("Mapping[str, Any] | None", options)


def _refuse_unknown(name: str, marked: bool, label: str) -> None:
    if name not in SPECS:
        # By what tells them apart: of the whole, more than half is the same for every name.
        tails = {hook.removeprefix(f"{NAME}_"): hook for hook in SPECS}
        close = get_close_matches(name.removeprefix(f"{NAME}_"), tails, n=1)
        meant = f"Did you mean {tails[close[0]]}? Rename the function." if close else f"There are: {', '.join(SPECS)}."
        raise _fault(label, f"There is no hook {name}", meant if marked else f"{meant} Give a helper another name.")


def _refuse_kind(name: str, function: Callable[..., Any], options: Mapping[str, Any], label: str) -> None:
    if not inspect.isroutine(function):
        raise _fault(label, f"{name} is no function", f"Write `def {name}(...):`, with @pausepoint.hookimpl above it.")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise _fault(
            label,
            f"{name} is an `async def`, and hooks are plain functions",
            "Serve in the function itself, which may block."
            if name == "pausepoint_serve"
            else f"Write `def {name}(...): return _{name.removeprefix(NAME + '_')}(...)`, which returns the awaitable.",
        )
    if options.get("wrapper") or options.get("hookwrapper") or inspect.isgeneratorfunction(function):
        raise _fault(
            label, f"{name} is a generator or a wrapper, and hooks are plain functions", "Return, do not yield."
        )


def _refuse_arguments(name: str, function: Callable[..., Any], label: str) -> None:
    known = SPECS[name]
    there_are = f"It may take: {', '.join(known)}." if known else "It takes none."
    for each in inspect.signature(function).parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise _fault(label, f"{name} would never be given anything as {_stars(each)}{each.name}", there_are)
        if each.name not in known and (each.default is each.empty):
            close = get_close_matches(each.name, known, n=1)
            meant = f"Did you mean {close[0]}? " if close else ""
            raise _fault(label, f"{name} has no argument {each.name}", f"{meant}{there_are}")
        # Neither of them would ever be given anything.
        if each.name in known and (each.default is not each.empty or each.kind is not each.POSITIONAL_OR_KEYWORD):
            raise _fault(
                label, f"{name} would never be given {each.name}", "Take it by its name alone, without default or `*`."
            )


def _stars(parameter: inspect.Parameter) -> str:
    return "**" if parameter.kind is parameter.VAR_KEYWORD else "*"


def _fault(label: str, what: str, todo: str) -> AdapterError:
    return AdapterError(f"{what} (in {label}).", todo, "", label)
