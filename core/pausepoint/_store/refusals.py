"""What an object storage says when it fails, as an error of ours, without what must not be in one."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

from ..errors import StoreError
from .protocol import event_of, shown_path

# obstore's errors carry none of this but in their text.
_CODE = re.compile(r"\bCode>([A-Za-z.]{1,60})<")
_STATUS = re.compile(r"status code: ([1-5][0-9]{2})\b")
_NO_REPLY = re.compile(r"kind: (Timeout|Connect|Interrupted|Request|Decode)\b")
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
_IN_FLIGHT = {"ConditionalRequestConflict", "OperationAborted"}
_DENIED = {"PermissionDeniedError", "UnauthenticatedError"}
_DENIED_STATUS = {"401", "403"}
_REASONS = {
    "Timeout": "it did not reply in time",
    "Connect": "no connection could be made",
    "Interrupted": "the connection broke",
    "Request": "the connection broke",
    "Decode": "its reply was cut",
}


@dataclass(frozen=True)
class Refusal:
    """
    What is taken over from an error of obstore's.

    obstore's own text holds the whole key, with a request id in it, and the whole address, with Azure's signature in
    it; none of that may reach a log. So its error is neither quoted nor kept as a cause.

    Attributes:
        name: The error's class.
        code: The storage's own word, e.g. `NoSuchBucket`; may be empty.
        status: The HTTP status; empty if there was no reply.
        reason: What happened, in words.
    """

    name: str
    code: str
    status: str
    reason: str

    @property
    def is_missing(self) -> bool:
        """There is no such object, in a bucket that exists."""
        # A missing bucket must not read as "not yet": whoever waits would wait for ever.
        return self.name == "FileNotFoundError" and self.code not in _NO_BUCKET

    @property
    def is_taken(self) -> bool:
        """There is such an object already; false where S3 only says that others are just writing it."""
        return self.name == "AlreadyExistsError" and self.code not in _IN_FLIGHT

    @property
    def is_denied(self) -> bool:
        """These credentials may not do that."""
        return self.name in _DENIED or self.status in _DENIED_STATUS

    def error(self, url: str, verb: str, path: str) -> StoreError:
        """
        Build the error to raise.

        Args:
            url: The store's URL as it may be shown.
            verb: What could not be done to the store, e.g. `read`.
            path: The path inside the store.
        """
        error = StoreError(
            f"The store {url} could not be {verb} ({shown_path(path)}): {self.reason}.", self._todo, event_of(path)
        )
        if self.is_denied:
            # With this cause nobody tries again.
            error.__cause__ = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return error

    @property
    def _todo(self) -> str:
        if self.is_denied:
            return "Check the credentials in the environment, and that they may read, create and list in this bucket."
        if self.code in _NO_BUCKET:
            return "Create the bucket, or correct PAUSEPOINT_STORE."
        return "Try again. If it stays so, check the network, the endpoint and the region in the environment."


def refusal_of(error: Exception) -> Refusal:
    """Read an error of obstore's, or the end of our own patience (`TimeoutError`)."""
    text = str(error)
    code, status, kind = (_first(pattern, text) for pattern in (_CODE, _STATUS, _NO_REPLY))
    reason = " ".join(part for part in (status and f"HTTP {status}", code) if part) or _REASONS.get(kind, "")
    if isinstance(error, TimeoutError):
        reason = _REASONS["Timeout"]
    name = type(error).__name__
    return Refusal(name, code, status, reason or name)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""
