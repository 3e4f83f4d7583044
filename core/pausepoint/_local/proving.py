"""Finds out who answers at an address: only whoever knows the store's identity secret is believed."""

from __future__ import annotations

import json
import secrets
import time
from enum import Enum
from functools import partial

from anyio import to_thread

from .._links import verify_proof

SECONDS = 3.0
"""The longest that one examination takes."""
MAX_BYTES = 4096


class Found(Enum):
    """Who answers at an address."""

    SAME_STORE = "the form app of this store"
    OTHER_STORE = "a form app of another store"
    STRANGER = "something else than a form app"
    NOBODY = "nobody"


async def examine(url: str, identity_secret: bytes, through_proxies: bool = False) -> Found:
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
    body = await to_thread.run_sync(ask, abandon_on_cancel=True)
    if body is None:
        return Found.NOBODY
    told = _object_in(body)
    given = told.get("proof")
    if isinstance(given, str):
        return Found.SAME_STORE if verify_proof(identity_secret, nonce, given) else Found.OTHER_STORE
    # An app whose store is still empty has no secret to prove anything with.
    return Found.OTHER_STORE if told.get("status") == "healthy" else Found.STRANGER


def _ask(url: str, nonce: str, through_proxies: bool) -> bytes | None:
    """Return what is answered, empty if it is not 200 or too much; None where nobody answers."""
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
                    return b""
            return body if reply.status_code == httpx.codes.OK else b""
    except httpx.RemoteProtocolError:
        return b""
    except httpx.TransportError:
        return None


def _object_in(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
