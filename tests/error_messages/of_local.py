"""Serving: addresses, ports, other people's servers, tokens and proofs."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from house import somebody_else
from occasions import ID, OTHER_ID, SECRET, each, occasion

from pausepoint._access import password_line
from pausepoint._api.surface import HookedSurface, _not_ours
from pausepoint._api.wiring import surface_of
from pausepoint._links import FormTokens, proof
from pausepoint._local import open_listener
from pausepoint._local.embedded import EmbeddedServer
from pausepoint._local.proving import Found
from pausepoint._models import RunContext
from pausepoint._plugins import Hooks
from pausepoint._settings import Settings
from pausepoint._store import MemoryStore
from pausepoint._sync import AWAITING
from pausepoint.app import create_app

RUN = RunContext(engine="local", run_id="nightly")


def surface(**settings: Any) -> HookedSurface:
    return surface_of(Settings(**settings), Hooks())


@each(something_else=b"", another_store=b'{"status": "healthy"}')
async def PAUSEPOINT_URL_leads_to(body: bytes, folder: Path) -> None:  # noqa: N802
    with somebody_else(body) as url:
        await surface(store=str(folder), url=url).serve(RUN, AWAITING)


@occasion
def PAUSEPOINT_URL_leads_nowhere() -> None:  # noqa: N802
    # As `HookedSurface.serve` does after it has tried for two seconds.
    raise _not_ours("http://127.0.0.1:8931", Found.NOBODY, "file:///srv/questions")


@occasion
async def PAUSEPOINT_URL_with_a_store_in_memory() -> None:  # noqa: N802
    await surface(store="memory://", url="http://127.0.0.1:8931").serve(RUN, AWAITING)


@occasion
async def a_host_beyond_loopback(folder: Path) -> None:
    await surface(store=str(folder), host="0.0.0.0").serve(RUN, AWAITING)


@occasion
def ports_that_are_all_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        open_listener("127.0.0.1", [taken.getsockname()[1]])


@occasion
async def a_server_that_ends_while_it_starts() -> None:
    async def application(*_: Any) -> None:
        raise AssertionError("nobody asks")

    listener = socket.create_server(("127.0.0.1", 0))
    server = EmbeddedServer(application, listener)
    listener.close()
    await server.start()


@each(that_is_not_there="", that_has_a_line_without_a_hash=f"ann:{SECRET}\n")
def an_app_with_a_file_of_passwords(given: str, folder: Path) -> None:
    file = folder / "reviewers"
    if given:
        file.write_text(given, "utf-8")
    create_app(MemoryStore(), settings=Settings(passwords=str(file)))


@each(a_name_with_a_colon=("ann:1", SECRET), no_password=("ann", ""))
def a_reviewer_with(given: tuple[str, str]) -> None:
    password_line(*given)


@occasion
def tokens_without_a_key() -> None:
    FormTokens([])


@each(
    of_another_event=(FormTokens([("k", b"x" * 32)]).issue(OTHER_ID), 0.0),
    of_another_visitor=(FormTokens([("k", b"x" * 32)]).issue(ID, "name Ann"), 0.0),
    that_is_too_old=(FormTokens([("k", b"x" * 32)]).issue(ID), 13 * 3600.0),
    that_is_forged=(f"k.{SECRET}", 0.0),
)
def a_token(given: tuple[str, float]) -> None:
    import time

    token, later = given
    FormTokens([("k", b"x" * 32)], lambda: time.time() + later).check(token, ID)


@occasion
def a_nonce_that_is_too_short() -> None:
    proof(b"x" * 32, "short")
