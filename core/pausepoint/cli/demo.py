"""A real little workflow to try: it stops, asks, and goes on with a typed value."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Optional

import typer
from pydantic import Field, JsonValue

from .._api import run
from .._codec import RunInput, encode_json
from .._event import Event, new_event
from .._links import token_in
from ..errors import AnswerError, DeclinedError, PausepointError, ServeError, UsageError
from .exits import ExitCode
from .printing import remark, say, short
from .spelling import read_json
from .storage import checked_text

BUILT_IN: JsonValue = {"target": "staging", "traffic": 10, "note": "Answered by the demo itself."}

_PROMPT = """The new model is right in **93 %** of the cases; the present one in 91 %.

Where shall it go, and with how much of the traffic?"""
_TEXT_BROWSERS = {"browsh", "elinks", "links", "links2", "lynx", "w3m", "www-browser"}
_SECONDS = 30.0


class Release(RunInput):
    """Both can be changed later."""

    target: Literal["staging", "production"] = Field(title="Where to")
    traffic: int = Field(10, ge=1, le=100, title="Percent of the traffic")
    note: str = Field("Looks good.", max_length=200, title="A note for the log")


def demo(
    value: Annotated[
        Optional[str],  # noqa: UP045 - typer reads it at run time, where Python 3.10 needs this spelling
        typer.Argument(metavar="VALUE", help="With --answer: the answer, as JSON.", show_default=False),
    ] = None,
    answer: Annotated[bool, typer.Option("--answer", help="Answer by itself, over HTTP, and wait for nobody.")] = False,
) -> None:
    """Run a little workflow that asks you something."""
    if value is not None and not answer:
        raise UsageError("A value is for --answer; without it you answer in the browser.", "Add --answer.")
    given = BUILT_IN if value is None else read_json(checked_text("value", value, most=None))
    # With an id of its own it is an ordinary run, and no two demos are the same one.
    with run(f"demo-{secrets.token_hex(4)}"):
        say("The workflow has trained a model. Now it stops and asks.")
        event = new_event("release", Release, title="Release the new model?", prompt=_PROMPT)
        try:
            if answer:
                _post(event, given)
            else:
                say("It goes on with what you answer at the link. Ctrl-C ends it.")
                open_browser(event.form_url, os.environ, sys.stdout.isatty())
            _go_on(event.wait())
        except DeclinedError:
            say("You declined. The workflow is told so, and can go another way.")
        except (KeyboardInterrupt, PausepointError) as error:
            _withdraw(event)
            if isinstance(error, KeyboardInterrupt):
                remark("\nStopped; the question is withdrawn.")
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            raise


def open_browser(url: str, environ: Mapping[str, str], on_terminal: bool) -> bool:
    """
    Open a page in the browser of whoever looks at the screen, if there is one; say whether it was tried.

    Args:
        url: The page.
        environ: The environment; says whether there is a screen.
        on_terminal: Somebody reads what is printed.
    """
    has_screen = sys.platform in ("darwin", "win32") or any(
        environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not (on_terminal and has_screen):
        return False
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if Path(str(getattr(browser, "name", ""))).name in _TEXT_BROWSERS:
        # It would take the terminal that the demo prints to.
        return False
    # Some browsers return only when they are closed.
    threading.Thread(target=browser.open, args=(url,), daemon=True).start()
    return True


def _go_on(release: Release) -> None:
    say()
    say(f"The workflow goes on with {release!r}")
    say(f"{release.traffic} % of the traffic goes to {release.target}.")


def _post(event: Event[Release], value: JsonValue) -> None:
    """Do what a program does that answers an event: one POST to the address that was announced."""
    import httpx

    about = f"{event.name!r} ({short(event.request_id)})"
    body = encode_json({"request_id": event.request_id, "value": value})
    try:
        # A proxy of the environment's could not reach our loopback.
        with httpx.Client(trust_env=not event.api_url.startswith("http://127."), timeout=_SECONDS) as client:
            headers = {"Content-Type": "application/json"}
            if token := token_in(event.form_url):
                headers["Authorization"] = f"Bearer {token}"
            reply = client.post(event.api_url, content=body, headers=headers)
    except httpx.HTTPError as error:
        raise ServeError(
            f"The demo could not send its answer: {type(error).__name__}.", "Run `pausepoint doctor`.", about
        ) from error
    if reply.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        fields: Mapping[str, str] = reply.json().get("errors", {})
        raise AnswerError("The demo's answer was refused.", "Correct the value.", about, fields)
    if not reply.is_success:
        raise ServeError(
            f"The demo's answer was refused with HTTP {reply.status_code}.", "Run `pausepoint doctor`.", about
        )


def _withdraw(event: Event[Release]) -> None:
    """Leave no open question behind that nobody waits for."""
    try:
        event.cancel("The demo was stopped.")
    except PausepointError as error:
        remark(f"The question stays open: {error.what}")
