"""Many processes at one local store, and processes that are killed while they write to it."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from pausepoint._store import FsspecStore, LocalFiles, Records, open_store
from pausepoint._store.publication import publish

WRITERS = 50
ROUNDS = int(os.environ.get("RACE_ROUNDS", "20"))
"""`RACE_ROUNDS=200 tox -e py -- tests/test_store_races.py` is the long run."""
KILLS = 25
BODY_BYTES = 200_000

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the writers are forked, to start fifty in a moment")


def run_here(function: Callable[..., None], *arguments: object) -> Any:
    """Run a function of this module in a process without threads, which may fork; return what it prints as JSON."""
    ran = subprocess.run(
        [sys.executable, __file__, function.__name__, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


# Races


def test_one_of_fifty_processes_wins_each_round_and_all_read_its_bytes(tmp_path: Path) -> None:
    told = run_here(race, tmp_path)
    assert len(told["writers"]) == WRITERS
    assert told["torn"] == 0
    for number in range(ROUNDS):
        winners = [writer["own"][number] for writer in told["writers"] if writer["won"][number]]
        read = {writer["read"][number] for writer in told["writers"]}
        assert len(winners) == 1
        assert read == set(winners)


def race(root: str) -> None:
    """Let `WRITERS` processes race for `ROUNDS` paths while another one reads them all the time."""
    context = multiprocessing.get_context("fork")
    start, over, results = context.Barrier(WRITERS), context.Event(), context.Queue()
    torn = context.Value("i", 0)
    reader = context.Process(target=watch, args=(root, over, torn))
    reader.start()
    writers = [context.Process(target=compete, args=(root, number, start, results)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    told = [results.get() for _ in writers]
    for writer in writers:
        writer.join()
    over.set()
    reader.join()
    print(json.dumps({"writers": told, "torn": torn.value}))


def compete(root: str, number: int, start: Any, results: Any) -> None:
    store = open_store(root)
    told: dict[str, list[object]] = {"own": [], "won": [], "read": []}

    async def all_rounds() -> None:
        for count in range(ROUNDS):
            body = whole_body(f"writer {number} round {count}")
            start.wait()
            told["won"].append(await store.create(f"v1/race/{count}", body))
            told["own"].append(hashlib.sha256(body).hexdigest())
            told["read"].append(hashlib.sha256(await store.get(f"v1/race/{count}") or b"").hexdigest())

    anyio.run(all_rounds)
    results.put(told)


def watch(root: str, over: Any, torn: Any) -> None:
    store = open_store(root)

    async def look() -> None:
        while not over.is_set():
            for count in range(ROUNDS):
                found = await store.get(f"v1/race/{count}")
                if found is not None and not is_whole(found):
                    torn.value += 1

    anyio.run(look)


def test_processes_that_start_together_agree_on_the_secrets(tmp_path: Path) -> None:
    secrets = run_here(agree, tmp_path)
    assert len(secrets) == 16
    assert len(set(map(tuple, secrets))) == 1


def agree(root: str) -> None:
    """Let 16 processes ask a new store for its id and its keys at once."""
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(16), context.Queue()
    children = [context.Process(target=ask_for_secrets, args=(root, start, results)) for _ in range(16)]
    for child in children:
        child.start()
    told = [results.get() for _ in children]
    for child in children:
        child.join()
    print(json.dumps(told))


def ask_for_secrets(root: str, start: Any, results: Any) -> None:
    async def ask() -> None:
        records = Records(open_store(root))
        start.wait()
        identity = await records.identity_secret()
        [(kid, key)] = await records.signing_keys()
        results.put([await records.store_id(), identity.hex(), kid, key.hex()])

    anyio.run(ask)


# Kills


def test_a_writer_killed_at_any_moment_leaves_no_part_of_an_object(tmp_path: Path) -> None:
    run_here(kill_at_random, tmp_path)
    objects = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".tmp"]
    assert objects
    assert all(is_whole(path.read_bytes()) for path in objects)


def test_what_killed_writers_leave_is_swept_and_blocks_nobody(tmp_path: Path) -> None:
    run_here(kill_before_publishing, tmp_path)
    [left] = tmp_path.rglob("*.tmp")
    store = open_store(tmp_path)
    assert anyio.run(store.get, "v1/events/a") is None
    assert anyio.run(store.list, "v1/events") == []
    assert anyio.run(store.create, "v1/events/a", b"{}") is True
    os.utime(left, (1_000_000, 1_000_000))
    assert anyio.run(store.sweep) == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]


def test_a_writer_killed_right_after_publishing_has_won(tmp_path: Path) -> None:
    run_here(kill_after_publishing, tmp_path)
    store = open_store(tmp_path)
    assert is_whole(anyio.run(store.get, "v1/events/a") or b"")
    assert anyio.run(store.create, "v1/events/a", b"{}") is False


def kill_at_random(root: str) -> None:
    """Kill `KILLS` writers, each in the middle of some write or between two."""
    chance = random.Random(7)
    for number in range(KILLS):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            write_for_ever(root, number, write)
        os.close(write)
        for _ in range(chance.randrange(1, 6)):
            os.read(read, 1)
        # The writer was let go a moment ago; how far it got by now differs from one to the next.
        sum(range(chance.randrange(200_000)))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)
    print("null")


def write_for_ever(root: str, number: int, pipe: int) -> None:
    store = open_store(root)

    async def write() -> None:
        count = 0
        while True:
            os.write(pipe, b".")
            await store.create(f"v1/killed/{number}-{count}", whole_body(f"{number} {count}"))
            count += 1

    anyio.run(write)


def kill_before_publishing(root: str) -> None:
    """Kill a writer whose temporary file is complete and has no other name yet."""

    def die(temporary: Path, target: Path) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return publish(temporary, target)

    die_writing(root, die)


def kill_after_publishing(root: str) -> None:
    """Kill a writer whose object has its name, before it could remove the temporary one."""

    def die(temporary: Path, target: Path) -> bool:
        publish(temporary, target)
        os.kill(os.getpid(), signal.SIGKILL)
        return True

    die_writing(root, die)


def die_writing(root: str, die: Callable[[Path, Path], bool]) -> None:
    child = os.fork()
    if child == 0:
        anyio.run(FsspecStore(LocalFiles(root, die)).create, "v1/events/a", whole_body("dying"))
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    print("null")


def whole_body(name: str) -> bytes:
    """Return a body that tells whether it is complete."""
    content = (name + " ").encode() * (BODY_BYTES // (len(name) + 1))
    return hashlib.sha256(content).hexdigest().encode() + content


def is_whole(body: bytes) -> bool:
    return hashlib.sha256(body[64:]).hexdigest().encode() == body[:64]


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
