"""The commands about what proves something: the keys that sign links, and reviewers' passwords."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from pydantic import JsonValue

from .._access import password_line
from .._settings import Settings
from .._sync import run_sync
from ..errors import UsageError
from .events import AsJson
from .printing import say, say_json, say_table, when
from .storage import Storage


def list_keys(as_json: AsJson = False) -> None:
    """List the keys that sign links, newest first, without their secrets."""
    storage = Storage(Settings.load())
    found = run_sync(storage.records.signing.stored)
    keys = [(kid, key.created_at, number == 0) for number, (kid, key) in enumerate(found)]
    if as_json:
        items: list[JsonValue] = [
            {"id": kid, "created_at": made.isoformat(), "signs": signs} for kid, made, signs in keys
        ]
        say_json({"items": items})
    elif keys:
        say_table(
            ("id", "made", "use"),
            [(kid, when(made), "signs and verifies" if signs else "verifies") for kid, made, signs in keys],
        )
    else:
        say(f"No keys in {storage.store.url} yet: the first link with a token makes one.")


def rotate_keys(as_json: AsJson = False) -> None:
    """
    Add a key, which signs links from now on. Links that were signed before stay good until they expire.

    To make an old key's links worthless, delete its object v1/keys/ID.json from the store; apps notice within a minute.
    """
    storage = Storage(Settings.load())
    run_sync(storage.store.probe)
    kid = run_sync(storage.records.signing.rotate)
    if as_json:
        say_json({"id": kid})
    else:
        say(f"{kid} signs links from now on. Links signed before stay good until they expire.")


def make_password(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who signs in, as answers will name them.")],
) -> None:
    """
    Print the line of a reviewer for the file of PAUSEPOINT_PASSWORDS.

    The password is asked for at a terminal, else read from standard input up to the end of its first line.
    """
    say(password_line(name, _typed_twice() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")))


def _typed_twice(ask: Callable[[str], str] = getpass.getpass) -> str:
    first = ask("Password: ")
    if first != ask("Again: "):
        raise UsageError("The two passwords are not the same.", "Run the command again.")
    return first
