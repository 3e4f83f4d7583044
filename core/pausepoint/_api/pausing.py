"""Ask and wait in one call."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from typing_extensions import TypeForm

from .._event import Attachments, Event, OnTimeout, new_event
from .._event.question import DEFAULT_TIMEOUT, UNSET
from .._sync import refuse_in_loop

T = TypeVar("T")


class Pause:
    """
    Stop here until a person has answered: `pause(...)` blocks, `await pause.aio(...)` does not.

    The same call finds the same question again when the run is started again, with its deadline and any answer given
    meanwhile.

    Args:
        wait_for_input: The type of the answer: any type that pydantic can make a JSON Schema of, or a `RunInput`. None
            asks for nothing but "go on".
        timeout: Seconds from the question to its deadline, default 3600; None waits for ever.
        poll_interval: The longest pause between two looks into the store, seconds, default 5; answers arrive sooner.
        key: What tells this question from the others of its run; default: its words and a count.
        prompt: The question, Markdown, at most 64 KiB.
        title: What the form is headed with, at most 200 characters.
        initial: What the form is prefilled with, of the type asked for.
        attachments: At most 20 images (PNG, JPEG, WebP; 10 MiB each) shown beside the form: paths or bytes, or a
            mapping from caption to path or bytes.
        on_timeout: `"raise"`, or `Default(value)` for what silence means.
        generation: A higher number asks the same question again on purpose.

    Returns:
        The answer, of the very type that was asked for; None where nothing was asked for.

    Raises:
        UnsupportedTypeError: No form can be made for the type.
        UsageError: An argument cannot work; or the blocking form was called inside a running event loop.
        RequestChangedError: The key was asked before with another type.
        WaitTimeoutError: Nobody answered by the deadline.
        DeclinedError: A reviewer refused to answer.
        EventCancelledError: The event was withdrawn.
        ServeError: The form app could not be made reachable.
        StoreError: The store failed.
    """

    @overload
    def __call__(
        self,
        wait_for_input: None = None,
        timeout: float | None = ...,
        poll_interval: float | None = ...,
        key: str | None = ...,
        *,
        prompt: str | None = ...,
        title: str | None = ...,
        initial: Any = ...,
        attachments: Attachments = ...,
        on_timeout: OnTimeout[None] = ...,
        generation: int = ...,
    ) -> None: ...
    @overload
    def __call__(
        self,
        wait_for_input: TypeForm[T],
        timeout: float | None = ...,
        poll_interval: float | None = ...,
        key: str | None = ...,
        *,
        prompt: str | None = ...,
        title: str | None = ...,
        initial: Any = ...,
        attachments: Attachments = ...,
        on_timeout: OnTimeout[T] = ...,
        generation: int = ...,
    ) -> T: ...
    def __call__(
        self,
        wait_for_input: Any = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        poll_interval: float | None = None,
        key: str | None = None,
        *,
        prompt: str | None = None,
        title: str | None = None,
        initial: Any = UNSET,
        attachments: Attachments = (),
        on_timeout: OnTimeout[Any] = "raise",
        generation: int = 0,
    ) -> Any:
        # Here already, so that the message names what the author wrote.
        refuse_in_loop("pause")
        event: Event[Any] = new_event(
            key or _name_of(wait_for_input),
            wait_for_input,
            "run",
            _GO_ON if wait_for_input is None and prompt is None else prompt,
            timeout,
            poll_interval,
            title=title or _title_for(wait_for_input),
            initial=initial,
            attachments=attachments,
            key=key,
            generation=generation,
            on_timeout=on_timeout,
        )
        return event.wait()

    @overload
    async def aio(
        self,
        wait_for_input: None = None,
        timeout: float | None = ...,
        poll_interval: float | None = ...,
        key: str | None = ...,
        *,
        prompt: str | None = ...,
        title: str | None = ...,
        initial: Any = ...,
        attachments: Attachments = ...,
        on_timeout: OnTimeout[None] = ...,
        generation: int = ...,
    ) -> None: ...
    @overload
    async def aio(
        self,
        wait_for_input: TypeForm[T],
        timeout: float | None = ...,
        poll_interval: float | None = ...,
        key: str | None = ...,
        *,
        prompt: str | None = ...,
        title: str | None = ...,
        initial: Any = ...,
        attachments: Attachments = ...,
        on_timeout: OnTimeout[T] = ...,
        generation: int = ...,
    ) -> T: ...
    async def aio(
        self,
        wait_for_input: Any = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        poll_interval: float | None = None,
        key: str | None = None,
        *,
        prompt: str | None = None,
        title: str | None = None,
        initial: Any = UNSET,
        attachments: Attachments = (),
        on_timeout: OnTimeout[Any] = "raise",
        generation: int = 0,
    ) -> Any:
        """Do the same without blocking the caller's event loop."""
        event: Event[Any] = await new_event.aio(
            key or _name_of(wait_for_input),
            wait_for_input,
            "run",
            _GO_ON if wait_for_input is None and prompt is None else prompt,
            timeout,
            poll_interval,
            title=title or _title_for(wait_for_input),
            initial=initial,
            attachments=attachments,
            key=key,
            generation=generation,
            on_timeout=on_timeout,
        )
        return await event.wait.aio()

    def __repr__(self) -> str:
        return "<pause: call it, or await its .aio(...)>"


# For a question that asks for nothing the usual prompt, "Please provide a value", would be wrong.
_GO_ON = "The workflow has stopped here, and goes on when you say so."


def _name_of(data_type: Any) -> str:
    if data_type is None:
        return "go-on"
    # An Annotated or a union has no name of its own, and how it is printed changes with Python's version.
    return data_type.__name__ if isinstance(data_type, type) else "input"


def _title_for(data_type: Any) -> str:
    return "Shall the workflow go on?" if data_type is None else "Your input is needed"


pause = Pause()
