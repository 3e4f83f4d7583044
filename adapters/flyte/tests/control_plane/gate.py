"""A gate in front of the storage: while it is shut, nothing is read. Trouble that passes, for one process alone."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Not at the moment.</Message></Error>"


class Gate:
    """
    Passes requests on to a server, as long as it is open.

    Attributes:
        url: Where it listens.
        asked: What was asked for, by path.
        refused: How many requests it has refused.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.refused = 0
        self._shut = threading.Event()

    @property
    def is_shut(self) -> bool:
        return self._shut.is_set()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Refuse to be read from until the block is left."""
        self._shut.set()
        try:
            yield
        finally:
            self._shut.clear()


@contextmanager
def gate_before(target: str) -> Iterator[Gate]:
    """Put a gate in front of a server, until the block is left."""
    client = httpx.Client(timeout=30, trust_env=False)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            gate.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if gate.is_shut and self.command in {"GET", "HEAD"}:
                gate.refused += 1
                self._send(403, [("content-type", "application/xml")], DENIED)
                return
            # With its own Host, which the signature covers.
            reply = client.request(self.command, f"{target}{self.path}", content=body, headers=self.headers.items())
            self._send(reply.status_code, list(reply.headers.items()), reply.content)

        def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            kept = [(name, value) for name, value in headers if name not in {"transfer-encoding", "connection"}]
            if self.command != "HEAD":
                kept = [*[each for each in kept if each[0] != "content-length"], ("content-length", str(len(body)))]
            for name, value in kept:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._pass)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    gate = Gate(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield gate
    finally:
        server.shutdown()
        server.server_close()
        client.close()
