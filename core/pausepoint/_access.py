"""
Who may see, answer, cancel and list events: decided here alone, for pages, JSON, the REST API and the command line.

There is one mode so far, `open`: whoever knows an event's unguessable id may see and answer it. Where an operator's
token is set, what reaches further than one link (the list, cancelling, the whole REST API) needs it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal

from ._models import Reviewer
from ._settings import Settings
from .errors import UsageError

Action = Literal["see", "answer", "cancel", "list"]
Way = Literal["page", "json", "api", "cli"]

_BEYOND_ONE_LINK: tuple[Action, ...] = ("cancel", "list")


@dataclass(frozen=True)
class Visitor:
    """
    Whoever asks.

    Attributes:
        way: How they come: a reviewer's page, the JSON routes of one event, the REST API, or the command line.
        bearer: The token they brought, empty where none; not part of the representation.
    """

    way: Way
    bearer: str = field(default="", repr=False)


class Access:
    """
    The rules that the settings ask for.

    Args:
        settings: `links`, `api_token` and `public_url` are read.

    Raises:
        UsageError: `links` is `token`, which this version does not have; serving without it would be less than was
            asked for.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.links == "token":
            raise UsageError(
                "PAUSEPOINT_LINKS=token is not in this version: links carry no tokens yet.",
                "Unset it, and let the form app listen on loopback only.",
            )
        self._token = settings.api_token.get_secret_value() if settings.api_token else None
        self._is_local = settings.public_url is None

    @property
    def needs_token(self) -> bool:
        """Whether an operator's token is set."""
        return self._token is not None

    def may(self, visitor: Visitor, action: Action) -> bool:
        """Decide whether the visitor may do that; knowing the event's id is a condition that the caller has checked."""
        if visitor.way == "cli":
            # Whoever runs a command with the store's URL reads and writes the store anyway.
            return True
        if visitor.way == "api" or action in _BEYOND_ONE_LINK:
            return self._token is None or _same(visitor.bearer, self._token)
        return True

    def reviewer(self, visitor: Visitor, name: str) -> Reviewer:
        """
        Say who answers, and how sure we are of it.

        Args:
            visitor: Whoever answers.
            name: What they call themselves; empty where they did not say.
        """
        name = name.strip()
        if name:
            return Reviewer(name=name, assurance="self-declared")
        # Behind a public address it can be anybody who was given the link.
        return Reviewer(assurance="local" if self._is_local or visitor.way == "cli" else "link")


def _same(given: str, token: str) -> bool:
    """Compare in a time that does not tell how much of the token was right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("utf-8", "replace"))
