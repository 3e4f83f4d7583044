"""The command that serves the form app on its own, in the foreground."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from .._local import SharedAddress, base_url_of, open_listener
from .._local.listening import port_of
from .._settings import PREFIX, Settings, state_folder
from .._store import Store
from .._sync import run_sync
from ..errors import ServeError, UsageError
from .guarding import check_credentials, exposed_by, guarded_by, refuse_nameless
from .printing import remark, say
from .storage import Storage

if TYPE_CHECKING:
    import socket

LOOK_EVERY = 2.0
"""Seconds between two tries to become the machine's server. Workflows that wait are quicker: their links are out."""

_NOT_FOUND = "Workflows on this machine will not find it by themselves"


# typer reads these at run time, where Python 3.10 needs Optional.
Host = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="The address to listen on. Beyond this machine, links carry tokens.  [default: 127.0.0.1]",
        show_default=False,
    ),
]
Port = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=1, max=65535, help="The port, and no other.  [default: 8931, or a free one]", show_default=False),
]
StoreUrl = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="The store's URL or folder.  [default: PAUSEPOINT_STORE]", show_default=False),
]
RootPath = Annotated[str, typer.Option(help="The prefix under which a proxy shows it, such as /questions.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="How many processes serve.")]
TrustedProxies = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="Addresses or networks of the proxies that may say who a visitor is, with commas between.",
        show_default=False,
    ),
]


def serve(
    host: Host = None,
    port: Port = None,
    store: StoreUrl = None,
    root_path: RootPath = "",
    workers: Workers = 1,
    trusted_proxies: TrustedProxies = None,
) -> None:
    """Serve the forms of the store until Ctrl-C or SIGTERM."""
    settings = _settings(host=host, port=port, store=store, trusted_proxies=trusted_proxies)
    prefix = _prefix(root_path)
    # Both before anything is listened on: what they refuse would be open for a moment.
    refuse_nameless(settings)
    said = guarded_by(settings)
    check_credentials(settings)
    storage = Storage(settings)
    run_sync(_prepare, storage)
    address, is_ours = shared_address(storage.store)
    listener = _listener(settings, port, address.published() if address and is_ours else None)
    url = base_url_of(listener) + prefix
    ended = threading.Event()
    if address is not None:
        _share(address, url, is_ours, ended)
    # What a proxy has to be told, where reviewers open something else.
    behind = f", listening on {_address(listener)}" if settings.public_url else ""
    say(f"Serving {storage.store.url} at {settings.public_url or url}{behind}")
    say(said)
    if exposed := exposed_by(settings):
        remark(exposed)
    say("Workflows on this machine use it by themselves, others with PAUSEPOINT_URL. Ctrl-C ends it.")
    _run(storage, settings, prefix, listener, workers)
    # Else our thread could still take the address, for a process that no longer serves.
    ended.set()
    remark("Ended.")


async def _prepare(storage: Storage) -> None:
    """Find out at once whether the store can be used, and make what a new one needs to be told from others."""
    await storage.store.probe()
    await storage.records.store_id()
    await storage.records.identity_secret()


def _settings(**given: object) -> Settings:
    """Read the settings with the options in the place of their variables, so that both obey the same rules."""
    options = {PREFIX + name.upper(): str(value) for name, value in given.items() if value is not None}
    return Settings.load({**os.environ, **options})


def _prefix(root_path: str) -> str:
    prefix = root_path.rstrip("/")
    if prefix and not (
        prefix.startswith("/") and prefix.isascii() and prefix.isprintable() and not set(prefix) & set("?# ")
    ):
        raise UsageError("This is no root path.", "Begin it with a slash and use no '?', '#' or space: /questions.")
    return prefix


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shared_address(
    store: Store, opened: Callable[[Path, str], SharedAddress] = SharedAddress
) -> tuple[SharedAddress | None, bool]:
    """Return the address that this machine shares for the store, where it can be shared, and whether we hold it."""
    try:
        address = opened(state_folder() / "servers", store.url)
        # Here, too, because some file systems have no locks.
        return address, address.claim()
    except OSError as error:
        remark(f"{_NOT_FOUND}: {error.strerror}.")
        return None, False


def _listener(settings: Settings, wanted: int | None, published: str | None) -> socket.socket:
    """Listen on the port that was asked for; else where links that were printed before lead, the usual one, or any."""
    if wanted is not None:
        try:
            return open_listener(settings.host, [wanted])
        except ServeError as error:
            raise ServeError(
                f"Port {wanted} cannot be had: another program uses it, or this user may not.",
                "Choose another --port, or leave it out for a free one.",
            ) from error
    known = port_of(published)
    usual = [settings.port, known] if settings.origin_of("port") != "default" else [known, settings.port]
    return open_listener(settings.host, [*(each for each in usual if each), 0])


def _share(address: SharedAddress, url: str, is_ours: bool, ended: threading.Event) -> None:
    """Publish where the form app is, now or as soon as the process that serves this store has ended."""
    if is_ours:
        _publish(address, url)
        return
    remark(f"Another process serves this store already ({address.published() or 'it is starting'}).")
    remark("Workflows on this machine use that one as long as it lives, then this one.")

    def take_over() -> None:
        while not ended.wait(LOOK_EVERY):
            if address.claim():
                _publish(address, url)
                remark("The other process has ended: workflows on this machine use this one now.")
                return

    threading.Thread(target=take_over, name="pausepoint address", daemon=True).start()


def _publish(address: SharedAddress, url: str) -> None:
    try:
        address.publish(url)
    except OSError as error:
        # Holding the address without saying where would keep workflows from serving their questions themselves.
        address.release()
        remark(f"{_NOT_FOUND}: {error.strerror}.")


def _run(storage: Storage, settings: Settings, prefix: str, listener: socket.socket, workers: int) -> None:
    # Here and not above: it imports a web framework, which the other commands need not wait for.
    from .worker import application, log_as, serve_alone, serve_in_workers

    def ignore(number: int, frame: FrameType | None) -> None:
        """Stand in for the usual handler: when all is done, uvicorn raises the signal that ended it once more."""

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ignore)
    log_as(settings)
    if workers == 1:
        serve_alone(application(storage.store, settings, prefix), listener)
    else:
        serve_in_workers(settings, prefix, listener, workers)
