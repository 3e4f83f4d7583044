"""
What a visitor brings with a request, checked: the link's token, an identity, the operator's token; and the cookies in
which a browser keeps what it was given.

What these are worth is decided elsewhere, by `Access`.
"""

from __future__ import annotations

import base64
import logging
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse

from .._access import Access, Limits, Passwords, Proxies, Visitor, Way, block_of
from .._links import NAME_SECONDS, Grant, LinkTokens, NameTokens, foreign, forged, key_id_of, token_id
from .._settings import Settings
from .._store import Records
from ..errors import LinkError
from .guard import BROUGHT

TRIES_AT_ONCE = 2
"""Passwords that are tried at the same time: each takes 16 MiB, and a processor."""
LONGEST_COOKIE = 400 * 24 * 3600
"""Seconds; browsers keep none for longer."""

_LINK_COOKIE, _NAME_COOKIE = "pausepoint-link", "pausepoint-name"
_VISITOR = "pausepoint.visitor"
_log = logging.getLogger("pausepoint")


class Credentials:
    """
    Examines what visitors bring.

    Args:
        settings: Proxies, passwords, the operator's token and the public URL are read.
        access: Knows the operator's token.
        records: Have the keys that sign links.
        limits: Count wrong passwords.

    Raises:
        UsageError: The file of passwords cannot be understood.
    """

    def __init__(self, settings: Settings, access: Access, records: Records, limits: Limits) -> None:
        self.passwords = Passwords(Path(settings.passwords)) if settings.passwords else None
        self._proxies = Proxies(settings)
        self._access = access
        self._records = records
        self._limits = limits
        self._public = urlsplit(settings.public_url) if settings.public_url else None
        self._trying: CapacityLimiter | None = None

    async def visitor(self, http: HttpRequest, way: Way) -> Visitor:
        """Say who asks. A stream's bearer is not looked at: only the stream's own route does."""
        found: dict[Way, Visitor] = http.scope.setdefault(_VISITOR, {})
        if way not in found:
            found[way] = await self._examined(http, way)
        return found[way]

    def address(self, http: HttpRequest) -> str:
        """Return what limits count as one address."""
        return block_of(self._proxies.client(_peer(http), http.headers.getlist))

    async def traded(self, http: HttpRequest, request_id: str, response: HttpResponse) -> None:
        """Put the link that this request brought into cookies, one for each place where its event is."""
        grant, _ = await self._opened(http.scope.get(BROUGHT, ""))
        if grant is None or grant.request_id != request_id:
            return
        # Not for all paths: with hundreds of links open, a browser would send hundreds of cookies with each request.
        for place in (f"/form/{quote(request_id, safe='')}", f"/files/{quote(request_id, safe='')}", "/submit"):
            age = int(min(LONGEST_COOKIE, max(1, grant.expires_at - time.time())))
            self._set(http, response, _LINK_COOKIE, http.scope[BROUGHT], place, age)

    def name_given(self, http: HttpRequest, names: NameTokens) -> str:
        """Return the name that this browser's reviewer has given before; empty where none."""
        return names.name_in(http.cookies.get(self._called(http, _NAME_COOKIE), ""))

    def remember(self, http: HttpRequest, response: HttpResponse, names: NameTokens, name: str) -> None:
        """Keep the name that a reviewer has given, or forget it where they have emptied it."""
        if name:
            self._set(http, response, _NAME_COOKIE, names.issue(name), "/", int(NAME_SECONDS))
        elif self._called(http, _NAME_COOKIE) in http.cookies:
            self._set(http, response, _NAME_COOKIE, "", "/", 0)

    async def _examined(self, http: HttpRequest, way: Way) -> Visitor:
        peer, header = _peer(http), http.headers.getlist
        kind, _, given = http.headers.get("authorization", "").partition(" ")
        bearer = given.strip() if kind.lower() == "bearer" else ""
        is_operator = bearer != "" and self._access.is_operator(bearer)
        name = self._proxies.identity(peer, header)
        if name is None and kind.lower() == "basic" and self.passwords is not None:
            name = await self._named(http, given.strip(), self.passwords)
        cookie = http.cookies.get(self._called(http, _LINK_COOKIE), "") if http.cookies else ""
        # A bearer without a key's id was never a link's, but perhaps meant to be the operator's.
        token = (bearer if "." in bearer and not is_operator else "") or http.scope.get(BROUGHT, "") or cookie
        grant, fault = await self._opened(token)
        return Visitor(
            way=way,
            at_machine=self._proxies.is_at_machine(peer, header),
            opens=grant.request_id if grant else "",
            name=name,
            is_operator=is_operator,
            fault=fault,
        )

    async def _opened(self, token: str) -> tuple[Grant | None, LinkError | None]:
        if not token:
            return None, None
        secret = await self._records.signing.secret_of(key_id_of(token))
        try:
            if secret is None:
                raise forged()
            return LinkTokens([(key_id_of(token), secret)]).opened(token), None
        except LinkError as error:
            _log.info("A link was refused (token %s): %s", token_id(token), error.what)
            return None, error

    async def _named(self, http: HttpRequest, given: str, passwords: Passwords) -> str | None:
        try:
            name, colon, password = base64.b64decode(given, validate=True).decode("utf-8").partition(":")
        except ValueError:
            return None
        if passwords.is_known(name, password):
            return name
        # Before it costs anything: whoever was refused too often has none tried.
        if not colon or self._limits.refusals.wait(self.address(http)):
            return None
        self._trying = self._trying or CapacityLimiter(TRIES_AT_ONCE)
        if await to_thread.run_sync(passwords.check, name, password, limiter=self._trying):
            return name
        # Here, too, because whoever also has a link is not refused, and could go on trying.
        self._limits.refusals.take(self.address(http))
        return None

    def _set(self, http: HttpRequest, response: HttpResponse, name: str, value: str, place: str, age: int) -> None:
        response.set_cookie(
            self._called(http, name),
            value,
            max_age=age,
            path=str(http.scope.get("root_path", "")).rstrip("/") + place,
            secure=self._is_secure(http),
            httponly=True,
            # Not strict: a link that is opened from a mail comes from another site, and so does where it leads to.
            samesite="lax",
        )

    def _called(self, http: HttpRequest, name: str) -> str:
        # With this prefix no page that came by plain HTTP can plant one; without HTTPS it could not be set at all.
        return f"__Secure-{name}" if self._is_secure(http) else name

    def _is_secure(self, http: HttpRequest) -> bool:
        told = self._proxies.scheme(_peer(http), http.headers.getlist)
        if told is None and self._public is not None and http.url.hostname == self._public.hostname:
            told = self._public.scheme
        return (told or http.scope.get("scheme")) == "https"


def fault_of(visitor: Visitor, request_id: str) -> LinkError | None:
    """Return what is wrong with the link that a visitor brought to an event that it does not open."""
    return visitor.fault or (foreign() if visitor.opens and request_id and visitor.opens != request_id else None)


def _peer(http: HttpRequest) -> str:
    return http.client.host if http.client else ""
