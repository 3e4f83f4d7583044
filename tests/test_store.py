"""Every store passes StoreKit; and what is particular to local files and to memory."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from pausepoint._store import FsspecStore, LocalFiles, MemoryStore, Store, open_store
from pausepoint._store.buckets import bucket_at
from pausepoint._store.opening import bucket_store
from pausepoint._store.publication import publish, rename_exclusively
from pausepoint.errors import StoreError, UnreadableRecordError, UnsafeStoreError, UsageError
from pausepoint.testing.stores import StoreKit

ID = "abcdefghijklmnopqrstuvwxyz"
DAY = 24 * 3600


class TestLocalStore(StoreKit):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store((tmp_path / "not yet there" / "store").as_uri())


class TestLocalStoreWithoutHardLinks(StoreKit):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        if sys.platform not in {"linux", "win32"}:
            pytest.skip("only Linux and Windows can rename without overwriting")
        return FsspecStore(LocalFiles(tmp_path, publish_without_links))


class TestMemoryStore(StoreKit):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()

    def reopen(self, store: Store) -> Store:
        return store


def publish_without_links(temporary: str, target: str) -> bool:
    return publish(temporary, target, refuse_link)


def refuse_link(temporary: str, target: str) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def publish_by_overwriting(temporary: str, target: str) -> bool:
    Path(temporary).replace(target)
    return True


def publish_from_a_process_that_dies(temporary: str, target: str) -> bool:
    raise SystemExit


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


# Local files


def test_a_created_folder_and_file_are_for_their_user_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        anyio.run(open_store(tmp_path / "root").create, "v1/a", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "root").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "root/v1").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "root/v1/a").stat().st_mode) == 0o600


def test_opening_and_reading_make_no_folder(tmp_path: Path) -> None:
    store = open_store(tmp_path / "root")
    assert anyio.run(store.get, "v1/a") is None
    assert anyio.run(store.list, "v1") == []
    assert anyio.run(store.sweep) == 0
    assert not (tmp_path / "root").exists()


def test_a_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    anyio.run(store.create, "v1/a", b"1")
    anyio.run(store.create, "v1/a", b"2")
    anyio.run(store.probe)
    assert files_below(tmp_path) == [tmp_path / "v1/a"]


def test_a_root_through_a_symbolic_link_is_resolved_once(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one")
    store = open_store(tmp_path / "link")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "two")
    anyio.run(store.create, "v1/a", b"")
    assert (tmp_path / "one/v1/a").exists()
    assert store.url == (tmp_path / "one").as_uri()


def test_a_file_in_place_of_the_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.write_text("a file")
    store = open_store(root)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.create("v1/a", b""),
        lambda: store.get("v1/a"),
        lambda: store.list("v1"),
        store.probe,
    ]
    for call in calls:
        with pytest.raises(StoreError) as failed:
            anyio.run(call)
        assert type(failed.value) is StoreError
        assert str(root) in failed.value.what
        assert "PAUSEPOINT_STORE" in failed.value.todo


def test_a_failure_shows_eight_characters_of_an_id_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1/events").write_text("a file")
    with pytest.raises(StoreError) as failed:
        anyio.run(open_store(tmp_path).get, f"v1/events/{ID}/request.json")
    assert failed.value.event == ID[:8]
    assert ID[:8] in str(failed.value)
    for shown in (str(failed.value), str(failed.value.__cause__), repr(failed.value.__cause__)):
        assert ID not in shown


def test_an_object_that_cannot_be_read_is_an_error_and_not_absent(tmp_path: Path) -> None:
    (tmp_path / "v1/a").mkdir(parents=True)
    with pytest.raises(StoreError):
        anyio.run(open_store(tmp_path).get, "v1/a")


def test_an_oversized_object_tells_its_path(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    with (tmp_path / "v1/a").open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing: reading it would not go unnoticed
    with pytest.raises(UnreadableRecordError) as refused:
        anyio.run(open_store(tmp_path).get, "v1/a")
    assert refused.value.path == "v1/a"


def test_a_link_whose_reply_was_lost_is_a_win(tmp_path: Path) -> None:
    def link_and_lose_the_reply(temporary: str, target: str) -> None:
        os.link(temporary, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    temporary, target = tmp_path / "temporary", tmp_path / "target"
    temporary.write_bytes(b"ours")
    assert publish(temporary, target, link_and_lose_the_reply) is True


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    def publish_on_a_full_disk(temporary: str, target: str) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    with pytest.raises(StoreError, match="No space left"):
        anyio.run(FsspecStore(LocalFiles(tmp_path, publish_on_a_full_disk)).create, "v1/a", b"x")
    assert files_below(tmp_path) == []


def test_an_empty_object_takes_no_temporary_file_and_no_link(tmp_path: Path) -> None:
    def refuse(temporary: str, target: str) -> bool:
        raise AssertionError("an empty object cannot be half written")

    store = FsspecStore(LocalFiles(tmp_path, refuse))
    assert anyio.run(store.create, "v1/wake/a", b"") is True
    assert anyio.run(store.create, "v1/wake/a", b"") is False
    assert files_below(tmp_path) == [tmp_path / "v1/wake/a"]


def test_empty_objects_of_one_folder_share_a_file_and_those_of_another_have_their_own(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for path in ("v1/wake/1/a", "v1/wake/1/b", "v1/wake/2/a"):
        assert anyio.run(store.create, path, b"") is True
    assert anyio.run(store.create, "v1/wake/1/b", b"") is False

    first, second, other = ((tmp_path / "v1/wake" / name).stat() for name in ("1/a", "1/b", "2/a"))
    assert first.st_ino == second.st_ino != other.st_ino


def test_an_empty_object_is_made_where_the_file_that_it_would_share_was_removed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    anyio.run(store.create, "v1/wake/1/a", b"")
    (tmp_path / "v1/wake/1/a").unlink()

    assert anyio.run(store.create, "v1/wake/1/b", b"") is True
    assert files_below(tmp_path) == [tmp_path / "v1/wake/1/b"]


def test_an_empty_object_on_a_broken_folder_is_an_error_without_its_name(tmp_path: Path) -> None:
    (tmp_path / "v1").write_text("a file")
    with pytest.raises(StoreError) as failed:
        anyio.run(open_store(tmp_path).create, f"v1/wake/{ID}", b"")
    assert ID not in "".join(traceback.format_exception(failed.value))


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_a_rename_without_overwriting_refuses_a_taken_name(tmp_path: Path) -> None:
    first, second, target = tmp_path / "1", tmp_path / "2", tmp_path / "target"
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    assert rename_exclusively(str(first), str(target)) is True
    assert rename_exclusively(str(second), str(target)) is False
    assert target.read_bytes() == b"first"


def test_the_probe_refuses_a_store_that_overwrites(tmp_path: Path) -> None:
    with pytest.raises(UnsafeStoreError, match="8 of 8"):
        anyio.run(FsspecStore(LocalFiles(tmp_path, publish_by_overwriting)).probe)


def test_the_probe_refuses_a_store_that_says_no_to_everybody(tmp_path: Path) -> None:
    with pytest.raises(UnsafeStoreError, match="0 of 8"):
        anyio.run(FsspecStore(LocalFiles(tmp_path, lambda temporary, target: False)).probe)


def test_the_probe_refuses_a_store_that_loses_what_it_took(tmp_path: Path) -> None:
    taken: list[str] = []

    def take_and_lose(temporary: str, target: str) -> bool:
        taken.append(target)
        return len(taken) == 1

    with pytest.raises(UnsafeStoreError, match="reads back"):
        anyio.run(FsspecStore(LocalFiles(tmp_path, take_and_lose)).probe)


def test_only_old_temporary_files_of_ours_are_swept(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    anyio.run(store.create, "v1/events/a", b"")
    folder = tmp_path / "v1/events"
    old = folder / f".{'0' * 32}.tmp"
    young = folder / f".{'1' * 32}.tmp"
    foreign = folder / ".editor.tmp"
    for file in (old, young, foreign, folder / "a"):
        file.write_bytes(b"half")
    for file in (old, foreign, folder / "a"):
        os.utime(file, (1_000_000, 1_000_000))
    assert anyio.run(store.list, "v1/events") == ["a"]
    assert anyio.run(store.sweep) == 1
    assert files_below(tmp_path) == sorted([foreign, young, folder / "a"])


def test_a_local_store_goes_through_pickle(tmp_path: Path) -> None:
    store = pickle.loads(pickle.dumps(open_store(tmp_path)))
    assert anyio.run(store.create, "v1/a", b"") is True
    assert (tmp_path / "v1/a").exists()


# Opening


def test_a_path_and_its_url_are_one_store(tmp_path: Path) -> None:
    root = tmp_path / "with space # and % and \N{SNOWMAN}"
    by_url, by_path = open_store(root.as_uri()), open_store(str(root))
    assert by_url.url == by_path.url == root.as_uri()
    anyio.run(by_url.create, "v1/a", b"here")
    assert anyio.run(by_path.get, "v1/a") == b"here"
    assert (root / "v1/a").exists()


def test_a_windows_drive_is_not_a_scheme() -> None:
    assert isinstance(open_store("C:\\Data\\store"), FsspecStore)
    assert isinstance(open_store("c:/Data/store"), FsspecStore)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("simplecache::file:///tmp/x", "::"),
        ("filecache::s3://bucket/x", "::"),
        ("file:///tmp/x::memory://", "::"),
        ("http://169.254.169.254/x", "http:"),
        ("HTTPS://me:s3cret@example.org/x", "https:"),
        ("data:text/plain;base64,e30=", "data:"),
        ("github://org:repo@main/x", "github:"),
        ("ftp://127.0.0.1/x", "ftp:"),
        ("zip://x.zip", "zip:"),
        ("local:///tmp/x", "local:"),
        ("reference://x", "reference:"),
        ("unheard-of://x", "unheard-of:"),
    ],
)
def test_a_forbidden_scheme_is_refused_by_name(url: str, named: str) -> None:
    with pytest.raises(UsageError) as refused:
        open_store(url)
    assert repr(named) in refused.value.what
    assert "s3cret" not in str(refused.value)
    assert "file:///" in refused.value.todo
    assert "memory://" in refused.value.todo


@pytest.mark.parametrize(
    ("url", "extra"),
    [("s3://bucket/x", "s3"), ("gs://bucket", "gcs"), ("az://container/x", "azure"), ("abfs://container", "azure")],
)
def test_a_bucket_without_its_extra_names_what_to_install(url: str, extra: str) -> None:
    with pytest.raises(UsageError, match="not installed") as refused:
        bucket_store(url, lambda name: None)
    assert "pip install" in refused.value.todo
    assert f"pausepoint[{extra}]" in refused.value.todo


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("s3://bucket", "s3://bucket"),
        ("S3A://my.bucket-1/a/b.c/", "s3://my.bucket-1/a/b.c"),
        ("gcs://my_bucket/a", "gs://my_bucket/a"),
        ("abfss://container/a", "az://container/a"),
    ],
)
def test_a_bucket_is_opened_under_one_url_and_nothing_is_sent(url: str, canonical: str) -> None:
    store = bucket_store(url, lambda name: name)
    assert store.url == canonical
    assert repr(store) == f"FsspecStore({canonical!r})"
    assert pickle.loads(pickle.dumps(store)).url == canonical


def test_the_prefix_is_part_of_every_key() -> None:
    assert bucket_at("s3://bucket/a/b").key("v1/store.json") == "a/b/v1/store.json"
    assert bucket_at("s3://bucket").key("v1/store.json") == "v1/store.json"


@pytest.mark.parametrize(
    "url",
    [
        "s3:bucket/s3cret",
        "s3:///s3cret",
        "s3://s3cret@bucket/x",
        "s3://key:s3cret@bucket/x",
        "s3://bucket:s3cret/x",
        "s3://bucket/x?secret=s3cret",
        "s3://bucket/x#s3cret",
        "s3://bucket/%2e%2e/s3cret",
        "s3://bucket/../s3cret",
        "s3://bucket//s3cret",
        "s3://bucket/s3cret*",
        "s3://bucket\\s3cret",
        "s3://S3cret/x",
        "s3://s3cret--x-s3/x",
        "gs://token@s3cret/x",
        "az://s3cret--container/x",
        "abfs://container@s3cret.dfs.core.windows.net/x",
        "az://container/x?sig=s3cret",
        "s3://bucket/s3cret::file:///x",
    ],
)
def test_a_bucket_url_with_anything_else_in_it_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        open_store(url)
    assert "s3cret" not in str(refused.value).lower()
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    ["", "a\0b", "file://", "file:relative", "file://~/x", "file://server/share", "file:///x?y", "memory://../x"],
)
def test_a_url_that_names_no_place_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        open_store(url)


# Memory


def test_a_memory_store_is_one_per_name_and_process() -> None:
    assert open_store("memory://") is open_store("memory://")
    assert open_store("memory://one") is open_store("memory://one/")
    assert open_store("memory://one") is not open_store("memory://two")
    assert open_store("memory://one").url == "memory://one"
    assert MemoryStore().url != MemoryStore().url


def test_a_memory_store_has_one_winner_however_the_threads_are_cut() -> None:
    store = MemoryStore()
    paths, start = 3000, threading.Barrier(6)
    winners: list[int] = []

    async def compete() -> None:
        start.wait()
        for path in range(paths):  # whoever falls behind only loses, which is quick, and so catches up
            if await store.create(f"v1/{path}", b""):
                winners.append(path)  # noqa: PERF401 - other threads append in between

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=anyio.run, args=(compete,)) for _ in range(start.parties)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert sorted(winners) == list(range(paths))


def test_a_memory_store_is_not_pickled() -> None:
    with pytest.raises(UsageError, match="cannot be shared"):
        pickle.dumps(open_store("memory://"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_told_that_memory_cannot_be_shared() -> None:
    # In a process of its own: pytest's has threads, and forking such a process is what nobody should do.
    ran = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split("\n")[:-1] == ["create UsageError", "get UsageError", "list UsageError", "probe UsageError"]


def use_memory_in_a_child(store: Store) -> None:
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "create": lambda: store.create("v1/b", b""),
        "get": lambda: store.get("v1/a"),
        "list": lambda: store.list("v1"),
        "probe": store.probe,
    }
    for name, call in calls.items():
        with pytest.raises(UsageError, match="PAUSEPOINT_STORE") as refused:
            anyio.run(call)
        print(name, type(refused.value).__name__, flush=True)


if __name__ == "__main__":
    shared = open_store("memory://")
    anyio.run(shared.create, "v1/a", b"of the parent")
    child = multiprocessing.get_context("fork").Process(target=use_memory_in_a_child, args=(open_store("memory://"),))
    child.start()
    child.join()
    sys.exit(child.exitcode)
