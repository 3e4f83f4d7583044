"""
Who may see, answer, cancel and list events: decided here alone, for pages, JSON, the REST API, files, the stream and
the command line.

What nobody allows is denied. A link opens its own event; what reaches further (the inbox, the list, cancelling) needs
somebody whom an identity source vouches for, or the operator's token. In `open` mode the unguessable id is the link,
and the person at the machine itself may do everything.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal

from .._models import Reviewer
from .._settings import Settings
from ..errors import LinkError

Action = Literal["see", "answer", "cancel", "list", "follow", "measure"]
"""`follow` is the stream of hints, which waiting workflows read; `measure` the figures, which Prometheus reads."""
Way = Literal["page", "json", "api", "cli"]

OPERATOR = "operator"
"""What an answer's `by` names whoever has the operator's token; it tells no persons apart."""

_OF_A_LINK: tuple[Action, ...] = ("see", "answer")


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """
    Whoever asks, with what they have proven so far.

    Attributes:
        way: How they come: a reviewer's page, the JSON routes of one event, the REST API, or the command line.
        at_machine: They come from this machine, as far as can be told, and through no proxy.
        opens: The event whose valid link they brought; empty where none.
        name: Who they are, where an identity source vouches for it.
        is_operator: They brought the operator's token.
        knows_store: They brought the bearer that only who can read the store can make.
        fault: What is wrong with the link that they brought.
    """

    way: Way
    at_machine: bool = False
    opens: str = field(default="", repr=False)
    name: str | None = None
    is_operator: bool = False
    knows_store: bool = False
    fault: LinkError | None = None

    @property
    def holder(self) -> str:
        """Whom a form is shown to: what is shown to one cannot be sent by another."""
        return f"name {self.name}" if self.name else "link" if self.opens else ""


class Access:
    """
    The rules that the settings ask for.

    Args:
        settings: `links`, `api_token`, `host` and `public_url` are read.
    """

    def __init__(self, settings: Settings) -> None:
        self._token = settings.api_token.get_secret_value() if settings.api_token else None
        self._is_open = settings.links == "open"
        self._is_local = settings.link_mode == "open" and not settings.is_public

    @property
    def needs_token(self) -> bool:
        """Whether an operator's token is set."""
        return self._token is not None

    def is_operator(self, bearer: str) -> bool:
        """Say whether this is the operator's token; takes the same time whatever it is."""
        given = bearer.encode("utf-8", "replace")
        return self._token is not None and hmac.compare_digest(given, self._token.encode("utf-8", "replace"))

    def may(self, visitor: Visitor, action: Action, request_id: str = "") -> bool:
        """
        Decide whether the visitor may do that.

        Args:
            visitor: Whoever asks.
            action: What for.
            request_id: The event it is about; empty where it is about none or all.
        """
        if visitor.way == "cli":
            # Whoever runs a command with the store's URL reads and writes the store anyway.
            return True
        if action == "follow":
            return visitor.knows_store
        if visitor.is_operator or (self._token is None and self._is_host(visitor)):
            return True
        if visitor.name is not None:
            # What the whole house has to do is the operator's business, and no reviewer's.
            return action != "measure"
        return action in _OF_A_LINK and request_id != "" and self._has_link(visitor, request_id)

    def reviewer(self, visitor: Visitor, name: str) -> Reviewer:
        """
        Say who answers, and how sure we are of it.

        Args:
            visitor: Whoever answers.
            name: What they call themselves; empty where they did not say, and nothing where we know better.
        """
        name = name.strip()
        if visitor.name is not None:
            return Reviewer(name=visitor.name, assurance="verified")
        if name:
            return Reviewer(name=name, assurance="self-declared")
        if visitor.is_operator:
            return Reviewer(name=OPERATOR, assurance="verified")
        # Behind a public address it can be anybody who was given the link.
        return Reviewer(assurance="local" if self._is_host(visitor) or visitor.way == "cli" else "link")

    def _is_host(self, visitor: Visitor) -> bool:
        return self._is_local and visitor.at_machine

    def _has_link(self, visitor: Visitor, request_id: str) -> bool:
        if visitor.opens == request_id:
            return True
        # An operator's token shuts the REST API for bare ids, and not the pages that reviewers open.
        is_shut = visitor.way == "api" and self._token is not None
        return not is_shut and (self._is_open or self._is_host(visitor))
