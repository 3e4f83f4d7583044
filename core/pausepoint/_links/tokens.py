"""The signed, expiring token that a link carries in `token` mode: it opens one event, and nothing uses it up."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from .._models import Request
from ..errors import LinkError
from .signing import Tokens

GRACE = timedelta(days=1)
"""How long a link outlives the deadline of its event: whoever comes late is told how it ended."""
WITHOUT_DEADLINE = timedelta(days=30)
"""How long a link lives that leads to an event without a deadline, from when it is made."""
PARAMETER = "token"
"""The token's name in a link's query."""

_ASK = "Ask whoever sent it for a new one."


class Grant(NamedTuple):
    """
    What a valid token opens.

    Attributes:
        request_id: The event.
        expires_at: Unix seconds.
    """

    request_id: str
    expires_at: int


class LinkTokens(Tokens):
    """The tokens of links."""

    salt = b"pausepoint link token 1"

    def issue(self, request_id: str, expires_at: datetime) -> str:
        """Return a token for this event: printable ASCII, safe in HTML, URLs and cookies."""
        return self._signer.sign([request_id, int(expires_at.timestamp())])

    def opened(self, token: str) -> Grant:
        """
        Return what the token opens.

        Raises:
            LinkError: It was forged or damaged, or has expired; the message says which, and never the token.
        """
        try:
            request_id, expires_at = self._signer.opened(token)
        except (ValueError, TypeError):
            raise forged() from None
        if self._clock() > int(expires_at):
            raise LinkError("This link has expired.", _ASK, str(request_id)[:8])
        return Grant(str(request_id), int(expires_at))


def forged() -> LinkError:
    """Build the error for a token that we did not sign."""
    return LinkError(
        "This link is damaged or forged, or the key that signed it is gone.",
        f"Copy the whole link again: it may have been cut. {_ASK}",
    )


def foreign() -> LinkError:
    """Build the error for a token that opens another event than the one that is asked for."""
    return LinkError("This link belongs to another question.", "Open each question by its own link, whole.")


def link_expiry(request: Request, now: datetime) -> datetime:
    """
    Return when a link to this event expires: a day after the deadline, or 30 days from now where there is none.

    Args:
        request: The question.
        now: UTC.
    """
    try:
        return request.deadline + GRACE if request.deadline else now + WITHOUT_DEADLINE
    except OverflowError:  # a deadline on the last day that there is
        return datetime.max.replace(tzinfo=timezone.utc)


def linked(form_url: str, token: str) -> str:
    """Return the link that carries the token; without one, the form's own URL."""
    return f"{form_url}?{PARAMETER}={token}" if token else form_url


def token_in(link: str) -> str:
    """Return the token that a link carries; empty where it carries none."""
    return parse_qs(urlsplit(link).query).get(PARAMETER, [""])[0]
