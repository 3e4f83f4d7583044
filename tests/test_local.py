"""The built-in adapter inside one process: what it refuses, what it believes, what it prints."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from pausepoint import new_event, run
from pausepoint._api.surface import HookedSurface
from pausepoint._event.surface import replaced
from pausepoint._links import proof
from pausepoint._local import LocalRuntime, open_listener, refuse_beyond_loopback
from pausepoint._local.address import SharedAddress
from pausepoint._local.announcing import Announcer, block
from pausepoint._local.embedded import EmbeddedServer, Message, Receive, Send
from pausepoint._local.hosting import Hosting
from pausepoint._local.probed import ProbedStore
from pausepoint._local.proving import Found, examine, examined
from pausepoint._local.surroundings import LOOPBACK_ONLY, NOT_RESUMABLE, Advice, in_container
from pausepoint._models import Request, RunContext, Served, utc_now
from pausepoint._plugins import Hooks
from pausepoint._settings import Settings
from pausepoint._store import MemoryStore, Store
from pausepoint._sync import AWAITING, BLOCKING, run_sync, taken
from pausepoint._waiting import Watcher
from pausepoint.errors import ServeError, StoreError, UsageError

SECRET = b"s" * 32
RUN = RunContext(engine="local", run_id="nightly")
REQUEST_ID = "abcdefgh" + "2" * 18
Reply = Callable[[str], tuple[int, bytes]]


def request(title: str = "Deploy?", deadline: datetime | None = None, request_id: str = REQUEST_ID) -> Request:
    return Request(
        request_id=request_id,
        name="deploy",
        key="deploy",
        run=RUN,
        title=title,
        prompt="",
        data_type="bool",
        json_schema={"type": "boolean"},
        schema_complete=True,
        created_at=utc_now(),
        deadline=deadline,
    )


async def says_fine(scope: Message, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


def app_that_says_fine(store: Store, settings: Settings) -> Callable[[Message, Receive, Send], Any]:
    return says_fine


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def nowhere(_: str) -> bool:
    return False


def surface_of(settings: Settings, environ: Mapping[str, str] = {}, **runtime: Any) -> HookedSurface:
    """Make a surface without a plugin but the local runtime."""
    hooks = Hooks()
    hooks.fall_back_on(LocalRuntime(settings, **runtime))
    return HookedSurface(settings, hooks, Advice(environ, nowhere))


def served_by(surface: HookedSurface, run: RunContext = RUN) -> Served:
    return taken(surface.serve(run, BLOCKING))


@pytest.fixture
def surface(tmp_path: Path) -> Callable[..., HookedSurface]:
    """Makes a surface on this test's own store, folder of addresses and port."""

    def make(environ: Mapping[str, str] = {}, **settings: Any) -> HookedSurface:
        given = {"store": (tmp_path / "store").as_uri(), "port": free_port(), **settings}
        return surface_of(
            Settings(**given),
            environ,
            app_factory=app_that_says_fine,
            folder=tmp_path / "servers",
            announcer=Announcer(io.StringIO),
        )

    return make


@pytest.fixture
def server() -> Iterator[Callable[[Reply], str]]:
    """Starts a server that answers to a nonce as it is told, and returns its URL."""
    running: list[ThreadingHTTPServer] = []

    def serving(reply: Reply) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, nonce = self.path.partition("?nonce=")
                status, body = reply(nonce) if path == "/health" else (404, b"")
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", body.decode())
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        running.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=running[-1].serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_port}"

    yield serving
    for one in running:
        one.shutdown()
        one.server_close()


def proven(nonce: str) -> tuple[int, bytes]:
    return 200, json.dumps({"status": "healthy", "proof": proof(SECRET, nonce)}).encode()


# What answers at an address


@pytest.mark.anyio
async def test_whoever_knows_the_stores_secret_is_believed(server: Callable[[Reply], str]) -> None:
    assert await examine(server(proven), SECRET) is Found.SAME_STORE
    assert await examine(server(proven), b"t" * 32) is Found.OTHER_STORE


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"welcome"),
        (200, b"[]"),
        (200, b'{"proof": 1}'),
        (200, b"\xff\xfe"),
        (200, b"[" * 4000),
        (200, b'{"proof": "' + b"0" * 100_000 + b'"}'),
        (421, b"wrong host"),
        (500, b'{"status": "healthy"}'),
    ],
)
async def test_a_server_that_proves_nothing_is_a_stranger(
    server: Callable[[Reply], str], status: int, body: bytes
) -> None:
    assert await examine(server(lambda _: (status, body)), SECRET) is Found.STRANGER


@pytest.mark.anyio
async def test_a_proof_from_where_a_server_redirects_to_does_not_count(server: Callable[[Reply], str]) -> None:
    ours = server(proven)

    assert await examine(server(lambda nonce: (302, f"{ours}/health?nonce={nonce}".encode())), SECRET) is Found.STRANGER


@pytest.mark.anyio
async def test_yesterdays_proof_does_not_count(server: Callable[[Reply], str]) -> None:
    assert await examine(server(lambda _: proven("a" * 32)), SECRET) is Found.OTHER_STORE


@pytest.mark.anyio
async def test_an_app_whose_store_is_empty_serves_another_store(server: Callable[[Reply], str]) -> None:
    assert await examine(server(lambda _: (200, b'{"status": "healthy"}')), SECRET) is Found.OTHER_STORE


@pytest.mark.anyio
async def test_where_nobody_listens_is_nobody() -> None:
    assert await examine(f"http://127.0.0.1:{free_port()}", SECRET) is Found.NOBODY


@pytest.mark.anyio
async def test_an_app_that_does_not_know_its_own_address_is_told_from_a_stranger(
    server: Callable[[Reply], str],
) -> None:
    refusal = json.dumps({"title": "Misdirected Request", "status": 421}).encode()

    assert await examine(server(lambda _: (421, refusal)), SECRET) is Found.REFUSES
    assert await examine(server(lambda _: (421, b"go away")), SECRET) is Found.STRANGER


@pytest.mark.anyio
async def test_an_app_says_what_it_asks_of_links_and_what_reviewers_open(server: Callable[[Reply], str]) -> None:
    def told(nonce: str, **more: Any) -> tuple[int, bytes]:
        return 200, json.dumps({"status": "healthy", "proof": proof(SECRET, nonce), **more}).encode()

    url = server(lambda nonce: told(nonce, links="token", public_url="https://forms.example.org"))
    assert await examined(url, SECRET) == (Found.SAME_STORE, "token", "https://forms.example.org")
    assert await examined(server(told), SECRET) == (Found.SAME_STORE, None, None)
    assert await examined(url, b"t" * 32) == (Found.OTHER_STORE, None, None)


def test_links_lead_where_the_app_of_PAUSEPOINT_URL_says_and_as_it_asks(  # noqa: N802
    surface: Callable[..., HookedSurface], server: Callable[[Reply], str]
) -> None:
    secrets: list[bytes] = []

    def reply(nonce: str) -> tuple[int, bytes]:
        public = {"links": "token", "public_url": "https://forms.example.org"}
        return 200, json.dumps({"status": "healthy", "proof": proof(secrets[0], nonce), **public}).encode()

    url = server(reply)
    asking = surface(url=url)
    secrets.append(run_sync(asking.watcher().records.identity_secret))

    assert served_by(asking) == Served(base_url="https://forms.example.org", links="token")
    own = surface(url=url, public_url="https://other.example.org")
    assert served_by(own).base_url == "https://other.example.org"


# What is refused


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])
def test_an_address_beyond_loopback_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="Inside a workflow") as caught:
        refuse_beyond_loopback(host)
    assert "PAUSEPOINT_URL" in caught.value.todo


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_loopback_is_not(host: str) -> None:
    refuse_beyond_loopback(host)


def test_a_question_on_a_host_beyond_loopback_is_refused(surface: Callable[..., HookedSurface]) -> None:
    with pytest.raises(UsageError, match="loopback only"):
        served_by(surface(host="0.0.0.0"))


def test_a_store_in_memory_with_an_app_elsewhere_is_refused(surface: Callable[..., HookedSurface]) -> None:
    with pytest.raises(UsageError, match="cannot see a memory:// store"):
        served_by(surface(store="memory://", url="http://127.0.0.1:1"))


def test_an_app_elsewhere_that_does_not_answer_is_named(surface: Callable[..., HookedSurface]) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(ServeError, match=rf"Nobody answers at PAUSEPOINT_URL \({url}\)\. Start it"):
        served_by(surface(url=url))


def test_an_app_elsewhere_that_is_none_is_named(
    surface: Callable[..., HookedSurface], server: Callable[[Reply], str]
) -> None:
    url = server(lambda _: (200, b"welcome"))

    with pytest.raises(ServeError, match=r"Something else than a form app answers at .*\. Check the address"):
        served_by(surface(url=url))


# Serving


def test_a_port_that_is_taken_is_passed_over() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        open_listener("127.0.0.1", [taken.getsockname()[1], 0]) as listener,
    ):
        assert listener.getsockname()[1] not in (0, taken.getsockname()[1])
        assert not listener.get_inheritable()


def test_where_no_port_can_be_had_the_error_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ServeError, match="Address already in use"):
        open_listener("127.0.0.1", [taken.getsockname()[1]])


def test_the_same_address_is_served_when_asked_again(surface: Callable[..., HookedSurface]) -> None:
    first = surface()
    served = served_by(first)

    assert served_by(first) == served == served_by(surface())
    assert httpx.get(served.base_url, trust_env=False, timeout=60).text == "fine"


def test_a_hundred_questions_at_once_start_one_server(surface: Callable[..., HookedSurface]) -> None:
    ours = surface()
    found: list[Served] = []

    async def ask() -> None:
        found.append(await ours.serve(RUN, AWAITING))

    async def ask_all() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(ask)

    run_sync(ask_all)

    assert len(found) == 100
    assert len({served.base_url for served in found}) == 1


def test_links_lead_to_the_public_url(surface: Callable[..., HookedSurface]) -> None:
    served = served_by(surface(public_url="https://forms.example.org/ask/"))

    assert served.base_url == "https://forms.example.org/ask"


def test_a_store_in_memory_is_served_and_its_address_never_shared(
    surface: Callable[..., HookedSurface], tmp_path: Path
) -> None:
    served = served_by(surface(store="memory://local-test"))

    assert httpx.get(served.base_url, trust_env=False, timeout=60).text == "fine"
    assert not (tmp_path / "servers").exists()


def test_where_addresses_cannot_be_shared_the_process_serves_itself(
    surface: Callable[..., HookedSurface], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "servers").write_text("a file where the folder should be")
    served = served_by(surface())

    assert httpx.get(served.base_url, trust_env=False, timeout=60).text == "fine"
    assert "cannot be shared" in caplog.text


def test_an_app_that_cannot_be_made_leaves_the_port_free_and_the_next_try_works(tmp_path: Path) -> None:
    port = free_port()
    tries: list[int] = []

    def make(store: Store, settings: Settings) -> Callable[[Message, Receive, Send], Any]:
        tries.append(1)
        if len(tries) == 1:
            raise LookupError("not yet")
        return says_fine

    settings = Settings(store=(tmp_path / "store").as_uri(), port=port)
    ours = surface_of(settings, app_factory=make, folder=tmp_path / "servers")
    with pytest.raises(LookupError, match="not yet"):
        served_by(ours)

    assert served_by(ours).base_url == f"http://127.0.0.1:{port}"


def test_a_child_forked_while_the_app_is_imported_lets_go_of_the_port() -> None:
    held: list[int] = []

    def make_app() -> Callable[[Message, Receive, Send], Any]:
        # What a fork at this moment would have the child let go of.
        held.extend(hosting.descriptors())
        return says_fine

    hosting = Hosting(Watcher(MemoryStore()), Settings(store="memory://", port=free_port()), make_app, None)
    run_sync(hosting.url)
    served = list(hosting.descriptors())
    run_sync(hosting.stop)

    assert held == served[:1]


def test_requests_do_not_see_the_context_of_whoever_asked_first(tmp_path: Path) -> None:
    from contextvars import ContextVar

    word = ContextVar("word", default="nothing")
    seen: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(word.get())
        await says_fine(scope, receive, send)

    word.set("the author's")
    settings = Settings(store=(tmp_path / "store").as_uri(), port=free_port())
    ours = surface_of(settings, app_factory=lambda store, settings: app, folder=tmp_path / "servers")
    httpx.get(served_by(ours).base_url, trust_env=False, timeout=60)

    assert seen == ["nothing"]


def test_a_uvicorn_of_the_authors_own_keeps_its_log(surface: Callable[..., HookedSurface]) -> None:
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    served_by(surface())

    assert [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers] == before
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, "theirs", (), None)
    assert logging.getLogger("uvicorn.access").filter(record)


@pytest.mark.anyio
async def test_the_style_sheet_of_the_last_page_still_arrives() -> None:
    server = EmbeddedServer(says_fine, open_listener("127.0.0.1", [0]))
    await server.start()
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser, anyio.create_task_group() as ending:
        await browser.get(server.url)
        ending.start_soon(server.stop)
        await anyio.lowlevel.checkpoint()
        # Another connection, as a browser opens for a style sheet.
        async with httpx.AsyncClient(trust_env=False, timeout=60) as again:
            assert (await again.get(server.url)).text == "fine"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as late:
        with pytest.raises(httpx.ConnectError):
            await late.get(server.url)


# The shared address


def test_an_address_that_makes_no_sense_is_none(tmp_path: Path) -> None:
    address = SharedAddress(tmp_path / "servers", "file:///store")
    address.publish("http://127.0.0.1:8931")
    file = next((tmp_path / "servers").glob("*.json"))
    assert address.published() == "http://127.0.0.1:8931"

    for text in ("", "{", "[]", '{"url": "ftp://x", "pid": 1}', '{"pid": 1}', " " * 5000):
        file.write_text(text)
        assert address.published() is None


def test_publishing_leaves_no_temporary_file(tmp_path: Path) -> None:
    address = SharedAddress(tmp_path / "servers", "file:///store")
    address.publish("http://127.0.0.1:1")
    address.publish("http://127.0.0.1:2")

    assert sorted(file.suffix for file in (tmp_path / "servers").iterdir()) == [".json", ".lock"]


# What is told


@pytest.mark.parametrize("mark", ["KUBERNETES_SERVICE_HOST", "container"])
def test_a_mark_in_the_environment_means_a_container(mark: str) -> None:
    assert in_container({mark: "1"}, nowhere)
    assert not in_container({mark: ""}, nowhere)


@pytest.mark.parametrize("file", ["/.dockerenv", "/run/.containerenv"])
def test_a_mark_among_the_files_means_a_container(file: str) -> None:
    assert in_container({}, file.__eq__)


def test_in_a_container_the_loopback_link_is_warned_of_once_and_the_setting_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    advice = Advice({"container": "podman"}, nowhere)
    advice.on_loopback()
    advice.on_loopback()

    assert caplog.messages == [LOOPBACK_ONLY]
    assert "loopback" in LOOPBACK_ONLY
    assert "PAUSEPOINT_URL" in LOOPBACK_ONLY


IN_A_CONTAINER = {"container": "podman"}


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({"environ": IN_A_CONTAINER}, True),
        ({}, False),
        ({"environ": IN_A_CONTAINER, "public_url": "https://forms.example.org"}, False),
    ],
    ids=["in a container", "outside", "in a container behind a public address"],
)
def test_a_question_whose_link_leads_nowhere_is_warned_of(
    surface: Callable[..., HookedSurface], caplog: pytest.LogCaptureFixture, given: dict[str, Any], warned: bool
) -> None:
    with replaced(surface(**given)), run("a run"):
        new_event("deploy", bool)

    assert (LOOPBACK_ONLY in caplog.messages) is warned


def test_an_answer_that_is_there_needs_no_link_and_no_warning(
    surface: Callable[..., HookedSurface], caplog: pytest.LogCaptureFixture
) -> None:
    with replaced(surface()), run("a run"):
        new_event("deploy", bool, key="k").cancel("no longer needed")
        with replaced(surface(IN_A_CONTAINER)):
            new_event("deploy", bool, key="k")

    assert LOOPBACK_ONLY not in caplog.messages


def test_a_process_without_an_identity_is_told_once_how_to_get_one(
    surface: Callable[..., HookedSurface], caplog: pytest.LogCaptureFixture
) -> None:
    ours = surface()
    for _ in range(2):
        served_by(ours, RUN.model_copy(update={"resumable": False}))

    assert caplog.messages.count(NOT_RESUMABLE) == 1
    assert "PAUSEPOINT_RUN_ID" in NOT_RESUMABLE


def test_a_run_with_an_identity_is_told_nothing(
    surface: Callable[..., HookedSurface], caplog: pytest.LogCaptureFixture
) -> None:
    served_by(surface())

    assert caplog.messages == []


@pytest.mark.anyio
async def test_an_event_is_announced_once_with_title_link_and_deadline() -> None:
    terminal = io.StringIO()
    announcer = Announcer(lambda: terminal)
    asked = request(deadline=datetime(2026, 11, 20, 12, tzinfo=timezone.utc))
    await announcer.announce(asked, "http://127.0.0.1:8931/form/x")
    await announcer.announce(asked, "http://127.0.0.1:8931/form/x")

    assert terminal.getvalue().count("http://127.0.0.1:8931/form/x") == 1
    assert "Deploy?" in terminal.getvalue()
    assert "2026-11-2" in terminal.getvalue()


@pytest.mark.anyio
async def test_a_moved_form_app_is_announced_for_open_events_only() -> None:
    terminal = io.StringIO()
    announcer = Announcer(lambda: terminal)
    settled = "b" * 26
    await announcer.announce(request(), "http://127.0.0.1:1/form/a")
    await announcer.announce(request(request_id=settled), "http://127.0.0.1:1/form/b")
    terminal.truncate(terminal.seek(0))

    async def is_open(request_id: str) -> bool:
        return request_id != settled

    await announcer.moved("http://127.0.0.1:2", is_open)

    assert f"http://127.0.0.1:2/form/{REQUEST_ID}" in terminal.getvalue()
    assert settled not in terminal.getvalue()


@pytest.mark.anyio
async def test_of_the_announced_events_the_youngest_are_remembered_and_no_settled_ones() -> None:
    terminal = io.StringIO()
    announcer = Announcer(lambda: terminal, most=3)
    ids = [letter * 26 for letter in "abcde"]
    for each in ids:
        await announcer.announce(request(request_id=each), "http://127.0.0.1:1/form")
    looked_at: list[str] = []

    async def is_open(request_id: str) -> bool:
        looked_at.append(request_id)
        return request_id == ids[4]

    await announcer.moved("http://127.0.0.1:2", is_open)
    await announcer.moved("http://127.0.0.1:3", is_open)

    assert looked_at == [*ids[2:], ids[4]]


@pytest.mark.anyio
async def test_a_terminal_that_is_gone_stops_no_question(caplog: pytest.LogCaptureFixture) -> None:
    gone = io.StringIO()
    gone.close()
    await Announcer(lambda: gone).announce(request(), f"http://127.0.0.1/form/{REQUEST_ID}")
    await Announcer(lambda: None).announce(request(), f"http://127.0.0.1/form/{REQUEST_ID}")

    assert "could not be printed" in caplog.text
    assert REQUEST_ID not in caplog.text


def test_a_title_cannot_steer_the_terminal() -> None:
    told = block(request("red \x1b[31m \x9b31m \u202e"), "http://127.0.0.1/form/x")

    assert not {"\x1b", "\x9b", "\u202e"} & set(told)


# The store


class UnsafeStore(MemoryStore):
    probes = 0

    async def probe(self) -> None:
        self.probes += 1
        raise StoreError("It overwrites.")


@pytest.mark.anyio
async def test_a_store_is_probed_once_before_its_first_use() -> None:
    probes: list[int] = []

    class Counting(MemoryStore):
        async def probe(self) -> None:
            probes.append(1)

    store = ProbedStore(Counting())
    await store.create("v1/a", b"1")
    await store.get("v1/a")
    await store.list("v1")

    assert probes == [1]


@pytest.mark.anyio
async def test_nothing_is_stored_where_the_probe_fails() -> None:
    behind = UnsafeStore()
    store = ProbedStore(behind)
    for _ in range(2):
        with pytest.raises(StoreError, match="It overwrites"):
            await store.create("v1/a", b"1")

    assert behind.probes == 2
    assert await behind.get("v1/a") is None
