"""
A page of somebody else's, open in the reviewer's browser, can neither list, nor read, nor answer events.

The stranger's page runs scripts, knows the address of the app and the id of the event, and lies on another port of the
same host, under another name of the same host, or under a name that the stranger has pointed at the reviewer's machine.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

SECRET = "Shall we sell the house?"
MARKUP = b"<!doctype html><title>A stranger</title><iframe></iframe>"

# What a page can do without being allowed to read the reply; each is tried with every body below.
SENT = """async ([url, type, body]) => {
    const headers = type ? {"Content-Type": type} : {};
    await fetch(url, {method: "POST", mode: "no-cors", credentials: "include", headers, body}).catch(() => null);
    await fetch(url, {method: "POST", headers, body}).catch(() => null);
    navigator.sendBeacon(url, new Blob([body], {type}));
    await new Promise(done => {
        const request = new XMLHttpRequest();
        request.onloadend = done;
        request.open("POST", url);
        request.setRequestHeader("Content-Type", type);
        request.send(body);
    });
}"""
READ = """url => fetch(url).then(reply => reply.text(), () => "refused")"""
READ_BLINDLY = """url => fetch(url, {mode: "no-cors"}).then(reply => reply.text(), () => "refused")"""
LOADED = """([tag, url]) => new Promise(done => {
    const element = document.createElement(tag);
    element.onload = () => done("loaded");
    element.onerror = () => done("refused");
    element.src = url;
    document.body.append(element);
})"""
FORM = """([url, inputs, enctype]) => {
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: url, enctype});
    for (const [name, value] of Object.entries(inputs)) {
        const input = document.createElement("input");
        Object.assign(input, {type: "hidden", name, value});
        form.append(input);
    }
    document.body.append(form);
    form.submit();
}"""
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


class StrangersSite(http.server.BaseHTTPRequestHandler):
    """Sends the stranger's page for every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(MARKUP)))
        self.end_headers()
        self.wfile.write(MARKUP)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where the stranger's site listens."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), StrangersSite) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(params=["127.0.0.1", "localhost", "evil.example"])
def stranger(browser: Browser, port: int, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The stranger's page; `127.0.0.1` is the same site as the app for a browser, the others are not."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://{request.param}:{port}/")
    yield page
    context.close()


@pytest.fixture
def asked(asks: Any) -> Any:
    """A question that the stranger would like to answer."""
    return asks(bool, title=SECRET)


@pytest.fixture
def unchanged(asked: Any, store_folder: Path) -> Iterator[None]:
    """Nothing is stored meanwhile, the question stays open, and its reviewer can answer it."""

    def stored() -> set[Path]:
        return {path for path in store_folder.rglob("*") if path.is_file()}

    before = stored()
    yield
    assert stored() == before
    assert asked.stored() is None


def test_a_strangers_page_reads_neither_the_list_nor_an_event(asked: Any, stranger: Page, unchanged: None) -> None:
    app, request_id = asked.event.endpoint, asked.event.request_id
    places = ("/", "/api/v1/events", f"/api/v1/events/{request_id}", f"/form/{request_id}", f"/status/{request_id}")

    for url in [app + place for place in places]:
        assert stranger.evaluate(READ, url) == "refused"
        assert stranger.evaluate(READ_BLINDLY, url) == "refused", "not even into the stranger's own process"
        assert stranger.evaluate(LOADED, ["script", url]) == "refused"
        assert stranger.evaluate(LOADED, ["img", url]) == "refused"


def test_a_strangers_page_cannot_frame_a_form(asked: Any, stranger: Page, unchanged: None) -> None:
    with stranger.expect_response(asked.link):
        stranger.locator("iframe").evaluate("(frame, url) => { frame.src = url }", asked.link)

    inside = stranger.frame_locator("iframe")
    expect(inside.locator("body")).to_contain_text("refused to connect")
    expect(inside.get_by_text(SECRET)).to_have_count(0)


@pytest.mark.parametrize(
    "place", ["/submit", "/form/{}", "/submit/json", "/api/v1/events/{}/answer", "/api/v1/events/{}/cancel"]
)
def test_a_strangers_script_answers_nothing(asked: Any, stranger: Page, unchanged: None, place: str) -> None:
    request_id = asked.event.request_id
    url = asked.event.endpoint + place.format(request_id)
    json = f'{{"request_id": "{request_id}", "value": true}}'
    for media_type in ("text/plain", "application/json", *FORM_TYPES[:2], ""):
        stranger.evaluate(SENT, [url, media_type, json])
        stranger.evaluate(SENT, [url, media_type, '{"value": true, "reason": "x"}'])
        stranger.evaluate(SENT, [url, media_type, f"request_id={request_id}&v=true&action=&token="])


@pytest.mark.parametrize("enctype", FORM_TYPES)
def test_a_strangers_form_answers_nothing(asked: Any, stranger: Page, unchanged: None, enctype: str) -> None:
    request_id = asked.event.request_id
    # As text/plain this is sent as `{"request_id": "...", "value": true, "comment": "="}`.
    as_json = {f'{{"request_id": "{request_id}", "value": true, "comment": "': '"}'}
    for place, inputs in (
        ("/submit", {"request_id": request_id, "v": "true"}),
        ("/submit", {"request_id": request_id, "action": "decline"}),
        (f"/form/{request_id}", {"request_id": request_id, "v": "true"}),
        ("/submit/json", as_json),
        (f"/api/v1/events/{request_id}/answer", {'{"value": true, "comment": "': '"}'}),
    ):
        page = stranger.context.new_page()
        page.goto(stranger.url)
        with page.expect_response(asked.event.endpoint + place) as reply:
            page.evaluate(FORM, [asked.event.endpoint + place, inputs, enctype])
        assert reply.value.status == 403


@pytest.fixture
def with_tokens(store_folder: Path, tmp_path: Path) -> Iterator[None]:
    """A store of its own, whose links carry tokens."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("PAUSEPOINT_STORE", (tmp_path / "store").as_uri())
        environ.setenv("XDG_STATE_HOME", str(tmp_path))
        environ.setenv("PAUSEPOINT_LINKS", "token")
        yield


def test_a_stranger_gains_nothing_by_the_cookie_of_a_link_that_the_reviewer_has_opened(
    with_tokens: None, asks: Any, stranger: Page
) -> None:
    asked = asks(bool, title=SECRET)
    reviewer = stranger.context.new_page()
    reviewer.goto(asked.link)
    expect(reviewer.get_by_role("heading", name=SECRET)).to_be_visible()
    form = reviewer.locator("form").get_attribute("action")
    token = reviewer.locator("[name=token]").get_attribute("value")
    url = asked.event.endpoint + str(form)

    assert stranger.evaluate(READ, url) == "refused"
    # As if the stranger could even read the page, and had the form's own token from it.
    held = {"request_id": asked.event.request_id, "token": token, "v": "true"}
    stranger.evaluate(SENT, [url, FORM_TYPES[0], "&".join(f"{name}={value}" for name, value in held.items())])
    for enctype in FORM_TYPES:
        page = stranger.context.new_page()
        page.goto(stranger.url)
        with page.expect_response(url) as reply:
            page.evaluate(FORM, [url, held, enctype])
        assert reply.value.status == 403
    assert asked.stored() is None
    reviewer.get_by_role("button", name="Yes").click()
    assert asked.answer() is True


def test_what_the_strangers_form_sends_is_taken_from_our_own_page(asked: Any, page: Page) -> None:
    page.goto(asked.link)
    page.get_by_role("button", name="Yes").click()

    assert asked.answer() is True, "so it is the stranger that the tests above see refused"


@pytest.fixture
def rebound(browser: Browser, asked: Any) -> Iterator[Page]:
    """
    The stranger's page on a name that now leads to the app, and on its port: for the browser they are one origin.

    It is the app's own refusal, emptied and freed of its policy, because a page that the network did not send would be
    held back by Chromium itself, and it is the app that is tested.
    """
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"{asked.event.endpoint.replace('127.0.0.1', 'evil.example')}/before")
    page.evaluate("document.body.replaceChildren()")
    yield page
    context.close()


def test_a_name_that_is_pointed_at_the_app_reads_nothing(asked: Any, rebound: Page, unchanged: None) -> None:
    status = "url => fetch(url).then(async reply => [reply.status, await reply.text()])"
    for place in ("/", "/api/v1/events", f"/form/{asked.event.request_id}", "/health", "/openapi.json"):
        code, text = rebound.evaluate(status, place)
        assert code == 421
        assert SECRET not in text
        assert asked.event.request_id not in text


def test_a_name_that_is_pointed_at_the_app_answers_nothing(asked: Any, rebound: Page, unchanged: None) -> None:
    json = f'{{"request_id": "{asked.event.request_id}", "value": true}}'
    rebound.evaluate(SENT, ["/submit/json", "application/json", json])
    rebound.evaluate(SENT, [f"/api/v1/events/{asked.event.request_id}/answer", "application/json", '{"value": true}'])
    with rebound.expect_response("**/submit") as reply:
        rebound.evaluate(FORM, ["/submit", {"request_id": asked.event.request_id, "v": "true"}, FORM_TYPES[0]])

    assert reply.value.status == 421


def test_a_link_under_a_foreign_name_says_so(asked: Any, browser: Browser, unchanged: None) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    reply = page.goto(asked.link.replace("127.0.0.1", "evil.example"))

    assert reply is not None
    assert reply.status == 421
    expect(page.get_by_role("heading", name="This address is not ours")).to_be_visible()
    expect(page.get_by_text(SECRET)).to_have_count(0)
    context.close()
