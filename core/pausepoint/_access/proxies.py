"""What a proxy in front of us says of its visitors, believed only of the proxies that the operator has named."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from functools import lru_cache

from .._models import MAX_LABEL_CHARS
from .._settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Header = Callable[[str], "list[str]"]
"""Returns every value of the header with this name, as the client sent them."""

KNOWN = 128
"""Addresses that are remembered: whoever comes, comes again."""

_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_log = logging.getLogger("pausepoint")


class Proxies:
    """
    The trusted proxies, and what is read from their headers.

    Args:
        settings: `trusted_proxies` and `identity_header` are read.
    """

    def __init__(self, settings: Settings) -> None:
        named = settings.trusted_proxies or ""
        self._networks = [ipaddress.ip_network(part.strip(), strict=False) for part in named.split(",") if part.strip()]
        self._identity_header = settings.identity_header

    @property
    def has_identity(self) -> bool:
        """Whether there is a proxy that may say who a visitor is."""
        return bool(self._networks)

    def trusts(self, peer: str) -> bool:
        """Say whether the other end of the connection is one of the trusted proxies."""
        address = _address(peer)
        return address is not None and any(address in network for network in self._networks)

    def identity(self, peer: str, header: Header) -> str | None:
        """Return who the visitor is, where a trusted proxy says so; at most 200 printable characters."""
        given = header(self._identity_header)
        if not given or not self.trusts(peer):
            return None
        # Of two, one may be the visitor's own, which the proxy has passed on.
        name = _decoded(given[0]).strip() if len(given) == 1 else ""
        if not name or len(name) > MAX_LABEL_CHARS or not name.isprintable():
            _log.warning("A proxy's %s was ignored: it is empty, too long, or there twice.", self._identity_header)
            return None
        return name

    def client(self, peer: str, header: Header) -> str:
        """Return the visitor's address: the last one in X-Forwarded-For that no trusted proxy has."""
        if not self.trusts(peer):
            return peer
        passed = [part.strip() for value in header("x-forwarded-for") for part in value.split(",")]
        for hop in reversed(passed):
            if _address(hop) is None:
                break
            if not self.trusts(hop):
                return hop
        return peer

    def scheme(self, peer: str, header: Header) -> str | None:
        """Return `http` or `https` where a trusted proxy says what the visitor used."""
        given = header("x-forwarded-proto") if self.trusts(peer) else []
        return given[0].lower() if len(given) == 1 and given[0].lower() in ("http", "https") else None

    def is_at_machine(self, peer: str, header: Header) -> bool:
        """
        Say whether the visitor seems to be on this machine: its end of the connection is, and no proxy has left a mark.

        What is no address at all, as of a Unix socket, can only be here.
        """
        address = _address(peer)
        return (address is None or address.is_loopback) and not any(header(name) for name in _PASSED_ON)


def block_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the /64, since whoever has one has all of it."""
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found or address)


@lru_cache(maxsize=KNOWN)
def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _decoded(value: str) -> str:
    # Servers hand headers over as Latin-1, and proxies write names in UTF-8.
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
