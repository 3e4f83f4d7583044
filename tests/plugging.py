"""What tests of hooks share: plugins made of functions, and a surface to ask from that serves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from uuid import uuid4

from pausepoint import Event, RunContext, Served, hookimpl
from pausepoint._api.surface import HookedSurface
from pausepoint._event import replaced
from pausepoint._models import Answer, Request, utc_now
from pausepoint._plugins import Hooks
from pausepoint._settings import Settings
from pausepoint._sync import run_sync

RUN = RunContext(engine="example", project="p", run_id="r", task_id="t", attempt=0)
BASE = "http://127.0.0.1:9"


def plugin(*functions: Callable[..., Any]) -> ModuleType:
    """Make a plugin of functions, which need not be marked: each is given the marker here."""
    made = ModuleType("plugin")
    for function in functions:
        setattr(made, function.__name__, hookimpl(function))  # type: ignore[type-var]
    return made


def inside(run: RunContext | None = RUN) -> Callable[[], RunContext | None]:
    """Return a `pausepoint_engine` that always says the same."""

    def pausepoint_engine() -> RunContext | None:
        return run

    return pausepoint_engine


class Desk(HookedSurface):
    """A surface over the plugins given; an observer among them serves an address where nobody is."""

    def __init__(self, *plugins: tuple[str, object], engine: str | None = None, store: str = "", trace: bool = False):
        self.fallen_back: list[str] = []

        def pausepoint_serve() -> Served:
            self.fallen_back.append("serve")
            return Served(base_url=BASE)

        def pausepoint_link(url: str) -> None:
            self.fallen_back.append(url)

        self.hooks = Hooks(plugins, engine=engine, trace=trace)
        self.hooks.fall_back_on(plugin(pausepoint_serve, pausepoint_link))
        super().__init__(Settings(store=store or f"memory://{uuid4().hex}"), self.hooks)

    def answer(self, event: Event[Any], value: Any) -> None:
        """Answer as a reviewer does."""

        async def submit() -> None:
            request = await self.watcher().records.request(event.request_id)
            await self.watcher().settling.submit(request, Answer(value=value))

        run_sync(submit)

    def requests(self) -> list[Request]:
        """Return every question that is stored."""

        async def read() -> list[Request]:
            records = self.watcher().records
            return [await records.request(each) for each in await records.event_ids()]

        return run_sync(read)


@contextmanager
def asking(*plugins: tuple[str, object], **settings: Any) -> Iterator[Desk]:
    """Ask with these plugins inside the block."""
    desk = Desk(*plugins, **settings)
    with replaced(desk):
        yield desk


def question(engine: str = "example", request_id: str = "a" * 26) -> Request:
    """Make a question, as a workflow stores it."""
    return Request(
        request_id=request_id,
        name="deploy",
        key="deploy",
        run=RUN.model_copy(update={"engine": engine}),
        title="Deploy?",
        prompt="",
        data_type="bool",
        json_schema={"type": "boolean"},
        schema_complete=True,
        created_at=utc_now(),
    )
