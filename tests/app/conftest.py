"""The suite's fixture: a form app over a store in memory, the author who asks, and the reviewer's browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from pausepoint._codec import answer_type
from pausepoint._markers import Markers
from pausepoint._models import DefaultValue, Request, Response, RunContext, utc_now
from pausepoint._settings import Settings
from pausepoint._store import MemoryStore, Records
from pausepoint._waiting import watcher_of
from pausepoint.app import create_app
from pausepoint.errors import StoreError

BASE = "http://127.0.0.1:8931"
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class WatchedStore(MemoryStore):
    """A store that remembers what is done to it, and can be told to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[str] = []
        self.read: list[str] = []
        self.listed: list[str] = []
        self.fails: Callable[[str, str], bool] = lambda what, path: False

    async def create(self, path: str, body: bytes) -> bool:
        self._may_fail("create", path)
        self.created.append(path)
        return await super().create(path, body)

    async def get(self, path: str, limit: int = 1024 * 1024) -> bytes | None:
        self._may_fail("get", path)
        self.read.append(path)
        return await super().get(path, limit)

    async def list(self, prefix: str, after: str = "") -> Any:
        self._may_fail("list", prefix)
        self.listed.append(prefix)
        return await super().list(prefix, after)

    def _may_fail(self, what: str, path: str) -> None:
        if self.fails(what, path):
            raise StoreError("The store does not reply.", "Try again later.")


class House:
    """Everything that one test needs; `create_app` is the app's own, the rest is on both sides of it."""

    def __init__(self) -> None:
        self.store = WatchedStore()
        self.records = Records(self.store, delays=(0, 0))
        self.markers = Markers(self.store)
        self.asked = 0

    def app(self, **settings: Any) -> Any:
        """Make the app; settings as `Settings` takes them."""
        app = create_app(self.store, settings=Settings.model_validate(settings))
        app.state.desk.records._delays = (0, 0)  # a store that fails is tried again for seconds
        return app

    def browser(self, app: Any = None, base: str = BASE, **headers: str) -> Browser:
        """Open a client on the app; a fresh app where none is given."""
        return Browser(
            transport=httpx.ASGITransport(app or self.app()),
            base_url=base,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    async def ask(
        self, data_type: Any = int, *, initial: Any = ..., default: Any = ..., marked: bool = True, **more: Any
    ) -> Request:
        """Store a question and its marker, as a workflow does; or, as one that is killed between, without."""
        await self.records.identity_secret()
        self.asked += 1
        kind = answer_type(data_type)
        request = Request(
            **{
                "request_id": LETTERS[self.asked // 32] + LETTERS[self.asked % 32] * 25,
                "name": "approve",
                "key": f"k{self.asked}",
                "run": RunContext(engine="local", run_id="nightly"),
                "title": "Approve?",
                "prompt": "Do you?",
                "data_type": kind.name,
                "json_schema": kind.json_schema,
                "schema_complete": kind.complete,
                "initial": None if initial is ... else DefaultValue(value=initial),
                "default": None if default is ... else DefaultValue(value=default),
                "created_at": utc_now() + timedelta(milliseconds=self.asked),
                "deadline": utc_now() + timedelta(hours=1),
                **more,
            }
        )
        await self.records.put_request(request)
        if marked:
            await self.markers.opened(request.request_id)
        self.store.created.clear()
        return request

    async def response(self, request: Request) -> Response | None:
        """Return what is stored."""
        return await self.records.response(request.request_id)

    @asynccontextmanager
    async def waiting(self, request: Request, parse: Callable[[Any], object]) -> AsyncIterator[list[Response]]:
        """Run a workflow that waits for the event, with the author's own check; its response comes into the list."""
        got: list[Response] = []
        watcher = watcher_of(self.store)

        async def wait() -> None:
            got.append(await watcher.wait(request, parse, poll=60))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            while not watcher.is_waiting_for(request.request_id):
                await anyio.lowlevel.checkpoint()
            yield got
            if not got:
                tasks.cancel_scope.cancel()


class Browser(httpx.AsyncClient):
    """A client that can also read forms, as a browser without JavaScript does."""

    async def opened(self, request: Request) -> dict[str, str]:
        """Return what the form of an event holds."""
        return inputs_of((await self.get(f"/form/{request.request_id}")).text)

    async def submitted(self, request: Request, typed: dict[str, str]) -> httpx.Response:
        """Open the form, type, and press the button (`action`)."""
        return await self.post("/submit", data={**await self.opened(request), **typed})


class _Inputs(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.inputs: dict[str, str] = {}
        self._area = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "textarea":
            self._area = name
            self.inputs[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.inputs[self._select] = given.get("value", "")
        elif tag == "input" and name and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            self.inputs[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "select"):
            self._area = self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.inputs[self._area] += data.removeprefix("\n")


def inputs_of(page: str) -> dict[str, str]:
    """Return what a browser would submit of a page as it was shown."""
    return _Inputs(page).inputs


@pytest.fixture
def house() -> House:
    """A store of its own."""
    return House()


@pytest.fixture
def inputs() -> Callable[[str], dict[str, str]]:
    """What a browser would submit of a page as it was shown."""
    return inputs_of
