"""What every route has at hand: the floors below the app, wired together for one store."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request as HttpRequest

from .. import _waiting
from .._access import Access, Action, Limits, Visitor, Way
from .._index import Follower, Index
from .._links import FormTokens, NameTokens, proof, verify_stream_bearer
from .._markers import Markers
from .._models import Request
from .._plugins import Engines, Telling, Waking
from .._settings import Settings
from .._settling import Settling
from .._store import Records, Store, layout
from ..errors import UnknownRequestError
from .credentials import Credentials, fault_of
from .metrics import CountedStore, Metrics
from .observing import Observer
from .overlooked import Overlooked
from .problems import Refused, too_many
from .readiness import Readiness
from .streaming import Hub
from .sweeping import Sweeper

_NEEDS_LINK = (
    "This question opens with its whole link, and this request brought none.",
    "Open the link that you were sent, whole; if you just did, allow cookies here.",
    "Programs send the link's token as bearer.",
)
_NEEDS_IDENTITY = (
    "This reaches further than one question, and nothing says who you are.",
    "Open the link of the question itself.",
    "Operators send PAUSEPOINT_API_TOKEN as bearer, or use `pausepoint list`.",
)
_BEYOND_LINK = (
    "A link opens its own question and nothing else.",
    "Open each question by the link that you were sent for it.",
    "Operators send PAUSEPOINT_API_TOKEN instead, or use `pausepoint list`.",
)
_SIGN_IN = "Reload this page and sign in with your name and password. Without these: "
_STREAM = (
    "The stream is for waiting workflows, and this is not the bearer of this store.",
    "Nothing needs to be done by hand: a workflow with access to the store makes it by itself.",
)


class Desk:
    """
    The app's collaborators, and the few questions that most routes ask them.

    Nothing is read before it is needed, because a mounted app is never told that it starts.

    Args:
        store: Where the events live.
        settings: As read by `create_app`.
        hooks: Returns the plugins; called on first need.

    Raises:
        UsageError: The file of passwords cannot be understood.
    """

    def __init__(self, store: Store, settings: Settings, hooks: Callable[[], Engines]) -> None:
        self.metrics = Metrics()
        self.store: Store = CountedStore(store, self.metrics)
        self.links = settings.link_mode
        self.public_url = settings.public_url
        self.access = Access(settings)
        self.records = Records(self.store)
        self.limits = Limits()
        self.credentials = Credentials(settings, self.access, self.records, self.limits)
        markers = Markers(self.store)
        self.hub = Hub(markers)
        waking = Waking(self.records, hooks)
        self.telling = Telling(waking, partial(_waiting.is_awake, store.url))
        self.settling = Settling(self.records, markers, heard=self._heard, stored=self.telling.stored)
        self.index = Index(self.records, markers, self.settling)
        self.overlooked = Overlooked(self.records, markers, self.index, waking, self.telling)
        self.sweeper = Sweeper(self.store, self.index, self.overlooked)
        self.readiness = Readiness(self.store)
        self.observer = Observer(Follower(self.index, self.records, markers), markers, self.metrics, store.url)
        self._identity_secret: bytes | None = None
        # For a store without a secret, which has no event either: the forms of such an app are good for nothing.
        self._own_secret = secrets.token_bytes(32)
        self._tokens: tuple[bytes, FormTokens, NameTokens] | None = None

    async def request(self, request_id: str, http: HttpRequest | None = None) -> Request:
        """
        Return the question.

        Args:
            request_id: Its id.
            http: Whoever asks, who is counted where there is none: ids are not to be found by trying.

        Raises:
            UnknownRequestError: There is none; the same words for an id that never was one, so that nothing can be
                learnt by trying.
        """
        found = await self.records.find_request(request_id)
        if found is None:
            # Whoever may list them all need not find ids by trying.
            if http is not None and not await self.may(http, "page", "list"):
                self.count_refusal(http)
            raise UnknownRequestError(
                "There is no such question here.",
                "Check that the link or id is complete: it may have been cut where it was copied. "
                "If it is, ask whoever sent it.",
            )
        return found

    async def tokens(self) -> FormTokens:
        """Return what signs and checks form tokens: one for all processes that serve this store, restarted or not."""
        return (await self._signers())[1]

    async def names(self) -> NameTokens:
        """Return what signs and reads the names that reviewers have given; as lasting as form tokens."""
        return (await self._signers())[2]

    async def proof(self, nonce: str) -> str | None:
        """Return the proof that we know the store's secret; None where the store is new and has none."""
        secret = await self._identity()
        return proof(secret, nonce) if secret else None

    async def store_id(self) -> str | None:
        """Return the store's id; None where the store is new and has none."""
        return await self.records.store_id() if await self.store.get(layout.STORE) is not None else None

    async def may(self, http: HttpRequest, way: Way, action: Action, request_id: str = "") -> bool:
        """Decide whether whoever asks may do that; to the event, where one is named."""
        return self.access.may(await self.credentials.visitor(http, way), action, request_id)

    async def admit(self, http: HttpRequest, way: Way, action: Action, request_id: str = "") -> Visitor:
        """
        Return who asks, if they may do that; before anything is said of the event, so that nothing is learnt by asking.

        Raises:
            LinkError: Their link is forged or damaged, has expired, or belongs to another event.
            HTTPException: 401 or 403, with what they need to bring; 429 where it is too much.
        """
        visitor = await self.credentials.visitor(http, way)
        if not self.access.may(visitor, action, request_id):
            self.count_refusal(http)
            raise fault_of(visitor, request_id) or self._refused(visitor, action)
        if visitor.opens and (wait := self.limits.links.take(visitor.opens)):
            raise too_many(wait)
        return visitor

    async def admit_stream(self, http: HttpRequest) -> None:
        """
        Return if whoever asks can read the store anyway, which its stream bearer proves.

        Raises:
            HTTPException: 401 otherwise, or 429.
        """
        secret = await self._identity()
        kind, _, given = http.headers.get("authorization", "").partition(" ")
        is_right = secret is not None and kind.lower() == "bearer" and verify_stream_bearer(secret, given.strip())
        if not self.access.may(Visitor(way="api", knows_store=is_right), "follow"):
            self.count_refusal(http)
            raise Refused(401, *_STREAM, headers={"WWW-Authenticate": "Bearer"})

    def count_refusal(self, http: HttpRequest) -> None:
        """
        Count that an address was refused something, or asked for what is not there.

        Raises:
            HTTPException: 429: that was too often.
        """
        if wait := self.limits.refusals.take(self.credentials.address(http)):
            raise too_many(wait)

    def _refused(self, visitor: Visitor, action: Action) -> Refused:
        if visitor.opens:
            return Refused(403, *_BEYOND_LINK)
        # A browser asks for name and password where it is told to, and only there.
        scheme = 'Basic realm="Pausepoint", charset="UTF-8"' if self.credentials.passwords else "Bearer"
        what, todo, aside = _NEEDS_LINK if action in ("see", "answer") else _NEEDS_IDENTITY
        if self.credentials.passwords and visitor.way == "page":
            todo = f"{_SIGN_IN}{todo[0].lower()}{todo[1:]}"
        return Refused(401, what, todo, aside, headers={"WWW-Authenticate": scheme})

    async def _signers(self) -> tuple[bytes, FormTokens, NameTokens]:
        secret = await self._identity() or self._own_secret
        if self._tokens is None or self._tokens[0] != secret:
            self._tokens = secret, FormTokens([("form", secret)]), NameTokens([("name", secret)])
        return self._tokens

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
