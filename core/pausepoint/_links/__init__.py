"""
Signed texts that go out and come back: the tokens of links, of forms and of names; and the proof of which server this
is.

Each purpose has its own salt, so that a signature made for one is worth nothing for another.
"""

from .forms import FORM_SECONDS, NAME_SECONDS, FormTokens, NameTokens
from .proofs import proof, stream_bearer, verify_proof, verify_stream_bearer
from .signing import Keys, key_id_of, token_id
from .tokens import (
    GRACE,
    PARAMETER,
    WITHOUT_DEADLINE,
    Grant,
    LinkTokens,
    foreign,
    forged,
    link_expiry,
    linked,
    token_in,
)

__all__ = [
    "FORM_SECONDS",
    "GRACE",
    "NAME_SECONDS",
    "PARAMETER",
    "WITHOUT_DEADLINE",
    "FormTokens",
    "Grant",
    "Keys",
    "LinkTokens",
    "NameTokens",
    "foreign",
    "forged",
    "key_id_of",
    "link_expiry",
    "linked",
    "proof",
    "stream_bearer",
    "token_id",
    "token_in",
    "verify_proof",
    "verify_stream_bearer",
]
