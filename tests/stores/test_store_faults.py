"""Replies that are lost, cut, refused, endless or too large: what is said, what is not, and what is not believed."""

from __future__ import annotations

import contextlib
import logging
import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from pausepoint._store import FsspecStore, Records, layout, open_store
from pausepoint._store.buckets import bucket_at
from pausepoint._store.keys import new_store_info
from pausepoint._store.objects import BucketObjects
from pausepoint.errors import StoreError, UnreadableRecordError, UsageError

ID = "abcdefghijklmnopqrstuvwxyz"
SECRET = "s3cret-s3cret-s3cret"
PAGE = """<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>
<Contents><Key>store/v1/a</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>
</ListBucketResult>"""

pytestmark = pytest.mark.timeout(400)


class Listener:
    """
    A server on a free port of loopback that gives each connection to a function, in a thread of its own.

    Args:
        serve: Takes a connection; may return or fail when it likes.
    """

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._guarded, args=[self._listening.accept()[0]], daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._serve(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread, whose socket would go on listening
        self._listening.close()


class Scripted:
    """
    S3 as told: gives out the replies in their order, the last one for ever, one per connection.

    Args:
        replies: HTTP status and body of each.
    """

    def __init__(self, *replies: tuple[int, str]) -> None:
        self._replies = list(replies)
        self.requests: list[bytes] = []
        self.sent = 0
        self.listener = Listener(self.reply)

    def reply(self, connection: socket.socket) -> None:
        self.requests.append(request_of(connection))
        status, body = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        self.send(connection, status, body.encode())

    def send(self, connection: socket.socket, status: int, body: bytes, size: int | None = None) -> None:
        length = len(body) if size is None else size
        head = f'HTTP/1.1 {status} -\r\nContent-Length: {length}\r\nETag: "1"\r\nConnection: close\r\n'
        connection.sendall(f"{head}Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n".encode() + body)


class Huge(Scripted):
    """S3 with an object of a terabyte; counts what of it could be sent."""

    def reply(self, connection: socket.socket) -> None:
        self.requests.append(request_of(connection))
        self.send(connection, 200, b"", size=1 << 40)
        while True:
            self.sent += connection.send(b"x" * 65536)


class Cut(Scripted):
    """S3 that promises more than it sends."""

    def reply(self, connection: socket.socket) -> None:
        self.requests.append(request_of(connection))
        self.send(connection, 200, b"half", size=8)


class Silent(Scripted):
    """S3 that takes a request and says nothing until the client goes away."""

    def reply(self, connection: socket.socket) -> None:
        self.requests.append(request_of(connection))
        connection.recv(1)


class Undeletable(Scripted):
    """S3 with one object and without the permission to delete."""

    def reply(self, connection: socket.socket) -> None:
        request = request_of(connection)
        method, body = request.split()[0], request.partition(b"\r\n\r\n")[2]
        if method == b"PUT":
            # Appended first: of the writers that come at the same time only the one at the front has won.
            self.requests.append(body)
            self.send(connection, 200 if self.requests[0] is body else 412, b"")
        elif method == b"GET":
            self.send(connection, 200, self.requests[0])
        else:
            self.send(connection, 403, error("AccessDenied").encode())


def request_of(connection: socket.socket) -> bytes:
    """Read one request: its head, and the body that the head announces."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = received.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    while len(body) < int(sizes[0] if sizes else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>about {ID} and {SECRET}</Message></Error>"


@pytest.fixture
def scripted(use: Callable[..., str], ministack: Any) -> Iterator[Callable[..., Any]]:
    """A function that starts a scripted server, and puts it into the environment."""
    started: list[Listener] = []

    def start(*replies: tuple[int, str], kind: type[Scripted] = Scripted) -> Scripted:
        server = kind(*replies)
        started.append(server.listener)
        use(ministack, AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.listener.port}", AWS_SECRET_ACCESS_KEY=SECRET)
        return server

    yield start
    for listener in started:
        listener.close()


@pytest.fixture
def cutting(use: Callable[..., str], ceph: Any) -> Iterator[Callable[[int], None]]:
    """A function that puts a proxy before Ceph which lets writes through, and cuts the first *times* replies to one."""
    started: list[Listener] = []

    def start(times: int) -> None:
        left = [times]

        def pass_on(client: socket.socket) -> None:
            request = request_of(client)
            with socket.create_connection(("127.0.0.1", ceph.port)) as upstream:
                upstream.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                reply = b"".join(iter(lambda: upstream.recv(65536), b""))
            if request.startswith(b"PUT ") and left[0] > 0:
                left[0] -= 1
                return
            client.sendall(reply)

        listener = Listener(pass_on)
        started.append(listener)
        use(ceph, AWS_ENDPOINT_URL=f"http://127.0.0.1:{listener.port}")

    yield start
    for listener in started:
        listener.close()


# Replies that never arrive


@pytest.mark.parametrize("times", [1, 4, 6], ids=["once", "to every try of one write", "to the next write, too"])
def test_whoever_lost_the_reply_to_a_write_has_won(times: int, cutting: Callable[[int], None], ceph: Any) -> None:
    cutting(times)
    records = Records(open_store(f"{ceph.url}/lost-{times}"), [0.0] * 5)
    ours = new_store_info()
    put = anyio.run(records.put_once, layout.STORE, ours)
    assert put.won
    assert put.record == ours
    assert not anyio.run(records.put_once, layout.STORE, new_store_info()).won


def test_the_probe_does_not_blame_a_store_for_a_lost_reply(cutting: Callable[[int], None], ceph: Any) -> None:
    cutting(8)
    anyio.run(open_store(f"{ceph.url}/probed").probe)


def test_a_server_that_does_not_listen_is_an_error_that_says_so(scripted: Callable[..., Any]) -> None:
    server = scripted((200, ""))
    server.listener.close()
    with pytest.raises(StoreError, match=r"s3://.* could not be read .*: no connection could be made") as failed:
        anyio.run(open_store("s3://bucket").get, "v1/a")
    assert "endpoint" in failed.value.todo


def test_a_server_that_does_not_reply_is_given_up(scripted: Callable[..., Any]) -> None:
    scripted(kind=Silent)
    store = FsspecStore(BucketObjects(bucket_at("s3://bucket"), call_seconds=0.2))
    with pytest.raises(StoreError, match="did not reply in time"):
        anyio.run(store.create, "v1/a", b"")


def test_a_reply_that_is_cut_is_an_error_and_not_half_an_object(scripted: Callable[..., Any]) -> None:
    scripted(kind=Cut)
    with pytest.raises(StoreError):
        anyio.run(open_store("s3://bucket").get, "v1/a")


# Replies that say no


@pytest.mark.parametrize(
    ("status", "code"), [(409, "ConditionalRequestConflict"), (409, "OperationAborted"), (400, "Anything")]
)
def test_a_write_whose_outcome_is_unknown_is_an_error_and_not_lost(
    status: int, code: str, scripted: Callable[..., Any]
) -> None:
    scripted((status, error(code)))
    with pytest.raises(StoreError, match=f"HTTP {status} {code}"):
        anyio.run(open_store("s3://bucket").create, "v1/a", b"")


def test_a_write_that_met_another_one_in_flight_is_tried_again(scripted: Callable[..., Any]) -> None:
    server = scripted((409, error("ConditionalRequestConflict")), (404, error("NoSuchKey")), (200, ""))
    put = anyio.run(Records(open_store("s3://bucket"), [0.0] * 5).put_once, layout.STORE, new_store_info())
    assert put.won
    assert [request.split()[0] for request in server.requests] == [b"PUT", b"GET", b"PUT"]


def test_every_write_is_conditional_whatever_the_environment_says(
    scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted((200, ""))
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    assert anyio.run(open_store("s3://bucket").create, "v1/a", b"x" * 10_000_000)
    [request] = server.requests
    assert b"if-none-match: *\r\n" in request.partition(b"\r\n\r\n")[0].lower() + b"\r\n"


def test_a_missing_bucket_is_an_error_and_not_an_absent_object(scripted: Callable[..., Any]) -> None:
    scripted((404, error("NoSuchBucket")))
    store = open_store("s3://bucket")
    for call in (lambda: store.get("v1/a"), lambda: store.create("v1/a", b""), lambda: store.list("v1"), store.probe):
        with pytest.raises(StoreError, match="HTTP 404 NoSuchBucket") as failed:
            anyio.run(call)
        assert "Create the bucket" in failed.value.todo


def test_what_is_not_permitted_is_tried_once(scripted: Callable[..., Any]) -> None:
    server = scripted((403, error("AccessDenied")))
    with pytest.raises(StoreError, match="HTTP 403 AccessDenied") as failed:
        anyio.run(Records(open_store("s3://bucket")).put_once, layout.STORE, new_store_info())
    assert "credentials" in failed.value.todo
    assert len(server.requests) == 1


def test_a_probe_that_may_not_delete_leaves_its_object_and_passes(scripted: Callable[..., Any]) -> None:
    scripted(kind=Undeletable)
    anyio.run(open_store("s3://bucket").probe)


# Replies that are too large, or never end


def test_an_object_beyond_the_limit_is_not_read(scripted: Callable[..., Any]) -> None:
    server = scripted(kind=Huge)
    with pytest.raises(UnreadableRecordError, match="1099511627776 bytes"):
        anyio.run(open_store("s3://bucket").get, "v1/a")
    assert len(server.requests) == 1
    assert server.sent < 10_000_000  # what the buffers of two sockets hold


@pytest.mark.parametrize("after", ["", "0"])
def test_a_listing_that_never_ends_is_given_up(after: str, scripted: Callable[..., Any]) -> None:
    server = scripted((200, PAGE))
    store = FsspecStore(BucketObjects(bucket_at("s3://bucket/store"), list_seconds=1.0))
    with pytest.raises(StoreError, match="did not reply in time"):
        anyio.run(store.list, "v1", after)
    assert len(server.requests) > 1


# Requests, and what is in them


def test_reading_listing_and_writing_are_one_request_each(scripted: Callable[..., Any]) -> None:
    server = scripted((200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"))
    store = open_store("s3://bucket/store")
    anyio.run(store.create, "v1/a", b"x")
    anyio.run(store.get, "v1/a")
    anyio.run(store.list, "v1/minute", "0001")
    assert [b" ".join(request.split()[:2]) for request in server.requests] == [
        b"PUT /bucket/store/v1/a",
        b"GET /bucket/store/v1/a",
        b"GET /bucket?list-type=2&prefix=store%2Fv1%2Fminute%2F&start-after=store%2Fv1%2Fminute%2F0001",
    ]


def test_no_secret_and_no_whole_id_is_shown(scripted: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scripted((500, error("InternalError")))
    store = open_store("s3://bucket/store")
    path = layout.request_path(ID)
    shown = [repr(store), repr(pickle.dumps(store))]
    for call in (lambda: store.get(path), lambda: store.create(path, b""), lambda: store.list(path), store.probe):
        with pytest.raises(StoreError) as failed:
            anyio.run(call)
        shown += [str(failed.value), repr(failed.value), repr(failed.value.__cause__), repr(failed.value.__context__)]
    shown += [repr(store), repr(pickle.dumps(store)), repr(vars(store)), caplog.text]
    for text in shown:
        assert SECRET not in text
        assert ID not in text
    assert ID[:8] in "".join(shown)


def test_unencrypted_http_needs_an_endpoint_that_says_so(
    scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted((200, ""))
    port = server.listener.port
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("GOOGLE_BASE_URL", f"https://127.0.0.1:{port}")
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", SECRET)
    with pytest.raises(StoreError):
        anyio.run(open_store("gs://bucket").get, "v1/a")
    assert not any(SECRET.encode() in request for request in server.requests)


def test_an_environment_that_lacks_something_is_told(use: Callable[..., str], azurite: Any) -> None:
    use(azurite, AZURE_STORAGE_ACCOUNT_KEY=f"{SECRET} is no base64")
    with pytest.raises(UsageError, match="Azure") as failed:
        anyio.run(open_store(azurite.url).get, "v1/a")
    assert SECRET not in repr(failed.value) + repr(failed.value.__context__)


def test_a_store_goes_through_pickle(use: Callable[..., str], ministack: Any) -> None:
    store = open_store(f"{use(ministack)}/pickled")
    anyio.run(store.create, "v1/a", b"here")
    again = pickle.loads(pickle.dumps(store))
    assert again.url == store.url
    assert anyio.run(again.get, "v1/a") == b"here"
