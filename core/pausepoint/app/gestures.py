"""Whether a person pressed the button: some mail scanners open links in a browser, and send the forms they find."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest


def was_pressed(http: HttpRequest) -> bool:
    """
    Say whether a form was sent by somebody's own hand, as far as the browser tells.

    Chromium and Firefox send `Sec-Fetch-User: ?1` with what a click or a key caused, and never with what a script did.
    They are known by what they alone send, because Safari says nothing either way; and over plain HTTP, other than on
    loopback, no browser does. A program that is no browser is taken at its word.
    """
    headers = http.headers
    if "sec-fetch-mode" not in headers:
        return True
    # A script that fetches instead of navigating is no form, whatever the browser.
    if headers["sec-fetch-mode"] != "navigate":
        return False
    tells = "sec-ch-ua" in headers or "firefox/" in headers.get("user-agent", "").lower()
    return not tells or headers.get("sec-fetch-user") == "?1"
