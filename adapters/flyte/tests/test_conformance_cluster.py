"""The checks that every adapter must pass, in pods: each execution of a task is a process of the SDK's entrypoint."""

from __future__ import annotations

import os
import pickle
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from control_plane.cluster import LIMIT, Attempt, Cluster, running

from pausepoint.testing.adapters import AdapterKit, EngineDriver, Task

SECRET = "operators-token"
NAMED = {"PAUSEPOINT_FLYTE_API_TOKEN_SECRET": SECRET}


@pytest.fixture(scope="module")
def pods() -> Iterator[Cluster]:
    """A cluster of its own: the kit has a store of its own, and a control plane knows one form app."""
    with pytest.MonkeyPatch.context() as environ, tempfile.TemporaryDirectory(prefix="pp-flyte-") as work:
        # Child pods get what the control plane has.
        environ.setenv(*next(iter(NAMED.items())))
        with running(Path(work), Path(__file__).parent / "tasks") as cluster:
            yield cluster


@dataclass
class Run:
    """
    One run of the cluster.

    Attributes:
        name: The run's.
        tasks: The file with its tasks.
        root: The task that Flyte starts.
        attempts: Of the root, those that were started.
    """

    name: str
    tasks: Path
    root: str
    attempts: list[Attempt]


class Driver(EngineDriver):
    """
    Starts tasks as the platform does, and again where they have failed.

    Args:
        cluster: Where.
        folder: For files with tasks.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder

    def start(self, tasks: Sequence[Task], retries: int = 0) -> Run:
        name = f"k{uuid4().hex[:10]}"
        alone = "awaiting" if tasks[0].is_async else "blocking"
        run = Run(name, self._folder / name, f"kit_tasks:{alone if len(tasks) == 1 else 'all_of'}", [])
        run.tasks.write_bytes(pickle.dumps(list(tasks)))
        self._begin(run)
        if retries:
            threading.Thread(target=self._retry, args=(run, retries), daemon=True).start()
        return run

    def restart(self, run: Run) -> None:
        run.attempts[-1].end()
        self._begin(run)

    def links(self, run: Run) -> str:
        return self.reports(run)

    def reports(self, run: Run) -> str:
        # Without what Flyte puts around it, which has a script of its own.
        pages = self._cluster.reports(run.name)
        return "\n".join(page.partition('id="flyte-frame-container"')[2].partition("</body>")[0] for page in pages)

    def told(self, run: Run) -> str:
        return run.attempts[-1].log[-6000:]

    def _retry(self, run: Run, retries: int) -> None:
        for _ in range(retries):
            last = run.attempts[-1]
            last.end()
            if not self._cluster.has(f"{last.outputs}/error.pb"):
                return
            self._begin(run)

    def _begin(self, run: Run) -> None:
        number = len(run.attempts) + 1
        run.attempts.append(self._cluster.attempt(run.name, run.root, number, KIT_TASKS=str(run.tasks), **NAMED))


class TestCluster(AdapterKit):
    engine_name = "flyte"
    engine_module = "flyte"
    plugin_module = "pausepoint_flyte.plugin"
    can_serve = True
    patience = LIMIT

    @pytest.fixture
    def engine(self, pods: Cluster, settings: dict[str, str], tmp_path: Path) -> Driver:
        if not pods.diary("app-created"):
            pods.secrets[SECRET] = settings["PAUSEPOINT_API_TOKEN"]
            first = pods.attempt("first", "compared_tasks:one", **NAMED)
            first.tell("asked")
            first.kill()
        pods.ensure_form()
        assert os.environ["PAUSEPOINT_STORE"] == settings["PAUSEPOINT_STORE"]  # which pods are told, too
        return Driver(pods, tmp_path)
