"""Links with tokens: the first view trades the token for a cookie; what is forged, old or foreign is told apart."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from pausepoint._access import password_line
from pausepoint._access.limits import PER_LINK, REFUSALS_PER_ADDRESS
from pausepoint._links import LinkTokens
from pausepoint._models import Request, utc_now
from pausepoint._settings import Settings
from pausepoint.app.redacting import redacted

pytestmark = pytest.mark.anyio

BASE = "https://forms.example.org"
PROXY = {"trusted_proxies": "127.0.0.1"}


async def token_for(house: Any, request: Request, hours: float = 1) -> str:
    tokens = LinkTokens(await house.records.signing_keys())
    token = tokens.issue(request.request_id, utc_now() + timedelta(hours=hours))
    house.store.created.clear()
    return token


def public(house: Any, **settings: Any) -> Any:
    return house.app(public_url=BASE, **settings)


def cookies_of(reply: Any) -> list[Any]:
    return [morsel for header in reply.headers.get_list("set-cookie") for morsel in SimpleCookie(header).values()]


# The trade


async def test_the_first_view_trades_the_token_for_a_cookie_and_drops_it_from_the_address(house: Any) -> None:
    request = await house.ask(int)
    token = await token_for(house, request)
    async with house.browser(public(house), BASE) as browser:
        first = await browser.get(f"/form/{request.request_id}?token={token}")
        form = await browser.get(first.headers["location"])
        answered = await browser.submitted(request, {"v": "7"})

    assert (first.status_code, first.headers["location"]) == (303, f"/form/{request.request_id}")
    assert token not in form.text + str(form.url)
    assert (form.status_code, answered.status_code) == (200, 200)
    response = await house.response(request)
    assert (response.value, response.by.assurance, response.through) == (7, "link", "form")


@pytest.mark.parametrize("prefix", ["", "/hitl"])
async def test_a_cookie_is_for_one_events_own_addresses_and_for_no_script(house: Any, prefix: str) -> None:
    request = await house.ask(int)
    token = await token_for(house, request)
    outer = FastAPI()
    outer.mount(prefix or "/", public(house))
    async with house.browser(outer, BASE) as browser:
        reply = await browser.get(f"{prefix}/form/{request.request_id}?token={token}")

    places = {f"{prefix}/form/{request.request_id}", f"{prefix}/files/{request.request_id}", f"{prefix}/submit"}
    assert {cookie["path"] for cookie in cookies_of(reply)} == places
    for cookie in cookies_of(reply):
        assert cookie.key == "__Secure-pausepoint-link"
        assert cookie["httponly"]
        assert cookie["secure"]
        # Strict would be left out where the link was opened from a mail, whose redirect is another site's doing.
        assert cookie["samesite"] == "lax"
        assert 3500 < int(cookie["max-age"]) <= 3600
        assert not cookie["domain"]
    assert reply.headers["location"] == f"{prefix}/form/{request.request_id}"


@pytest.mark.parametrize(
    ("settings", "base", "headers", "is_secure"),
    [
        ({"links": "token"}, "http://127.0.0.1:8931", {}, False),
        ({"public_url": "http://forms.example.org"}, "http://forms.example.org", {}, False),
        # What a proxy that ends TLS passes on.
        ({"public_url": BASE}, "http://forms.example.org", {}, True),
        ({"public_url": BASE, **PROXY}, "http://forms.example.org", {"x_forwarded_proto": "https"}, True),
        ({"public_url": BASE, **PROXY}, "http://forms.example.org", {"x_forwarded_proto": "http"}, False),
        ({"public_url": "http://forms.example.org"}, "http://forms.example.org", {"x_forwarded_proto": "https"}, False),
    ],
)
async def test_a_cookie_is_secure_where_reviewers_come_by_https(
    house: Any, settings: dict[str, Any], base: str, headers: dict[str, str], is_secure: bool
) -> None:
    request = await house.ask(int)
    token = await token_for(house, request)
    async with house.browser(house.app(**settings), base, **headers) as browser:
        reply = await browser.get(f"/form/{request.request_id}?token={token}")

    assert {bool(cookie["secure"]) for cookie in cookies_of(reply)} == {is_secure}
    assert {cookie.key.startswith("__Secure-") for cookie in cookies_of(reply)} == {is_secure}


async def test_a_cookie_that_came_by_plain_http_opens_nothing(house: Any) -> None:
    request = await house.ask(int)
    planted = f"pausepoint-link={await token_for(house, request)}"
    async with house.browser(public(house), BASE) as browser:
        assert (await browser.get(f"/form/{request.request_id}", headers={"cookie": planted})).status_code == 401
        secure = await browser.get(f"/form/{request.request_id}", headers={"cookie": f"__Secure-{planted}"})
        assert secure.status_code == 200
    async with house.browser(public(house, **PROXY), BASE, x_forwarded_proto="http") as plain:
        reply = await plain.get(f"/form/{request.request_id}", headers={"cookie": f"__Secure-{planted}"})
        assert reply.status_code == 401


async def test_a_link_opens_as_often_as_somebody_opens_it(house: Any) -> None:
    request = await house.ask(int)
    token = await token_for(house, request)
    app = public(house)
    for _ in range(5):
        async with house.browser(app, BASE) as scanner:
            for method in ("HEAD", "GET"):
                assert (await scanner.request(method, f"/form/{request.request_id}?token={token}")).status_code == 303
            assert (await scanner.get(f"/form/{request.request_id}")).status_code == 200
    async with house.browser(app, BASE) as browser:
        await browser.get(f"/form/{request.request_id}?token={token}")
        assert (await browser.submitted(request, {"v": "7"})).status_code == 200


async def test_opening_a_link_writes_nothing(house: Any) -> None:
    request = await house.ask(int)
    token = await token_for(house, request)
    async with house.browser(public(house), BASE) as browser:
        for method in ("GET", "HEAD"):
            for path in (f"/form/{request.request_id}?token={token}", f"/form/{request.request_id}", "/", "/nowhere"):
                for headers in ({}, {"sec-purpose": "prefetch"}, {"user-agent": "Slackbot-LinkExpanding 1.0"}):
                    await browser.request(method, path, headers=headers)

    assert not house.store.created


async def test_where_the_id_is_enough_a_token_is_dropped_all_the_same(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        for token in (await token_for(house, request), "nonsense"):
            reply = await browser.get(f"/form/{request.request_id}?token={token}")
            assert (reply.status_code, reply.headers["location"]) == (303, f"/form/{request.request_id}")


async def test_an_image_comes_with_the_link_of_its_event(house: Any) -> None:
    image = await house.records.put_attachment("ab" + "b" * 24, b"\x89PNG\r\n\x1a\n" + b"\0" * 8)
    request = await house.ask(int, attachments=(image,))
    token = await token_for(house, request)
    place = f"/files/{request.request_id}/{image.sha256}"
    async with house.browser(public(house), BASE) as browser:
        assert (await browser.get(place)).status_code == 401
        await browser.get(f"/form/{request.request_id}?token={token}")
        assert (await browser.get(place)).status_code == 200


async def test_json_takes_the_token_as_bearer(house: Any) -> None:
    request = await house.ask(int)
    headers = {"Authorization": f"Bearer {await token_for(house, request)}"}
    async with house.browser(public(house), BASE, **headers) as program:
        status = await program.get(f"/status/{request.request_id}")
        answered = await program.post("/submit/json", json={"request_id": request.request_id, "value": 7})
        detail = (await program.get(f"/api/v1/events/{request.request_id}")).json()

    assert (status.json()["status"], answered.status_code) == ("pending", 200)
    assert (detail["assurance"], detail["through"]) == ("link", "json")


# What is wrong with a link


async def test_a_page_says_what_is_wrong_with_a_link(house: Any) -> None:
    request, other = await house.ask(int), await house.ask(int)
    good = await token_for(house, request)
    wrong = {
        "damaged or forged": [good[:-4], "k9" + good[2:], "x.y.z", good.replace(".", ".A", 1), "k1.\u2603"],
        "has expired": [await token_for(house, request, hours=-1)],
        "belongs to another question": [await token_for(house, other)],
    }
    async with house.browser(public(house), BASE) as browser:
        for told, tokens in wrong.items():
            for token in tokens:
                reply = await browser.get(f"/form/{request.request_id}", params={"token": token})
                assert reply.status_code == 403
                assert told in reply.text
                assert token not in reply.text
                assert "set-cookie" not in reply.headers
        assert "brought none" in (await browser.get(f"/form/{request.request_id}")).text
        assert "brought none" in (await browser.get("/form/nonsense")).text


async def test_a_form_that_was_opened_with_a_link_is_sent_with_it(house: Any) -> None:
    request, other = await house.ask(int), await house.ask(int)
    app = public(house)
    async with house.browser(app, BASE) as browser, house.browser(app, BASE) as thief:
        await browser.get(f"/form/{request.request_id}?token={await token_for(house, request)}")
        held = await browser.opened(request) | {"v": "7"}
        await thief.get(f"/form/{other.request_id}?token={await token_for(house, other)}")
        for place in ("/submit", f"/form/{request.request_id}", f"/form/{other.request_id}"):
            assert (await thief.post(place, data=held)).status_code in (400, 401, 403)
        assert not house.store.created
        assert (await browser.post("/submit", data=held)).status_code == 200


# Keys


async def test_after_a_rotation_old_links_and_new_ones_open(house: Any) -> None:
    request = await house.ask(int)
    old = await token_for(house, request)
    app = public(house)
    async with house.browser(app, BASE) as browser:
        assert (await browser.get(f"/form/{request.request_id}?token={old}")).status_code == 303
        kid = await house.records.signing.rotate()
        new = await token_for(house, request)
        assert new.startswith(f"{kid}.")
        for token in (old, new):
            assert (await browser.get(f"/form/{request.request_id}?token={token}")).status_code == 303


async def test_the_link_of_a_store_that_is_gone_opens_nothing_and_makes_no_key(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser(public(house), BASE) as browser:
        assert (await browser.get(f"/form/{request.request_id}?token=k1.x.y")).status_code == 403

    assert not house.store.created


# Who answers


async def test_who_a_trusted_proxy_names_is_verified_and_shown(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser(public(house, **PROXY), BASE, x_forwarded_user="ann@example.org") as browser:
        form = await browser.get(f"/form/{request.request_id}")
        accepted = await browser.submitted(request, {"v": "7", "reviewer": "Bob"})
        assert (await browser.get("/")).status_code == 200

    assert "ann@example.org" in form.text
    assert 'name="reviewer"' not in form.text
    by = (await house.response(request)).by
    assert (by.name, by.assurance) == ("ann@example.org", "verified")
    assert "ann@example.org (signed in)" in accepted.text
    assert "the form" in accepted.text


async def test_a_spoofed_identity_header_is_nobodys(house: Any) -> None:
    request = await house.ask(int)
    for settings in ({}, {"trusted_proxies": "10.9.9.9"}):
        async with house.browser(public(house, **settings), BASE, x_forwarded_user="ann") as browser:
            assert (await browser.get("/")).status_code == 401
            assert (await browser.get(f"/form/{request.request_id}")).status_code == 401


async def test_basic_names_whom_the_file_has_and_a_browser_is_told_to_ask(house: Any, tmp_path: Path) -> None:
    (tmp_path / "reviewers").write_text(password_line("Jürgen", "hunter2"), "utf-8")
    request = await house.ask(int)
    app = public(house, passwords=str(tmp_path / "reviewers"))
    right, wrong = ("Basic " + base64.b64encode(text.encode()).decode() for text in ("Jürgen:hunter2", "Jürgen:x"))
    async with house.browser(app, BASE) as browser:
        asked = await browser.get("/")
        assert (await browser.get("/", headers={"authorization": wrong})).status_code == 401
        assert (await browser.get("/", headers={"authorization": "Basic \u00fc".encode()})).status_code == 401
    async with house.browser(app, BASE, authorization=right) as browser:
        assert (await browser.submitted(request, {"v": "7"})).status_code == 200

    assert asked.headers["www-authenticate"] == 'Basic realm="Pausepoint", charset="UTF-8"'
    assert "sign in with your name and password" in asked.text
    by = (await house.response(request)).by
    assert (by.name, by.assurance) == ("Jürgen", "verified")


async def test_a_proxys_word_comes_before_a_password_and_both_before_a_typed_name(house: Any, tmp_path: Path) -> None:
    (tmp_path / "reviewers").write_text(password_line("ann", "hunter2"), "utf-8")
    request = await house.ask(int)
    basic = "Basic " + base64.b64encode(b"ann:hunter2").decode()
    app = public(house, passwords=str(tmp_path / "reviewers"), **PROXY)
    async with house.browser(app, BASE, authorization=basic, x_forwarded_user="bob") as browser:
        await browser.submitted(request, {"v": "7", "reviewer": "Cleo"})

    assert (await house.response(request)).by.name == "bob"


async def test_a_name_is_asked_once_and_never_more_than_declared(house: Any) -> None:
    first, second, third = [await house.ask(int) for _ in range(3)]
    async with house.browser() as browser:
        await browser.submitted(first, {"v": "1", "reviewer": "Zoë"})
        held = await browser.opened(second)
        assert held["reviewer"] == "Zoë"
        await browser.post("/submit", data={**held, "v": "1"})
        await browser.submitted(third, {"v": "1", "reviewer": ""})
        assert (await browser.opened(await house.ask(int)))["reviewer"] == ""

    assert [(await house.response(each)).by.name for each in (first, second, third)] == ["Zoë", "Zoë", None]
    assert (await house.response(second)).by.assurance == "self-declared"


async def test_a_name_that_was_not_typed_here_is_not_believed(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser(cookie="pausepoint-name=Ann") as browser:
        assert (await browser.opened(request))["reviewer"] == ""


async def test_a_form_that_was_shown_to_one_person_cannot_be_sent_by_another(house: Any) -> None:
    request = await house.ask(int)
    app = public(house, **PROXY)
    async with house.browser(app, BASE, x_forwarded_user="ann") as ann:
        held = await ann.opened(request) | {"v": "7"}
    async with house.browser(app, BASE, x_forwarded_user="bob") as bob:
        shown_again = await bob.post("/submit", data=held)

    assert shown_again.status_code == 403
    assert "look over what you typed" in shown_again.text.lower()
    assert not house.store.created


# Who pressed the button

CHROMIUM = {"sec_fetch_mode": "navigate", "sec_fetch_site": "same-origin", "sec_ch_ua": '"Chromium";v="140"'}
FIREFOX = {"sec_fetch_mode": "navigate", "sec_fetch_site": "same-origin", "user_agent": "Mozilla/5.0 Firefox/140.0"}
SAFARI = {"sec_fetch_mode": "navigate", "sec_fetch_site": "same-origin", "user_agent": "Version/18.5 Safari/605.1.15"}
PRESSED = {"sec_fetch_user": "?1"}


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        (CHROMIUM, False),
        (FIREFOX, False),
        ({**CHROMIUM, "sec_fetch_mode": "cors"}, False),
        ({**SAFARI, "sec_fetch_mode": "no-cors"}, False),
        ({**CHROMIUM, **PRESSED}, True),
        ({**FIREFOX, **PRESSED}, True),
        # Says nothing either way.
        (SAFARI, True),
        # A program that is no browser.
        ({}, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("typed", [{"v": "7"}, {"action": "decline"}])
async def test_a_form_that_nobody_pressed_is_shown_again_and_stores_nothing(
    house: Any, headers: dict[str, str], is_taken: bool, typed: dict[str, str]
) -> None:
    request = await house.ask(int)
    async with house.browser(**headers) as browser:
        reply = await browser.submitted(request, typed)

    assert reply.status_code == (200 if is_taken else 403)
    assert (await house.response(request) is not None) == is_taken
    assert is_taken or "Nobody pressed a button" in reply.text


async def test_whoever_reloads_the_page_that_said_accepted_is_told_it_again(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        held = await browser.opened(request) | {"v": "7"}
        await browser.post(
            "/submit", data=held, headers={k.replace("_", "-"): v for k, v in (CHROMIUM | PRESSED).items()}
        )
        again = await browser.post("/submit", data=held, headers={k.replace("_", "-"): v for k, v in CHROMIUM.items()})

    assert again.status_code == 200
    assert "Your answer was accepted" in again.text


# Limits


async def test_too_much_from_one_link_is_refused_and_other_links_are_not(house: Any) -> None:
    request, other = await house.ask(int), await house.ask(int)
    bearers = [{"authorization": f"Bearer {await token_for(house, each)}"} for each in (request, other)]
    async with house.browser(public(house), BASE) as program:
        got = [
            await program.get(f"/status/{request.request_id}", headers=bearers[0]) for _ in range(PER_LINK.at_once + 9)
        ]
        assert (await program.get(f"/status/{other.request_id}", headers=bearers[1])).status_code == 200

    assert got[0].status_code == 200
    assert got[-1].status_code == 429
    assert 1 <= int(got[-1].headers["retry-after"]) <= 60
    assert got[-1].json()["status"] == 429


async def test_an_address_that_is_refused_too_often_has_to_wait_and_its_neighbours_do_not(house: Any) -> None:
    request = await house.ask(int)
    good = {"authorization": f"Bearer {await token_for(house, request)}"}
    app = public(house, **PROXY)
    async with house.browser(app, BASE) as visitor:
        often = range(REFUSALS_PER_ADDRESS.at_once + 9)
        got = [await visitor.get("/form/x", headers={"x-forwarded-for": "1.2.3.4"}) for _ in often]
        assert (got[0].status_code, got[-1].status_code) == (401, 429)
        assert "retry-after" in got[-1].headers
        assert (await visitor.get("/form/x", headers={"x-forwarded-for": "1.2.3.5"})).status_code == 401
        # Whoever shares that address and has a link is not kept out by the others.
        reply = await visitor.get(f"/status/{request.request_id}", headers={"x-forwarded-for": "1.2.3.4", **good})
        assert reply.status_code == 200


async def test_whoever_may_list_all_events_may_ask_for_one_that_is_not_there_as_often_as_they_like(house: Any) -> None:
    async with house.browser() as program:
        assert {(await program.get(f"/status/{'a' * 26}")).status_code for _ in range(100)} == {404}
        assert {(await program.get(f"/form/{'a' * 26}")).status_code for _ in range(100)} == {404}


async def test_ids_are_not_found_by_trying(house: Any) -> None:
    async with house.browser(public(house, links="open"), BASE) as visitor:
        tried = [(await visitor.get(f"/status/{number:026}")).status_code for number in range(80)]

    assert set(tried) == {404, 429}


async def test_a_wrong_password_is_not_tried_for_ever(house: Any, tmp_path: Path) -> None:
    (tmp_path / "reviewers").write_text(password_line("ann", "hunter2"), "utf-8")
    app = public(house, passwords=str(tmp_path / "reviewers"))
    limits = app.state.desk.limits.refusals
    while not limits.wait("127.0.0.1"):
        limits.take("127.0.0.1")
    async with house.browser(app, BASE, authorization="Basic " + base64.b64encode(b"ann:hunter2").decode()) as browser:
        assert (await browser.get("/")).status_code == 429


# Logs


async def test_no_token_reaches_a_log(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    request = await house.ask(int)
    tokens = [await token_for(house, request), await token_for(house, request, -1), "k1.f0rged.f0rged"]
    async with house.browser(public(house), BASE) as browser:
        for token in tokens:
            await browser.get(f"/form/{request.request_id}?token={token}")
            await browser.get(f"/status/{request.request_id}", headers={"authorization": f"Bearer {token}"})

    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("pausepoint"))
    assert "A link was refused (token " in ours
    assert not [token for token in tokens if token in ours or token.rpartition(".")[2] in ours]
    assert request.request_id not in ours


async def test_the_server_reads_no_token_when_it_writes_its_access_log(house: Any) -> None:
    request = await house.ask(int)
    token = await token_for(house, request)
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/form/{request.request_id}",
        "query_string": f"a=%C3%B6&token={token}&b=".encode(),
        "headers": [(b"host", b"forms.example.org")],
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        # uvicorn reads the scope that it has made at this very moment.
        assert token.encode() not in scope["query_string"]

    await public(house)(scope, receive, send)
    assert scope["query_string"] == b"a=%C3%B6&b="


def test_an_access_log_has_neither_tokens_nor_whole_ids() -> None:
    line = f'1.2.3.4:5 - "GET /form/{"a" * 26}?token=k1.secret.x&y=1 HTTP/1.1" 200'

    assert redacted(line) == '1.2.3.4:5 - "GET /form/aaaaaaaa...?token=...&y=1 HTTP/1.1" 200'
    create = logging.getLogger("uvicorn.access").makeRecord(
        "uvicorn.access",
        20,
        "",
        0,
        '%s - "%s %s HTTP/%s" %d',
        ("1", "GET", f"/form/{'a' * 26}?token=k.s.x", "1.1", 303),
        None,
    )
    for each in logging.getLogger("uvicorn.access").filters:
        each.filter(create)
    assert create.getMessage() == '1 - "GET /form/aaaaaaaa...?token=... HTTP/1.1" 303'


async def test_health_says_what_the_app_asks_of_links(house: Any) -> None:
    for settings, mode in (({}, "open"), ({"links": "token"}, "token")):
        async with house.browser(house.app(**settings)) as browser:
            assert (await browser.get(f"/health?nonce={'n' * 24}")).json()["links"] == mode


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, "open"),
        ({"public_url": "http://127.0.0.1:9/x"}, "open"),
        ({"public_url": BASE}, "token"),
        ({"host": "0.0.0.0"}, "token"),
        ({"public_url": BASE, "links": "open"}, "open"),
    ],
)
def test_links_carry_tokens_where_reviewers_come_from_beyond_this_machine(settings: dict[str, Any], mode: str) -> None:
    assert Settings.model_validate(settings).link_mode == mode


async def test_the_hosts_that_the_settings_name_are_ours(house: Any) -> None:
    app = house.app(public_url=BASE, url="http://pausepoint:8931", host="10.0.0.7")
    for host, status in (
        ("pausepoint:8931", 200),
        ("10.0.0.7:8931", 200),
        ("forms.example.org", 200),
        ("10.0.0.8", 421),
    ):
        async with house.browser(app, host=host) as browser:
            assert (await browser.get("/openapi.json")).status_code == status
    async with house.browser(house.app(public_url=BASE, host="0.0.0.0"), host="0.0.0.0") as browser:
        assert (await browser.get("/openapi.json")).status_code == 421
