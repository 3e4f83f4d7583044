"""Objects in a bucket: created by the storage's own conditional write, read with one request, never cached."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar

import anyio

from ..errors import PausepointError, UsageError
from .buckets import Bucket
from .extension import Obstore, obstore
from .protocol import Names, is_name, too_large
from .refusals import Refusal, refusal_of

T = TypeVar("T")

CALL_SECONDS = 60.0
"""The longest that one read or write takes, its tries included."""

LIST_SECONDS = 300.0
"""The longest that a listing takes: about three million names at a cloud's usual pace."""

_PAGE = 1000

_CLIENT: Mapping[str, object] = {"timeout": timedelta(seconds=20), "connect_timeout": timedelta(seconds=5)}

# Few and quick: whoever calls has retries of its own. None at all would fail on each connection that idled too long.
_RETRY: Mapping[str, object] = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=2), "base": 2},
}

_log = logging.getLogger("pausepoint")


class BucketObjects:
    """
    The `Backend` for a bucket of S3, Google Cloud Storage or Azure.

    Endpoint, region and credentials come from the environment of the process that uses the store, when it first does;
    neither this object nor its pickle holds them. A connection is opened once per process, so a forked child opens its
    own.

    Args:
        bucket: Which one.
        call_seconds: Limit of one read or write, seconds.
        list_seconds: Limit of one listing, seconds.
    """

    def __init__(self, bucket: Bucket, call_seconds: float = CALL_SECONDS, list_seconds: float = LIST_SECONDS) -> None:
        self._bucket = bucket
        self._call_seconds = call_seconds
        self._list_seconds = list_seconds
        self._opened: dict[int, tuple[Obstore, object]] = {}

    @property
    def url(self) -> str:
        """The bucket's URL."""
        return self._bucket.url

    def __repr__(self) -> str:
        return f"BucketObjects({self.url!r})"

    def __reduce__(self) -> tuple[type[BucketObjects], tuple[Bucket, float, float]]:
        return BucketObjects, (self._bucket, self._call_seconds, self._list_seconds)

    async def create(self, path: str, body: bytes) -> bool:
        """See `Store.create`; the storage is told to write only if there is no such object."""
        library, store = self._connection()
        key = self._bucket.key(path)
        # In one piece whatever its size: only a single request can be conditional on every storage.
        call = library.functions.put_async(store, key, body, mode="create", use_multipart=False)
        _, refusal = await _settled(call, self._call_seconds)
        if refusal is None:
            return True
        if refusal.is_taken:
            return False
        raise refusal.error(self.url, "written", path)

    async def get(self, path: str, limit: int) -> bytes | None:
        """See `Store.get`; an object beyond the limit is told by the reply's head, and its body is not read."""
        library, store = self._connection()

        async def read() -> bytes:
            reply = await library.functions.get_async(store, self._bucket.key(path))
            if reply.meta["size"] > limit:
                raise too_large(path, reply.meta["size"], limit)
            return bytes(await reply.bytes_async())

        body, refusal = await _settled(read(), self._call_seconds)
        if refusal is None:
            return body
        if refusal.is_missing:
            return None
        raise refusal.error(self.url, "read", path)

    async def list(self, prefix: str, after: str = "") -> Names:
        """
        Return the names below a folder, in no order; those before *after* may be among them.

        With *after*, where the storage can begin there, the objects of sub-folders are listed as well; Pausepoint asks
        so for folders that have none, or few.
        """
        folder = self._bucket.key(prefix)
        deep = bool(after) and self._bucket.cloud.starts_after
        call = self._listed_after(folder, f"{folder}/{after}") if deep else self._listed(folder)
        keys, refusal = await _settled(call, self._list_seconds)
        if refusal is not None:
            raise refusal.error(self.url, "listed", prefix)
        names = {key[len(folder) + 1 :].partition("/")[0] for key in keys or ()}
        return [name for name in names if is_name(name)]

    async def remove(self, path: str) -> None:
        """Remove a throw-away object; it stays where the credentials may not delete, as an operator may want it."""
        library, store = self._connection()
        call = library.functions.delete_async(store, self._bucket.key(path))
        _, refusal = await _settled(call, self._call_seconds)
        if refusal is not None and refusal.is_denied:
            _log.debug("The probe's object %s stays in %s: deleting is not permitted.", path, self.url)
        elif refusal is not None and not refusal.is_missing:
            raise refusal.error(self.url, "written", path)

    async def sweep(self, older_than: float) -> int:  # noqa: ARG002 - the protocol's parameter
        """Return 0: a write that is cut off leaves nothing in a bucket."""
        return 0

    async def _listed(self, folder: str) -> Iterable[str]:
        library, store = self._connection()
        found = await library.functions.list_with_delimiter_async(store, folder)
        return [*found["common_prefixes"], *(meta["path"] for meta in found["objects"])]

    async def _listed_after(self, folder: str, offset: str) -> Iterable[str]:
        library, store = self._connection()
        keys: set[str] = set()
        async for page in library.functions.list(store, folder, offset=offset, chunk_size=_PAGE):
            keys.update(meta["path"] for meta in page)
        return keys

    def _connection(self) -> tuple[Obstore, object]:
        pid = os.getpid()
        found = self._opened.get(pid)
        if found is None:
            found = self._opened.setdefault(pid, _opened(self._bucket))
        return found


def _opened(bucket: Bucket) -> tuple[Obstore, object]:
    """
    Open a bucket with what the environment says; sends nothing yet.

    Raises:
        UsageError: The environment's settings for this cloud contradict each other, or lack something.
    """
    library = obstore()
    cloud = bucket.cloud
    endpoint = next(filter(None, map(os.environ.get, cloud.endpoints)), "")
    # Unencrypted only where an operator has written so: for a server on the same machine or network.
    client = {**_CLIENT, "allow_http": endpoint.startswith("http://")}
    opening: Callable[..., object] = getattr(library.stores, cloud.store)
    try:
        return library, opening(bucket.name, config=dict(cloud.config), client_options=client, retry_config=_RETRY)
    except Exception as error:  # noqa: BLE001 - obstore's errors have no common class outside of Exception
        why = type(error).__name__
    # Without its cause, whose text may hold what is set.
    raise UsageError(
        f"The store {bucket.url} cannot be opened with the environment's settings for {cloud.name} ({why}).",
        "Correct the environment variables of the cloud's credentials and endpoint; see docs/how-to/choose-a-store.md.",
    )


async def _settled(call: Awaitable[T], seconds: float) -> tuple[T | None, Refusal | None]:
    """Wait for a call of obstore's: its result, or what it was refused with."""
    try:
        with anyio.fail_after(seconds):
            return await call, None
    except PausepointError:
        raise
    except Exception as error:  # noqa: BLE001 - obstore's errors have no common class outside of Exception
        return None, refusal_of(error)
