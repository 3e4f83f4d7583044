"""What only a real server and a real socket can show."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
import uvicorn

from pausepoint._models import MAX_BODY_BYTES
from pausepoint.app.guard import DRAIN_BYTES

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


@asynccontextmanager
async def served(app: Any, http: str = "h11") -> AsyncIterator[int]:
    """Serve the app on a free port of loopback, as the embedded server does."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=http, ws="none", lifespan="off", log_config=None, access_log=False)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await anyio.sleep(0.001)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        listener.close()


async def sent_until_closed(port: int, head: str, most: int) -> tuple[int, bytes]:
    """Send a body that does not end; return how much was taken, and the reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < most:
            writer.write(chunk)
            await writer.drain()
            sent += 65536
    reply = b""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            reply += part
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return sent, reply


HEAD = (
    "POST /submit/json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
)


async def test_an_endless_body_is_not_read_into_memory_and_the_server_stops_reading(house: Any) -> None:
    async with served(house.app()) as port:
        tracemalloc.start()
        sent, _ = await sent_until_closed(port, HEAD.format(port=port), most=200 * MIB)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    # Beyond what is drained, only what the sockets' own buffers hold.
    assert sent < MAX_BODY_BYTES + DRAIN_BYTES + 32 * MIB
    assert peak < 8 * MIB
    assert not house.store.created


async def test_the_sender_of_eleven_megabytes_comes_to_read_why_they_are_refused(house: Any) -> None:
    async with (
        served(house.app()) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        declared = await client.post(
            "/submit/json", content=b"x" * 11 * MIB, headers={"content-type": "application/json"}
        )
        form = await client.post("/submit", data={"v": "x" * 11 * MIB})
        after = await client.get("/health")

    assert declared.status_code == form.status_code == 413
    assert declared.json()["title"]
    assert "too large" in form.text
    assert after.status_code == 200


async def test_a_sender_who_asks_first_sends_nothing(house: Any) -> None:
    async with served(house.app()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            f"POST /submit/json HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {11 * MIB}\r\nExpect: 100-continue\r\n\r\n"
        )
        writer.write(head.encode())
        reply = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert reply.startswith(b"HTTP/1.1 413 ")


async def test_head_and_errors_are_whole_http(house: Any) -> None:
    request = await house.ask(int)
    async with (
        served(house.app()) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        # On one connection: a body where none belongs would be read as the next reply.
        replies = [
            await client.head(f"/form/{request.request_id}"),
            await client.head("/nowhere"),
            await client.get("/health"),
            await client.put("/health"),
            await client.get("/health"),
        ]

    assert [reply.status_code for reply in replies] == [200, 404, 200, 405, 200]
    assert int(replies[0].headers["content-length"]) > 1000


async def test_a_request_without_a_host_or_with_two_is_refused(house: Any) -> None:
    replies = []
    async with served(house.app()) as port:
        for lines in ("", f"Host: localhost:{port}\r\nHost: evil.example\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET / HTTP/1.0\r\n{lines}\r\n".encode())
            replies.append(await reader.read())
            writer.close()
            await writer.wait_closed()

    assert all(reply.split(b" ")[1] in (b"400", b"421") for reply in replies)


async def test_a_store_in_files_serves_an_answer_end_to_end(house: Any, tmp_path: Any) -> None:
    from pausepoint._store import Records, open_store
    from pausepoint.app import create_app

    asked = await house.ask(int)
    store = open_store(str(tmp_path / "store"))
    records = Records(store)
    await records.identity_secret()
    await records.put_request(asked)
    async with (
        served(create_app(store)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        listed = (await client.get("/api/v1/events")).json()["items"]
        reply = await client.post("/submit/json", json={"request_id": asked.request_id, "value": 5})

    stored = json.loads((tmp_path / "store/v1/events" / asked.request_id / "response.json").read_text())
    assert [item["request_id"] for item in listed] == [asked.request_id]
    assert reply.status_code == 200
    assert stored["value"] == 5
