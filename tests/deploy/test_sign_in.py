"""Behind nginx/pausepoint-sso.conf: who has signed in is known by name, programs need not, and nobody can pretend."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from fronting import NAME, PREFIX
from house import OPERATOR
from test_front import answered, path_of

OAUTH2_PROXY = "http://oauth2-proxy:4180"
ANN = {"Cookie": "session=ann"}


class SignIn(BaseHTTPRequestHandler):
    """Answers nginx as oauth2-proxy does: 202 and a name for who is signed in, 401 for everybody else."""

    def do_GET(self) -> None:
        is_ann = "session=ann" in self.headers.get("Cookie", "")
        self.send_response(202 if is_ann and self.path == "/oauth2/auth" else 401)
        if is_ann:
            self.send_header("X-Auth-Request-Email", "ann@example.org")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def opened(house: Any) -> Iterator[Any]:
    """An installation with sign-in and one question that waits: the house, its workflow and the question's link."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SignIn)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    house.open(recipe="pausepoint-sso.conf", more=json.dumps({OAUTH2_PROXY: address}))
    workflow = house.workflow(1)
    yield house, workflow, workflow.links(1)[0]
    server.shutdown()
    server.server_close()


def raw(house: Any, target: str) -> str:
    """The head of what is answered to this very target, which no client would send as it is."""
    front = house.front
    with (
        socket.create_connection(("127.0.0.1", front.port), timeout=30) as plain,
        front.certificates.context().wrap_socket(plain, server_hostname=NAME) as encrypted,
    ):
        assert isinstance(encrypted, ssl.SSLSocket)
        encrypted.sendall(f"GET {target} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while chunk := encrypted.recv(65536):
            received += chunk
    return received.partition(b"\r\n\r\n")[0].decode("latin-1")


def test_who_has_signed_in_is_named_and_opens_every_question(opened: Any) -> None:
    house, workflow, link = opened
    with house.front.client() as browser:
        browser.headers.update(ANN)
        assert browser.get("/").status_code == 200
        assert answered(browser, link.partition("?")[0], "7").status_code == 200
    assert workflow.answers() == {0: 7}
    with house.front.client() as operator:
        operator.headers["Authorization"] = f"Bearer {OPERATOR}"
        [event] = operator.get("/api/v1/events?status=completed").json()["items"]
        detail = operator.get(f"/api/v1/events/{event['request_id']}").json()

    assert (detail["by"], detail["assurance"]) == ("ann@example.org", "verified")


def test_who_has_not_is_sent_to_sign_in_and_comes_back_without_the_token(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        for claim in ({}, {"X-Forwarded-User": "boss"}, {"X-Auth-Request-Email": "boss@example.org"}):
            reply = browser.get(path_of(link), headers=claim)
            assert reply.status_code == 302
            path = link.partition("?")[0].partition(PREFIX)[2]
            assert reply.headers["location"].endswith(f"/oauth2/start?rd={house.front.url}{path}")
            assert "max-age" in reply.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "path",
    [
        "/form/%0d%0aX-Planted:%20yes",
        "/form/a%26rd=https:%2f%2fevil.example",
        "/form/a%23b",
        "/form/%3frd=//evil.example",
    ],
)
def test_no_path_can_plant_a_header_or_another_way_back(opened: Any, path: str) -> None:
    house, _, _ = opened
    head = raw(house, PREFIX + path)

    assert head.startswith("HTTP/1.1 302")
    assert "X-Planted" not in head
    assert "evil.example" not in head
    assert "a#b" not in head


def test_the_way_back_is_ours_whatever_the_host_says(opened: Any) -> None:
    house, _, _ = opened
    with house.front.client() as browser:
        reply = browser.get("/", headers={"Host": "evil.example"})

    assert "evil.example" not in reply.headers["location"]


def test_programs_bring_bearers_and_are_not_sent_to_sign_in(opened: Any) -> None:
    house, _, link = opened
    event = path_of(link).partition("?")[0].rpartition("/")[2]
    bearer = {"Authorization": f"Bearer {link.partition('token=')[2]}"}
    with house.front.client() as program:
        for path in ("/api/v1/events", f"/status/{event}"):
            assert program.get(path, headers={"X-Forwarded-User": "boss"}).status_code == 401
        answer = {"request_id": event, "value": 3}
        assert program.post("/submit/json", json=answer, headers=bearer).status_code == 200
        assert program.get("/health").status_code == 200


def test_what_asks_who_somebody_is_and_the_figures_are_not_for_visitors(opened: Any) -> None:
    house, _, _ = opened
    outside = {"base_url": f"https://127.0.0.1:{house.front.port}"}
    with house.front.client() as browser:
        for path in ("/metrics", "/ready"):
            assert browser.get(path, headers=ANN).status_code == 404
        url = httpx.URL(f"{outside['base_url']}/oauth2/auth")
        assert browser.get(url, headers=ANN).status_code == 404


def test_no_token_and_no_whole_id_reaches_a_log(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        browser.get(path_of(link))
        browser.get(path_of(link), headers=ANN)
    logs = "".join(house.front.log(name) for name in ("access.log", "error.log"))

    assert "/form/" in logs
    assert link.partition("token=")[2] not in logs
    assert path_of(link).partition("?")[0].rpartition("/")[2] not in logs
