"""Reviewers: one who answers and takes the time, and many at once who load a server."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

CONNECTIONS = 8
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


class Answered(NamedTuple):
    """When an answer was sent and when its reply had been read (nanoseconds of the monotonic clock), and the status."""

    sent: int
    accepted: int
    status: int


class Reviewer:
    """
    One reviewer with one connection that stays open.

    Args:
        url: Where the form app is.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = url
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def answer(self, request_id: str, value: object, **more: str) -> Answered:
        """Answer as a program does."""
        body = json.dumps({"request_id": request_id, "value": value, **more})
        return self._post("/submit/json", body, "application/json")

    def fill_in(self, request_id: str, typed: str) -> Answered:
        """Open the form, fill it in and send it; the opening is not part of the time."""
        self._connection.request("GET", f"/form/{request_id}")
        found = _TOKEN.search(self._connection.getresponse().read().decode())
        assert found, "the form has no token"
        body = urlencode({"request_id": request_id, "token": found[1], "v": typed})
        return self._post("/submit", body, "application/x-www-form-urlencoded")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _post(self, path: str, body: str, media_type: str) -> Answered:
        sent = time.monotonic_ns()
        self._connection.request("POST", path, body, {"Content-Type": media_type, "Origin": self._origin})
        reply = self._connection.getresponse()
        reply.read()
        return Answered(sent, time.monotonic_ns(), reply.status)


def get(url: str, path: str) -> bytes:
    """Return a GET request as it is sent."""
    return f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode()


def post_json(url: str, path: str, content: object) -> bytes:
    """Return a POST request as it is sent."""
    body = json.dumps(content).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Load(NamedTuple):
    """What a burst of requests took: seconds in all, and when each was sent and its reply had been read."""

    seconds: float
    accepted: list[int]
    sent: list[int]


def load(url: str, requests: Sequence[bytes]) -> Load:
    """Send requests over a few connections as fast as they are served; each must get a 200."""
    return asyncio.run(_load(url, requests))


async def _load(url: str, requests: Sequence[bytes]) -> Load:
    parts = urlsplit(url)
    accepted, sent = [0] * len(requests), [0] * len(requests)
    todo = iter(range(len(requests)))

    async def one() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for place in todo:
            sent[place] = time.monotonic_ns()
            writer.write(requests[place])
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head[:16], head
            length = _LENGTH.search(head)
            assert length, head
            await reader.readexactly(int(length[1]))
            accepted[place] = time.monotonic_ns()
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return Load(time.perf_counter() - began, accepted, sent)
