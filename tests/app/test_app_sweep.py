"""An app that runs on its own expires what nobody waits for, and clears away what killed writers left."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from pausepoint._settings import Settings
from pausepoint._store import FsspecStore, LocalFiles, layout
from pausepoint.app import create_app

pytestmark = pytest.mark.anyio

DAYS = 2 * 86_400


async def test_the_lifespan_of_an_app_on_its_own_sweeps_the_store(tmp_path: Path) -> None:
    store = FsspecStore(LocalFiles(tmp_path))
    await store.create(layout.STORE, b"{}")
    left = tmp_path / "v1" / f".{'b' * 32}.tmp"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - DAYS, time.time() - DAYS))
    app = create_app(store, settings=Settings())

    async with app.router.lifespan_context(app):
        with anyio.fail_after(60):
            while left.name in os.listdir(left.parent):  # noqa: PTH208
                await anyio.sleep(0.01)

    assert await store.get(layout.STORE) == b"{}"


async def test_an_app_that_fails_while_it_is_served_stops_sweeping(tmp_path: Path) -> None:
    app = create_app(FsspecStore(LocalFiles(tmp_path)), settings=Settings())

    with pytest.raises(ZeroDivisionError):
        async with app.router.lifespan_context(app):
            raise ZeroDivisionError

    await anyio.lowlevel.checkpoint()
    assert not [task for task in asyncio.all_tasks() if "Sweeper.run" in repr(task)]
