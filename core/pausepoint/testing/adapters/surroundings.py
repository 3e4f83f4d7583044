"""What the checks of one class share: a store of their own, the settings that lead to it, and a form app."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..._store import Store, open_store

LONGEST = 60.0
"""Seconds that the form app has to start and to end."""


@contextmanager
def surroundings(folder: Path, *, serve: bool) -> Iterator[dict[str, str]]:
    """
    Give the settings of one class of checks, and set them in this process until the block is left.

    Args:
        folder: For the store, and for what processes of this machine share.
        serve: Serve the form app from here, as an operator does; False leaves it to the adapter.
    """
    settings = {
        "PAUSEPOINT_STORE": (folder / "store").as_uri(),
        "PAUSEPOINT_API_TOKEN": secrets.token_hex(16),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    with pytest.MonkeyPatch.context() as environ:
        for name in [name for name in os.environ if name.startswith("PAUSEPOINT_")]:
            environ.delenv(name)
        for name, value in settings.items():
            environ.setenv(name, value)
        if not serve:
            yield settings
            return
        with served(open_store(settings["PAUSEPOINT_STORE"])) as url:
            environ.setenv("PAUSEPOINT_URL", url)
            yield {**settings, "PAUSEPOINT_URL": url}


@contextmanager
def served(store: Store) -> Iterator[str]:
    """Serve the form app on loopback, in a thread, with the plugins that are installed; give its address."""
    import uvicorn

    from ...app import create_app

    app = create_app(store)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _until_started(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            app.end_streams()
            server.should_exit = True
            thread.join(LONGEST)


def _until_started(server: Any, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(int(LONGEST / 0.01)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.01)
    pytest.fail("The form app of the checks did not start.")
