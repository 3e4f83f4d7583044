"""From "accepted" to `wait()` returned: by push, on S3, by tick alone; a verdict; a burst."""

from __future__ import annotations

import asyncio
import random
import runpy
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from figures import percentile
from processes import HERE, Process, author, environ, free_port, served
from reviewer import Reviewer, load, post_json

NANOSECONDS = 1_000_000_000


class Resumed(NamedTuple):
    """
    What became of a number of answers.

    Attributes:
        accepted: Seconds from each 200 to the moment `wait()` returned; below zero where it returned first.
        sent: Seconds from the moment each was sent.
        right: How many waits returned the value that was answered to them.
    """

    accepted: list[float]
    sent: list[float]
    right: int


def by_push(folder: Path, count: int, store: str = "", **settings: str) -> Resumed:
    """Answer one after the other through an app in another process, which the workflow follows."""
    with beside_app(folder, store, **settings) as (asking, url):
        return _one_by_one(asking, url, count, 0.01)


def by_tick(folder: Path, count: int) -> Resumed:
    """Answer through an app that the workflow does not know of: nobody tells it but the markers."""
    settings = environ(folder, (folder / "store").as_uri(), PAUSEPOINT_RUN_ID="bench")
    with served(folder, settings) as (_, url), author(folder, settings) as asking:
        # Its own server listens elsewhere: it finds only the addresses of its own machine.
        asking.ask("ask", count=1)
        return _one_by_one(asking, url, count, min(1.0, 20 / count))


def verdicts(folder: Path, count: int) -> tuple[list[float], int]:
    """Fill in forms whose answer the author's own code judges: one that it refuses, then one that it takes."""
    seconds, right = [], 0
    with beside_app(folder) as (asking, url):
        ids = asking.ask("ask", count=count, kind="even")["ids"]
        reviewer = Reviewer(url)
        for request_id in ids:
            for typed, status in (("3", 422), ("4", 200)):
                answered = reviewer.fill_in(request_id, typed)
                right += answered.status == status
                seconds.append((answered.accepted - answered.sent) / 1e9)
        reviewer.close()
        asking.ask("waited")
    return seconds, right


def burst(folder: Path, count: int) -> tuple[Resumed, float]:
    """Answer everything that waits as fast as one worker takes it; also the seconds until the last wait returned."""
    with beside_app(folder) as (asking, url):
        ids = asking.ask("ask", count=count)["ids"]
        posts = [post_json(url, "/submit/json", {"request_id": each, "value": n}) for n, each in enumerate(ids)]
        took = load(url, posts)
        resumed = _resumed(asking.ask("waited"), ids, took.sent, took.accepted)
        return resumed, max(resumed.sent[n] + (took.sent[n] - min(took.sent)) / 1e9 for n in range(count))


def created(folder: Path, count: int) -> list[float]:
    """Return how long each `new_event` of a row of them takes; the first, which finds the app, is left out."""
    with beside_app(folder) as (asking, _):
        seconds: list[float] = asking.ask("create", count=count + 1)
    return seconds[1:]


@contextmanager
def s3(names: Sequence[str]) -> Iterator[Any]:
    """Run the first S3 server of these that this machine has; gives its name, and its store and settings or None."""
    servers = runpy.run_path(str(HERE.parent / "stores" / "servers.py"))
    with tempfile.TemporaryDirectory(prefix="pp-") as folder, ExitStack() as stack:
        for name in names:
            place = Path(folder, name)
            place.mkdir()
            try:
                yield name, stack.enter_context(servers[name](place))
            except servers["MissingError"]:
                continue
            return
        yield "", None


def put_and_get(settings: Mapping[str, str], count: int) -> float:
    """Return the median of one PUT plus the median of one GET of that server, seconds."""
    import obstore
    from obstore.store import S3Store

    config: Any = dict(settings)
    store = S3Store("pausepoint-test", config=config, client_options={"allow_http": True})

    async def measure() -> float:
        puts, gets, folder = [], [], f"bench/{free_port()}"
        for number in range(count):
            began = time.perf_counter()
            await obstore.put_async(store, f"{folder}/{number}", b"x" * 600, mode="create", use_multipart=False)
            written = time.perf_counter()
            await (await obstore.get_async(store, f"{folder}/{number}")).bytes_async()
            puts.append(written - began)
            gets.append(time.perf_counter() - written)
        return percentile(puts, 0.5) + percentile(gets, 0.5)

    return asyncio.run(measure())


@contextmanager
def beside_app(folder: Path, store: str = "", *options: str, **settings: str) -> Iterator[tuple[Process, str]]:
    """Run a workflow beside `pausepoint serve`, with the stream of hints open."""
    where = environ(folder, store or (folder / "store").as_uri(), PAUSEPOINT_RUN_ID=f"bench{free_port()}", **settings)
    with served(folder, where) as (_, url), author(folder, {**where, "PAUSEPOINT_URL": url}, *options) as asking:
        asking.ask("ask", count=1)  # nothing opens a stream before something waits
        asking.ask("pushed")
        yield asking, url


def _one_by_one(asking: Process, url: str, count: int, pause: float) -> Resumed:
    ids = asking.ask("ask", count=count)["ids"]
    reviewer, sent, accepted = Reviewer(url), [], []
    for value, request_id in enumerate(ids):
        time.sleep(random.uniform(0, 2 * pause))
        answered = reviewer.answer(request_id, value)
        assert answered.status == 200, answered
        sent.append(answered.sent)
        accepted.append(answered.accepted)
    reviewer.close()
    return _resumed(asking.ask("waited"), ids, sent, accepted)


def _resumed(waited: Any, ids: list[str], sent: list[int], accepted: list[int]) -> Resumed:
    returned, values = waited["returned"], waited["values"]
    return Resumed(
        [(returned[each] - accepted[n]) / NANOSECONDS for n, each in enumerate(ids)],
        [(returned[each] - sent[n]) / NANOSECONDS for n, each in enumerate(ids)],
        sum(values[each] == str(n) for n, each in enumerate(ids)),
    )
