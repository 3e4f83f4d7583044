"""
The keys that sign links, one object each: the newest signs, all verify, and one that is deleted is worth nothing a
minute later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from ..errors import UnreadableRecordError
from . import layout
from .encoding import decoded, encoded
from .keys import Key, new_key
from .protocol import Store
from .writing import created_or_found

FRESH_SECONDS = 60.0
"""How long a key that was read is believed to be there still."""

_FIRST = "k1"
_log = logging.getLogger("pausepoint")


class SigningKeys:
    """
    The signing keys of one store. Every method may raise `StoreError`.

    Args:
        store: Where they are.
        delays: Seconds before each try of a write.
        clock: Returns seconds that never go back.
    """

    def __init__(self, store: Store, delays: Sequence[float], clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._delays = tuple(delays)
        self._clock = clock
        self._all: tuple[float, list[tuple[str, bytes]]] = (float("-inf"), [])
        self._each: dict[str, tuple[float, bytes]] = {}

    async def all(self) -> list[tuple[str, bytes]]:
        """
        Return (key id, secret) of all keys, newest first; make the first one if there is none.

        Raises:
            UnreadableRecordError: None of the stored keys can be read.
        """
        read_at, keys = self._all
        if not keys or self._clock() - read_at > FRESH_SECONDS:
            found = await self.stored() or [(_FIRST, await self._put(_FIRST, new_key()))]
            keys = [(kid, key.secret_bytes) for kid, key in found]
            self._all = self._clock(), keys
        return list(keys)

    async def secret_of(self, kid: str) -> bytes | None:
        """
        Return one key's secret; None where there is no such key, or its id is not one. Makes none.

        Raises:
            UnreadableRecordError: It cannot be read.
        """
        if not layout.is_key_id(kid):
            return None
        read_at, secret = self._each.get(kid, (float("-inf"), b""))
        if self._clock() - read_at > FRESH_SECONDS:
            # By its name and not from a list: a key that another process has just made is known at once.
            key = await self._read(kid)
            if key is None:
                self._each.pop(kid, None)
                return None
            secret = key.secret_bytes
            self._each[kid] = self._clock(), secret
        return secret

    async def stored(self) -> list[tuple[str, Key]]:
        """
        Return (key id, key) of what is stored now, newest first; makes none.

        Raises:
            UnreadableRecordError: None of them can be read.
        """
        # Listed and not named in a file, which would have to be changed: a key is added by adding an object.
        names = await self._store.list(layout.KEYS)
        kids = [name.removesuffix(".json") for name in names if name.endswith(".json")]
        keys: list[tuple[datetime, str, Key]] = []
        unreadable: UnreadableRecordError | None = None
        for kid in filter(layout.is_key_id, kids):
            try:
                key = await self._read(kid)
            except UnreadableRecordError as error:  # noqa: PERF203 - each on its own
                # One bad key makes the links it signed invalid; it must not make all others so.
                _log.error("A signing key is passed over: %s", error)
                unreadable = error
            else:
                keys += [(key.created_at, kid, key)] if key else []
        if not keys and unreadable is not None:
            raise unreadable
        return [(kid, key) for _, kid, key in sorted(keys, key=lambda each: each[:2], reverse=True)]

    async def rotate(self) -> str:
        """
        Add a key, which signs from now on, and return its id; the others go on verifying.

        Processes that have asked lately sign with the key before it for up to a minute.

        Raises:
            UnreadableRecordError: None of the stored keys can be read.
        """
        known = await self.stored() or [(_FIRST, await self._put(_FIRST, new_key()))]
        taken = {name.removesuffix(".json") for name in await self._store.list(layout.KEYS)}
        kid = next(name for number in range(1, len(taken) + 2) if (name := f"k{number}") not in taken)
        fresh = new_key()
        # Newer than the newest, also where the clock of this machine is behind that of another.
        newest = max(key.created_at for _, key in known) + timedelta(microseconds=1)
        # Two who rotate at the same moment make one key, which is what both wanted.
        await self._put(kid, fresh.model_copy(update={"created_at": max(fresh.created_at, newest)}))
        self._all = (float("-inf"), [])
        return kid

    async def _put(self, kid: str, fresh: Key) -> Key:
        path = layout.signing_key_path(kid)

        async def read() -> Key | None:
            return await self._read(kid)

        return await created_or_found(self._store, path, encoded(path, fresh), read, self._delays) or fresh

    async def _read(self, kid: str) -> Key | None:
        path = layout.signing_key_path(kid)
        body = await self._store.get(path)
        return None if body is None else decoded(path, body, Key)
