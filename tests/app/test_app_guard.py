"""What somebody else's page, a scanner or a rebinding name server may try, and what every response carries."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request as HttpRequest

from pausepoint.app.guard import DRAIN_BYTES

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
NONCE = "n" * 24
EVERY_GET = ["/", "/form/{id}", "/status/{id}", "/health", f"/health?nonce={NONCE}", "/ready", "/openapi.json",
             "/api/v1/events", "/api/v1/events/{id}", "/static/pausepoint.css", "/files/{id}/x", "/favicon.ico",
             "/form/nobody", "/nowhere", "/submit"]  # fmt: skip
EVERY_POST = ["/submit", "/submit/json", "/api/v1/events/{id}/answer", "/api/v1/events/{id}/cancel"]


def at(path: str, request: Any) -> str:
    return path.replace("{id}", request.request_id)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("state", ["new", "pending", "overdue"])
async def test_looking_at_anything_changes_nothing_in_the_store(house: Any, method: str, state: str) -> None:
    request = await house.ask(int)
    if state == "new":
        house = type(house)()
    elif state == "overdue":
        request = await house.ask(int, deadline=request.created_at)
    async with house.browser() as browser:
        for path in EVERY_GET:
            await browser.request(method, at(path, request))

    assert not house.store.created


@pytest.mark.parametrize("path", EVERY_GET)
async def test_head_is_get_without_its_body(house: Any, path: str) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        got, head = [await browser.request(method, at(path, request)) for method in ("GET", "HEAD")]

    assert head.content == b""
    assert head.status_code == got.status_code
    assert head.headers["content-type"] == got.headers["content-type"] if "content-type" in got.headers else True


async def test_no_server_has_to_drop_the_body_of_a_head(house: Any) -> None:
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "HEAD",
        "path": "/health",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await house.app()(scope, receive, send)

    assert sent[0]["status"] == 200
    assert [message.get("body") for message in sent[1:]] == [b""] * (len(sent) - 1)


@pytest.mark.parametrize("path", EVERY_GET + EVERY_POST)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("fails", [False, True])
async def test_every_response_carries_every_security_header(house: Any, path: str, method: str, fails: bool) -> None:
    request = await house.ask(int)
    app = house.app()
    house.store.fails = lambda what, place: fails
    async with house.browser(app) as browser:
        headers = (await browser.request(method, at(path, request))).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert "no-store" in headers["cache-control"] or path.startswith("/static/")
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.9.8.7:65535", "[::1]", "[::1]:8931"])
async def test_a_loopback_host_is_ours(house: Any, host: str) -> None:
    async with house.browser(host=host) as browser:
        assert (await browser.get("/health")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/form/{id}", "/api/v1/events", "/submit/json", "/nowhere"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::]", "10.0.0.1", "127.1", "",
     "2130706433", "localhost:99999", "localhost@evil.example", "localhost/x", "forms.example.org.evil", "testserver"],
)  # fmt: skip
async def test_a_foreign_host_learns_nothing(house: Any, path: str, host: str) -> None:
    request = await house.ask(int, title="A title that nobody else may read")
    app = house.app(public_url="https://forms.example.org/questions")
    async with house.browser(app, host=host) as browser:
        got = await browser.get(at(path, request))
        sent = await browser.post(at(path, request), json={"request_id": request.request_id, "value": 1})

    assert got.status_code == sent.status_code == 421
    assert request.title not in got.text + sent.text
    assert await house.response(request) is None


async def test_the_page_that_refuses_a_foreign_host_has_its_style(house: Any) -> None:
    async with house.browser(host="evil.example") as browser:
        refused = await browser.get("/")
        style = await browser.get("/static/pausepoint.css")

    assert refused.status_code == 421
    assert 'href="/static/pausepoint.css"' in refused.text
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")


async def test_a_reviewer_is_not_told_what_only_an_operator_can_do(house: Any) -> None:
    await house.ask(int)
    await house.store.create(f"v1/events/{'z' * 26}/request.json", b"{")
    async with house.browser() as browser:
        broken = await browser.get(f"/form/{'z' * 26}")
        told = (await browser.get(f"/api/v1/events/{'z' * 26}")).json()
    async with house.browser(house.app(links="token")) as browser:
        closed = await browser.get("/")
        asked = (await browser.get("/api/v1/events")).json()

    assert (broken.status_code, closed.status_code) == (500, 401)
    for page, words, instruction in (
        (broken.text, "no fault of yours", "Restore it from a backup"),
        (closed.text, "Open the link of the question itself.", "PAUSEPOINT_API_TOKEN"),
    ):
        before, folded, after = page.partition("<details")
        assert words in before
        assert folded
        assert instruction not in before
        assert instruction in after
    assert "Restore it from a backup" in told["todo"]
    assert "PAUSEPOINT_API_TOKEN" in asked["todo"]


async def test_the_public_host_is_ours_and_no_longer_the_machine_itself(house: Any) -> None:
    request = await house.ask(int)
    app = house.app(public_url="https://forms.example.org/questions", links="open")
    async with house.browser(app, host="forms.example.org", origin="https://forms.example.org") as browser:
        assert (await browser.submitted(request, {"v": "1"})).status_code == 200

    assert (await house.response(request)).by.assurance == "link"


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "http://127.0.0.1:8932"},
    {"origin": "https://127.0.0.1:8931"},
    {"origin": "http://localhost:8931"},
    {"origin": "http://127.0.0.1:8931.evil.example"},
    {"origin": "null"},
    {"origin": "null", "sec_fetch_site": "cross-site"},
    {"origin": "null", "sec_fetch_site": "same-site"},
    {"origin": ""},
    {"origin": "file://"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"origin": "http://127.0.0.1:8931", "sec_fetch_site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_another_sites_page_can_send_nothing(house: Any, headers: dict[str, str]) -> None:
    request = await house.ask(int)
    app = house.app()
    async with house.browser(app) as own, house.browser(app, **headers) as foreign:
        held = await own.opened(request) | {"v": "1"}
        answers = [
            await foreign.post("/submit", data=held),
            await foreign.post("/submit/json", json={"request_id": request.request_id, "value": 1}),
            await foreign.post(f"/api/v1/events/{request.request_id}/answer", json={"value": 1}),
            await foreign.post(f"/api/v1/events/{request.request_id}/cancel", json={}),
        ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert not house.store.created


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8931"},
        {"origin": "http://127.0.0.1:8931", "sec_fetch_site": "same-origin"},
        # What Chromium sends for a form on a page without referrer.
        {"origin": "null", "sec_fetch_site": "same-origin"},
    ],
    ids=str,
)
async def test_our_own_page_can_send(house: Any, headers: dict[str, str]) -> None:
    request = await house.ask(int)
    async with house.browser(**headers) as browser:
        assert (await browser.submitted(request, {"v": "1"})).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
async def test_other_methods_are_refused_everywhere(house: Any, method: str) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        for path in EVERY_GET + EVERY_POST:
            reply = await browser.request(method, at(path, request))
            assert reply.status_code == (404 if path == "/nowhere" else 405)
            assert reply.status_code == 404 or set(reply.headers["allow"].split(", ")) <= {"GET", "HEAD", "POST"}


async def test_a_route_that_takes_one_method_names_it(house: Any) -> None:
    async with house.browser() as browser:
        assert (await browser.get("/submit")).headers["allow"] == "POST"
        assert (await browser.post("/health")).headers["allow"] == "GET, HEAD"
        assert (await browser.put("/form/x")).headers["allow"] == "GET, HEAD, POST"


class Body:
    """An endless body that counts how much of it is taken."""

    def __init__(self, size: float = float("inf")) -> None:
        self.taken = 0
        self._size = size

    async def __aiter__(self) -> Any:
        while self.taken < self._size:
            self.taken += 65536
            yield b"x" * 65536


@pytest.mark.parametrize("path", EVERY_POST)
@pytest.mark.parametrize("length", [None, str(11 * MIB)])
async def test_a_body_beyond_its_limit_is_refused(house: Any, path: str, length: str | None) -> None:
    request = await house.ask(int)
    kind = "application/x-www-form-urlencoded" if path == "/submit" else "application/json"
    headers = {"content-type": kind} | ({"content-length": length} if length else {})
    async with house.browser() as browser:
        reply = await browser.post(at(path, request), content=Body(11 * MIB), headers=headers)

    assert reply.status_code == 413
    assert reply.headers["connection"] == "close"
    assert not house.store.created


async def test_an_endless_body_is_not_read_to_its_end(house: Any) -> None:
    body = Body()
    async with house.browser() as browser:
        reply = await browser.post("/submit/json", content=body, headers={"content-type": "application/json"})

    assert reply.status_code == 413
    assert body.taken < 2 * MIB + DRAIN_BYTES


async def test_a_body_at_its_limit_is_taken(house: Any) -> None:
    request = await house.ask(str)
    frame = len(f'{{"request_id":"{request.request_id}","value":""}}')
    text = "x" * (MIB - frame)
    async with house.browser(content_type="application/json") as browser:
        whole = f'{{"request_id":"{request.request_id}","value":"{text}"}}'
        more = await browser.post("/submit/json", content=whole + " ")
        # It arrives whole, and is then too large for one record with what belongs around it.
        full = await browser.post("/submit/json", content=whole)
        less = await browser.post("/submit/json", content=whole.replace("x" * 1000, "", 1))

    assert [reply.status_code for reply in (more, full, less)] == [413, 422, 200]


async def test_an_unforeseen_failure_tells_and_logs_no_value(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    app: FastAPI = house.app()

    async def fails(http: HttpRequest) -> None:
        raise RuntimeError(http.path_params["word"] + "hunter" + "2")

    app.add_api_route("/fails/{word}", fails)
    async with house.browser(app) as browser:
        reply = await browser.get("/fails/s3cret")

    assert reply.status_code == 500
    assert "Something went wrong" in reply.text
    assert reply.headers["x-frame-options"] == "DENY"
    assert "GET /fails/{word} failed with RuntimeError" in caplog.text
    assert "hunter2" not in reply.text + caplog.text
    assert "s3cret" not in caplog.text


async def test_a_sender_who_goes_away_is_no_failure(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "path": "/submit/json", "query_string": b"", "headers": headers}
    await house.app()(scope, receive, send)

    assert not sent
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_no_answer_token_or_whole_id_is_logged(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    request = await house.ask(str)
    broken = await house.ask(str)
    await house.store.create(f"v1/events/{broken.request_id}/response.json", b"{hunter2")
    app = house.app(api_token="0perator")
    async with house.browser(app) as browser:
        held = await browser.opened(request)
        for typed in (
            {"v": "hunter2", "token": "f0rged"},
            {"v": "hunter2", "comment": "hunter2" * 2000},
            {"v": "hunter2"},
        ):
            await browser.post("/submit", data=held | typed)
        await browser.post("/submit/json", json={"request_id": request.request_id, "value": "hunter2"})
        await browser.post("/submit/json", json={"request_id": broken.request_id, "value": "hunter2"})
        await browser.post("/submit/json", json={"request_id": request.request_id, "hunter2": "hunter2"})
        await browser.get("/api/v1/events", headers={"authorization": "Bearer wr0ng"})
        house.store.fails = lambda what, path: True
        await browser.post("/submit", data=held | {"v": "hunter2"})
        await browser.get(f"/form/{request.request_id}")

    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    said = ("hunter2", "0perator", "wr0ng", "f0rged", held["token"], request.request_id, broken.request_id)
    assert not [secret for secret in said if secret in ours]


async def test_a_framework_that_traces_requests_by_itself_is_told_not_to(house: Any) -> None:
    told = getattr(house.app(), "_telemetry", None)

    assert told is None or told["exclude"]({"type": "http", "path": "/form/x"})


async def test_a_mounted_app_needs_no_start_and_stays_below_its_prefix(house: Any) -> None:
    request = await house.ask(int)
    outer = FastAPI()
    outer.mount("/some/questions", house.app())
    async with house.browser(outer) as browser:
        inbox = await browser.get("/some/questions/")
        form = await browser.get(f"/some/questions/form/{request.request_id}")
        item = (await browser.get("/some/questions/api/v1/events")).json()["items"][0]
        missing = await browser.get("/some/questions/status/zz")
        lost = await browser.get("/some/questions/form/zz")
        described = (await browser.get("/some/questions/openapi.json")).json()
        style = await browser.get("/some/questions/static/pausepoint.css")

    prefixed = 'href="/some/questions/'
    assert inbox.text.count('href="/') == inbox.text.count(prefixed) > 1
    assert 'action="/some/questions/form/' in form.text
    assert prefixed in lost.text
    assert item["form_url"] == f"/some/questions/form/{request.request_id}"
    assert (missing.status_code, missing.json()["status"]) == (404, "not_found")
    assert described["servers"] == [{"url": "/some/questions"}]
    assert style.status_code == 200


async def test_a_server_that_strips_a_prefix_is_respected(house: Any) -> None:
    request = await house.ask(int)
    transport = httpx.ASGITransport(house.app(), root_path="/behind")
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/behind") as browser:
        form = await browser.get(f"/form/{request.request_id}")

    assert form.status_code == 200
    assert 'action="/behind/form/' in form.text


@pytest.mark.parametrize("prefix", ["/a", "/behind"])
async def test_a_program_is_told_in_json_below_any_prefix(house: Any, prefix: str) -> None:
    transport = httpx.ASGITransport(house.app(), root_path=prefix)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
        stripped = await browser.get("/api/v1/nowhere")
        kept = await browser.get(f"{prefix}/api/v1/nowhere")

    for reply in (stripped, kept):
        assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")
