"""
Mail scanners, previews and prefetchers open links, and some run scripts and send the forms they find: the question
stays open, and the link is as good as before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from reviewing import LIMIT

# What a scanner's own script can do to a page without a hand on the mouse: nothing of it is a user's gesture.
SENT = {
    "submit": "form => HTMLFormElement.prototype.submit.call(form)",
    "requestSubmit": "form => form.requestSubmit()",
    "each button": "(form, n) => form.requestSubmit(form.querySelectorAll('button')[n])",
    "click": "(form, n) => form.querySelectorAll('button')[n].click()",
    "Enter": """form => {
        const input = form.querySelector("input:not([type=hidden]), textarea") || form;
        for (const type of ["keydown", "keypress", "keyup"])
            input.dispatchEvent(new KeyboardEvent(type, {key: "Enter", keyCode: 13, bubbles: true}));
    }""",
    "fetch": """form => fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)),
    }).then(reply => reply.text(), () => "")""",
}
BOTS = ["Slackbot-LinkExpanding 1.0", "Twitterbot/1.0", "facebookexternalhit/1.1", "SkypeUriPreview", "Mozilla/5.0"]
TYPES: list[Any] = [bool, None, int, Literal["small", "large"]]


@pytest.fixture(scope="module", params=["open", "token"])
def links(request: pytest.FixtureRequest) -> Iterator[str]:
    """What links carry."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("PAUSEPOINT_LINKS", request.param)
        yield request.param


@pytest.fixture
def store(tmp_path: Path, links: str) -> Iterator[Path]:
    """A store of its own, whose app has links of this kind."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("PAUSEPOINT_STORE", (tmp_path / "store").as_uri())
        environ.setenv("XDG_STATE_HOME", str(tmp_path))
        yield tmp_path / "store"


@pytest.fixture
def unchanged(store: Path) -> Callable[[], None]:
    """Asserts that nothing was stored since the first call."""
    before: list[set[Path]] = []

    def check() -> None:
        stored = {path for path in store.rglob("*") if path.is_file()}
        before.append(stored)
        assert stored == before[0]

    return check


@pytest.fixture
def scanner(browser: Browser) -> Iterator[Page]:
    """A scanner's window, with scripts."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def by_script(scanner: Page, script: str) -> None:
    """Run a script as a page's own timer would; Playwright's `evaluate` counts as a user's gesture."""
    devtools = scanner.context.new_cdp_session(scanner)
    devtools.send("Runtime.evaluate", {"expression": script, "userGesture": False, "awaitPromise": True})
    devtools.detach()


def opened(scanner: Page, link: str) -> None:
    """Open the link as a scanner does: everything on the page is followed, and one comes back."""
    scanner.goto(link)
    places = scanner.eval_on_selector_all("a[href]", "links => links.map(each => each.href)")
    for place in places:
        scanner.goto(place)
    scanner.goto(link)


@pytest.mark.parametrize("data_type", TYPES, ids=str)
def test_a_scanner_that_runs_scripts_and_sends_forms_answers_nothing(
    store: Path, asks: Any, scanner: Page, data_type: Any, unchanged: Callable[[], None], page: Page
) -> None:
    asked = asks(data_type)
    unchanged()
    opened(scanner, asked.link)
    buttons = scanner.locator("form button").count()
    for name, script in SENT.items():
        for number in range(buttons if ", n)" in script else 1):
            scanner.goto(asked.link)
            call = f"({script})(document.querySelector('form'), {number})"
            # The key of an untrusted event presses nothing, and our own policy forbids the page to fetch.
            if name in ("Enter", "fetch"):
                by_script(scanner, call)
                scanner.wait_for_load_state("networkidle")
                continue
            with scanner.expect_response(lambda reply: reply.request.method == "POST") as reply:
                by_script(scanner, call)
            assert reply.value.status == 403
            assert "Nobody pressed a button" in reply.value.text()
    unchanged()
    assert asked.stored() is None

    # The same link, later, in the hand of the one it was meant for.
    page.goto(asked.link)
    if data_type is int:
        page.get_by_role("textbox").first.fill("7")
    elif data_type is TYPES[3]:
        page.get_by_label("small").check()
    page.get_by_role("button", name={bool: "Yes", None: "Continue"}.get(data_type, "Submit answer")).last.click()
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()


@pytest.mark.parametrize("button", ["Yes", "Decline to answer"])
def test_a_hand_on_a_button_answers_also_where_the_reviewer_has_scripts(
    store: Path, asks: Any, scripted: Page, button: str
) -> None:
    asked = asks(bool, waits=False)
    scripted.goto(asked.link)
    if button != "Yes":
        scripted.get_by_text("I cannot or will not answer").click()
    scripted.get_by_role("button", name=button).press("Enter")
    expect(scripted.locator("h1")).to_contain_text("accepted" if button == "Yes" else "declined")
    assert asked.stored() is not None


def test_a_page_that_said_accepted_says_so_again_when_it_is_reloaded(store: Path, asks: Any, page: Page) -> None:
    asked = asks(bool, waits=False)
    page.goto(asked.link)
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Your answer was accepted")).to_be_visible()


def test_the_address_bar_keeps_no_token_and_the_history_neither(
    store: Path, links: str, asks: Any, scripted: Page
) -> None:
    asked = asks(bool)
    assert ("?token=" in asked.link) is (links == "token")
    scripted.goto(asked.link)

    assert scripted.url == asked.link.partition("?")[0]
    assert scripted.evaluate("history.length") <= 2
    assert scripted.evaluate("document.cookie") == ""
    assert scripted.evaluate("document.referrer") == ""


def test_a_link_in_a_mail_opens_from_another_sites_page(store: Path, asks: Any, browser: Browser) -> None:
    """A cookie that is too strict would be left out on the way from a web mail."""
    asked = asks(bool)
    context = browser.new_context()
    page = context.new_page()
    page.route(
        "http://mail.example/",
        lambda route: route.fulfill(body=f'<a href="{asked.link}">Open</a>', content_type="text/html"),
    )
    page.goto("http://mail.example/")
    page.get_by_role("link").click()
    expect(page.get_by_role("button", name="Yes")).to_be_visible()
    context.close()


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_previews_and_prefetchers_change_nothing(
    store: Path, links: str, asks: Any, unchanged: Callable[[], None], method: str
) -> None:
    asked = asks(bool)
    unchanged()
    for agent in BOTS:
        for purpose in ("", "prefetch", "prefetch;prerender"):
            headers = {"User-Agent": agent, "Sec-Purpose": purpose, "Purpose": purpose}
            seen = httpx.request(method, asked.link, headers=headers, timeout=LIMIT)
            assert seen.status_code == (200 if links == "open" else 303)
            seen = httpx.request(method, asked.link, headers=headers, follow_redirects=True, timeout=LIMIT)
            assert seen.status_code == 200
    unchanged()
    assert asked.stored() is None


def test_a_browser_that_prefetches_a_link_changes_nothing(
    store: Path, asks: Any, browser: Browser, unchanged: Callable[[], None]
) -> None:
    asked = asks(bool)
    unchanged()
    context = browser.new_context()
    page = context.new_page()
    base = asked.event.endpoint
    rule = json.dumps({"prefetch": [{"urls": [asked.link], "eagerness": "immediate"}]})
    rules = f'<script type="speculationrules">{rule}</script>'
    page.route(
        f"{base}/mail",
        lambda route: route.fulfill(body=f'<link rel="prefetch" href="{asked.link}">{rules}', content_type="text/html"),
    )
    page.goto(f"{base}/mail")
    page.wait_for_load_state("networkidle")
    unchanged()
    context.close()


def test_a_link_that_was_cut_or_belongs_elsewhere_says_so(store: Path, links: str, asks: Any, browser: Browser) -> None:
    if links == "open":
        return
    asked, other = asks(bool), asks(int)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    bare, _, token = asked.link.partition("?token=")
    for link, told in (
        (bare, "brought none"),
        (f"{bare}?token={token[:-5]}", "damaged or forged"),
        (f"{other.link.partition('?')[0]}?token={token}", "belongs to another question"),
    ):
        page.goto(link)
        expect(page.get_by_role("main")).to_contain_text(told)
    context.close()
