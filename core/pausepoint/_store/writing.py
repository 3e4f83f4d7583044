"""Writing once against a store that fails, and a client that can lose to its own retry."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio

from ..errors import StoreError, UnreadableRecordError, UnsafeStoreError
from .encoding import R
from .protocol import Store, event_of, shown_path

T = TypeVar("T")

DELAYS = (0.0, 0.05, 0.2, 1.0, 3.0)
"""Seconds before each try of a write."""

# Said before anything is written, and true a second later as well.
_HOPELESS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


@dataclass(frozen=True)
class Put(Generic[R]):
    """
    What became of a write.

    Attributes:
        won: The stored record is ours: this call wrote it, or an earlier one with the same write id did.
        record: The record that is stored.
    """

    won: bool
    record: R


async def created_or_found(
    store: Store, path: str, body: bytes, read: Callable[[], Awaitable[T | None]], delays: Sequence[float]
) -> T | None:
    """
    Create an object; on any doubt read what is there.

    "Exists" may be our own object: a client that lost the reply has tried again by itself. An error may hide a success.
    So neither is believed; the object is read, and if there is none, the write is tried again.

    Returns:
        None if this call created the object, else what `read` found.

    Raises:
        UnreadableRecordError: What is there cannot be understood.
        StoreError: The store failed at every try, or in a way that trying again cannot cure.
    """
    failure: StoreError | None = None
    for delay in delays:
        if delay:  # to sleep for 0 s would be one more round of the loop
            await anyio.sleep(delay)
        try:
            if await store.create(path, body):
                return None
        except StoreError as error:
            failure = error
            if _is_hopeless(error):
                raise
        try:
            found = await read()
        # There is an object, whatever it is, so another try cannot win.
        except UnreadableRecordError:
            raise
        except StoreError as error:
            failure = error
        else:
            if found is not None:
                return found
    raise failure or StoreError(
        f"The store {store.url} says that {shown_path(path)} exists, and cannot read it.",
        "Run `pausepoint doctor`, then try again.",
        event_of(path),
    )


def _is_hopeless(error: StoreError) -> bool:
    """Say whether another try is in vain and nothing can have been written."""
    cause = error.__cause__
    return isinstance(error, UnsafeStoreError) or (isinstance(cause, OSError) and cause.errno in _HOPELESS)
