"""The token that a form goes out with and must come back with; and the name that was typed into one, in a cookie."""

from __future__ import annotations

import hashlib
import secrets

from ..errors import LinkError
from .signing import Tokens

FORM_SECONDS = 12 * 3600.0
"""How long a form may stay open before it must be shown again."""
NAME_SECONDS = 180 * 24 * 3600.0
"""How long a name is remembered after it was last given."""

_AGAIN = "Open the form again; what was typed is kept where the page still has it."


class FormTokens(Tokens):
    """Prove that this store's app has shown a submitted form, for this very event and to this very visitor."""

    salt = b"pausepoint form token 2"

    def issue(self, request_id: str, holder: str = "") -> str:
        """
        Return a token for a form of this event; printable ASCII, safe in HTML and URLs.

        No two are alike: a form that is sent twice is known by its token, and two reviewers' forms must not be.

        Args:
            request_id: The event.
            holder: Whom the form is shown to, as `Visitor.holder` says it.
        """
        return self._signer.sign([request_id, int(self._clock()), secrets.token_urlsafe(9), _digest(holder)])

    def check(self, token: str, request_id: str, holder: str = "") -> None:
        """
        Return if the token was issued for this event and this visitor within the last 12 hours.

        Raises:
            LinkError: It was forged, has expired, or belongs to another event or visitor; the message says which, and
                never the token.
        """
        issued_for, issued_at, shown_to = self._opened(token)
        if issued_for != request_id:
            raise LinkError("This form's token belongs to another event.", _AGAIN, request_id[:8])
        if shown_to != _digest(holder):
            raise LinkError("This form was shown to somebody else.", _AGAIN, request_id[:8])
        if self._clock() - issued_at > FORM_SECONDS:
            raise LinkError(
                "This form was open for more than 12 hours, so its token has expired.", _AGAIN, request_id[:8]
            )

    def _opened(self, token: str) -> tuple[str, int, str]:
        try:
            issued_for, issued_at, _, shown_to = self._signer.opened(token)
        except (ValueError, TypeError):
            # Without its cause, which repeats the token.
            raise LinkError(
                "This form's token is forged, damaged, or signed with a key that is gone.", _AGAIN
            ) from None
        return str(issued_for), int(issued_at), str(shown_to)


class NameTokens(Tokens):
    """Sign names that reviewers declare themselves; a name of this kind proves nothing."""

    salt = b"pausepoint reviewer name 1"

    def issue(self, name: str) -> str:
        """Return the name, signed: safe in a cookie, whatever alphabet it is in."""
        return self._signer.sign([name, int(self._clock())])

    def name_in(self, token: str) -> str:
        """Return the name; empty for whatever we did not sign, or signed more than 180 days ago."""
        try:
            name, given_at = self._signer.opened(token)
        except (ValueError, TypeError):
            return ""
        return str(name) if self._clock() - int(given_at) <= NAME_SECONDS else ""


def _digest(holder: str) -> str:
    # The token stands in the page's source, where a name has no business.
    return hashlib.sha256(holder.encode("utf-8", "replace")).hexdigest()[:16]
