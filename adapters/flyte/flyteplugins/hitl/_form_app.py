"""The form app as it runs in a pod: `uvicorn --factory flyteplugins.hitl._form_app:make_app`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pausepoint.app import FormApp

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def make_app() -> FormApp:
    """
    Make the app of the store that `PAUSEPOINT_STORE` names.

    Raises:
        UsageError: A setting cannot be understood.
    """
    import os

    from pausepoint import open_store
    from pausepoint.app import create_app

    from ._pod import adopt_storage_settings

    adopt_storage_settings()
    app = create_app(open_store(os.environ.get("PAUSEPOINT_STORE") or "memory://"))
    if not os.environ.get("PAUSEPOINT_PUBLIC_URL"):
        app.add_middleware(AnyHost)
    return app


class AnyHost:
    """
    Lets the app be reached under whatever name the platform's ingress has given it, which no pod is told.

    The app itself answers only to names that nobody else can point at it, because of pages that rebind a name of
    theirs to somebody's loopback. Here nothing is on anybody's loopback, and a link's token belongs to one name's
    pages: a page of another name has none.

    Args:
        app: The form app.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on under the name that the app answers to; its origin, too, if it is that of its host."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        ours = {b"host": b"localhost", b"origin": scope.get("scheme", "http").encode() + b"://localhost"}

        def renamed(name: bytes, value: bytes) -> bytes:
            same = name == b"host" or (name == b"origin" and [_host_of(value)] == hosts)
            return ours[name] if same and len(hosts) == 1 else value

        headers = [(name, renamed(name, value)) for name, value in scope["headers"]]
        await self._app({**scope, "headers": headers}, receive, send)


def _host_of(origin: bytes) -> bytes:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return b""
