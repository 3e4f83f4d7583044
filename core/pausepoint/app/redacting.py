"""Keeps tokens and whole ids out of the access log of the server that runs the app, whoever has set that up."""

from __future__ import annotations

import logging
import re

from .._links import PARAMETER

_TOKEN = re.compile(rf"([?&]{PARAMETER}=)[^&\s\"']+", re.IGNORECASE)
# Whoever knows an event's id can answer it in `open` mode; 8 characters are enough to find it again.
_ID = re.compile(r"(/)([a-z2-7]{8})[a-z2-7]{18}(?![A-Za-z0-9])")


class Redacting(logging.Filter):
    """Shortens the ids and drops the tokens of all URLs in a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; it is always kept."""
        if isinstance(record.args, tuple):
            record.args = tuple(redacted(each) if isinstance(each, str) else each for each in record.args)
        if isinstance(record.msg, str):
            record.msg = redacted(record.msg)
        return True


def redacted(text: str) -> str:
    """Return the text with `token=...` for each token and 8 characters for each id in a path."""
    return _ID.sub(r"\1\2...", _TOKEN.sub(r"\1...", text))


_filter = Redacting()


def keep_out_of_logs() -> None:
    """Redact what uvicorn and hypercorn log of each request; doing it again changes nothing."""
    for name in ("uvicorn.access", "hypercorn.access"):
        logging.getLogger(name).addFilter(_filter)
