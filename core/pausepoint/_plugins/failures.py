"""What is said when a plugin fails: which distribution, which hook, which event, and what to do."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence

from .._models import Request
from ..errors import AdapterError, AmbiguousEngineError, ServeError, UsageError
from .plugin import LOCAL, Plugin

FRAMES = 3
"""How many of the innermost frames are logged; those before them are pluggy's and ours."""

_log = logging.getLogger("pausepoint")


def raised(plugin: Plugin, hook: str, error: Exception, request: Request | None = None) -> AdapterError:
    """Return the error that names the plugin, with what it raised as its cause."""
    if isinstance(error, AdapterError) and error.plugin == plugin.label:
        return error
    failure = AdapterError(
        f"{hook} of {plugin.label} raised {type(error).__name__}.",
        "See the cause of this error; it is for whoever maintains that distribution.",
        request.label if request else "",
        plugin.label,
    )
    failure.__cause__ = error
    return failure


def not_served(plugin: Plugin, error: Exception) -> ServeError:
    """Return the error of a plugin that failed to serve; its own `ServeError`, where it raised one."""
    if not isinstance(error, ServeError):
        failure = ServeError(
            f"pausepoint_serve of {plugin.label} raised {type(error).__name__}.",
            "See the cause of this error. The question is stored; asking again adopts it.",
            "",
            plugin.label,
        )
        failure.__cause__ = error
        return failure
    error.plugin = error.plugin or plugin.label
    return error


def not_stored(plugin: Plugin, request: Request) -> AdapterError:
    """Return the error of a plugin that made up a response."""
    return AdapterError(
        f"pausepoint_wait of {plugin.label} gave a response that is not stored.",
        "Let it give what waiter.settled(), .offer() or .cancel() gave; only that settles an event.",
        request.label,
        plugin.label,
    )


def ambiguous(inside: Sequence[Plugin]) -> AmbiguousEngineError:
    """Return the error of several plugins that all say that this is their process."""
    labels = " and ".join(plugin.label for plugin in inside)
    return AmbiguousEngineError(
        f"{labels} each say that this process runs inside their engine.",
        f"Set PAUSEPOINT_ENGINE to one of: {', '.join(plugin.name for plugin in inside)}, {LOCAL} (for none of them).",
        "",
        labels,
    )


def unknown_engine(engine: str, known: Sequence[Plugin]) -> UsageError:
    """Return the error of a setting that names no engine."""
    return UsageError(
        f"PAUSEPOINT_ENGINE is {engine!r}, and no plugin speaks for that engine.",
        "Install its adapter (`pausepoint plugins` lists what is installed), or choose one of: "
        f"{', '.join(sorted({LOCAL, *(plugin.name for plugin in known)}))}.",
    )


def log(failure: AdapterError) -> None:
    """Log a failure that stops nothing."""
    _log.warning("%s\n%s", failure, frames_of(failure))


def frames_of(failure: Exception) -> str:
    """Return where a failure comes from, for the log."""
    # Frames only: the message of a request that failed usually repeats the link, or the webhook's own secret.
    return "".join(traceback.format_tb((failure.__cause__ or failure).__traceback__, limit=-FRAMES))
