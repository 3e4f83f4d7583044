"""Every kind of bucket passes StoreKit, and servers that ignore the condition of a write are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from pausepoint._store import Store, open_store
from pausepoint.errors import UnsafeStoreError
from pausepoint.testing.stores import StoreKit

# The first to need them waits for npm, or for a cluster.
pytestmark = pytest.mark.timeout(400)

Use = Callable[[Any], str]


class TestCephStore(StoreKit):
    @pytest.fixture
    def store(self, ceph: Any, use: Use) -> Store:
        return open_store(use(ceph))


class TestMinistackStore(StoreKit):
    @pytest.fixture
    def store(self, ministack: Any, use: Use) -> Store:
        return open_store(use(ministack))


class TestAzuriteStore(StoreKit):
    @pytest.fixture
    def store(self, azurite: Any, use: Use) -> Store:
        return open_store(use(azurite))


class TestGcsStore(StoreKit):
    @pytest.fixture
    def store(self, gcs: Any, use: Use) -> Store:
        return open_store(use(gcs))


@pytest.mark.parametrize("name", ["rclone", "s3rver"])
def test_the_probe_refuses_a_server_that_ignores_the_condition(
    name: str, request: pytest.FixtureRequest, use: Use
) -> None:
    store = open_store(use(request.getfixturevalue(name)))
    with pytest.raises(UnsafeStoreError, match="8 of 8"):
        anyio.run(store.probe)
