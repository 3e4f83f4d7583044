"""
What a store must be able to do, and which paths may reach one.

A store keeps small objects under paths like `v1/events/<id>/request.json`. An object is created once and never
changed. Everything that Pausepoint promises about answers rests on one operation: of any number of parties that
create the same path, exactly one is told that it won.
"""

from __future__ import annotations

import re
from typing import Protocol

from .._models import MAX_BODY_BYTES
from ..errors import UnreadableRecordError, UsageError

TEMPORARY_SECONDS = 24 * 3600.0
"""A temporary file older than this belongs to a writer that was killed."""

MAX_PATH_CHARS = 512

Names = list[str]
"""For annotations beside a method that is called `list`."""

# No part begins or ends with a dot: that rules out `.`, `..` and hidden files, and Windows drops a dot at the end of
# a name.
_PART = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?")
_PATH = re.compile(rf"{_PART.pattern}(?:/{_PART.pattern})*")
_REQUEST_ID = re.compile(r"(?<![A-Za-z0-9])([a-z2-7]{8})[a-z2-7]{18}(?![A-Za-z0-9])")


class Store(Protocol):
    """
    Where events live.

    A store may be used from several threads, several event loops and, unless it says otherwise, after a fork. Every
    method raises `UsageError` for a path that `checked_path` refuses, and `StoreError` when the store cannot tell,
    never a guess.
    """

    @property
    def url(self) -> str:
        """The store's URL as it may be shown and logged: without credentials."""

    async def create(self, path: str, body: bytes) -> bool:
        """
        Create an object that does not exist yet, durably and all at once.

        Args:
            path: A relative path, e.g. `v1/store.json`.
            body: The object's bytes. An empty object is a hint and need not be durable: a power cut may undo it.

        Returns:
            True if this call created it; False if an object is there already, which is then left as it is. A client
            that retries by itself can lose to its own first try, so False means "read it and compare"
            (`Records.put_once` does).

        Raises:
            StoreError: The object may or may not have been created.
        """

    async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
        """
        Read an object with one request.

        Args:
            path: A relative path.
            limit: The largest object that is read, bytes.

        Returns:
            The object's bytes; None if there is no such object (yet).

        Raises:
            UnreadableRecordError: The object is larger than *limit*; it was not read into memory.
            StoreError: The store could not say, for example for want of permission.
        """

    async def list(self, prefix: str, after: str = "") -> Names:
        """
        List the names directly below a folder: of objects and of folders, without the folder's own path.

        Args:
            prefix: The folder's relative path, without a slash at its end.
            after: Only names that sort after this one.

        Returns:
            The names, sorted; empty if there is no such folder.

        Raises:
            StoreError: The store could not say.
        """

    async def probe(self) -> None:
        """
        Try whether this store keeps the promise of `create`, with one object that is thrown away.

        Raises:
            UnsafeStoreError: Not exactly one of several concurrent creates won, or the object reads back wrong.
            StoreError: The store cannot be written or read.
        """

    async def sweep(self, older_than: float = TEMPORARY_SECONDS) -> int:
        """
        Remove what killed writers left half-written.

        Args:
            older_than: Age in seconds from which a temporary file counts as left behind.

        Returns:
            How many files were removed.

        Raises:
            StoreError: The store could not be searched.
        """


def checked_path(path: str) -> str:
    """
    Return *path* if it may be given to a store.

    Raises:
        UsageError: It is absolute, climbs (`..`), is longer than 512 characters, or has a part that is empty, longer
            than 128 characters, or made of anything but ASCII letters, digits, `_`, `-` and inner dots.
    """
    if len(path) > MAX_PATH_CHARS or not _PATH.fullmatch(path):
        # The path is not repeated: it may come from a client.
        raise UsageError(
            "This is not a path inside a store.",
            "Use a relative one of ASCII letters, digits, '_', '-' and inner dots, between single slashes.",
        )
    return path


def is_name(name: str) -> bool:
    """Say whether a listed name is one that Pausepoint can have written; temporary files, for example, are not."""
    return _PART.fullmatch(name) is not None


def shown_path(path: str) -> str:
    """Shorten every request id in a path to 8 characters, for messages: whoever knows a whole id can answer."""
    return _REQUEST_ID.sub(r"\1...", path)


def event_of(path: str) -> str:
    """Return how messages name the event that a path belongs to: 8 characters of its id, or nothing."""
    found = _REQUEST_ID.search(path)
    return found.group(1) if found else ""


def too_large(path: str, size: int, limit: int) -> UnreadableRecordError:
    """Build the error for an object that is larger than a reader allows; sizes in bytes."""
    return UnreadableRecordError(
        f"The stored object {shown_path(path)} is {size} bytes long; at most {limit} are read.",
        "Pausepoint did not write it. Move it away, or restore it from a backup.",
        event_of(path),
        path,
    )
