from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_plane.cluster import Cluster, running

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="pp-flyte-") as work, running(Path(work), HERE / "tasks") as cluster:
        yield cluster
