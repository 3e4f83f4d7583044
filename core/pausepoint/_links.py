"""
Signed texts that go out with a page and come back: form tokens now, signed links later; and the proof of which server
this is.

Each purpose has its own salt, so that a signature made for one is worth nothing for another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence

from itsdangerous import BadData, URLSafeSerializer

from .errors import LinkError, UsageError

FORM_SECONDS = 12 * 3600.0
"""How long a form may stay open before it must be shown again."""

_FORM_SALT = b"pausepoint form token 1"
_PROOF_SALT = b"pausepoint health proof 1"
_STREAM_SALT = b"pausepoint stream bearer 1"
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_AGAIN = "Open the form again; what was typed is kept where the page still has it."

Keys = Sequence[tuple[str, bytes]]
"""Key ids and secrets, newest first."""


class FormTokens:
    """
    Proves that a submitted form is one that this store's app has shown, for this very event.

    Args:
        keys: The newest signs, all verify.
        clock: Returns Unix seconds.

    Raises:
        UsageError: There is no key.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        if not keys:
            raise UsageError("Form tokens need at least one signing key.", "Give the id and the secret of one.")
        self._newest = keys[0][0]
        # Reversed, so that of two keys with one id the newest verifies, as it signs.
        self._signers = {kid: _signer(secret) for kid, secret in reversed(keys)}
        self._clock = clock

    def issue(self, request_id: str) -> str:
        """
        Return a token for a form of this event; printable ASCII, safe in HTML and URLs.

        No two are alike: a form that is sent twice is known by its token, and two reviewers' forms must not be.
        """
        signed = self._signers[self._newest].dumps([request_id, int(self._clock()), secrets.token_urlsafe(9)])
        return f"{self._newest}.{_text(signed)}"

    def check(self, token: str, request_id: str) -> None:
        """
        Return if the token was issued for this event within the last 12 hours.

        Raises:
            LinkError: It was forged, has expired, or belongs to another event; the message says which, and never the
                token.
        """
        issued_for, issued_at = self._opened(token)
        if issued_for != request_id:
            raise LinkError("This form's token belongs to another event.", _AGAIN, request_id[:8])
        if self._clock() - issued_at > FORM_SECONDS:
            raise LinkError(
                "This form was open for more than 12 hours, so its token has expired.", _AGAIN, request_id[:8]
            )

    def _opened(self, token: str) -> tuple[str, int]:
        kid, _, signed = token.partition(".")
        try:
            issued_for, issued_at, _ = self._signers[kid].loads(signed)
        except (KeyError, BadData, ValueError, TypeError):
            # Without its cause, which repeats the token.
            raise LinkError(
                "This form's token is forged, damaged, or signed with a key that is gone.", _AGAIN
            ) from None
        return str(issued_for), int(issued_at)


def proof(identity_secret: bytes, nonce: str) -> str:
    """
    Prove to whoever knows the store's identity secret that we know it too.

    Args:
        identity_secret: The store's.
        nonce: What the asker has just made up: 16 to 128 of `A-Za-z0-9_-`.

    Returns:
        64 hexadecimal characters, of no use for any other nonce or purpose.

    Raises:
        UsageError: That is no nonce.
    """
    if not _NONCE.fullmatch(nonce):
        raise UsageError(
            "A nonce is made of 16 to 128 letters, digits, '_' and '-'.", "Make one up with secrets.token_urlsafe(24)."
        )
    # A key of its own, so that nobody can have a request id computed by asking for the proof of a chosen nonce.
    key = hmac.digest(identity_secret, _PROOF_SALT, "sha256")
    return hmac.new(key, nonce.encode("ascii"), hashlib.sha256).hexdigest()


def verify_proof(identity_secret: bytes, nonce: str, given: str) -> bool:
    """Say whether *given* is the proof for our nonce; takes the same time whatever it is."""
    return hmac.compare_digest(proof(identity_secret, nonce).encode("ascii"), given.encode("utf-8", "replace"))


def stream_bearer(identity_secret: bytes) -> str:
    """Return what a waiting process shows to follow the stream: whoever can read the store can make it, nobody else."""
    return hmac.new(identity_secret, _STREAM_SALT, hashlib.sha256).hexdigest()


def verify_stream_bearer(identity_secret: bytes, given: str) -> bool:
    """Say whether *given* is this store's stream bearer; takes the same time whatever it is."""
    return hmac.compare_digest(stream_bearer(identity_secret).encode("ascii"), given.encode("utf-8", "replace"))


def _signer(secret: bytes) -> URLSafeSerializer:
    # All of it said here, because the defaults of itsdangerous are SHA-1 and a key that is only concatenated.
    return URLSafeSerializer(
        secret, salt=_FORM_SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )


def _text(signed: str | bytes) -> str:
    return signed if isinstance(signed, str) else signed.decode("ascii")
