"""Behind a real nginx with TLS and a prefix: pages, streams, headers and cookies are right; strangers are refused."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from fronting import NAME, PREFIX
from house import OPERATOR

from pausepoint._links import stream_bearer
from pausepoint._store import Records, open_store

from reviewing import LIMIT, Inputs

TOKEN = re.compile(r"[?&]token=([^&\s]+)")


@pytest.fixture
def opened(house: Any) -> Any:
    """An installation with one question that waits: the house, its workflow and the question's link."""
    house.open()
    workflow = house.workflow(1)
    return house, workflow, workflow.links(1)[0]


def path_of(link: str) -> str:
    """The link's path and query below the prefix."""
    return link.partition(PREFIX)[2]


def form_of(page: str) -> str:
    """Where a page's form is sent, below the prefix."""
    [action] = re.findall(r'<form method="post" action="([^"]+)"', page)
    assert action.startswith(f"{PREFIX}/"), "it is of this installation"
    return action.removeprefix(PREFIX)


def answered(browser: httpx.Client, link: str, value: str, **more: str) -> httpx.Response:
    """Open a link and send its form, as a browser does."""
    page = browser.get(path_of(link), follow_redirects=True).raise_for_status()
    origin = str(link).partition(PREFIX)[0]
    data = {**Inputs(page.text).inputs, "v": value, **more}
    return browser.post(form_of(page.text), data=data, headers={"Origin": origin})


# ---- what is right


def test_a_browser_opens_a_link_and_answers_it(opened: Any, chromium: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    house, workflow, link = opened
    arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--no-proxy-server"]
    with sync_playwright() as playwright:
        # It trusts our CA as a reviewer's browser trusts a real one, and nothing else.
        environ = house.certificates.in_home(tmp_path / "home")
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments, env=environ)
        page = browser.new_page()
        page.goto(link)
        assert "token=" not in page.url
        assert page.url.startswith(f"{house.front.url}/form/")
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator("[name=v]").fill("42")
        with page.expect_navigation():
            page.locator("[name=v]").press("Enter")
        cookies = page.context.cookies()
        browser.close()

    assert workflow.answers() == {0: 42}
    assert background != "rgba(0, 0, 0, 0)", "the style sheet is found below the prefix"
    assert cookies
    assert all(cookie["secure"] and cookie["httpOnly"] and cookie["path"].startswith(PREFIX) for cookie in cookies)


def test_hints_pass_through_as_they_are_said(opened: Any) -> None:
    house, workflow, link = opened
    workflow.until_pushed()
    secret = asyncio.run(Records(open_store(house.machine.store)).identity_secret())
    headers = {"Authorization": f"Bearer {stream_bearer(secret)}"}
    with house.front.client() as browser, browser.stream("GET", "/api/v1/stream", headers=headers) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: hello"
        with house.front.client() as reviewer:
            assert answered(reviewer, link, "7").status_code == 200
        said = next(line for line in lines if line.startswith("data: "))

    assert said.removeprefix("data: ") in link
    assert workflow.answers() == {0: 7}
    # Its stream was the way: the workflow told the app how fast it went on, and only who follows a stream does.
    [port] = house.apps
    house.until_counted(port, "pausepoint_resume_seconds_count", 1)


def test_a_redirect_leads_to_the_public_address_and_its_cookie_stays_below_the_prefix(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        traded = browser.get(path_of(link))
        cookies = traded.headers.get_list("set-cookie")

    assert traded.status_code == 303
    assert "token" not in traded.headers["location"]
    assert traded.headers["location"].startswith((f"{PREFIX}/form/", f"{house.front.url}/form/"))
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Secure-")
        assert {"Secure", "HttpOnly"} <= {part.strip() for part in cookie.split(";")}
        assert f"Path={PREFIX}/" in cookie


def test_each_response_has_the_headers_that_keep_other_sites_out(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        page = browser.get(path_of(link), follow_redirects=True)

    assert page.headers["strict-transport-security"].startswith("max-age=")
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "script-src" not in page.headers["content-security-policy"]
    assert "server" not in page.headers or "uvicorn" not in page.headers["server"]


def test_the_id_of_a_request_is_the_proxys_in_both_logs(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        given = browser.get(path_of(link), headers={"X-Request-ID": "my-own-request-id"}).headers["x-request-id"]
    [app] = house.apps.values()
    house.front.stop()

    assert re.fullmatch("[0-9a-f]{32}", given)
    assert given in house.front.log()
    app.process.terminate()
    app.wait()
    assert f'"http_id": "{given}"' in "".join(app.stderr)


def test_no_token_and_no_whole_id_reaches_a_log(opened: Any) -> None:
    house, workflow, link = opened
    token = TOKEN.search(link)
    assert token
    with house.front.client() as browser:
        assert answered(browser, link, "7").status_code == 200
        browser.get(path_of(link) + "x")
    assert workflow.answers() == {0: 7}
    [(port, app)] = house.apps.items()
    app.kill()
    with house.front.client() as browser:
        assert browser.get(path_of(link)).status_code == 502
    house.front.stop()
    logged = house.front.log() + house.front.log("error.log") + app.told
    request_id = link.partition("/form/")[2][:26]

    assert "/form/" in logged
    assert token[1] not in logged
    assert request_id not in logged
    assert port


# ---- what is refused


def test_a_foreign_host_is_refused(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        for host in ("evil.example", f"{NAME}.evil.example", "10.1.2.3"):
            for path in ("/", path_of(link), "/api/v1/events"):
                assert browser.get(path, headers={"Host": host}).status_code == 421


def test_a_visitor_who_claims_to_be_somebody_is_nobody(opened: Any) -> None:
    house, workflow, link = opened
    claims = {"X-Forwarded-User": "boss", "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    with house.front.client() as browser:
        inbox = browser.get("/", headers=claims)
        browser.headers.update(claims)
        assert answered(browser, link, "7").status_code == 200
    assert workflow.answers() == {0: 7}
    operator = {"Authorization": f"Bearer {OPERATOR}"}
    with house.front.client(params=None) as browser:
        [event] = browser.get("/api/v1/events?status=all", headers=operator).json()["items"]
        detail = browser.get(f"/api/v1/events/{event['request_id']}", headers=operator).json()

    assert inbox.status_code == 401
    assert "boss" not in str(detail)


def test_plain_http_sets_and_takes_no_cookie(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        browser.get(path_of(link))
        cookie = "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)
        assert cookie
    page = path_of(link).partition("?")[0]
    host = {"Host": NAME, "Cookie": cookie}
    plain = httpx.get(
        f"http://127.0.0.1:{house.front.plain_port}{PREFIX}{page}", headers=host, trust_env=False, timeout=LIMIT
    )
    # Past nginx, as somebody in the network inside: the proxy says how the visitor came, and that was not by HTTPS.
    [port] = house.apps
    inside = httpx.get(
        f"http://127.0.0.1:{port}{PREFIX}{page}",
        headers={**host, "X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"},
        trust_env=False,
        timeout=LIMIT,
    )

    assert (plain.status_code, plain.headers["location"]) == (301, f"{house.front.url}{page}")
    assert "set-cookie" not in plain.headers
    assert inside.status_code == 401


def test_figures_and_readiness_are_for_the_network_inside(opened: Any) -> None:
    house, _, _ = opened
    with house.front.client() as browser:
        for path in ("/metrics", "/ready"):
            assert browser.get(path, headers={"Authorization": f"Bearer {OPERATOR}"}).status_code == 404
        assert browser.get("/health").json() == {"status": "healthy"}
    [port] = house.apps
    house.until_counted(port, "pausepoint_open_events", 1)


def test_a_body_that_is_too_large_is_refused_in_the_apps_own_words(opened: Any) -> None:
    house, _, _ = opened
    with house.front.client() as browser:
        reply = browser.post("/submit/json", content=b"1" * 1_200_000, headers={"Content-Type": "application/json"})

    assert reply.status_code == 413
    assert reply.json()["detail"] == "The body is larger than 1 MiB."


def test_a_foreign_pages_post_is_refused(opened: Any) -> None:
    house, _, link = opened
    with house.front.client() as browser:
        page = browser.get(path_of(link), follow_redirects=True)
        data = {**Inputs(page.text).inputs, "v": "7"}
        for origin in ("https://evil.example", "null", f"http://{NAME}"):
            assert browser.post(form_of(page.text), data=data, headers={"Origin": origin}).status_code == 403


def test_a_silent_stream_is_not_cut(opened: Any) -> None:
    house, workflow, link = opened
    workflow.until_pushed()
    assert "90s" in (house.front.folder / "pausepoint-proxy.conf").read_text(), "six times what the app is ever silent"
    with house.front.client() as browser:
        assert answered(browser, link, "7").status_code == 200
    assert workflow.answers() == {0: 7}
    assert workflow.streams() == 1
