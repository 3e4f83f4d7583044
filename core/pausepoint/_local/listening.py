"""The socket that the embedded server listens on."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterable
from urllib.parse import urlsplit

from .._settings import is_loopback
from ..errors import ServeError, UsageError

BACKLOG = 128
"""Connections that wait while the app is still being imported."""

# Windows says EACCES for a port that it has set aside, and everybody says it for the ports of the system.
_TAKEN = {errno.EADDRINUSE, errno.EACCES}


def refuse_beyond_loopback(host: str) -> None:
    """
    Return if *host* is an address that only this machine can reach.

    Raises:
        UsageError: It is not; a form app that comes and goes with a workflow is no place for others to come to.
    """
    if not is_loopback(host):
        raise UsageError(
            f"Inside a workflow's process the form app listens on loopback only, not on {host!r}.",
            "Leave PAUSEPOINT_HOST at 127.0.0.1 here, run `pausepoint serve` where reviewers can reach it, and set "
            "PAUSEPOINT_URL to its address.",
        )


def open_listener(host: str, ports: Iterable[int]) -> socket.socket:
    """
    Listen on the first port that is free; connections wait in the queue until somebody accepts them.

    Args:
        host: An address to listen on, or `localhost`.
        ports: Tried in order; 0 is any free port.

    Returns:
        A listening, non-blocking socket that a started program does not inherit.

    Raises:
        ServeError: None of the ports can be had.
    """
    address = "127.0.0.1" if host == "localhost" else host
    refused: OSError | None = None
    for port in dict.fromkeys(ports):
        try:
            return _listener(address, port)
        except OSError as error:  # noqa: PERF203 - the ports are three
            refused = error
            if error.errno not in _TAKEN:
                break
    raise ServeError(
        f"The form app cannot listen on {address}: {refused.strerror if refused else 'no port was given'}.",
        "Check PAUSEPOINT_HOST, or set PAUSEPOINT_PORT to a free port.",
    ) from refused


def base_url_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket as seen from this machine, without a trailing slash."""
    host, port = listener.getsockname()[:2]
    # Listening everywhere is no address to go to.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def port_of(url: str | None) -> int | None:
    """Return the port that a URL names, if it names one."""
    return urlsplit(url).port if url else None


def _listener(address: str, port: int) -> socket.socket:
    # TCP by name: asyncio sends small packets at once only where the socket says so, else a reply can wait 40 ms for
    # the visitor's acknowledgement of its first half.
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            # There, SO_REUSEADDR would let two programs listen on one port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of the process that served before us linger for a minute and must not keep us from its port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        # At once: with SO_REUSEADDR only a socket that listens keeps others from the port.
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
