"""The handle that workflow code holds on one question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import anyio
import anyio.to_thread
from pydantic import JsonValue
from typing_extensions import TypeForm

from .._codec import AnswerType, answer_type, encode_json
from .._models import Response
from .._store import layout
from .._sync import AWAITING, BLOCKING, Caller, Dual, Stepwise, refuse_in_loop, taken
from .._waiting import Watcher
from ..errors import DeclinedError, EventCancelledError, UsageError, WaitTimeoutError
from .asking import ask
from .question import DEFAULT_POLL, DEFAULT_TIMEOUT, UNSET, Attachments, OnTimeout, Question, checked_question
from .surface import Asked, current_surface
from .waiter import EventWaiter

if TYPE_CHECKING:
    from .finding import FindEvent

T = TypeVar("T")


class Event(Generic[T]):
    """
    One question of one run. Made by `Event.create(...)` or `new_event(...)`, which take the same arguments.

    A handle can be pickled where its type can; the copy waits for the same event. What is pickled holds the link.

    Attributes:
        data_type: The type of the answer.
        poll_interval_seconds: The longest pause between two looks into the store.
    """

    create: ClassVar[NewEvent]
    find: ClassVar[FindEvent]

    def __init__(self, asked: Asked, data_type: Any, answer: AnswerType[T], poll: float) -> None:
        self._asked = asked
        self._request = asked.request
        self._answer = answer
        self.data_type = data_type
        self.poll_interval_seconds = poll
        self._parsed: dict[bytes, T] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Validators are compiled and do not pickle; they are made again from the type. What was parsed stays behind.
        return _restored, (self._asked, self.data_type, self.poll_interval_seconds)

    def __repr__(self) -> str:
        return f"<Event {self._request.label}: {self._request.data_type}>"

    @property
    def name(self) -> str:
        """What the event is called in lists and logs."""
        return self._request.name

    @property
    def scope(self) -> str:
        """Always `"run"`: the event belongs to the run that asked."""
        return "run"

    @property
    def prompt(self) -> str:
        """The question, Markdown, as stored."""
        return self._request.prompt

    @property
    def request_id(self) -> str:
        """26 characters, `a`-`z` and `2`-`7`."""
        return self._request.request_id

    @property
    def endpoint(self) -> str:
        """Where the form app is reached, without a trailing slash."""
        return self._asked.served.base_url

    @property
    def timeout_seconds(self) -> float | None:
        """Seconds from the question to its deadline, as stored; None where there is none."""
        request = self._request
        return (request.deadline - request.created_at).total_seconds() if request.deadline else None

    @property
    def form_url(self) -> str:
        """The link to the form. With a token in it, whoever has it can answer: it belongs where reviewers look."""
        return self._asked.form_url

    @property
    def api_url(self) -> str:
        """Where a program posts `{"request_id": ..., "value": ...}` as JSON."""
        return self._asked.api_url

    @property
    def request_path(self) -> str:
        """Where the question is stored, relative to the store's root."""
        return layout.request_path(self.request_id)

    @property
    def response_path(self) -> str:
        """Where the response is stored once there is one, relative to the store's root."""
        return layout.response_path(self.request_id)

    @property
    def wait(self) -> Dual[[], T]:
        """
        Wait for the answer: `event.wait()`, or `await event.wait.aio()`. Waiting again gives the same answer at once.

        Returns:
            The answer, of the very type that was asked for; the declared default where nobody answered and there is
            one.

        Raises:
            WaitTimeoutError: Nobody answered by the deadline.
            DeclinedError: A reviewer refused to answer.
            EventCancelledError: The event was withdrawn.
            UnreadableRecordError: The stored response cannot be understood.
            AnswerError: The type refuses the stored answer; it has changed since that was accepted.
            UsageError: The blocking form was called inside a running event loop.
        """
        return Stepwise(self._wait, "event.wait")

    @property
    def response(self) -> Dual[[], Response | None]:
        """
        Look, without waiting, whether the event is settled: `event.response()` gives the stored response or None.

        Raises:
            UnreadableRecordError: The stored response cannot be understood.
            StoreError: The store failed.
        """
        return Dual(self._response, "event.response")

    @property
    def cancel(self) -> Dual[[str], Response]:
        """
        Withdraw the event: `event.cancel("no longer needed")`; the reason is for whoever opens the link, at most 8 KiB.

        Returns:
            The response that stands: this cancellation, or what settled the event before it.

        Raises:
            UsageError: The reason is longer, or no text.
            StoreError: The store failed; the event may or may not be cancelled, and cancelling again is safe.
        """
        return Dual(self._cancel, "event.cancel")

    async def _wait(self, caller: Caller) -> T:
        # Of the process that waits: an unpickled handle may be far from where the question was asked.
        surface = current_surface()
        watcher, response = surface.watcher(), None
        way = surface.way(self._request)
        if way is not None:
            # An engine that suspends its task must not do so for an answer that is there already.
            response = await caller.ours(watcher.look, self._request, self._parse, self.poll_interval_seconds)
            if response is None:
                response = await way(self._waiter(watcher), caller)
        return await caller.ours(self._waited, watcher, response)

    def _waiter(self, watcher: Watcher) -> EventWaiter:
        return EventWaiter(watcher, self._request, self._parse, self.poll_interval_seconds, self.form_url)

    async def _waited(self, watcher: Watcher, response: Response | None) -> T:
        if response is None:
            response = await watcher.wait(self._request, self._parse, self.poll_interval_seconds)
        return await self._value_of(response, watcher.settling.judges)

    async def _response(self) -> Response | None:
        return await current_surface().watcher().records.response(self.request_id)

    async def _cancel(self, reason: str = "") -> Response:
        return await current_surface().watcher().settling.cancel(self._request, reason)

    def _parse(self, value: JsonValue) -> T:
        # Kept, so that what was judged is what is returned: a validator need not say the same twice.
        parsed = self._answer.parse(value)
        self._parsed[encode_json(value)] = parsed
        return parsed

    async def _value_of(self, response: Response, judges: anyio.CapacityLimiter) -> T:
        label = self._request.label
        if response.outcome == "declined":
            by = response.by.name or "" if response.by else ""
            raise DeclinedError(
                "A reviewer declined to answer.", "Catch DeclinedError to go on.", label, response.comment, by
            )
        if response.outcome == "cancelled":
            raise EventCancelledError(
                "The event was cancelled.", "Ask again with a higher generation=.", label, response.reason
            )
        if response.outcome == "expired" and response.source != "default":
            at = self._request.deadline.isoformat() if self._request.deadline else ""
            raise WaitTimeoutError(
                f"Nobody answered by {at}.",
                "Ask again with a higher generation=, or declare on_timeout=Default(value).",
                label,
                at,
            )
        known = self._parsed.get(encode_json(response.value), UNSET)
        if known is not UNSET:
            return cast(T, known)
        # Here, too, the author's validators run, which may be slow.
        return await anyio.to_thread.run_sync(self._parse, response.value, limiter=judges)


async def event_of(question: Question[T], caller: Caller) -> Event[T]:
    """Ask the question and return the handle on it."""
    asked = await ask(question, caller, current_surface())
    return Event(asked, question.data_type, question.answer, question.poll)


class NewEvent:
    """
    Ask a question and return the handle on it, without waiting: `new_event(...)`, or `await new_event.aio(...)`.

    The question is stored under an id that is derived from the run and the question, so asking it again after a crash
    or a retry finds the same event, with its deadline and any answer given meanwhile.

    Args:
        name: What the event is called in lists and logs, 1 to 200 characters.
        data_type: The type of the answer: any type that pydantic can make a JSON Schema of; None for "just go on".
        scope: Only `"run"`: the event belongs to the run that asks.
        prompt: The question, Markdown, at most 64 KiB.
        timeout_seconds: Seconds from now to the deadline; None waits for ever. An adopted event keeps its first
            deadline.
        poll_interval_seconds: The longest pause between two looks into the store, seconds; a fallback, answers arrive
            sooner.
        title: What the form is headed with, at most 200 characters; default: the name.
        initial: What the form is prefilled with, of the type asked for.
        attachments: At most 20 images (PNG, JPEG, WebP; 10 MiB each) shown beside the form: paths or bytes, or a
            mapping from caption to path or bytes.
        key: What tells this question from the others of its run; default: its name, its words and a count.
        generation: A higher number asks the same question again on purpose.
        on_timeout: `"raise"`, or `Default(value)` for what silence means.

    Raises:
        UnsupportedTypeError: No form can be made for the type.
        UsageError: An argument cannot work; or the blocking form was called inside a running event loop.
        RequestChangedError: The key was asked before with another type.
        AdapterError: An engine's plugin failed, or two say that this process runs inside their engine.
        ServeError: The form app could not be made reachable.
        StoreError: The store failed.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(
        self,
        name: str,
        data_type: TypeForm[T],
        scope: str = "run",
        prompt: str | None = None,
        timeout_seconds: float | None = DEFAULT_TIMEOUT,
        poll_interval_seconds: float | None = DEFAULT_POLL,
        *,
        title: str | None = None,
        initial: Any = UNSET,
        attachments: Attachments = (),
        key: str | None = None,
        generation: int = 0,
        on_timeout: OnTimeout[T] = "raise",
    ) -> Event[T]:
        refuse_in_loop(self._name)
        _refuse_other_scope(scope)
        question = checked_question(
            name,
            data_type,
            prompt=prompt,
            title=title,
            timeout=timeout_seconds,
            poll=poll_interval_seconds,
            key=key,
            generation=generation,
            initial=initial,
            on_timeout=on_timeout,
            attachments=attachments,
        )
        return taken(event_of(question, BLOCKING))

    async def aio(
        self,
        name: str,
        data_type: TypeForm[T],
        scope: str = "run",
        prompt: str | None = None,
        timeout_seconds: float | None = DEFAULT_TIMEOUT,
        poll_interval_seconds: float | None = DEFAULT_POLL,
        *,
        title: str | None = None,
        initial: Any = UNSET,
        attachments: Attachments = (),
        key: str | None = None,
        generation: int = 0,
        on_timeout: OnTimeout[T] = "raise",
    ) -> Event[T]:
        """Do the same without blocking the caller's event loop."""
        _refuse_other_scope(scope)
        question = checked_question(
            name,
            data_type,
            prompt=prompt,
            title=title,
            timeout=timeout_seconds,
            poll=poll_interval_seconds,
            key=key,
            generation=generation,
            initial=initial,
            on_timeout=on_timeout,
            attachments=attachments,
        )
        return await event_of(question, AWAITING)

    def __repr__(self) -> str:
        return f"<{self._name}: call it, or await its .aio(...)>"


def _restored(asked: Asked, data_type: Any, poll: float) -> Event[Any]:
    return Event(asked, data_type, answer_type(data_type), poll)


def _refuse_other_scope(scope: str) -> None:
    if scope != "run":
        raise UsageError(f'The scope of an event is always "run", not {scope!r}.', "Leave scope= out.")


# Joined out here, since each of the two classes needs the other.
Event.create = NewEvent("Event.create")
new_event = NewEvent("new_event")
