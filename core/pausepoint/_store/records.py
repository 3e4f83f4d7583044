"""Typed access to what is stored: the only way in which the rest of Pausepoint reads and writes objects."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from .._models import (
    MAX_ATTACHMENT_BYTES,
    Attachment,
    Candidate,
    Request,
    Response,
    Verdict,
    Wake,
    utc_now,
)
from ..errors import UnknownRequestError, UnreadableRecordError
from . import layout
from .attachments import described
from .encoding import R, decoded, encoded, owner_of
from .keys import FinishedRun, new_key, new_store_info
from .protocol import Store, event_of, shown_path
from .signing import SigningKeys
from .writing import DELAYS, Put, created_or_found


class Records:
    """
    The records of one store.

    Every read is one GET, and an absent record is None. Every method may raise `StoreError`; one that is given a
    malformed request id raises `UnknownRequestError`; one that reads an object it cannot understand raises
    `UnreadableRecordError` and leaves it alone. The identity and the store's id are read once per instance, signing
    keys once a minute.

    Args:
        store: Where they are.
        delays: Seconds before each try of a write; their number is the number of tries.
    """

    def __init__(self, store: Store, delays: Sequence[float] = DELAYS) -> None:
        self.store = store
        self._delays = tuple(delays)
        self._store_id = ""
        self._identity = b""
        self._signing = SigningKeys(store, self._delays)

    async def find_request(self, request_id: str) -> Request | None:
        """Return the question; None if there is none, or the id is not one."""
        # No error: what a visitor typed into an address simply is not there.
        if not layout.is_request_id(request_id):
            return None
        return await self._read(layout.request_path(request_id), Request, request_id=request_id)

    async def request(self, request_id: str) -> Request:
        """
        Return the question.

        Raises:
            UnknownRequestError: There is none in this store, or the id is not one.
        """
        path = layout.request_path(request_id)
        found = await self._read(path, Request, request_id=request_id)
        if found is None:
            raise UnknownRequestError(
                "There is no such event in this store.",
                "Check the link or id, and that the workflow and this process use the same PAUSEPOINT_STORE.",
                event_of(path),
            )
        return found

    async def response(self, request_id: str) -> Response | None:
        """Return the outcome."""
        return await self._read(layout.response_path(request_id), Response, request_id=request_id)

    async def candidate(self, request_id: str, number: int) -> Candidate | None:
        """Return one candidate; numbers begin at 1 and have no gaps."""
        path = layout.candidate_path(request_id, number)
        return await self._read(path, Candidate, request_id=request_id, number=number)

    async def verdict(self, request_id: str, number: int) -> Verdict | None:
        """Return the verdict on a candidate."""
        path = layout.verdict_path(request_id, number)
        return await self._read(path, Verdict, request_id=request_id, number=number)

    async def wake(self, request_id: str, number: int) -> Wake | None:
        """Return what is remembered of the engine's being woken for a candidate, or for the response (0)."""
        path = layout.wake_path(request_id, number)
        return await self._read(path, Wake, request_id=request_id, number=number)

    async def put_request(self, request: Request) -> Put[Request]:
        """Store a question, see `put_once`."""
        return await self.put_once(layout.request_path(request.request_id), request)

    async def put_response(self, response: Response) -> Put[Response]:
        """Settle, see `put_once`."""
        return await self.put_once(layout.response_path(response.request_id), response)

    async def put_candidate(self, candidate: Candidate) -> Put[Candidate]:
        """Store a candidate under its number, see `put_once`; if lost, the number is taken."""
        return await self.put_once(layout.candidate_path(candidate.request_id, candidate.number), candidate)

    async def put_verdict(self, verdict: Verdict) -> Put[Verdict]:
        """Store a verdict, see `put_once`."""
        return await self.put_once(layout.verdict_path(verdict.request_id, verdict.number), verdict)

    async def put_wake(self, wake: Wake) -> Put[Wake]:
        """Remember that the engine was woken, see `put_once`."""
        return await self.put_once(layout.wake_path(wake.request_id, wake.number), wake)

    async def put_once(self, path: str, record: R) -> Put[R]:
        """
        Store a record if there is none.

        Args:
            path: Where, from `layout`.
            record: What; its `write_id` tells it from what others write, so it must not be used for two different
                contents.

        Returns:
            Whether ours is the stored one, and the stored one.

        Raises:
            UsageError: The record is larger than 1 MiB, or JSON cannot hold it; nothing was written.
            UnreadableRecordError: Something is there that cannot be understood.
            StoreError: The store failed at each try, for 4.25 s by default; the record may or may not be stored, and
                trying again with the same record is safe.
        """
        body = encoded(path, record)

        async def read() -> R | None:
            return await self._read(path, type(record), **owner_of(record))

        found = await created_or_found(self.store, path, body, read, self._delays)
        if found is None:
            return Put(won=True, record=record)
        return Put(won=found.write_id == record.write_id, record=found)

    async def put_attachment(self, request_id: str, body: bytes, name: str = "") -> Attachment:
        """
        Store an image beside an event, before its question is stored.

        Args:
            request_id: The event.
            body: A PNG, JPEG or WebP file, at most 10 MiB.
            name: Its caption, at most 200 characters.

        Raises:
            UsageError: It is another kind of file, or too large.
        """
        attachment = described(body, name)
        path = layout.attachment_path(request_id, attachment.sha256)

        async def read() -> bytes | None:
            return await self.attachment(request_id, attachment.sha256)

        # Without a write id: its name is its digest, so whatever is there is what we would have written.
        await created_or_found(self.store, path, body, read, self._delays)
        return attachment

    async def attachment(self, request_id: str, sha256: str) -> bytes | None:
        """
        Return an attachment's bytes, checked against their digest; None if there is none or *sha256* is not a digest.

        Raises:
            UnreadableRecordError: The bytes are not those that were stored.
        """
        if not layout.is_sha256(sha256):
            return None
        path = layout.attachment_path(request_id, sha256)
        body = await self.store.get(path, MAX_ATTACHMENT_BYTES)
        # Checked each time, since an image that was swapped would be shown beside a question that means another.
        if body is not None and hashlib.sha256(body).hexdigest() != sha256:
            raise UnreadableRecordError(
                f"The stored attachment {shown_path(path)} is damaged: its bytes do not have its digest.",
                "Restore it from a backup; Pausepoint never overwrites it.",
                event_of(path),
                path,
            )
        return body

    async def event_ids(self) -> list[str]:
        """Return the ids of all events, sorted; one listing, which takes seconds for a million."""
        return [name for name in await self.store.list(layout.EVENTS) if layout.is_request_id(name)]

    async def store_id(self) -> str:
        """
        Return the store's id; make it if the store is new.

        Raises:
            UnreadableRecordError: A newer version of Pausepoint made this store.
        """
        if not self._store_id:
            self._store_id = (await self._found_or_put(layout.STORE, new_store_info())).store_id
        return self._store_id

    async def identity_secret(self) -> bytes:
        """Return the 32 secret bytes that request ids are made with; whoever asks first makes them, once per store."""
        if not self._identity:
            self._identity = (await self._found_or_put(layout.IDENTITY, new_key())).secret_bytes
        return self._identity

    @property
    def signing(self) -> SigningKeys:
        """The keys that sign links."""
        return self._signing

    async def signing_keys(self) -> list[tuple[str, bytes]]:
        """
        Return the keys that sign links as (key id, secret), newest first; make the first one if there is none.

        Raises:
            UnreadableRecordError: None of the stored keys can be read.
        """
        return await self._signing.all()

    async def finish_run(self, digest: str, run_id: str = "") -> datetime:
        """Remember that a run ended well; return when it first did, UTC."""
        finished = FinishedRun(digest=digest, run_id=run_id, finished_at=utc_now())
        put = await self.put_once(layout.finished_path(digest), finished)
        return put.record.finished_at

    async def run_finished(self, digest: str) -> datetime | None:
        """Return when a run ended well, UTC; None if it did not."""
        found = await self._read(layout.finished_path(digest), FinishedRun, digest=digest)
        return found.finished_at if found else None

    async def _found_or_put(self, path: str, fresh: R) -> R:
        return await self._read(path, type(fresh)) or (await self.put_once(path, fresh)).record

    async def _read(self, path: str, kind: type[R], **owner: object) -> R | None:
        body = await self.store.get(path)
        return None if body is None else decoded(path, body, kind, **owner)
