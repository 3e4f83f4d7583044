"""What has been counted already, so that whoever counts next counts nothing twice and leaves nothing out."""

from __future__ import annotations

import hashlib
import os
import struct
from datetime import datetime, timezone
from pathlib import Path

_SINCE = struct.Struct("<d")
_DIGEST_BYTES = 8
"""Enough to tell a million events apart; a whole id would open its event to whoever reads the file."""


class Tally:
    """
    The events that were counted; in memory, or in a file beside the figures that workers share.

    Of several workers one counts. Where it is killed, the next reads here what had been counted, and since when.

    Args:
        folder: Where workers share figures; None for a process on its own.
        now: UTC; counting begins here where nobody has begun before.
    """

    def __init__(self, folder: Path | None, now: datetime) -> None:
        self.since = now
        self._counted: set[bytes] = set()
        self._file = None
        if folder is not None:
            # Unbuffered: what was counted must be there when this process is killed.
            self._file = os.open(folder / "counted", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._go_on(self._file, now)

    def take(self, request_id: str) -> bool:
        """Say whether an event is to be counted now; from then on it has been."""
        digest = hashlib.blake2b(request_id.encode(), digest_size=_DIGEST_BYTES).digest()
        if digest in self._counted:
            return False
        self._counted.add(digest)
        if self._file is not None:
            os.write(self._file, digest)
        return True

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _go_on(self, file: int, now: datetime) -> None:
        found = os.pread(file, os.fstat(file).st_size, 0)
        if len(found) < _SINCE.size:
            os.ftruncate(file, 0)
            os.write(file, _SINCE.pack(now.timestamp()))
            return
        self.since = datetime.fromtimestamp(_SINCE.unpack_from(found)[0], timezone.utc)
        # Without the piece of a last entry that was cut off: all that follows it would be out of step.
        whole = len(found) - (len(found) - _SINCE.size) % _DIGEST_BYTES
        os.ftruncate(file, whole)
        self._counted = {found[at : at + _DIGEST_BYTES] for at in range(_SINCE.size, whole, _DIGEST_BYTES)}
