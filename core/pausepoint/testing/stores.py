"""
The checks that every store must pass, as a class to subclass in a test module.

```python
import pytest
from pausepoint.testing.stores import StoreKit


class TestMyStore(StoreKit):
    @pytest.fixture
    def store(self):
        return MyStore("my://somewhere")

    def reopen(self, store):  # left out, the store is opened again by its URL
        return MyStore(store.url)
```

Needs pytest and no plugin: each check starts an event loop of its own, so the store must not be tied to one. Every
check works in a folder with a random name, so a real bucket can be used over and over; nothing is deleted.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

import anyio
import pytest

from .._models import MAX_BODY_BYTES
from .._store import Store, open_store
from ..errors import StoreError, UsageError

T = TypeVar("T")

# Enough for a store that looks first and writes then to be caught, and few enough for a real bucket.
WRITERS = 16

# Each leads elsewhere on some system or in some kind of store: up, to a hidden file, a stream, a version, a pattern.
REFUSED_PATHS = (
    "",
    "/etc/hostname",
    "v1/../../etc/hostname",
    "v1/./store.json",
    "v1//store.json",
    "v1/",
    "..",
    "v1\\store.json",
    "C:/store.json",
    "v1/store.json\0.png",
    "v1/.hidden",
    "v1/store.json?versionId=1",
    "v1/*",
    "v1/%2e%2e/store.json",
    "~/store.json",
    "file:///etc/hostname",
    "v1/\N{LATIN SMALL LETTER U WITH DIAERESIS}",
    "v1/store.json\n",
    "v1/" + "a" * 600,
)


def _run(function: Callable[..., Awaitable[T]], *arguments: object) -> T:
    return anyio.run(function, *arguments)


class StoreKit:
    """Checks of the `Store` protocol; subclass it, name the subclass `Test...`, and give it a fixture `store`."""

    @pytest.fixture
    def store(self) -> Store:
        """The store to check; every subclass overrides this."""
        raise NotImplementedError("Give your subclass of StoreKit a fixture called `store`.")

    @pytest.fixture
    def folder(self) -> str:
        """A folder of the store that nothing else uses."""
        return f"v1/kit/{uuid4().hex}"

    def reopen(self, store: Store) -> Store:
        """Open the same store once more, as another process would; override where its URL is not enough."""
        return open_store(store.url)

    def test_a_second_create_changes_nothing(self, store: Store, folder: str) -> None:
        """The first create is told that it won, each later one that it lost."""
        assert _run(store.create, f"{folder}/a.json", b"first") is True
        assert _run(store.create, f"{folder}/a.json", b"second") is False
        assert _run(store.get, f"{folder}/a.json") == b"first"

    def test_exactly_one_of_many_wins_an_empty_object(self, store: Store, folder: str) -> None:
        """A store may write what is empty in another way, and must be as strict about it."""
        won: list[bool] = []

        async def compete() -> None:
            won.append(await store.create(f"{folder}/a", b""))

        async def all_at_once() -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(WRITERS):
                    tasks.start_soon(compete)

        _run(all_at_once)
        assert sum(won) == 1
        assert len(won) == WRITERS
        assert _run(store.get, f"{folder}/a") == b""

    def test_exactly_one_of_many_threads_wins(self, store: Store, folder: str) -> None:
        """Each thread has its own event loop; the winner's bytes are what is stored."""
        won: list[bytes] = []
        start = threading.Barrier(WRITERS)

        def compete(body: bytes) -> None:
            # All at once, or the first has won before the last has begun.
            start.wait()
            if _run(store.create, f"{folder}/a.json", body):
                won.append(body)

        threads = [threading.Thread(target=compete, args=(b"writer %d" % number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [_run(store.get, f"{folder}/a.json")] == won

    def test_exactly_one_of_many_tasks_wins(self, store: Store, folder: str) -> None:
        """The same within one event loop."""
        won: list[bytes] = []

        async def compete(body: bytes) -> None:
            if await store.create(f"{folder}/a.json", body):
                won.append(body)

        async def all_at_once() -> None:
            async with anyio.create_task_group() as tasks:
                for number in range(WRITERS):
                    tasks.start_soon(compete, b"writer %d" % number)

        _run(all_at_once)
        assert [_run(store.get, f"{folder}/a.json")] == won

    def test_a_reader_sees_all_of_an_object_or_none(self, store: Store, folder: str) -> None:
        """Readers ask while the object is being written; no reply is empty or cut."""
        body = b"x" * MAX_BODY_BYTES
        written = threading.Event()
        seen: set[int] = set()

        def watch() -> None:
            while not written.is_set():
                found = _run(store.get, f"{folder}/a.json")
                seen.add(-1 if found is None else len(found))

        reader = threading.Thread(target=watch)
        reader.start()
        try:
            _run(store.create, f"{folder}/a.json", body)
        finally:
            written.set()
            reader.join()
        assert seen <= {-1, len(body)}

    def test_what_is_not_there_is_none(self, store: Store, folder: str) -> None:
        """A missing object and a missing folder are "not yet", and asking does not stick: what comes later is seen."""
        path = f"{folder}/deeper/a.json"
        assert _run(store.get, path) is None
        assert _run(store.list, folder) == []
        assert _run(store.create, path, b"here") is True
        assert _run(store.get, path) == b"here"
        assert _run(store.list, folder) == ["deeper"]

    def test_a_listing_is_sorted_and_one_folder_deep(self, store: Store, folder: str) -> None:
        """Names of objects and folders directly below, each once; nothing of a folder whose name begins alike."""
        for name in ("b.json", "a/1.json", "a/2.json", "c/d/e.json", "10", "9"):
            _run(store.create, f"{folder}/{name}", b"{}")
        _run(store.create, f"{folder}x/other.json", b"{}")
        assert _run(store.list, folder) == ["10", "9", "a", "b.json", "c"]

    def test_a_listing_begins_after_a_name(self, store: Store, folder: str) -> None:
        """The name itself is left out, whether it exists or not."""
        for name in ("0001-a", "0002-b", "0003-c"):
            _run(store.create, f"{folder}/{name}", b"")
        assert _run(store.list, folder, "0001-a") == ["0002-b", "0003-c"]
        assert _run(store.list, folder, "0002") == ["0002-b", "0003-c"]
        assert _run(store.list, folder, "0003-c") == []

    def test_a_new_object_is_in_the_next_listing(self, store: Store, folder: str) -> None:
        """No listing is remembered, neither by this store nor by another one on the same place."""
        # Two, because a cache of listings shows only in the one that did not write.
        other = self.reopen(store)
        for number in range(3):
            assert len(_run(other.list, folder)) == number
            _run(store.create, f"{folder}/{number}", b"")
            assert len(_run(other.list, folder)) == len(_run(store.list, folder)) == number + 1

    @pytest.mark.parametrize("path", REFUSED_PATHS)
    def test_a_path_that_leads_elsewhere_is_refused(self, store: Store, path: str) -> None:
        """By every method, before anything is touched, and without repeating it."""
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: store.create(path, b"x"),
            lambda: store.get(path),
            lambda: store.list(path),
        ]
        for call in calls:
            with pytest.raises(UsageError) as refused:
                _run(call)
            # A path as short as that is in every message.
            assert len(path) < len("v1/./") or path not in str(refused.value)

    def test_an_object_beyond_the_limit_is_an_error_and_not_absent(self, store: Store, folder: str) -> None:
        """One at the limit is read."""
        _run(store.create, f"{folder}/a", b"12345678")
        assert _run(store.get, f"{folder}/a", 8) == b"12345678"
        with pytest.raises(StoreError, match="8 bytes"):
            _run(store.get, f"{folder}/a", 7)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            "\N{SNOWMAN} \N{GRINNING FACE} \u202e \r\n".encode(),
            bytes(range(256)),
            b"x" * MAX_BODY_BYTES,
        ],
        ids=["empty", "unicode", "every byte", "1 MiB"],
    )
    def test_bytes_come_back_as_they_were(self, store: Store, folder: str, body: bytes) -> None:
        """Nothing is decoded, translated or trimmed."""
        assert _run(store.create, f"{folder}/a", body) is True
        assert _run(store.get, f"{folder}/a") == body

    def test_an_object_outlives_the_store_that_made_it(self, store: Store, folder: str) -> None:
        """Another instance reads it, and cannot create it again."""
        _run(store.create, f"{folder}/a.json", b"{}")
        again = self.reopen(store)
        assert _run(again.get, f"{folder}/a.json") == b"{}"
        assert _run(again.create, f"{folder}/a.json", b"[]") is False

    def test_the_probe_passes_as_often_as_it_is_run(self, store: Store) -> None:
        """By several processes' stores, too."""
        _run(store.probe)
        _run(self.reopen(store).probe)
        _run(store.probe)

    def test_a_sweep_takes_no_object(self, store: Store, folder: str) -> None:
        """Not even one of age 0."""
        _run(store.create, f"{folder}/a.json", b"{}")
        _run(store.sweep, 0.0)
        assert _run(store.get, f"{folder}/a.json") == b"{}"

    def test_the_url_and_the_representation_hold_no_password(self, store: Store) -> None:
        """No user part, no query."""
        for shown in (store.url, repr(store)):
            assert "@" not in shown
            assert "?" not in shown
