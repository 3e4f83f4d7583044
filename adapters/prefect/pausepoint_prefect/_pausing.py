"""`pause_flow_run`, `suspend_flow_run`, `resume_flow_run`: Prefect's call shapes over Pausepoint's events."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypedDict
from uuid import UUID

import prefect.flow_runs
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from pydantic import TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import Unpack

from pausepoint import Default, Event, new_event
from pausepoint.errors import WaitTimeoutError

from ._choosing import POLL, Choice, Mode, checked_mode, choosing
from ._dispatching import dispatched
from ._form_in_prefect import AnsweredInVain
from ._run_input import description_of
from ._runs import claim, current_run
from ._timeout import PauseTimeoutError
from ._typing import typed, typed_aio
from ._waiting import PAUSING, RESUMING

LEAST_POLL = 0.1
"""Seconds; Prefect's own pause accepts 0, and then asks its server without a pause."""
GO_ON = "The flow has stopped here, and goes on when you say so."
MOST_UNANSWERED = 1000


class Asking(TypedDict, total=False):
    """What `pausepoint.pause` takes by keyword, and so do the calls here."""

    prompt: str | None
    title: str | None
    initial: Any
    attachments: Any
    on_timeout: Literal["raise"] | Default[Any]
    generation: int


_prefect: Any = prefect.flow_runs  # its signatures do not tell of `_sync`


@typed_aio
async def apause_flow_run(
    wait_for_input: Any = None,
    timeout: float | None = 3600,
    poll_interval: float = POLL,
    key: str | None = None,
    *,
    wait: Mode | None = None,
    **asking: Unpack[Asking],
) -> Any:
    """Do what `pause_flow_run` does, without blocking the event loop."""
    call = _Call(wait_for_input, timeout, poll_interval, key, wait, asking)
    with call.waiting():
        event = call.known() or await new_event.aio(*call.question, **call.words)
        with call.minding(event):
            value = await event.wait.aio()
    call.resumed()
    return value


@typed
@dispatched(apause_flow_run)
def pause_flow_run(
    wait_for_input: Any = None,
    timeout: float | None = 3600,
    poll_interval: float = POLL,
    key: str | None = None,
    *,
    wait: Mode | None = None,
    **asking: Unpack[Asking],
) -> Any:
    """
    Stop the flow here until a person has answered; a coroutine where it is called from an async flow or task.

    Type checkers know it as the blocking call, as they do Prefect's own; in async code they know `apause_flow_run`.

    Args:
        wait_for_input: The type of the answer: a `RunInput`, Prefect's own or ours, or any type that pydantic can make
            a JSON Schema of. None asks for nothing but "go on".
        timeout: Seconds from the question to its deadline; None waits for ever.
        poll_interval: Seconds between two looks at the run's state in Prefect, at least 0.1. An answer in our form does
            not wait for it.
        key: What tells this question from the others of its run; default: its words and a count.
        wait: `running`, `paused` or `suspend`; default: `PAUSEPOINT_PREFECT_WAIT`, else `running`.
        asking: `prompt`, `title`, `initial`, `attachments`, `on_timeout` and `generation`, as of `pausepoint.pause`.

    Returns:
        The answer, of the very type that was asked for.

    Raises:
        PauseTimeoutError: Nobody answered by the deadline; also a `prefect.exceptions.FlowPauseTimeout`.
        DeclinedError: A reviewer refused to answer.
        EventCancelledError: The event was withdrawn.
        pydantic.ValidationError: Prefect's own dialog let an answer through that the type refuses. The question is
            still open, and the next such call in the same run asks it again.
        RuntimeError: The call is not made within a flow run.
        UsageError: An argument cannot work.
    """
    return _paused(_Call(wait_for_input, timeout, poll_interval, key, wait, asking))


def _paused(call: _Call) -> Any:
    with call.waiting():
        event = call.known() or new_event(*call.question, **call.words)
        with call.minding(event):
            value = event.wait()
    call.resumed()
    return value


@typed_aio
async def asuspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: UUID | None = None,
    timeout: float | None = None,
    key: str | None = None,
    **asking: Unpack[Asking],
) -> Any:
    """Do what `suspend_flow_run` does, without blocking the event loop."""
    if flow_run_id is not None:
        return await _prefect.asuspend_flow_run(wait_for_input, flow_run_id, _whole(timeout), key)
    return await apause_flow_run(wait_for_input, timeout, POLL, key, wait="suspend", **asking)


@typed
@dispatched(asuspend_flow_run)
def suspend_flow_run(
    wait_for_input: Any = None,
    flow_run_id: UUID | None = None,
    timeout: float | None = None,
    key: str | None = None,
    **asking: Unpack[Asking],
) -> Any:
    """
    End this process of the flow run until a person has answered; the run is then started again, from its beginning.

    Needs a deployment and a top-level flow, and cannot be called in a task; `persist_result=True` keeps what its tasks
    did from being done again. With *flow_run_id* it is Prefect's own call, which suspends another run.

    Args and errors are those of `pause_flow_run`; the default timeout is none.
    """
    if flow_run_id is not None:
        return _prefect.suspend_flow_run(wait_for_input, flow_run_id, _whole(timeout), key, _sync=True)
    return _paused(_Call(wait_for_input, timeout, POLL, key, "suspend", asking))


async def aresume_flow_run(flow_run_id: UUID, run_input: dict[str, Any] | None = None) -> None:
    """Do what `resume_flow_run` does, without blocking the event loop."""
    await prefect.flow_runs.aresume_flow_run(flow_run_id, _verbatim(run_input))


@dispatched(aresume_flow_run)
def resume_flow_run(flow_run_id: UUID, run_input: dict[str, Any] | None = None) -> None:
    """
    Answer a run that is paused or suspended, as Prefect's dialog does, and resume it.

    Args:
        flow_run_id: The run.
        run_input: The answer by field; `{"value": ...}` where no model was asked for. It is data, whatever it holds:
            Prefect's own call renders templates and looks up variables in it.

    Raises:
        NotPausedError: The run is not paused; one that waits in `running` is answered by its link.
        FlowPauseTimeout: It can no longer be resumed.
        RuntimeError: The answer does not fit the question.
    """
    _prefect.resume_flow_run(flow_run_id, _verbatim(run_input), _sync=True)


def _verbatim(run_input: dict[str, Any] | None) -> dict[str, Any] | None:
    text = json.dumps(run_input)
    if run_input is None or "__prefect_kind" not in text:
        return run_input
    # Prefect's server resolves what says that it is to be resolved, but only once: JSON in, and nothing after it.
    return {"__prefect_kind": "json", "value": text}


def _whole(timeout: float | None) -> int | None:
    return None if timeout is None else int(timeout)


# Questions that Prefect's dialog answered in vain: still open, and asked again by the next equal call.
_unanswered: OrderedDict[tuple[Any, ...], Event[Any]] = OrderedDict()


class _Call:
    """One call of `pause_flow_run`: its arguments as Pausepoint spells them."""

    def __init__(
        self,
        data_type: Any,
        timeout: float | None,
        poll: float,
        key: str | None,
        wait: str | None,
        asking: Asking,
    ) -> None:
        around = FlowRunContext.get()
        if around is None:
            raise RuntimeError("Flow runs can only be paused from within a flow run.")
        self._way = Choice(checked_mode(wait), max(poll, LEAST_POLL), as_prefect=True)
        self._log = get_run_logger(context=around)
        self._type = data_type
        # An Annotated or a union has no name of its own, and how it is printed changes with Python's version.
        name = key or ("go-on" if data_type is None else _name_of(data_type))
        prompt = asking.pop("prompt", None) or (GO_ON if data_type is None else description_of(data_type))
        # A timeout of 0 asks and gives up at once, as Prefect's own does.
        limit = timeout if timeout is None or timeout != 0 else 1e-3
        self.question: tuple[Any, ...] = (name, data_type, "run", prompt, limit)
        title = asking.pop("title", None) or ("Shall the flow go on?" if data_type is None else "Your input is needed")
        self.words: dict[str, Any] = {"key": key, "title": title, **asking}
        run = current_run()
        self._same = (run and run.execution, name, repr(data_type), prompt, title, key, asking.get("generation"))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        if self._way.mode != "suspend":
            self._log.info(PAUSING)
        with choosing(self._way):
            yield

    def known(self) -> Event[Any] | None:
        return _unanswered.pop(self._same, None)

    @contextmanager
    def minding(self, event: Event[Any]) -> Iterator[None]:
        """Give what the wait raises the classes that Prefect's callers know."""
        claim(event.request_id, f"{event.name!r} ({event.request_id[:8]})")
        try:
            yield
        except WaitTimeoutError as error:
            raise PauseTimeoutError.of(error) from None
        except AnsweredInVain as refused:
            _unanswered[self._same] = event
            if len(_unanswered) > MOST_UNANSWERED:
                _unanswered.popitem(last=False)
            self._log.info(RESUMING)
            raise _validation_error(self._type, refused) from None

    def resumed(self) -> None:
        if self._way.mode != "suspend":
            self._log.info(RESUMING)


def _name_of(data_type: Any) -> str:
    return data_type.__name__ if isinstance(data_type, type) else "input"


def _validation_error(data_type: Any, refused: AnsweredInVain) -> ValidationError:
    try:
        TypeAdapter(data_type).validate_json(json.dumps(refused.value))
    except ValidationError as error:
        return error
    # The type alone accepts it; a format that only the form checks does not.
    lines = [
        InitErrorDetails(
            type=PydanticCustomError("refused", "{why}", {"why": message}), loc=tuple(path.split(".")), input=None
        )
        for path, message in refused.error.fields.items()
    ]
    return ValidationError.from_exception_data(_name_of(data_type), lines)
