"""What proves that somebody knows the store's secret, without telling it."""

from __future__ import annotations

import hashlib
import hmac
import re

from ..errors import UsageError

_PROOF_SALT = b"pausepoint health proof 1"
_STREAM_SALT = b"pausepoint stream bearer 1"
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,128}")


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
