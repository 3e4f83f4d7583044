"""What hooks return, checked at each call."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Any, cast
from urllib.parse import urlsplit

from ..errors import AdapterError, ServeError
from ..hooks import Leave, Request, Response, RunContext, Served
from .plugin import Plugin


def run_context(plugin: Plugin, given: object) -> RunContext | None:
    """Check what `pausepoint_engine` returned."""
    if given is None:
        return None
    if not isinstance(given, RunContext):
        told = _returned(plugin, "pausepoint_engine", given)
        raise AdapterError(told, "Return a RunContext, or None outside of the engine.", "", plugin.label)
    if given.engine != plugin.name:
        raise AdapterError(
            f"{plugin.label} says that its engine is {given.engine!r}, and its entry point says {plugin.name!r}.",
            "Give both the same name.",
            "",
            plugin.label,
        )
    return given


def served(plugin: Plugin, given: object) -> Served | None:
    """Check what `pausepoint_serve` returned."""
    if given is None:
        return None
    if not isinstance(given, Served):
        raise ServeError(
            _returned(plugin, "pausepoint_serve", given),
            "Return Served(base_url), or None; there is no need for a coroutine, since it may block.",
            "",
            plugin.label,
        )
    parts = urlsplit(given.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or given.base_url.endswith("/"):
        raise ServeError(
            f"pausepoint_serve of {plugin.label} returned an address that no browser opens.",
            "Return Served(base_url) with https://host or http://host:port, without a trailing slash.",
            "",
            plugin.label,
        )
    return given


def nothing_or_awaitable(plugin: Plugin, hook: str, request: Request, given: object) -> Awaitable[None] | None:
    """Check what a hook returned that only tells somebody something."""
    if given is None or inspect.isawaitable(given):
        return given
    raise AdapterError(_returned(plugin, hook, given), "Return nothing, or an awaitable.", request.label, plugin.label)


def way_to_wait(plugin: Plugin, request: Request, given: object) -> Awaitable[Response | Leave] | None:
    """Check what `pausepoint_wait` returned."""
    if given is None or inspect.isawaitable(given):
        return cast("Awaitable[Response | Leave] | None", given)
    raise AdapterError(
        _returned(plugin, "pausepoint_wait", given),
        "Return an awaitable of what the waiter gave, or of Leave(error); or None.",
        request.label,
        plugin.label,
    )


def outcome(plugin: Plugin, request: Request, given: Any) -> Response | Leave:
    """Check what the awaitable of `pausepoint_wait` gave."""
    if isinstance(given, Leave) or (isinstance(given, Response) and given.request_id == request.request_id):
        return given
    raise AdapterError(
        _returned(plugin, "The awaitable of pausepoint_wait", given),
        "Let it give what waiter.settled(), .offer() or .cancel() gave, or Leave(error).",
        request.label,
        plugin.label,
    )


def _returned(plugin: Plugin, what: str, given: object) -> str:
    if inspect.iscoroutine(given):
        # Or Python warns that it was never awaited, and hides what we have to say.
        given.close()
    # The type and not the value, which may be somebody's answer.
    return f"{what} of {plugin.label} returned a value of type {type(given).__name__}."
