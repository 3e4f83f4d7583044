"""One name for two ways to call it, told apart as Prefect does: by the flow or task around the call."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from prefect.context import get_run_context
from prefect.exceptions import MissingContextError
from typing_extensions import ParamSpec

P = ParamSpec("P")
R = TypeVar("R")


def dispatched(awaited: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """
    Make the decorated, blocking function return *awaited*'s coroutine where it is called from async code.

    The hidden `_sync=True` or `_sync=False` decides, and `.aio` is the coroutine function, as with Prefect's own.
    """

    def decorate(blocking: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(blocking)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            asked = kwargs.pop("_sync", None)
            blocks = not is_async_here() if asked is None else bool(asked)
            return _outside_loop(blocking, *args, **kwargs) if blocks else awaited(*args, **kwargs)

        call.aio = awaited  # type: ignore[attr-defined]
        return call

    return decorate


def is_async_here() -> bool:
    """Say whether the calling code is an async flow or task, or outside of both runs an event loop."""
    try:
        around = get_run_context()
    except MissingContextError:
        return _runs_loop()
    called = getattr(around, "task", None) or getattr(around, "flow", None)
    return bool(getattr(called, "isasync", True))


def _runs_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _outside_loop(blocking: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    if not _runs_loop():
        return blocking(*args, **kwargs)
    # A plain flow that was called from a notebook or an async flow blocks the loop there, with Prefect's own pause,
    # too. Pausepoint refuses to be called where a loop runs, so it is called from a thread beside it.
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(contextvars.copy_context().run, functools.partial(blocking, *args, **kwargs)).result()
