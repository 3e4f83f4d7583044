"""What is looked at before the form app is served: who could reach it, and what keeps strangers out."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from .._access import Passwords, Proxies
from .._settings import Settings, is_loopback
from ..errors import UsageError


def refuse_nameless(settings: Settings) -> None:
    """
    Return if visitors from beyond this machine have an address under which the app knows itself.

    Raises:
        UsageError: It listens everywhere, or on a name, and nothing says what reviewers open.
    """
    if is_loopback(settings.host) or settings.public_url is not None:
        return
    try:
        is_everywhere = ipaddress.ip_address(settings.host).is_unspecified
    except ValueError:
        is_everywhere = True
    if is_everywhere:
        raise UsageError(
            f"The form app would listen on {settings.host!r}, beyond this machine, and refuse everybody: it answers "
            "under names that it knows only, so that no other name can be pointed at it.",
            "Set PAUSEPOINT_PUBLIC_URL to what reviewers open. Links then carry signed tokens; PAUSEPOINT_LINKS=open, "
            "or an identity source (--trusted-proxies, PAUSEPOINT_PASSWORDS), is yours to choose.",
        )


def guarded_by(settings: Settings) -> str:
    """Say in one line who may answer, and why it is so."""
    sources = [
        *(["a trusted proxy"] if Proxies(settings).has_identity else []),
        *(["HTTP Basic"] if settings.passwords else []),
    ]
    vouched = f" Whoever {' or '.join(sources)} vouches for may open all." if sources else ""
    if settings.link_mode == "token":
        why = "as PAUSEPOINT_LINKS asks" if settings.links else "since reviewers come from beyond this machine"
        return f"A link opens its own question by a signed token, {why}.{vouched}"
    if settings.is_public:
        return f"PAUSEPOINT_LINKS=open: whoever has a question's link, or its id, can answer it.{vouched}"
    return f"Only this machine can reach it, and whoever is at this machine may open all.{vouched}"


def exposed_by(settings: Settings) -> str:
    """Say in one line what others can read on the reviewers' way here; empty where nothing."""
    is_encrypted = settings.public_url is not None and settings.public_url.lower().startswith("https:")
    if is_encrypted or not settings.is_public:
        return ""
    return (
        "Reviewers come by plain HTTP, so whoever is on their way reads links, passwords and answers: put HTTPS in "
        "front, and https:// into PAUSEPOINT_PUBLIC_URL."
    )


def check_credentials(settings: Settings) -> None:
    """
    Return if the file of passwords, where there is one, can be used.

    Raises:
        UsageError: It cannot be read, or a line in it cannot be understood.
    """
    if settings.passwords:
        Passwords(Path(settings.passwords))
