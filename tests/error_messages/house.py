"""What occasions share: a question, a quiet surface to ask it from, the app, the command line, a strange server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
from occasions import ID
from typer.testing import CliRunner

from pausepoint._codec import answer_type
from pausepoint._event import Asked, Way, replaced
from pausepoint._models import Request, RunContext, Served, Verdict, utc_now
from pausepoint._runs import RunScope, current_scope
from pausepoint._settings import Settings
from pausepoint._store import MemoryStore, Records, Store
from pausepoint._sync import Caller
from pausepoint._waiting import Watcher
from pausepoint.app import create_app
from pausepoint.cli.programme import program

BASE = "http://127.0.0.1:8931"


def question(data_type: Any = int, **more: Any) -> Request:
    """Make a question, as a workflow stores it."""
    kind = answer_type(data_type)
    given: dict[str, Any] = {
        "request_id": ID,
        "name": "approve",
        "key": "k",
        "run": RunContext(engine="local", run_id="nightly"),
        "title": "Approve?",
        "prompt": "Do you?",
        "data_type": kind.name,
        "json_schema": kind.json_schema,
        "schema_complete": True,
        "created_at": utc_now(),
        "deadline": utc_now() + timedelta(hours=1),
    }
    return Request.model_validate({**given, **more})


def records_of(store: Store) -> Records:
    """Return the store's records, which are not tried again for seconds."""
    return Records(store, delays=(0.0,))


async def refused_beforehand(records: Records, request: Request) -> None:
    """Have the workflow's verdict on the first answer stored, so that nobody has to wait for it."""
    fields = {"": "Only odd numbers."}
    await records.put_verdict(Verdict(request_id=request.request_id, number=1, accepted=False, fields=fields))


class Quiet:
    """A surface that serves nothing and tells nobody: a question asked from it stays open."""

    mailbox = "default"

    def __init__(self, url: str = "http://127.0.0.1:9") -> None:
        self._url = url
        self._watcher = Watcher(MemoryStore())

    def scope(self) -> RunScope:
        return current_scope()

    def watcher(self) -> Watcher:
        return self._watcher

    def engine(self) -> RunContext | None:
        return None

    async def serve(self, run: RunContext, caller: Caller) -> Served:
        return Served(base_url=self._url)

    async def announce(self, asked: Asked, caller: Caller) -> None:
        pass

    def way(self, request: Request) -> Way | None:
        return None


@contextmanager
def asking(url: str = "http://127.0.0.1:9") -> Iterator[Quiet]:
    """Ask from a quiet surface inside the block."""
    surface = Quiet(url)
    with replaced(surface):
        yield surface


class Site:
    """A form app over a store in memory, and a browser or program at it."""

    def __init__(self, store: Store | None = None, **settings: Any) -> None:
        self.store = store or MemoryStore()
        self.records = records_of(self.store)
        self.app = create_app(self.store, settings=Settings.model_validate(settings))

    async def asks(self, data_type: Any = int, **more: Any) -> Request:
        await self.records.identity_secret()
        return (await self.records.put_request(question(data_type, **more))).record

    async def told(self, method: str, path: str, **more: Any) -> str:
        """Return the words of a refusal; of a page the words that are read."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE) as client:
            reply = await client.request(method, path, **more)
        assert reply.status_code >= 400, f"{reply.status_code}: {reply.text}"
        is_problem = "json" in reply.headers["content-type"]
        return str(reply.json()) if is_problem else unescape(reply.text)


def command(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a command in this process; return what it says on standard error."""
    given = {"PAUSEPOINT_STORE": str(folder / "store"), "XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "500"}
    result = CliRunner().invoke(program, list(arguments), env={**given, **(environ or {})})
    assert result.exit_code, result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stderr


class _Strange(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._say(200 if self.server.body else 404)  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._say(503)

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        pass

    def _say(self, status: int) -> None:
        body = self.server.body  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def somebody_else(body: bytes = b"") -> Iterator[str]:
    """Serve something that is not our form app; give its URL."""
    server = HTTPServer(("127.0.0.1", 0), _Strange)
    server.body = body  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
