"""PAUSEPOINT_TRACE: one line on standard error for each hook that is called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .._models import Request


@contextmanager
def trace(wanted: bool, plugin: str, hook: str, about: Request | None) -> Iterator[Callable[[object], None]]:
    """
    Print one hook call when it ends: plugin, hook, event, and the type of what it returned or raised.

    Args:
        wanted: Print at all.
        plugin: Its name.
        hook: Its name.
        about: The event, where there is one; no more of it is printed than its label.
    """
    event = f" {about.label}" if about else ""

    def say(ended: str) -> None:
        if wanted and sys.stderr is not None:
            sys.stderr.write(f"pausepoint: {plugin} {hook}{event} {ended}\n")

    try:
        yield lambda result: say(f"-> {type(result).__name__ if result is not None else None}")
    except BaseException as error:
        say(f"raised {type(error).__name__}")
        raise
