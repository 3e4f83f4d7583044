"""What every route has at hand: the floors below the app, wired together for one store."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest

from .. import _waiting
from .._access import Access, Action, Visitor, Way
from .._index import Index
from .._links import FormTokens, proof, verify_stream_bearer
from .._markers import Markers
from .._models import Request
from .._plugins import Engines, Telling, Waking
from .._settings import Settings
from .._settling import Settling
from .._store import Records, Store, layout
from ..errors import UnknownRequestError
from .overlooked import Overlooked
from .streaming import Hub
from .sweeping import Sweeper

BEARER = "bearer "


class Desk:
    """
    The app's collaborators, and the few questions that most routes ask them.

    Nothing is read before it is needed, because a mounted app is never told that it starts.

    Args:
        store: Where the events live.
        settings: As read by `create_app`.
        hooks: Returns the plugins; called on first need.

    Raises:
        UsageError: The settings ask for access rules that this version does not have.
    """

    def __init__(self, store: Store, settings: Settings, hooks: Callable[[], Engines]) -> None:
        self.store = store
        self.access = Access(settings)
        self.records = Records(store)
        markers = Markers(store)
        self.hub = Hub(markers)
        waking = Waking(self.records, hooks)
        self.telling = Telling(waking, partial(_waiting.is_awake, store.url))
        self.settling = Settling(self.records, markers, heard=self._heard, stored=self.telling.stored)
        self.index = Index(self.records, markers, self.settling)
        self.overlooked = Overlooked(self.records, markers, self.index, waking, self.telling)
        self.sweeper = Sweeper(store, self.index, self.overlooked)
        self._identity_secret: bytes | None = None
        # For a store without a secret, which has no event either: the forms of such an app are good for nothing.
        self._own_secret = secrets.token_bytes(32)
        self._tokens: tuple[bytes, FormTokens] | None = None

    async def request(self, request_id: str) -> Request:
        """
        Return the question.

        Raises:
            UnknownRequestError: There is none; the same words for an id that never was one, so that nothing can be
                learnt by trying.
        """
        found = await self.records.find_request(request_id)
        if found is None:
            raise UnknownRequestError(
                "There is no such question here.",
                "Check that the link or id is complete: it may have been cut where it was copied. "
                "If it is, ask whoever sent it.",
            )
        return found

    async def tokens(self) -> FormTokens:
        """Return what signs and checks form tokens: one for all processes that serve this store, restarted or not."""
        secret = await self._identity() or self._own_secret
        if self._tokens is None or self._tokens[0] != secret:
            self._tokens = secret, FormTokens([("form", secret)])
        return self._tokens[1]

    async def proof(self, nonce: str) -> str | None:
        """Return the proof that we know the store's secret; None where the store is new and has none."""
        secret = await self._identity()
        return proof(secret, nonce) if secret else None

    async def store_id(self) -> str | None:
        """Return the store's id; None where the store is new and has none."""
        return await self.records.store_id() if await self.store.get(layout.STORE) is not None else None

    def visitor(self, http: HttpRequest, way: Way) -> Visitor:
        """Say who asks."""
        given = http.headers.get("authorization", "")
        return Visitor(way, given[len(BEARER) :].strip() if given.lower().startswith(BEARER) else "")

    def may(self, http: HttpRequest, way: Way, action: Action) -> bool:
        """Decide whether whoever asks may do that."""
        return self.access.may(self.visitor(http, way), action)

    def admit(self, http: HttpRequest, way: Way, action: Action) -> Visitor:
        """
        Return who asks, if they may do that.

        Raises:
            HTTPException: 401, with what they need to bring.
        """
        visitor = self.visitor(http, way)
        if not self.access.may(visitor, action):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return visitor

    async def admit_stream(self, http: HttpRequest) -> None:
        """
        Return if whoever asks can read the store anyway, which its stream bearer proves.

        Raises:
            HTTPException: 401 otherwise.
        """
        secret = await self._identity()
        given = self.visitor(http, "api").bearer
        if not given or secret is None or not verify_stream_bearer(secret, given):
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    def _heard(self, request_id: str) -> None:
        # A workflow in this very process needs no stream; all others hear it through theirs.
        _waiting.hint(self.store.url, request_id)
        self.hub.say(request_id)

    async def _identity(self) -> bytes | None:
        # Looked at first, because `identity_secret` would make the one that is missing, and reading a page must not
        # write.
        if self._identity_secret is None and await self.store.get(layout.IDENTITY) is not None:
            self._identity_secret = await self.records.identity_secret()
        return self._identity_secret


def desk_of(http: HttpRequest) -> Desk:
    """
    Return the desk of the app that serves this request.

    The routes that most requests go to call this; `AtDesk` does the same, for a tenth of what answering them takes.
    """
    desk = http.app.state.desk
    assert isinstance(desk, Desk)  # noqa: S101 - tells the type checker what create_app put there
    return desk


async def _desk_of(http: HttpRequest) -> Desk:
    """Do the same as a coroutine: FastAPI runs plain functions in a worker thread, which costs as much again."""
    return desk_of(http)


AtDesk = Annotated[Desk, Depends(_desk_of)]


def root_of(http: HttpRequest) -> str:
    """Return the prefix under which the app is mounted, without a slash at its end; it goes before every URL."""
    return str(http.scope.get("root_path", "")).rstrip("/")
