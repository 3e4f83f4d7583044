"""
The address that the processes of one user and machine share for one store: a lock says who serves, a file says where.

The lock belongs to the process and ends with it, however it ends. The address stays, so that whoever serves next tries
the same port first and links that were printed before go on working. What the file says is believed only after the
server has proven itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from .._models import Model
from .._settings import HttpUrl

MAX_ADDRESS_BYTES = 4096


class Address(Model):
    """What the file holds: where the form app is, and the process that wrote it (for people)."""

    url: HttpUrl
    pid: int


class SharedAddress:
    """
    One store's address on this machine.

    Args:
        folder: Where locks and addresses are; made with mode 0700.
        store_url: The store's URL without credentials.

    Raises:
        OSError: The folder or the lock file cannot be made.
    """

    def __init__(self, folder: Path, store_url: str) -> None:
        # For its owner only: another user's address here would be examined first, and learn our store's whereabouts.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = hashlib.sha256(store_url.encode()).hexdigest()[:32]
        self._path = folder / f"{name}.json"
        # Opened once and kept: closing any descriptor of this file would give up the process's lock on it.
        self._lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        self._held = False

    def descriptors(self) -> list[int]:
        """Return the open file descriptors, which a forked child must not keep."""
        return [self._lock]

    def claim(self) -> bool:
        """
        Try to become the one that serves; never waits. Claiming again what is held succeeds.

        Raises:
            OSError: This file system has no locks.
        """
        self._held = self._held or _lock(self._lock)
        return self._held

    def release(self) -> None:
        """Let another process serve; the address stays for it."""
        if self._held:
            _unlock(self._lock)
            self._held = False

    def publish(self, url: str) -> None:
        """
        Write where the form app is; only for the process whose claim succeeded.

        Raises:
            OSError: The file cannot be written.
        """
        temporary = self._path.with_name(f".{uuid4().hex}.tmp")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(Address(url=url, pid=os.getpid()).model_dump_json().encode())
            # In one step, so that nobody reads half an address.
            temporary.replace(self._path)
        finally:
            temporary.unlink(missing_ok=True)

    def published(self) -> str | None:
        """Return the URL in the file; None where there is no file or it makes no sense."""
        try:
            with self._path.open("rb") as file:
                body = file.read(MAX_ADDRESS_BYTES + 1)
        except FileNotFoundError:
            return None
        try:
            return Address.model_validate(json.loads(body)).url if len(body) <= MAX_ADDRESS_BYTES else None
        except (ValidationError, ValueError):
            return None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        # Record locks and not flock: these belong to the process, so a forked child does not hold them.
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN)
