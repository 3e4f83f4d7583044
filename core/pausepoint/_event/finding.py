"""Finding an event that was asked before, by its id."""

from __future__ import annotations

from typing import TypeVar, cast

from typing_extensions import TypeForm

from .._codec import AnswerType, answer_type
from .._sync import AWAITING, BLOCKING, Caller, refuse_in_loop, taken
from .asking import found
from .event import Event
from .question import DEFAULT_POLL
from .surface import current_surface

T = TypeVar("T")


class FindEvent:
    """
    Find an event that was asked before, by its id: `Event.find(...)`, or `await Event.find.aio(...)`.

    For a handle in another process than the one that asked; the question must be in the store that this one uses.

    Args:
        request_id: The event's `request_id`.
        data_type: The type that was asked for.
        poll_interval_seconds: The longest pause between two looks into the store, seconds.

    Raises:
        UnknownRequestError: There is no such event.
        RequestChangedError: It asks for another type.
        UnsupportedTypeError: No form can be made for the type.
        UsageError: The blocking form was called inside a running event loop.
        ServeError: The form app could not be made reachable.
        StoreError: The store failed.
    """

    def __call__(
        self, request_id: str, data_type: TypeForm[T], poll_interval_seconds: float = DEFAULT_POLL
    ) -> Event[T]:
        refuse_in_loop("Event.find")
        return taken(_found(request_id, data_type, poll_interval_seconds, BLOCKING))

    async def aio(
        self, request_id: str, data_type: TypeForm[T], poll_interval_seconds: float = DEFAULT_POLL
    ) -> Event[T]:
        """Do the same without blocking the caller's event loop."""
        return await _found(request_id, data_type, poll_interval_seconds, AWAITING)

    def __repr__(self) -> str:
        return "<Event.find: call it, or await its .aio(...)>"


async def _found(request_id: str, data_type: TypeForm[T], poll: float, caller: Caller) -> Event[T]:
    answer = cast(AnswerType[T], answer_type(data_type))
    asked = await found(request_id, answer, caller, current_surface())
    return Event(asked, data_type, answer, poll)


Event.find = FindEvent()
