from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from control_plane.cluster import Cluster, running

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="pp-flyte-") as work, running(Path(work), HERE / "tasks") as cluster:
        yield cluster


@pytest.fixture
def form(cluster: Cluster) -> Cluster:
    """The cluster with its form app served, as the platform does once a task has asked for it."""
    if not cluster.diary("app-created"):
        first = cluster.attempt(f"f{uuid4().hex[:10]}", "compared_tasks:one")
        first.tell("asked")
        first.kill()
    cluster.ensure_form()
    return cluster


@pytest.fixture
def anyio_backend() -> str:
    """Flyte runs on asyncio alone."""
    return "asyncio"
