"""Hints by push, through a real server: who may listen, what a hint holds, and how a stream ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
import uvicorn

from pausepoint._links import stream_bearer
from pausepoint._models import Answer, Request, RunContext, utc_now
from pausepoint._runs import request_id_of
from pausepoint._settings import Settings
from pausepoint._store import FsspecStore, LocalFiles, MemoryStore, Store, layout
from pausepoint._waiting import Watcher
from pausepoint._waiting.watcher import PUSHED_TICK
from pausepoint.app import create_app
from pausepoint.app.streaming import Hub

pytestmark = pytest.mark.anyio

LIMIT = 60.0
"""Seconds after which something that should have happened counts as never happening."""


class Served:
    """A form app under uvicorn, and where it is."""

    def __init__(self, url: str, hub: Hub, server: uvicorn.Server) -> None:
        self.url = url
        self.hub = hub
        self.server = server


@asynccontextmanager
async def served(store: Store, port: int = 0) -> AsyncIterator[Served]:
    app = create_app(store, settings=Settings())
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=5))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    hub: Hub = app.state.desk.hub
    try:
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", hub, server)
    finally:
        hub.close()
        server.should_exit = True
        with anyio.fail_after(LIMIT):
            await running


async def asked(watcher: Watcher, key: str = "k") -> Request:
    now = utc_now()
    run = RunContext(engine="local", run_id="r")
    request = Request(
        request_id=request_id_of(await watcher.records.identity_secret(), run, key, 0),
        name="n",
        key=key,
        run=run,
        title="t",
        prompt="p",
        data_type="int",
        json_schema={"type": "integer"},
        schema_complete=True,
        created_at=now,
        deadline=now + timedelta(hours=1),
    )
    await watcher.records.put_request(request)
    return request


async def bearer(watcher: Watcher) -> dict[str, str]:
    return {"Authorization": f"Bearer {stream_bearer(await watcher.records.identity_secret())}"}


@asynccontextmanager
async def listening(house: Served, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[str]]:
    async with (
        httpx.AsyncClient(timeout=LIMIT) as client,
        client.stream("GET", f"{house.url}/api/v1/stream", headers=headers) as reply,
    ):
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = reply.aiter_lines()
        assert await anext(lines) == "event: hello"
        yield lines


async def data(lines: AsyncIterator[str]) -> str:
    with anyio.fail_after(LIMIT):
        async for line in lines:
            if line.startswith("data: "):
                return line
    return "ended"


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}])
async def test_only_who_can_read_the_store_may_listen(given: dict[str, str]) -> None:
    watcher = Watcher(MemoryStore())
    await asked(watcher)
    async with served(watcher.store) as house, httpx.AsyncClient(timeout=LIMIT) as client:
        reply = await client.get(f"{house.url}/api/v1/stream", headers=given)

    assert reply.status_code == 401


async def test_head_of_the_stream_ends_at_once() -> None:
    watcher = Watcher(MemoryStore())
    await asked(watcher)
    async with served(watcher.store) as house, httpx.AsyncClient(timeout=LIMIT) as client:
        reply = await client.head(f"{house.url}/api/v1/stream", headers=await bearer(watcher))

    assert (reply.status_code, reply.content) == (200, b"")


async def test_a_hint_holds_an_id_and_nothing_else() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    async with served(watcher.store) as house, listening(house, await bearer(watcher)) as lines:
        async with httpx.AsyncClient(timeout=LIMIT) as client:
            body = {"request_id": request.request_id, "value": 424242}
            await client.post(f"{house.url}/submit/json", json=body)

        assert await data(lines) == f"data: {request.request_id}"


async def test_what_another_process_stores_is_told_too() -> None:
    store = MemoryStore()
    here, elsewhere = Watcher(store), Watcher(store)
    request = await asked(here)
    async with served(store) as house, listening(house, await bearer(here)) as lines:
        await elsewhere.settling.submit(request, Answer(value=3))

        assert await data(lines) == f"data: {request.request_id}"


async def test_a_server_that_ends_does_not_wait_for_its_streams() -> None:
    watcher = Watcher(MemoryStore())
    await asked(watcher)
    async with served(watcher.store) as house, listening(house, await bearer(watcher)) as lines:
        house.hub.close()

        assert await data(lines) == "ended"


async def test_a_client_that_goes_leaves_nothing_behind() -> None:
    watcher = Watcher(MemoryStore())
    await asked(watcher)
    async with served(watcher.store) as house:
        async with listening(house, await bearer(watcher)):
            assert len(house.hub._listeners) == 1
        with anyio.fail_after(LIMIT):
            while house.hub._listeners:
                await anyio.sleep(0.01)


async def test_a_waiting_process_is_woken_by_push_and_lists_markers_only_slowly(tmp_path: Any) -> None:
    store = FsspecStore(LocalFiles(tmp_path / "store"))
    here = Watcher(store)
    request = await asked(here)
    async with served(FsspecStore(LocalFiles(tmp_path / "store"))) as house:
        here.follow(house.url)
        waiting = asyncio.create_task(here.wait(request, lambda value: value, 5))
        await healthy(here)
        assert here._tick() == PUSHED_TICK
        async with httpx.AsyncClient(timeout=LIMIT) as client:
            await client.post(f"{house.url}/submit/json", json={"request_id": request.request_id, "value": 3})

        with anyio.fail_after(LIMIT):
            assert (await waiting).value == 3


async def test_a_stream_is_opened_again_when_the_app_comes_back(tmp_path: Any) -> None:
    store = FsspecStore(LocalFiles(tmp_path / "store"))
    here = Watcher(store)
    request = await asked(here)
    async with served(store) as first:
        port = int(first.url.rpartition(":")[2])
        here.follow(first.url)
        # Whose turns in the sweep come first, and take a minute: it must not be what finds the answer.
        others = [await asked(here, str(number)) for number in range(30)]
        waits = [asyncio.create_task(here.wait(other, lambda value: value, 3600)) for other in others]
        waiting = asyncio.create_task(here.wait(request, lambda value: value, 3600))
        await healthy(here)
        here._fast_until = 0
    with anyio.fail_after(LIMIT):
        while here._tick() == PUSHED_TICK:
            await anyio.sleep(0.01)
    # Stored while nobody could tell: found by the look that each connect begins with.
    elsewhere = Watcher(FsspecStore(LocalFiles(tmp_path / "store")))
    await elsewhere.settling.submit(request, Answer(value=3))
    async with served(store, port):
        with anyio.fail_after(LIMIT):
            assert (await waiting).value == 3
    for wait in waits:
        wait.cancel()


async def healthy(watcher: Watcher) -> None:
    with anyio.fail_after(LIMIT):
        while watcher._stream is None or not watcher._stream.is_healthy:
            await anyio.sleep(0.01)


async def left(house: Served) -> None:
    with anyio.fail_after(LIMIT):
        while house.hub._listeners:
            await anyio.sleep(0.01)


async def test_the_stream_moves_with_the_app_and_ends_with_the_last_wait() -> None:
    store = MemoryStore()
    here = Watcher(store)
    request = await asked(here)
    async with served(store) as one, served(store) as other:
        here.follow(one.url)
        waiting = asyncio.create_task(here.wait(request, lambda value: value, 3600))
        await healthy(here)
        here.follow(other.url)
        await healthy(here)
        await left(one)
        waiting.cancel()
        await left(other)


async def test_a_long_poll_returns_when_the_event_is_settled() -> None:
    watcher = Watcher(MemoryStore())
    request = await asked(watcher)
    async with served(watcher.store) as house, httpx.AsyncClient(timeout=LIMIT) as client:
        url = f"{house.url}/api/v1/events/{request.request_id}/wait"
        at_once = await client.get(url, params={"timeout": 0})
        polling = asyncio.create_task(client.get(url, params={"timeout": 25}))
        with anyio.fail_after(LIMIT):
            while not house.hub._listeners:
                await anyio.sleep(0.01)
        await client.post(f"{house.url}/submit/json", json={"request_id": request.request_id, "value": 3})
        settled = await polling
        refused = await client.get(url, params={"timeout": 61})

    assert (at_once.json()["status"], settled.json()["status"], settled.json()["outcome"]) == (
        "pending",
        "completed",
        "answered",
    )
    assert refused.status_code == 422


async def test_a_long_poll_listens_before_it_looks(house: Any) -> None:
    """The other way round, what is stored between the two would be heard by nobody."""
    request = await house.ask(int)
    app = house.app()
    hub: Hub = app.state.desk.hub
    listeners: list[int] = []

    def notes(_what: str, path: str) -> bool:
        if path == layout.response_path(request.request_id):
            listeners.append(len(hub._listeners))
        return False

    house.store.fails = notes
    async with house.browser(app) as browser:
        await browser.get(f"/api/v1/events/{request.request_id}/wait", params={"timeout": 0})

    assert listeners
    assert all(listeners)
