"""
Two ways to call everything, written once: `f(...)` blocks, `await f.aio(...)` does not.

What an author calls goes in steps. Most steps belong to Pausepoint and run in its own loop; those that call a plugin
run where the author is, in the author's thread and context, because that is where an engine knows its own task. The
steps are one coroutine over a `Caller`, which says how each of them is taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Concatenate, Generic, Protocol, TypeVar, cast

import anyio.to_thread
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from typing_extensions import ParamSpec

from .loop import refuse_in_loop, run_aio, run_sync

P = ParamSpec("P")
R = TypeVar("R")

MOST_AT_ONCE = 40
"""Plugins of one loop that may block at the same time; more wait their turn."""


class Caller(Protocol):
    """How the steps of one call are taken: by blocking the author's thread, or by awaiting in the author's loop."""

    async def ours(self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the coroutine function in Pausepoint's loop, with a copy of the author's context variables."""

    async def awaited(self, awaitable: Awaitable[R]) -> R:
        """Await what a plugin returned: in the author's loop, else in Pausepoint's with a copy of the context."""

    async def blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function off any event loop: in the author's thread, else in a worker with a copy of the context."""


class Blocking:
    """Satisfies `Caller` for a thread without a loop; none of its steps suspends, so `taken` needs no loop either."""

    async def ours(self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Caller.ours`."""
        return run_sync(function, *args, **kwargs)

    async def awaited(self, awaitable: Awaitable[R]) -> R:
        """See `Caller.awaited`."""
        return run_sync(_result_of, awaitable)

    async def blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Caller.blocking`."""
        return function(*args, **kwargs)


class Awaiting:
    """Satisfies `Caller` for a coroutine in the author's own loop."""

    async def ours(self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Caller.ours`."""
        return await run_aio(function, *args, **kwargs)

    async def awaited(self, awaitable: Awaitable[R]) -> R:
        """See `Caller.awaited`."""
        return await awaitable

    async def blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Caller.blocking`."""
        # Not asyncio's own threads: the author's code may hold all of them, waiting for what is asked here.
        call = partial(function, *args, **kwargs)
        return await anyio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=_limiter())


BLOCKING, AWAITING = Blocking(), Awaiting()

_limiters: RunVar[CapacityLimiter] = RunVar("pausepoint_blocking")


def _limiter() -> CapacityLimiter:
    found = _limiters.get(None)
    if found is None:
        found = CapacityLimiter(MOST_AT_ONCE)
        _limiters.set(found)
    return found


async def _result_of(awaitable: Awaitable[R]) -> R:
    return await awaitable


def taken(steps: Coroutine[Any, Any, R]) -> R:
    """
    Take the steps of a blocking call in the calling thread, and return their result.

    Args:
        steps: A coroutine over `BLOCKING`, which never suspends.
    """
    try:
        steps.send(None)
    except StopIteration as ended:
        result: R = ended.value
        return result
    steps.close()
    raise RuntimeError("A step of a blocking call was awaited without its caller.")


class Dual(Generic[P, R]):
    """
    A function with two ways to call it: `f(...)` blocks, `await f.aio(...)` does not.

    Args:
        function: The coroutine function behind both; it runs in Pausepoint's own loop.

    Raises:
        UsageError: The blocking form was called where an event loop runs, which it would stop.
    """

    def __init__(self, function: Callable[P, Coroutine[Any, Any, R]], name: str | None = None) -> None:
        self._function = function
        self._name = name or function.__qualname__
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__qualname__ = self._name
        self.__module__ = function.__module__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        refuse_in_loop(self._name)
        return run_sync(self._function, *args, **kwargs)

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Do the same without blocking the caller's event loop."""
        # No coroutine of its own, which would keep this object in memory for as long as the caller waits.
        return run_aio(self._function, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self._name}: call it, or await its .aio(...)>"


class Stepwise(Dual[P, R]):
    """
    The same for a function in steps, which are taken where the author is.

    Args:
        steps: The coroutine function behind both; it is given the caller first.
        name: What the author calls it.
    """

    def __init__(self, steps: Callable[Concatenate[Caller, P], Coroutine[Any, Any, R]], name: str) -> None:
        # It takes one argument more; the two forms below are all that ever calls it.
        super().__init__(cast(Any, steps), name)
        self._steps = steps

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        refuse_in_loop(self._name)
        return taken(self._steps(BLOCKING, *args, **kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Do the same without blocking the caller's event loop."""
        return self._steps(AWAITING, *args, **kwargs)
