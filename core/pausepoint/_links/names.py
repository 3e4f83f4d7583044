"""The name that a reviewer gave once, in a cookie: signed, so that what comes back was typed into a form."""

from __future__ import annotations

import time
from collections.abc import Callable

from .signing import Keys, Signer

NAME_SECONDS = 180 * 24 * 3600.0
"""How long a name is remembered after it was last given."""

_SALT = b"pausepoint reviewer name 1"


class NameTokens:
    """
    Signs names that reviewers declare themselves; a name of this kind proves nothing.

    Args:
        keys: The newest signs, all verify.
        clock: Returns Unix seconds.

    Raises:
        UsageError: There is no key.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._signer = Signer(keys, _SALT)
        self._clock = clock

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
