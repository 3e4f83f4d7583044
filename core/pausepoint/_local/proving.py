"""Finds out who answers at an address: only whoever knows the store's identity secret is believed."""

from __future__ import annotations

import json
import secrets
import time
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Literal, NamedTuple

from anyio import to_thread

from .._links import verify_proof

SECONDS = 3.0
"""The longest that one examination takes."""
MAX_BYTES = 4096


class Found(Enum):
    """Who answers at an address."""

    SAME_STORE = "the form app of this store"
    OTHER_STORE = "a form app of another store"
    REFUSES = "a form app that does not know this address as its own"
    STRANGER = "something else than a form app"
    NOBODY = "nobody"


class Examined(NamedTuple):
    """
    What an examination found.

    Attributes:
        found: Who answers.
        links: What the app of our store asks of links, `open` or `token`; None where it does not say.
        public_url: What reviewers open, by the word of the app of our store; None where it does not say.
    """

    found: Found
    links: Literal["open", "token"] | None = None
    public_url: str | None = None


async def examine(url: str, identity_secret: bytes, through_proxies: bool = False) -> Found:
    """Say who answers at an address; see `examined`."""
    return (await examined(url, identity_secret, through_proxies)).found


async def examined(url: str, identity_secret: bytes, through_proxies: bool = False) -> Examined:
    """
    Ask the server at *url* to prove that it serves our store.

    Args:
        url: Its address without a trailing slash.
        identity_secret: The store's.
        through_proxies: Heed HTTP_PROXY and the like. A proxy cannot reach our loopback.
    """
    nonce = secrets.token_urlsafe(24)
    # httpx is slow to import and to find its certificates, so all of it happens in a worker thread.
    ask = partial(_ask, f"{url}/health", nonce, through_proxies)
    answered = await to_thread.run_sync(ask, abandon_on_cancel=True)
    if answered is None:
        return Examined(Found.NOBODY)
    status, body = answered
    told = _object_in(body)
    if status != HTTPStatus.OK:
        # Nobody else says 421 in these words; what an impostor gains by it is a hint in our own log.
        is_ours = status == HTTPStatus.MISDIRECTED_REQUEST and told.get("title") == status.phrase
        return Examined(Found.REFUSES if is_ours else Found.STRANGER)
    given, links = told.get("proof"), told.get("links")
    if not isinstance(given, str):
        # An app whose store is still empty has no secret to prove anything with.
        return Examined(Found.OTHER_STORE if told.get("status") == "healthy" else Found.STRANGER)
    if not verify_proof(identity_secret, nonce, given):
        return Examined(Found.OTHER_STORE)
    public = told.get("public_url")
    mode: Literal["open", "token"] | None = "token" if links == "token" else "open" if links == "open" else None
    return Examined(Found.SAME_STORE, mode, public if isinstance(public, str) else None)


def _ask(url: str, nonce: str, through_proxies: bool) -> tuple[HTTPStatus, bytes] | None:
    """Return what is answered, empty if it is too much; None where nobody answers."""
    import httpx

    until = time.monotonic() + SECONDS
    try:
        with (
            httpx.Client(timeout=SECONDS / 2, trust_env=through_proxies, follow_redirects=False) as client,
            client.stream("GET", url, params={"nonce": nonce}) as reply,
        ):
            body = b""
            for part in reply.iter_raw(MAX_BYTES):
                body += part
                if len(body) > MAX_BYTES or time.monotonic() > until:
                    return HTTPStatus.OK, b""
            return HTTPStatus(reply.status_code), body
    except (httpx.RemoteProtocolError, ValueError):
        return HTTPStatus.OK, b""
    except httpx.TransportError:
        return None


def _object_in(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
