"""Serves the form as a Flyte app: one per project and domain, created once, by whichever task asks first."""

from __future__ import annotations

import threading
import time
from typing import Any

from flyteplugins.hitl import _environments

from pausepoint import Served
from pausepoint.errors import ServeError

from .surroundings import place

REMEMBERED = 300.0
"""Seconds that an address is believed; a process that lives longer may outlive the app."""

_lock = threading.Lock()
_served: dict[tuple[tuple[str, ...], str], tuple[float, str]] = {}


def serve(here: Any, store_url: str) -> Served:
    """
    Make sure that the app of this project and domain is there, and say where.

    Args:
        here: Flyte's task context.
        store_url: Where the events are, for the app to read.

    Raises:
        ServeError: The control plane refuses, or the app does not become active.
    """
    which = (place(here), store_url)
    # One at a time: the second of two questions asked at once finds what the first has made.
    with _lock:
        since, base_url = _served.get(which, (float("-inf"), ""))
        if time.monotonic() - since > REMEMBERED:
            base_url = _deployed(_environments.app_for(here, store_url))
            _served[which] = (time.monotonic(), base_url)
    return Served(base_url=base_url, links=_environments.link_mode())


def _deployed(environment: Any) -> str:
    import flyte

    try:
        # No code goes with it: everything is in the image. Flyte leaves an app alone whose description has not changed.
        app = flyte.with_servecontext(mode="remote", copy_style="none", version=flyte.version()).serve(environment)
        endpoint = str(app.endpoint)
    except ServeError:
        raise
    except Exception as error:
        raise ServeError(
            f"Flyte did not serve the form app {environment.name!r}: {error}",
            "The question is stored: ask again, or set PAUSEPOINT_URL to the address of a form app of your own.",
        ) from error
    if not endpoint:
        raise ServeError(
            f"The form app {environment.name!r} has no public address.",
            "Look at its ingress in Flyte's console, or set PAUSEPOINT_URL to a form app of your own.",
        )
    return endpoint.rstrip("/")
