"""What a process without an engine is told about where it runs: containers, and runs that nothing can resume."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping

from .._models import RunContext

LOOPBACK_ONLY = (
    "This looks like a container or a worker, and its form app listens on loopback: the link opens in here and nowhere "
    "else. "
    "Run `pausepoint serve` where reviewers can reach it and set PAUSEPOINT_URL to its address."
)
NOT_RESUMABLE = (
    "This process has no identity, so a restart asks its questions anew and finds no answer given before. "
    'Wrap the code in `with pausepoint.run("an id of your own"):`, or set PAUSEPOINT_RUN_ID.'
)

_MARKS = ("KUBERNETES_SERVICE_HOST", "container")
_FILES = ("/.dockerenv", "/run/.containerenv")

_log = logging.getLogger("pausepoint")


def in_container(environ: Mapping[str, str], exists: Callable[[str], bool]) -> bool:
    """
    Say whether the process seems to run in a container, where nobody's browser reaches its loopback.

    Args:
        environ: The environment; Kubernetes, podman and systemd-nspawn leave marks in it.
        exists: Says whether a path exists; Docker and podman leave files.
    """
    return any(environ.get(mark) for mark in _MARKS) or any(exists(path) for path in _FILES)


class Advice:
    """
    Tells each thing once.

    Args:
        environ: The environment.
        exists: Says whether a path exists.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, exists: Callable[[str], bool] = os.path.exists) -> None:
        self._environ = environ
        self._exists = exists
        self._told: set[str] = set()

    def on_run(self, run: RunContext) -> None:
        """Say it where a restart cannot come back to this run; an engine's runs are the engine's affair."""
        if run.engine == "local" and not run.resumable:
            self._tell(NOT_RESUMABLE)

    def on_loopback(self) -> None:
        """Say it where a link to loopback is of no use to anybody outside."""
        if in_container(self._environ, self._exists):
            self._tell(LOOPBACK_ONLY)

    def _tell(self, text: str) -> None:
        # Once: a loop that asks a thousand questions is not in a thousand containers.
        if text not in self._told:
            self._told.add(text)
            _log.warning(text)
