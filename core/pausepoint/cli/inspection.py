"""Examining a store and the form app that serves it: every finding is collected, none ends the examination."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .._local import SharedAddress
from .._local.proving import Found, examine
from .._models import MAX_CANDIDATES
from .._plugins import Standing
from .._settings import Settings, state_folder
from .._store import Records, Store, layout, open_store
from .._store.encoding import decoded
from .._store.keys import StoreInfo
from .._store.protocol import shown_path
from ..errors import PausepointError, UnreadableRecordError
from .belongings import Problem, lost_files
from .guarding import check_credentials, refuse_nameless
from .plugins import survey_installed

AT_ONCE = 16
"""Events that are read at the same time."""


@dataclass
class Health:
    """
    What was found; None and empty where it could not be found out.

    Attributes:
        store: The store's URL without credentials.
        readable, writable: Of the store; written was one object that was thrown away again.
        store_id, version: Of the store; none where it is new.
        events: How many there are.
        unreadable: Paths of stored objects that cannot be understood.
        address: Where the form app for this store should be.
        named_by: What says so: `PAUSEPOINT_URL`, or `this machine`.
        answered_by: Who answers there; None where it cannot be known, because the store is new.
        plugins: Those that are installed; that one is not in use is no problem, unless every question fails for it.
        problems: What would fail.
    """

    store: str = ""
    readable: bool = False
    writable: bool = False
    store_id: str | None = None
    version: int | None = None
    events: int | None = None
    unreadable: list[str] = field(default_factory=list)
    address: str | None = None
    named_by: str = ""
    answered_by: Found | None = None
    plugins: list[Standing] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Run a block; an error of Pausepoint's in it becomes a problem and ends the block only."""
        try:
            yield
        except PausepointError as error:
            self.problems.append(Problem(error.what, error.todo))


async def inspect(settings: Settings) -> Health:
    """Examine everything that the settings name."""
    health = Health()
    with health.collecting():
        refuse_nameless(settings)
    with health.collecting():
        check_credentials(settings)
    _inspect_plugins(settings, health)
    with health.collecting():
        store = open_store(settings.store)
        health.store = store.url
        await _inspect_store(store, health)
        await _inspect_form_app(settings, store, health)
    return health


def _inspect_plugins(settings: Settings, health: Health) -> None:
    health.plugins = survey_installed(settings)
    for plugin in (standing.plugin for standing in health.plugins):
        if plugin.fault is not None:
            health.problems.append(Problem(plugin.fault.what, plugin.fault.todo))
    for name in sorted({standing.plugin.distribution for standing in health.plugins} - {""}):
        if problem := lost_files(name):
            health.problems.append(problem)


async def _inspect_store(store: Store, health: Health) -> None:
    # One try: what fails now is what we are asked about.
    records = Records(store, delays=(0,))
    with health.collecting():
        await store.probe()
        health.writable = True
    with health.collecting():
        # Read here and not through the records, which would make a new store's id.
        body = await store.get(layout.STORE)
        if body is not None:
            info = decoded(layout.STORE, body, StoreInfo)
            health.store_id, health.version = info.store_id, info.schema_version
    with health.collecting():
        ids = await records.event_ids()
        health.readable = True
        health.events = len(ids)
        turn = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(_unreadable(records, each, turn) for each in ids))
        health.unreadable = sorted(path for paths in found for path in paths)
    for path in health.unreadable:
        told = f"The stored object {shown_path(path)} cannot be understood."
        health.problems.append(Problem(told, "Restore it from a backup, or move its event away; other events go on."))


async def _unreadable(records: Records, request_id: str, turn: asyncio.Semaphore) -> list[str]:
    paths: list[str] = []

    async def tried(read: Callable[[], Awaitable[object]]) -> bool:
        """Return whether there is such an object, readable or not."""
        try:
            return await read() is not None
        except UnreadableRecordError as error:
            paths.append(error.path)
            return True

    async with turn:
        await tried(lambda: records.find_request(request_id))
        await tried(lambda: records.response(request_id))
        for number in range(1, MAX_CANDIDATES + 1):
            if not await tried(lambda at=number: records.candidate(request_id, at)):  # type: ignore[misc]
                break
            await tried(lambda at=number: records.verdict(request_id, at))  # type: ignore[misc]
    return paths


async def _inspect_form_app(settings: Settings, store: Store, health: Health) -> None:
    in_memory = store.url.startswith("memory:")
    if settings.url is not None:
        health.named_by, health.address = "PAUSEPOINT_URL", settings.url
    elif not in_memory:
        health.named_by, health.address = "this machine", _published(store, health)
    if health.address is not None:
        health.answered_by = await _answered_by(health.address, store, through_proxies=settings.url is not None)
    if settings.url is not None and in_memory:
        told = "The form app of PAUSEPOINT_URL is another process, which cannot see a memory:// store."
        health.problems.append(Problem(told, "Set PAUSEPOINT_STORE to a folder that both can reach."))
    elif settings.url is not None and health.answered_by not in (None, Found.SAME_STORE):
        told = f"At PAUSEPOINT_URL answers {health.answered_by.value}."
        remedy = (
            "Start `pausepoint serve` there, correct the address, or set PAUSEPOINT_STORE to that form app's store."
        )
        health.problems.append(Problem(told, remedy))


def _published(store: Store, health: Health) -> str | None:
    try:
        return SharedAddress(state_folder() / "servers", store.url).published()
    except OSError as error:
        told = f"The address of the form app cannot be shared on this machine: {error.strerror}."
        health.problems.append(Problem(told, f"Make {state_folder()} writable."))
        return None


async def _answered_by(url: str, store: Store, through_proxies: bool) -> Found | None:
    if await store.get(layout.IDENTITY) is not None:
        return await examine(url, await Records(store).identity_secret(), through_proxies)
    # Nobody can prove to serve a store that has no secret yet, and asking for the secret would make one.
    found = await examine(url, secrets.token_bytes(32), through_proxies)
    return Found.NOBODY if found is Found.NOBODY else None
