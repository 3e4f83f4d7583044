"""
What every request must pass and every response must carry, before and after any route: one pure ASGI middleware.

A page of somebody else's can make the reviewer's browser send us requests. It cannot make it send another Host, hide
its own Origin or claim to be same-origin; so these three decide, and a route never sees what they refuse.
"""

from __future__ import annotations

import ipaddress
import logging
import traceback
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .._links import PARAMETER
from .._models import MAX_BODY_BYTES
from .._settings import Settings, is_loopback
from .problems import Problem, problem, told

SAFE_METHODS = ("GET", "HEAD")
"""The others may change something, so they must come from our own pages; the router then refuses all but POST."""

MACHINE_PATHS = ("/health", "/ready", "/metrics")
"""What orchestrators and Prometheus ask for, under the bare address of a process."""

EVERYBODYS_PATHS = ("/static/pausepoint.css", "/favicon.ico")
"""The same for all and without any data, so also under a foreign Host: the page that refuses it has a style, too."""

BODILESS = "pausepoint.bodiless"
"""In the scope of a HEAD request: a response that never ends must end at once."""

BROUGHT = "pausepoint.brought"
"""In the scope of a request whose query had a link's token, which is taken out of it."""

DRAIN_BYTES = 16 * 1024 * 1024
DRAIN_SECONDS = 5.0
"""
How much of a body that is too large is read and thrown away, so that its sender comes to read why; then the
connection is closed.
"""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every response; a route may set another value of its own."""

_RAW_HEADERS = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in HEADERS.items()]
KNOWN = 32
"""Hosts that are remembered with what was found out about them: nearly all requests bring the same one."""

_PORTS = {"http": 80, "https": 443}
_log = logging.getLogger("pausepoint")


class _TooLargeError(Exception):
    """The body grew beyond its limit while it was read."""


class Guard:
    """
    The middleware.

    Args:
        app: What it guards.
        settings: The public URL, that which workflows call, and the address we listen on name us.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = _our_hosts(settings)
        self._public_origin = _origin(settings.public_url) if settings.public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; connections that are no HTTP requests are left to the app, which knows none of them."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # First, and in the scope itself, which the server reads again when it writes its access log.
        _take_token(scope)
        answer = _Answer(scope, send)
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(scope, receive, answer, refusal)
            return
        # HEAD is GET whose body is dropped, so no route can forget it.
        inner = {**scope, "method": "GET", BODILESS: True} if scope["method"] == "HEAD" else {**scope}
        try:
            await self._app(inner, _limited(receive), answer.send)
        except _TooLargeError:
            await _refuse(scope, receive, answer, problem(413))
        except ClientDisconnect:
            # Gone in the middle of its body: nobody is left to answer, and nothing has failed.
            return
        except Exception as error:  # noqa: BLE001 - the last one who can answer, and who can keep values out of the log
            _log_failure(inner, error)
            await _refuse(scope, receive, answer, problem(500))
        finally:
            # For the journal, which sees the outer scope and must not log a path: there are whole ids in it.
            if "route" in inner:
                scope["route"] = inner["route"]

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if not (self._is_our_host(hosts) or _is_for_a_machine(scope, hosts) or _path(scope) in EVERYBODYS_PATHS):
            _log.warning("A request was refused: its Host is not ours. PAUSEPOINT_PUBLIC_URL names another one.")
            return problem(421)
        if scope["method"] not in SAFE_METHODS and not self._is_same_origin(scope, headers):
            _log.warning("A request was refused: another site's page sent it.")
            return problem(403)
        # Only what the client says of itself; `_limited` counts what really comes.
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:20]) > MAX_BODY_BYTES:
            return problem(413)
        return None

    def _is_our_host(self, hosts: list[str]) -> bool:
        """
        Only names that nobody else can point at us: with any other, a foreign page could call itself our origin (DNS
        rebinding).
        """
        # Of two Hosts, a proxy before us may have believed the other.
        if len(hosts) != 1:
            return False
        name = _host_name(hosts[0])
        return name is not None and (_is_loopback(name) or name in self._hosts)

    def _is_same_origin(self, scope: Scope, headers: Headers) -> bool:
        # "same-site" is refused too: another port of localhost is the same site, and somebody else's.
        site = headers.get("sec-fetch-site")
        if site not in {None, "same-origin", "none"}:
            return False
        origins = headers.getlist("origin")
        # Browsers say `null` for our own forms too, since our pages ask for no referrer; then they must say who sent
        # it in the other header.
        if not origins or (origins == ["null"] and site == "same-origin"):
            return True
        # Behind a proxy that ends TLS we see http where the browser says https. Then only https is ours: anybody on a
        # reviewer's way here can make up a page of the same name that comes by plain HTTP.
        seen = _origin(f"{scope.get('scheme', 'http')}://{headers['host']}")
        is_public = self._public_origin is not None and seen is not None and seen[1] == self._public_origin[1]
        ours = {self._public_origin} if is_public else {seen, self._public_origin}
        return len(origins) == 1 and (given := _origin(origins[0])) is not None and given in ours


def _our_hosts(settings: Settings) -> set[str]:
    hosts = {urlsplit(url).hostname or "" for url in (settings.public_url, settings.url) if url}
    try:
        # A number is looked up by nobody; a name that was given to listen on could be pointed at us.
        address = ipaddress.ip_address(settings.host)
    except ValueError:
        return hosts
    return hosts if address.is_unspecified or is_loopback(settings.host) else hosts | {str(address)}


def _take_token(scope: Scope) -> None:
    query = scope.get("query_string", b"")
    if PARAMETER.encode() not in query:
        return
    # Octets in, octets out: what is no UTF-8 is somebody else's to complain about.
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    tokens = [value for name, value in pairs if name == PARAMETER]
    if tokens:
        scope[BROUGHT] = tokens[-1]
        rest = [pair for pair in pairs if pair[0] != PARAMETER]
        scope["query_string"] = urlencode(rest, encoding="latin-1").encode("ascii")


class _Answer:
    """Sends a response with the headers that each has, and knows whether it has begun."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.has_begun = False
        self._without_body = scope["method"] == "HEAD"
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            own = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(pair for pair in _RAW_HEADERS if pair[0] not in own)]
        elif self._without_body and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


async def _refuse(scope: Scope, receive: Receive, answer: _Answer, trouble: Problem) -> None:
    if answer.has_begun:
        # Nothing can be taken back; the server sees the missing end and closes the connection.
        return
    has_body = scope["method"] not in SAFE_METHODS
    response = told(scope, trouble, {"Connection": "close"} if has_body else {})
    await answer.send({"type": "http.response.start", "status": trouble.status, "headers": response.raw_headers})
    await answer.send({"type": "http.response.body", "body": response.body, "more_body": True})
    # Who sent "Expect: 100-continue" has not sent its body, and will not now.
    if has_body and "expect" not in Headers(scope=scope):
        await _drain(receive)
    await answer.send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    drained = 0
    with anyio.move_on_after(DRAIN_SECONDS):
        while drained < DRAIN_BYTES:
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                return
            drained += len(message.get("body", b""))


def _limited(receive: Receive) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            raise _TooLargeError
        return message

    return limited


def _log_failure(scope: Scope, error: Exception) -> None:
    route = getattr(scope.get("route"), "path", "a route")
    # Frames only: the message of an unforeseen error may repeat what somebody typed.
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s %s failed with %s:\n%s", scope["method"], route, type(error).__name__, frames)


@lru_cache(maxsize=KNOWN)
def _host_name(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return None
    # urlsplit is lenient; only what it gives back unchanged is a host and nothing else.
    return parts.hostname if port_fits and parts.netloc == host and "@" not in host else None


def _is_for_a_machine(scope: Scope, hosts: list[str]) -> bool:
    """
    Say whether this is a probe or a scrape, which calls a process by its bare address.

    No foreign page can call itself our origin so: an address is not looked up, and a page that came from this one is
    ours. Pages and events are not served under it all the same, for links and cookies belong to the public URL.
    """
    name = _host_name(hosts[0]) if len(hosts) == 1 else None
    return name is not None and _path(scope) in MACHINE_PATHS and _is_address(name)


def _path(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")).rstrip("/"))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=KNOWN)
def _is_loopback(name: str) -> bool:
    # By browsers' rules never looked up in DNS; no other name is safe, whatever it resolves to just now.
    if name == "localhost":
        return True
    try:
        return name == "::1" or ipaddress.IPv4Address(name).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for what is no http origin, such as `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if port and parts.hostname and parts.scheme in _PORTS else None
