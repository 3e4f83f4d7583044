"""The embedded server between real processes: one address per store, taken over when its process ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from reviewing import PLAIN

SECONDS = 60.0
"""How long a test waits for anything before it fails."""

HEAD = """
import asyncio, json, os, signal, sys, threading
from pathlib import Path
from urllib.parse import parse_qs

from pausepoint import new_event, pause, run
from pausepoint._event import replaced
from pausepoint._links import proof
from pausepoint._api.surface import HookedSurface
from pausepoint._local import LocalRuntime
from pausepoint._markers import Markers
from pausepoint._models import Answer, utc_now
from pausepoint._plugins import Hooks
from pausepoint._settings import Settings
from pausepoint._settling import Settling
from pausepoint._store import Records


def app_of(store, settings):
    '''What the embedded server needs of the form app, and its pid.'''
    records = Records(store)

    async def app(scope, receive, send):
        query = parse_qs(scope["query_string"].decode())
        told = {"pid": os.getpid()}
        if scope["path"] == "/health" and "nonce" in query:
            told["proof"] = proof(await records.identity_secret(), query["nonce"][0])
        elif scope["path"] == "/answer":
            request = await records.request(query["id"][0])
            settling = Settling(records, Markers(store), utc_now, lambda request_id: None)
            await settling.submit(request, Answer(value=int(query["value"][0])))
        elif scope["path"] == "/slow":
            tell(slow=True)
            await asyncio.sleep(float(query["seconds"][0]))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})

    return app


def tell(**facts):
    print(json.dumps(facts), flush=True)


def ask(name="how-many"):
    event = new_event(name, int, timeout_seconds=60)
    tell(url=event.endpoint, id=event.request_id, pid=os.getpid())
    return event


def surface():
    settings, hooks = Settings.load(), Hooks()
    hooks.fall_back_on(LocalRuntime(settings, app_factory=app_of, folder=Path(os.environ["SERVERS"])))
    return HookedSurface(settings, hooks)

"""

ASKS_AND_WAITS = """
with replaced(surface()):
    tell(value=ask(*sys.argv[1:]).wait())
"""


class Worker:
    """A process that asks; `told()` is the next line of facts that it prints."""

    def __init__(self, code: str, environ: dict[str, str], *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HEAD + code, *args],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pid = self.process.pid
        self.printed: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._read_facts, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read_facts(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.printed.extend(self.process.stderr)

    def told(self) -> dict[str, Any]:
        line = self._lines.get(timeout=SECONDS)
        if not line:
            self.process.wait(SECONDS)
            self._threads[1].join(SECONDS)
            pytest.fail("the worker ended early:\n" + "".join(self.printed))
        facts: dict[str, Any] = json.loads(line)
        return facts

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)

    def ended(self) -> int:
        code = self.process.wait(SECONDS)
        self._threads[1].join(SECONDS)
        return code

    def close(self) -> None:
        # Its own session, so this reaches the children that it forked and nobody else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(SECONDS)
        for thread in self._threads:
            thread.join(SECONDS)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


Start = Callable[..., Worker]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a worker on this test's own store, folder of addresses and port."""
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PAUSEPOINT_STORE": (tmp_path / "store").as_uri(),
        "PAUSEPOINT_PORT": str(free_port()),
        "SERVERS": str(tmp_path / "servers"),
    }
    workers: list[Worker] = []

    def starting(code: str = ASKS_AND_WAITS, *args: str, **more: str) -> Worker:
        workers.append(Worker(code, environ | more, *args))
        return workers[-1]

    yield starting
    for worker in workers:
        worker.close()


class _Agreeable(BaseHTTPRequestHandler):
    """Says 200 and something to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok", "proof": "' + b"0" * 64 + b'"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[Callable[[int], ThreadingHTTPServer]]:
    """Starts a server of somebody else's on a port."""
    servers: list[ThreadingHTTPServer] = []

    def listening(port: int) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", port), _Agreeable)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    yield listening
    for server in servers:
        server.shutdown()
        server.server_close()


def get(url: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(url, timeout=SECONDS, trust_env=False, verify=PLAIN).raise_for_status().json()
    return told


def pid_behind(url: str) -> int:
    pid: int = get(f"{url}/health")["pid"]
    return pid


def refuses(url: str) -> bool:
    """Nobody listens there any more; a port that is open but silent does not count."""
    try:
        socket.create_connection(("127.0.0.1", port_of(url)), timeout=SECONDS).close()
    except ConnectionRefusedError:
        return True
    return False


def answers(url: str) -> bool:
    """Somebody listens there and answers."""
    try:
        pid_behind(url)
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        return False
    return True


def eventually(true: Callable[[], bool]) -> None:
    """Wait until it is."""
    waited = threading.Event()
    for _ in range(int(SECONDS / 0.05)):
        if true():
            return
        waited.wait(0.05)
    pytest.fail("it never came true")


def links_printed_by(worker: Worker) -> list[str]:
    return [line.split()[-1] for line in worker.printed if line.startswith("  answer at  ")]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_the_first_question_starts_a_server_on_the_port_of_the_settings(start: Start) -> None:
    port = str(free_port())
    worker = start(PAUSEPOINT_PORT=port)
    asked = worker.told()

    assert asked["url"] == f"http://127.0.0.1:{port}"
    assert pid_behind(asked["url"]) == worker.pid


def test_a_second_process_finds_the_server_of_the_first(start: Start) -> None:
    first = start(ASKS_AND_WAITS, "one")
    served = first.told()
    second = start(ASKS_AND_WAITS, "two")
    found = second.told()

    assert found["url"] == served["url"]
    assert pid_behind(found["url"]) == first.pid
    get(f"{found['url']}/answer?id={found['id']}&value=7")
    assert second.told() == {"value": 7}


def test_processes_that_start_at_once_agree_on_one_address(start: Start) -> None:
    workers = [start(ASKS_AND_WAITS, f"question-{number}") for number in range(3)]

    assert len({worker.told()["url"] for worker in workers}) == 1


def test_another_store_has_another_server(start: Start, tmp_path: Path) -> None:
    first, second = start(), start(PAUSEPOINT_STORE=(tmp_path / "other").as_uri())

    urls = {first.told()["url"], second.told()["url"]}
    assert len(urls) == 2
    assert {pid_behind(url) for url in urls} == {first.pid, second.pid}


def test_lock_and_address_are_readable_by_their_owner_only(start: Start, tmp_path: Path) -> None:
    worker = start()
    asked = worker.told()
    folder = tmp_path / "servers"

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(file.suffix for file in folder.iterdir()) == [".json", ".lock"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    address = json.loads(next(folder.glob("*.json")).read_text())
    assert address == {"url": asked["url"], "pid": worker.pid}


def test_when_the_server_is_killed_a_waiting_process_takes_over_its_address_and_still_gets_its_answer(
    start: Start,
) -> None:
    first = start(ASKS_AND_WAITS, "one")
    first.told()
    second = start(ASKS_AND_WAITS, "two")
    asked = second.told()
    # A browser that keeps its connection leaves the dead server's end of it on the port.
    with socket.create_connection(("127.0.0.1", port_of(asked["url"]))) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        visitor.recv(1)
        first.kill()
        eventually(lambda: answers(asked["url"]))

    assert pid_behind(asked["url"]) == second.pid
    get(f"{asked['url']}/answer?id={asked['id']}&value=3")
    assert second.told() == {"value": 3}
    assert second.ended() == 0


def test_when_the_server_ends_well_a_waiting_process_takes_over_its_address(start: Start) -> None:
    first = start(ASKS_AND_WAITS, "one")
    served = first.told()
    second = start(ASKS_AND_WAITS, "two")
    asked = second.told()
    get(f"{served['url']}/answer?id={served['id']}&value=1")

    assert first.told() == {"value": 1}
    assert first.ended() == 0
    eventually(lambda: answers(asked["url"]))
    assert pid_behind(asked["url"]) == second.pid


def test_a_link_works_through_a_chain_of_takeovers(start: Start) -> None:
    workers = [start(ASKS_AND_WAITS, f"question-{number}") for number in range(3)]
    url = {worker.told()["url"] for worker in workers}.pop()
    for _ in range(2):
        serving = pid_behind(url)
        next(worker for worker in workers if worker.pid == serving).kill()
        eventually(lambda: answers(url))

    assert pid_behind(url) in {worker.pid for worker in workers if worker.process.poll() is None}


def test_a_killed_script_that_is_started_again_has_the_same_link_even_off_the_wanted_port(
    start: Start, stranger: Callable[[int], ThreadingHTTPServer]
) -> None:
    port = stranger(0).server_port
    code = f'with run("nightly"):\n    {ASKS_AND_WAITS.strip()}'.replace("\n    tell", "\n        tell")
    first = start(code, PAUSEPOINT_PORT=str(port))
    before = first.told()
    first.kill()
    after = start(code, PAUSEPOINT_PORT=str(port)).told()

    assert port_of(before["url"]) != port
    assert (after["url"], after["id"]) == (before["url"], before["id"])


def test_a_stranger_on_the_wanted_port_is_not_believed_and_another_port_is_used(
    start: Start, stranger: Callable[[int], ThreadingHTTPServer]
) -> None:
    port = stranger(0).server_port
    worker = start(PAUSEPOINT_PORT=str(port))
    asked = worker.told()

    assert port_of(asked["url"]) != port
    assert pid_behind(asked["url"]) == worker.pid


def test_a_stranger_at_the_shared_address_is_not_believed(
    start: Start, tmp_path: Path, stranger: Callable[[int], ThreadingHTTPServer]
) -> None:
    holder = start(ASKS_AND_WAITS, "one")
    holder.told()
    address = next((tmp_path / "servers").glob("*.json"))
    address.write_text(json.dumps({"url": f"http://127.0.0.1:{stranger(0).server_port}", "pid": holder.pid}))
    second = start(ASKS_AND_WAITS, "two")
    asked = second.told()

    assert pid_behind(asked["url"]) == second.pid
    assert any("does not answer" in line for line in second.printed)


def test_a_takeover_whose_port_a_stranger_took_uses_another_and_announces_the_new_link(
    start: Start, stranger: Callable[[int], ThreadingHTTPServer]
) -> None:
    first, second, third = (start(ASKS_AND_WAITS, name) for name in ("one", "two", "three"))
    asked = {worker: worker.told() for worker in (first, second, third)}
    old = asked[first]["url"]
    serving = next(worker for worker in asked if worker.pid == pid_behind(old))
    waiting = [worker for worker in asked if worker is not serving]
    # Nobody looks at the address while the stranger takes the port.
    for worker in waiting:
        worker.process.send_signal(signal.SIGSTOP)
    serving.kill()
    stranger(port_of(old))
    for worker in waiting:
        worker.process.send_signal(signal.SIGCONT)

    for worker in waiting:
        request_id = asked[worker]["id"]
        eventually(lambda worker=worker: len(links_printed_by(worker)) == 2)  # type: ignore[misc]
        first_link, new_link = links_printed_by(worker)
        assert first_link == f"{old}/form/{request_id}"
        new = new_link.removesuffix(f"/form/{request_id}")
        assert new != old
        get(f"{new}/answer?id={request_id}&value=5")
        assert worker.told() == {"value": 5}
        break  # who answers may be the one that serves


def test_a_forked_child_does_not_keep_the_port_open(start: Start) -> None:
    worker = start(
        """
with replaced(surface()):
    event = ask()
    child = os.fork()
    if child == 0:
        sys.stdin.readline()
        os._exit(0)
    tell(child=child)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    asked, child = worker.told(), worker.told()["child"]
    worker.process.wait(SECONDS)

    assert Path(f"/proc/{child}").exists() or sys.platform != "linux"
    eventually(lambda: refuses(asked["url"]))
    worker.go_on()


def test_a_forked_child_leaves_the_lock_to_its_parent_and_finds_its_server(start: Start) -> None:
    worker = start(
        """
with replaced(surface()):
    event = ask("parent")
    if os.fork() == 0:
        ask("child").wait()
        os._exit(0)
    event.wait()
    os.wait()
"""
    )
    parent, child = worker.told(), worker.told()

    assert child["pid"] != parent["pid"] == worker.pid
    assert child["url"] == parent["url"]
    assert pid_behind(child["url"]) == parent["pid"]
    for asked in (child, parent):
        get(f"{asked['url']}/answer?id={asked['id']}&value=1")
    assert worker.ended() == 0


def test_a_forked_child_that_waits_takes_over_from_its_parent(start: Start) -> None:
    worker = start(
        """
with replaced(surface()):
    event = ask("parent")
    if os.fork() == 0:
        tell(value=ask("child").wait())
        os._exit(0)
    event.wait()
"""
    )
    worker.told()
    child = worker.told()
    worker.kill()

    eventually(lambda: answers(child["url"]))
    assert pid_behind(child["url"]) == child["pid"]
    get(f"{child['url']}/answer?id={child['id']}&value=4")
    assert worker.told() == {"value": 4}


def test_a_forked_child_does_not_keep_its_parents_connections_open(start: Start) -> None:
    worker = start(
        """
with replaced(surface()):
    event = ask()
    sys.stdin.readline()
    child = os.fork()
    if child == 0:
        sys.stdin.readline()
        os._exit(0)
    tell(child=child)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    url = worker.told()["url"]
    with socket.create_connection(("127.0.0.1", port_of(url)), timeout=SECONDS) as visitor:
        visitor.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert visitor.recv(65536).startswith(b"HTTP/1.1 200")
        worker.go_on()
        worker.told()
        while visitor.recv(65536):  # ends with the parent, or times out because the child holds the connection
            pass
    worker.go_on()


def test_the_authors_signal_handlers_and_event_loop_are_untouched(start: Start) -> None:
    worker = start(
        """
def mine(*_):
    tell(caught=True)

def handlers():
    return {number: signal.getsignal(number) for number in signal.valid_signals()}

async def main():
    with replaced(surface()):
        await new_event.aio("how-many", int, timeout_seconds=60)
    tell(same_loop=asyncio.get_running_loop() is loop, tasks=len(asyncio.all_tasks()))

signal.signal(signal.SIGINT, mine)
signal.signal(signal.SIGTERM, mine)
before = handlers()
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
tell(same_handlers=handlers() == before, wakeup=signal.set_wakeup_fd(-1))
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGTERM)
"""
    )

    assert worker.told() == {"same_loop": True, "tasks": 1}
    assert worker.told() == {"same_handlers": True, "wakeup": -1}
    assert [worker.told(), worker.told()] == [{"caught": True}, {"caught": True}]
    assert worker.ended() == 0


def test_the_process_ends_although_a_visitor_keeps_a_connection_open(start: Start) -> None:
    worker = start(
        """
with replaced(surface()):
    ask()
    sys.stdin.readline()
"""
    )
    port = port_of(worker.told()["url"])
    visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    with socket.create_connection(("127.0.0.1", port)) as silent:
        visitor.request("GET", "/health")
        visitor.getresponse().read()
        worker.go_on()

        assert worker.ended() == 0
        assert silent.recv(1) == b""
    visitor.close()


def test_the_process_ends_although_a_request_never_does(start: Start) -> None:
    worker = start(
        """
with replaced(surface()):
    ask()
    sys.stdin.readline()
"""
    )
    port = port_of(worker.told()["url"])
    visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    visitor.request("GET", "/slow?seconds=600")
    assert worker.told() == {"slow": True}
    worker.go_on()

    assert worker.ended() == 0
    visitor.close()


def test_a_reply_under_way_still_arrives_when_the_process_ends(start: Start) -> None:
    worker = start(
        """
with replaced(surface()):
    ask()
    sys.stdin.readline()
"""
    )
    port = port_of(worker.told()["url"])
    visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    visitor.request("GET", "/slow?seconds=0.3")
    assert worker.told() == {"slow": True}
    worker.go_on()

    assert visitor.getresponse().status == 200
    assert worker.ended() == 0
    visitor.close()


def test_an_exception_ends_the_process_with_its_traceback(start: Start) -> None:
    worker = start("with replaced(surface()):\n    ask()\n    raise LookupError('mine')\n")
    worker.told()

    assert worker.ended() == 1
    assert "LookupError: mine" in worker.printed[-1]


def test_a_log_that_is_all_ears_has_no_whole_link_in_it(start: Start) -> None:
    worker = start(
        """
import logging
logging.basicConfig(level=logging.NOTSET, stream=sys.stderr)
with replaced(surface()):
    ask().wait()
"""
    )
    asked = worker.told()
    get(f"{asked['url']}/health?id={asked['id']}")
    get(f"{asked['url']}/answer?id={asked['id']}&value=1")

    assert worker.ended() == 0
    naming = [line for line in worker.printed if asked["id"] in line]
    assert naming == [f"  answer at  {asked['url']}/form/{asked['id']}\n"]


def test_an_app_of_another_store_at_pausepoint_url_is_refused_by_name(start: Start, tmp_path: Path) -> None:
    other = start(PAUSEPOINT_STORE=(tmp_path / "other").as_uri()).told()
    worker = start(PAUSEPOINT_URL=other["url"])

    assert worker.ended() == 1
    said = "".join(worker.printed)
    assert "ServeError" in said
    assert f"A form app of another store answers at PAUSEPOINT_URL ({other['url']})." in said


def test_the_app_of_this_store_at_pausepoint_url_is_used(start: Start) -> None:
    serving = start(ASKS_AND_WAITS, "one")
    url = serving.told()["url"]
    worker = start(ASKS_AND_WAITS, "two", PAUSEPOINT_URL=url + "/")

    assert worker.told()["url"] == url
    assert pid_behind(url) == serving.pid
