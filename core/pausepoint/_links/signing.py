"""How every token is signed: by one of several keys, under a salt of its purpose, with the key's id in front."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from itsdangerous import BadData, URLSafeSerializer

from ..errors import UsageError

MOST_CHARS = 1024
"""The longest token that is looked at; none of ours is half as long."""

Keys = Sequence[tuple[str, bytes]]
"""Key ids and secrets, newest first."""


class Signer:
    """
    Signs small JSON values for one purpose.

    Args:
        keys: The newest signs, all verify.
        salt: The purpose.

    Raises:
        UsageError: There is no key.
    """

    def __init__(self, keys: Keys, salt: bytes) -> None:
        if not keys:
            raise UsageError("Tokens need at least one signing key.", "Give the id and the secret of one.")
        self._newest = keys[0][0]
        # Reversed, so that of two keys with one id the newest verifies, as it signs.
        self._signers = {kid: _serializer(secret, salt) for kid, secret in reversed(keys)}

    def sign(self, value: Any) -> str:
        """Return the value, signed: printable ASCII, safe in HTML, URLs and cookies."""
        signed = self._signers[self._newest].dumps(value)
        return f"{self._newest}.{signed if isinstance(signed, str) else signed.decode('ascii')}"

    def opened(self, token: str) -> Any:
        """Return what was signed; None for whatever is not ours, unchanged, and under a key that is known."""
        kid, _, signed = token.partition(".")
        if kid not in self._signers or len(token) > MOST_CHARS:
            return None
        try:
            return self._signers[kid].loads(signed)
        except (BadData, ValueError, TypeError, RecursionError):
            return None


class Tokens:
    """
    Tokens of one purpose, which the subclass names by its salt.

    Args:
        keys: The newest signs, all verify.
        clock: Returns Unix seconds.

    Raises:
        UsageError: There is no key.
    """

    salt: ClassVar[bytes]

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._signer = Signer(keys, self.salt)
        self._clock = clock


def key_id_of(token: str) -> str:
    """Return the id of the key that a token names; it may be anything, and so may the token."""
    return token.partition(".")[0]


def token_id(token: str) -> str:
    """Return what a token is called in logs and counted under: 8 characters from which it cannot be had again."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:8]


def _serializer(secret: bytes, salt: bytes) -> URLSafeSerializer:
    # All of it said here, because the defaults of itsdangerous are SHA-1 and a key that is only concatenated.
    return URLSafeSerializer(
        secret, salt=salt, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )
