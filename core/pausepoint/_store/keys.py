"""
What a store knows about itself: its id, the secret behind its request ids, the keys that sign links.

These models have no defaults: a stored object that lacks its secret must be refused, not given a fresh one by each
reader.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Annotated
from uuid import uuid4

from pydantic import AfterValidator, Field

from .._models import Record, Utc, utc_now

SECRET_BYTES = 32


def _checked_secret(text: str) -> str:
    try:
        # Checked on reading, too: a secret that was cut short would sign as well as any, and could be guessed.
        long_enough = len(base64.b64decode(text, validate=True)) >= SECRET_BYTES
    except binascii.Error:
        long_enough = False
    if not long_enough:
        raise ValueError("not a secret")
    return text


class StoreInfo(Record):
    """
    `v1/store.json`.

    Attributes:
        store_id: Random; tells this store from every other, whatever URL it is reached under.
        created_at: UTC.
    """

    store_id: str = Field(min_length=1)
    created_at: Utc


class Key(Record):
    """
    `v1/keys/identity.json` and `v1/keys/{kid}.json`.

    Attributes:
        secret: At least 32 random bytes, base64; not part of the representation.
        created_at: UTC; the newest key signs.
    """

    secret: Annotated[str, AfterValidator(_checked_secret)] = Field(repr=False)
    created_at: Utc

    @property
    def secret_bytes(self) -> bytes:
        """The secret, decoded."""
        return base64.b64decode(self.secret)


class FinishedRun(Record):
    """
    `v1/runs/{digest}/finished.json`: a `run(...)` that ended well.

    Attributes:
        digest: The run's digest, as in the path.
        run_id: The run's id as its author wrote it, for people; may be empty.
        finished_at: UTC.
    """

    digest: str
    run_id: str = ""
    finished_at: Utc


def new_store_info() -> StoreInfo:
    """Make up the id of a new store."""
    return StoreInfo(store_id=uuid4().hex, created_at=utc_now())


def new_key() -> Key:
    """Make up a secret."""
    return Key(secret=base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii"), created_at=utc_now())
