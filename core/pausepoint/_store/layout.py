"""
Every path that Pausepoint uses inside a store, built here and nowhere else.

Each function takes ids and gives a path; an id that does not look like one is refused before it becomes part of a path.
"""

from __future__ import annotations

import re

from .._runs import REQUEST_ID
from ..errors import UnknownRequestError, UsageError

STORE = "v1/store.json"
KEYS = "v1/keys"
IDENTITY = "v1/keys/identity.json"
EVENTS = "v1/events"
PROBE = "v1/probe/ready"
OPENED = "v1/opened"

# A mailbox is a folder: with a dot at an end it could be `..`, or hidden.
_MAILBOX = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RUN_DIGEST = re.compile(r"[a-z0-9]{16,64}")
# In this spelling the order of names is the order of time.
_MINUTE = re.compile(r"[0-9]{8}T[0-9]{4}")


def is_request_id(request_id: str) -> bool:
    """Say whether this looks like a request id."""
    return REQUEST_ID.fullmatch(request_id) is not None


def is_key_id(kid: str) -> bool:
    """Say whether this looks like the id of a signing key."""
    # The identity lies in the same folder and signs nothing: it could never be rotated as keys are.
    return _KEY_ID.fullmatch(kid) is not None and kid != "identity"


def is_sha256(digest: str) -> bool:
    """Say whether this looks like a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(digest) is not None


def request_path(request_id: str) -> str:
    """Return where the question is stored."""
    return f"{_event(request_id)}/request.json"


def response_path(request_id: str) -> str:
    """Return where the outcome is stored."""
    return f"{_event(request_id)}/response.json"


def candidate_path(request_id: str, number: int) -> str:
    """Return where a candidate is stored; numbers begin at 1."""
    return f"{_event(request_id)}/candidates/{_counted(number)}.json"


def verdict_path(request_id: str, number: int) -> str:
    """Return where the verdict on a candidate is stored."""
    return f"{_event(request_id)}/candidates/{_counted(number)}.verdict.json"


def wake_path(request_id: str, number: int) -> str:
    """Return where it is remembered that the engine was woken for a candidate, or for the response (0)."""
    return f"{_event(request_id)}/wakes/{_counted(number, least=0)}.json"


def attachment_path(request_id: str, sha256: str) -> str:
    """Return where an attachment is stored."""
    if not is_sha256(sha256):
        raise UsageError(
            "An attachment is named by 64 hexadecimal characters in lower case.",
            "Take the digest from the question's attachments.",
        )
    return f"{_event(request_id)}/files/{sha256}"


def signing_key_path(kid: str) -> str:
    """Return where a signing key is stored."""
    if not is_key_id(kid):
        raise UsageError(
            "A signing key's id is made of 1 to 32 letters, digits, '_' and '-', and is not 'identity'.",
            "Name the key so.",
        )
    return f"{KEYS}/{kid}.json"


def finished_path(run_digest: str) -> str:
    """Return where it is remembered that a run ended well."""
    if not _RUN_DIGEST.fullmatch(run_digest):
        raise UsageError("A run's digest is made of 16 to 64 small letters and digits.", "Derive it from the run.")
    return f"v1/runs/{run_digest}/finished.json"


def wake_folder(mailbox: str) -> str:
    """Return where a mailbox's wake markers are; its name is 1 to 64 of `A-Za-z0-9_.-` without a dot at either end."""
    if not _MAILBOX.fullmatch(mailbox):
        raise UsageError(
            "A mailbox's name is made of 1 to 64 letters, digits, '_', '-' and inner dots.",
            "Correct PAUSEPOINT_MAILBOX.",
        )
    return f"v1/wake/{mailbox}"


def minute_folder(folder: str, minute: str) -> str:
    """Return the folder of one UTC minute (`YYYYMMDDTHHMM`) below `OPENED` or a `wake_folder`."""
    if not _MINUTE.fullmatch(minute):
        raise UsageError("A minute is written like 20261120T1058.", "Write it so, in UTC.")
    return f"{folder}/{minute}"


def _event(request_id: str) -> str:
    # The id is not repeated in the message: it may be anything that a client sent.
    if not is_request_id(request_id):
        raise UnknownRequestError(
            "There is no such event: its id is not one that Pausepoint gives.",
            "Copy the whole link or id again; an id has 26 characters, a to z and 2 to 7.",
        )
    return f"{EVENTS}/{request_id}"


def _counted(number: int, least: int = 1) -> int:
    if number < least:
        raise UsageError("Candidates are numbered from 1.", "Give a number above 0.")
    return number
