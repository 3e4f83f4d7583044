"""What a plugin can get wrong, as its maintainer and the author of a workflow are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from types import ModuleType
from typing import Annotated, Any
from uuid import uuid4

import anyio
from house import question
from occasions import TYPED, each, occasion
from pydantic import AfterValidator

from pausepoint import RunContext, Served, hookimpl, new_event
from pausepoint._api.surface import HookedSurface
from pausepoint._event import replaced
from pausepoint._models import Answer, Response
from pausepoint._plugins import Hooks
from pausepoint._settings import Settings
from pausepoint.hooks import Waiter

RUN = RunContext(engine="example", run_id="nightly")


def plugin(**functions: Callable[..., Any]) -> ModuleType:
    """Make a plugin of functions, by the names of their hooks."""
    made = ModuleType("plugin")
    for name, function in functions.items():
        setattr(made, name, hookimpl(function))  # type: ignore[type-var]
    return made


def odd(value: int) -> int:
    """Refuse an even number, as an author's own code does."""
    if value % 2 == 0:
        raise ValueError("Only odd numbers.")
    return value


def asked(**functions: Callable[..., Any]) -> None:
    """Ask and wait inside the engine whose plugin this is."""
    given: dict[str, Callable[..., Any]] = {
        "pausepoint_engine": lambda: RUN,
        "pausepoint_serve": lambda: Served(base_url="http://127.0.0.1:9"),
        "pausepoint_link": lambda: None,
    }
    surface = HookedSurface(Settings(store="memory://"), Hooks([("example", plugin(**{**given, **functions}))]))
    with replaced(surface):
        new_event("approve", Annotated[int, AfterValidator(odd)], key=uuid4().hex).wait()


def _with_argument(link: str) -> None: ...


def _with_default(url: str = "") -> None: ...


async def _async(url: str) -> None: ...


async def _async_serve() -> None: ...


def _generator(url: str) -> Any:
    yield


def _with_whatever_there_is(**given: object) -> None: ...


class _Class:
    """Stands for a callable that is no function."""


@each(
    misspelt={"pausepoint_lnik": lambda url: None},
    like_none={"xyzzy": lambda url: None},
    with_an_argument_that_is_not_there={"pausepoint_link": _with_argument},
    with_a_default={"pausepoint_link": _with_default},
    with_whatever_there_is={"pausepoint_link": _with_whatever_there_is},
    that_is_a_class={"pausepoint_link": _Class},
    that_is_a_coroutine_function={"pausepoint_link": _async},
    that_serves_as_a_coroutine_function={"pausepoint_serve": _async_serve},
    that_is_a_generator={"pausepoint_link": _generator},
)
def a_hook(functions: dict[str, Callable[..., Any]]) -> None:
    Hooks([("example", plugin(**functions))])


@occasion
def a_hook_without_its_marker() -> None:
    module = ModuleType("plugin")
    module.pausepoint_link = lambda url: None  # type: ignore[attr-defined]
    Hooks([("example", module)])


@occasion
def an_engine_called_local() -> None:
    Hooks([("local", plugin(pausepoint_engine=lambda: None))])


@each(
    says_something_else=lambda: True,
    is_called_something_else=lambda: RUN.model_copy(update={"engine": "other"}),
    fails=lambda: ().index(7),
)
def an_engine_that(says: Callable[[], Any]) -> None:
    asked(pausepoint_engine=says)


@occasion
def two_engines_at_once() -> None:
    other = plugin(pausepoint_engine=lambda: RUN.model_copy(update={"engine": "other"}))
    Hooks([("example", plugin(pausepoint_engine=lambda: RUN)), ("other", other)]).engine()


@occasion
def an_engine_in_the_settings_that_nobody_speaks_for() -> None:
    Hooks([("example", plugin(pausepoint_engine=lambda: RUN))], engine="exmaple").engine()


@each(
    is_text=lambda: "http://127.0.0.1:9",
    is_for_no_browser=lambda: Served(base_url="ftp://example.org"),
    cannot_be_made=lambda: ().index(7),
)
def an_address_of_a_plugin_that(serve: Callable[[], Any]) -> None:
    asked(pausepoint_serve=serve)


@occasion
def no_plugin_that_serves() -> None:
    asked(pausepoint_serve=lambda: None)


async def _made_up(waiter: Waiter) -> Response:
    request_id = waiter.form_url.rpartition("/")[2]
    now = datetime.now(timezone.utc)
    return Response(request_id=request_id, outcome="answered", value=TYPED, source="reviewer", settled_at=now)


async def _number(waiter: Waiter) -> int:
    return 7


@each(
    that_is_none=lambda waiter: 7,
    with_another_outcome=_number,
    with_a_response_that_nobody_stored=_made_up,
)
def a_way_to_wait(wait: Callable[[Waiter], Any]) -> None:
    def pausepoint_wait(waiter: Waiter) -> Any:
        return wait(waiter)

    asked(pausepoint_wait=pausepoint_wait)


@occasion
def an_answer_in_an_engines_ui_that_the_author_refuses() -> None:
    def pausepoint_wait(waiter: Waiter) -> Any:
        return waiter.offer(Answer(value=4))

    asked(pausepoint_wait=pausepoint_wait)


@each(that_fails=lambda: ().index(7), that_returns_something=lambda: True)
def a_wake(wake: Callable[[], Any]) -> None:
    anyio.run(Hooks([("example", plugin(pausepoint_wake=wake))]).wake, question(), "response")
