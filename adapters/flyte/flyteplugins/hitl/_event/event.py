"""The event: the documented class and calls, over Pausepoint's own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import warnings
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

if TYPE_CHECKING:
    import pausepoint

T = TypeVar("T")

EventScope = Literal["run"]
"""Whose event it is; there is one scope."""

_warned = threading.Event()


class Both:
    """
    A function with two ways to call it: `f(...)` blocks, `await f.aio(...)` does not.

    Args:
        name: What the author calls it.
        blocking: The one.
        aio: The other.
    """

    def __init__(self, name: str, blocking: Callable[..., Any], aio: Callable[..., Awaitable[Any]]) -> None:
        self._name = name
        self._blocking = blocking
        self._aio = aio

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Block until it is done; inside a running event loop, too, with a warning once per process."""
        return _blocked(self._name, lambda: self._blocking(*args, **kwargs))

    async def aio(self, *args: Any, **kwargs: Any) -> Any:
        """Do the same without blocking the caller's event loop."""
        return await self._aio(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self._name}: call it, or await its .aio(...)>"


class Event(Generic[T]):
    """
    A question to a person, and the handle on it; made by `Event.create(...)` or `new_event(...)`.

    Awaiting an event gives the event itself, so that `await Event.create(...)` works, as it used to. A handle that is
    built from its parameters, or unpickled, waits for the same event.

    Args:
        name: What it is called in lists and logs.
        scope: Only `"run"`.
        data_type: The type of the answer.
        prompt: The question.
        request_id: Which event it is.
        endpoint: Where the form app is.
        request_path, response_path: Where question and response are, in the store.
        timeout_seconds: From the question to its deadline, which is stored with it and does not move.
        poll_interval_seconds: The longest pause between two looks into the store; answers arrive sooner.

    Raises:
        UsageError: Another scope.
    """

    create: ClassVar[Both]

    def __init__(
        self,
        name: str,
        scope: EventScope,
        data_type: type[T],
        prompt: str,
        request_id: str,
        endpoint: str,
        request_path: str,
        response_path: str,
        timeout_seconds: int = 3600,
        poll_interval_seconds: int = 5,
    ) -> None:
        if scope != "run":
            from pausepoint.errors import UsageError

            raise UsageError(f'The scope of an event is always "run", not {scope!r}.', "Leave scope= out.")
        self.name = name
        self.scope = scope
        self.data_type = data_type
        self.prompt = prompt
        self.request_id = request_id
        self.request_path = request_path
        self.response_path = response_path
        self.timeout_seconds = timeout_seconds
        self.poll_interval_seconds = poll_interval_seconds
        self._endpoint = endpoint
        self._form_url = f"{endpoint}/form/{request_id}"
        self._handle: pausepoint.Event[T] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # The other process finds the event by its id; what was parsed here stays here.
        return {**self.__dict__, "_handle": None}

    def __await__(self) -> Generator[Any, None, Event[T]]:
        return self
        yield  # makes it a generator, which is what an await needs

    def __repr__(self) -> str:
        kind = getattr(self.data_type, "__name__", str(self.data_type))
        return f"<Event {self.name!r} ({self.request_id[:8]}): {kind}>"

    @property
    def endpoint(self) -> str:
        """Where the form app is, without a trailing slash."""
        return self._endpoint

    @property
    def form_url(self) -> str:
        """The link to the form."""
        return self._form_url

    @property
    def api_url(self) -> str:
        """Where a program posts an answer as JSON."""
        return f"{self._endpoint}/submit/json"

    @property
    def wait(self) -> Both:
        """
        Wait for the answer: `event.wait()`, or `await event.wait.aio()`; waiting again gives the same answer.

        Raises:
            TimeoutError: Nobody answered by the deadline.
            DeclinedError: A reviewer refused to answer.
            EventCancelledError: The event was withdrawn.
            UnknownRequestError: There is no such event in the store that this process uses.
        """
        return Both("event.wait", lambda: self._found().wait(), self._waited)

    def _found(self) -> pausepoint.Event[T]:
        if self._handle is None:
            self._handle = _pausepoint().Event.find(self.request_id, self.data_type, self.poll_interval_seconds)
        return self._handle

    async def _waited(self) -> T:
        if self._handle is None:
            find = _pausepoint().Event.find
            self._handle = await find.aio(self.request_id, self.data_type, self.poll_interval_seconds)
        return await self._handle.wait.aio()

    @classmethod
    def of_handle(cls, handle: pausepoint.Event[T], data_type: Any) -> Event[T]:
        """Return a handle of Pausepoint's as one of this class; *data_type* as the author gave it."""
        timeout: Any = handle.timeout_seconds
        event = cls(
            handle.name,
            "run",
            data_type,
            handle.prompt,
            handle.request_id,
            handle.endpoint,
            handle.request_path,
            handle.response_path,
            int(timeout) if timeout is not None and timeout == int(timeout) else timeout,
            handle.poll_interval_seconds,  # type: ignore[arg-type]
        )
        event._form_url = handle.form_url
        event._handle = handle
        return event


def _created(name: str, data_type: Any, *args: Any, **kwargs: Any) -> Event[Any]:
    return Event.of_handle(_pausepoint().new_event(name, data_type, *args, **kwargs), data_type)


async def _created_aio(name: str, data_type: Any, *args: Any, **kwargs: Any) -> Event[Any]:
    return Event.of_handle(await _pausepoint().new_event.aio(name, data_type, *args, **kwargs), data_type)


async def wait_for_input_event(
    name: str,  # noqa: ARG001 - of five parameters that earlier callers pass, two are needed
    request_id: str,
    response_path: str,  # noqa: ARG001
    timeout_seconds: int,  # noqa: ARG001
    poll_interval_seconds: int,
) -> Any:
    """
    Wait for an event of a simple type by its id.

    Args:
        name, response_path, timeout_seconds: What earlier callers passed; the stored question has its own.
        request_id: Which event.
        poll_interval_seconds: The longest pause between two looks into the store.

    Returns:
        The answer: an int, float, str or bool.

    Raises:
        RequestChangedError: It asks for another type; wait on the `Event` itself.
        TimeoutError: Nobody answered by the deadline.
        UnknownRequestError: There is no such event.
    """
    from pausepoint.errors import RequestChangedError

    for kind in (bool, int, float):
        try:
            found = await _pausepoint().Event.find.aio(request_id, kind, poll_interval_seconds)
        except RequestChangedError:
            continue
        return await found.wait.aio()
    return await (await _pausepoint().Event.find.aio(request_id, str, poll_interval_seconds)).wait.aio()


def _blocked(name: str, call: Callable[[], Any]) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    if not _warned.is_set():
        _warned.set()
        warnings.warn(
            f"{name}(...) blocks the event loop that it is called in; write `await {name}.aio(...)`.",
            RuntimeWarning,
            stacklevel=3,
        )
    # In a thread of its own, because Pausepoint refuses to block a loop; with the task's context, which says who asks.
    outcome: list[Any] = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(_kept, call, outcome), name="pausepoint-blocking")
    thread.start()
    thread.join()
    failed, result = outcome
    if failed:
        raise result
    return result


def _kept(call: Callable[[], Any], outcome: list[Any]) -> None:
    try:
        outcome[:] = [False, call()]
    except BaseException as error:  # noqa: BLE001 - raised again where it belongs
        outcome[:] = [True, error]


def _pausepoint() -> Any:
    # On first use: with it, `import flyteplugins.hitl` would take three times as long.
    import pausepoint

    return pausepoint


new_event = Both("new_event", _created, _created_aio)
Event.create = Both("Event.create", _created, _created_aio)
