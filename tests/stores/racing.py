"""
Fifty processes at one bucket: `python racing.py URL ROUNDS`; prints JSON for test_store_race.py.

Started as a process of its own, without threads and without obstore, so that it may fork the writers in a moment.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
from typing import Any

import anyio

from pausepoint._store import open_store

WRITERS = 50
BODY_BYTES = 20_000
LIMIT = 90.0
"""Seconds that the slowest writer of a round may take."""


def race(url: str, rounds: int) -> None:
    """Let the writers race for one path per round, while one more process reads all paths again and again."""
    context = multiprocessing.get_context("fork")
    start, over, results = context.Barrier(WRITERS), context.Event(), context.Queue()
    reader = context.Process(target=watch, args=(url, rounds, over, results))
    reader.start()
    writers = [context.Process(target=compete, args=(url, number, rounds, start, results)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    told = [results.get(timeout=LIMIT + 5 * rounds) for _ in writers]
    over.set()
    watched = results.get(timeout=LIMIT)
    for process in [*writers, reader]:
        process.join()
    print(json.dumps({"writers": told, **watched}))


def compete(url: str, number: int, rounds: int, start: Any, results: Any) -> None:
    told: dict[str, list[object]] = {"own": [], "won": [], "read": []}

    async def all_rounds() -> None:
        store = open_store(url)
        for count in range(rounds):
            body = whole_body(f"writer {number} round {count}")
            start.wait(LIMIT)
            told["won"].append(await store.create(f"v1/race/{count}", body))
            told["own"].append(digest(body))
            told["read"].append(digest(await store.get(f"v1/race/{count}") or b""))

    anyio.run(all_rounds)
    results.put(told)


def watch(url: str, rounds: int, over: Any, results: Any) -> None:
    told = {"reads": 0, "torn": 0}
    parent = os.getppid()

    async def look() -> None:
        store = open_store(url)
        while not over.is_set() and os.getppid() == parent:
            for count in range(rounds):
                found = await store.get(f"v1/race/{count}")
                told["reads"] += found is not None
                told["torn"] += found is not None and not is_whole(found)

    anyio.run(look)
    results.put(told)


def whole_body(name: str) -> bytes:
    """Return a body that tells whether it is complete."""
    content = (name + " ").encode() * (BODY_BYTES // (len(name) + 1))
    return digest(content).encode() + content


def is_whole(body: bytes) -> bool:
    return digest(body[64:]).encode() == body[:64]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    race(sys.argv[1], int(sys.argv[2]))
