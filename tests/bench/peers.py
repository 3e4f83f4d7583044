"""The peers, each in a throw-away virtual environment; one that cannot be installed is left out with a remark."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from processes import HERE, Process, free_port, until_listening
from reviewer import Reviewer, get, load, post_json

FLYTE = ("flyteplugins-hitl==2.12.1",)
OURS_IN_FLYTE = (str(HERE.parents[1] / "adapters" / "flyte"), str(HERE.parents[1]), "flyte==2.12.1")
PREFECT = ("prefect>=3,<4", "fastapi<0.151")  # with a newer FastAPI the server of 3.8 does not start


class Costs(NamedTuple):
    """CPU milliseconds and requests per second of one route on one worker."""

    cpu: float
    rate: float


def installed(folder: Path, name: str, packages: Sequence[str]) -> Path | str:
    """Make a virtual environment with a peer; return its Python, or why there is none."""
    package = packages[0]
    made = folder / name
    python = made / "bin" / "python"
    for command in ([sys.executable, "-m", "venv", str(made)], [str(python), "-m", "pip", "install", "-q", *packages]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{package} was left out: {type(error).__name__} while it was installed"
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            return f"{package} was left out, for it cannot be installed: {why[:200]}"
    return python


def clean(**more: str) -> dict[str, str]:
    """Return an environment in which a peer finds nothing of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PAUSEPOINT_", "PYTHONPATH"))} | {
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def import_seconds(python: Path, module: str, times: int, environ: dict[str, str], after: str = "time") -> list[float]:
    """Return how long a fresh interpreter takes to import a module, without its own start and what is there *after*."""
    code = f"import time, {after}; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"
    command = [str(python), "-c", code]
    ran = [
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environ)
        for _ in range(times + 1)
    ]
    return [float(each.stdout) for each in ran[1:]]  # the first one wrote the byte code


@contextmanager
def flyte_app(python: Path, folder: Path, count: int) -> Iterator[tuple[Process, str]]:
    """Serve the old plugin's form app."""
    port = free_port()
    command = [str(python), str(HERE / "peer_flyte.py"), "serve", str(port), str(folder / "hitl"), str(count)]
    with Process(command, clean(), folder / "flyte-app.log") as server:
        until_listening(f"http://127.0.0.1:{port}")
        yield server, f"http://127.0.0.1:{port}"


def flyte_latency(python: Path, folder: Path, count: int) -> list[float]:
    """Return the seconds from "accepted" to "wait returned" of events answered at random moments within a poll."""
    with (
        flyte_app(python, folder, count) as (_, url),
        Process(
            [str(python), str(HERE / "peer_flyte.py"), "wait", str(folder / "hitl"), str(count)],
            clean(),
            folder / "flyte-wait.log",
        ) as waiting,
    ):
        while waiting.line() != "@ ready":
            pass
        reviewer, accepted = Reviewer(url), {}
        for number in range(count):
            time.sleep(random.uniform(0, 12 / count))
            place = str(folder / "hitl" / f"r{number}" / "response.json")
            answered = reviewer.answer(f"r{number}", 3, data_type="int", response_path=place)
            accepted[f"r{number}"] = answered.accepted
        reviewer.close()
        returned: dict[str, int] = {}
        while len(returned) < count:
            words = waiting.line().split() or [""]
            if words[0] == "@":
                returned[words[1]] = int(words[2])
    return [(returned[each] - accepted[each]) / 1e9 for each in accepted]


def flyte_load(python: Path, folder: Path, count: int) -> dict[str, Costs]:
    """Load the old plugin's form app."""
    with flyte_app(python, folder, count) as (server, url):
        place = folder / "hitl"
        forms = [get(url, f"/form/r{number}?request_path={place}/r{number}/request.json") for number in range(count)]
        posts = [
            post_json(
                url,
                "/submit/json",
                {
                    "request_id": f"r{number}",
                    "value": 3,
                    "data_type": "int",
                    "response_path": f"{place}/r{number}/response.json",
                },
            )
            for number in range(count)
        ]
        return {"form": costs_of(server, url, forms), "post": costs_of(server, url, posts)}


def costs_of(server: Process, url: str, requests: list[bytes]) -> Costs:
    """Load a server; return what a request costs it."""
    warm, rest = requests[: len(requests) // 10], requests[len(requests) // 10 :]
    load(url, warm)
    server.until_idle()
    before = server.cpu()
    took = load(url, rest)
    return Costs((server.cpu() - before) / len(rest) * 1000, len(rest) / took.seconds)


def prefect_latency(python: Path, folder: Path, count: int) -> list[float]:
    """Return the seconds from "resumed" to "pause returned" of Prefect's own pause with its default poll."""
    port = free_port()
    environ = clean(
        PREFECT_HOME=str(folder / "prefect-home"),
        PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
        PREFECT_LOGGING_LEVEL="ERROR",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    serve = [str(python), "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    ours = [str(python), str(HERE / "peer_prefect.py")]
    with Process(serve, environ, folder / "prefect-server.log"):
        until_listening(f"http://127.0.0.1:{port}")
        with Process([*ours, "flow", str(count)], environ, folder / "prefect-flow.log") as flow:
            found = []
            for _ in range(count):
                run_id = _said(flow, "asks")
                with Process([*ours, "resume", run_id], environ, folder / "prefect-resume.log") as resuming:
                    accepted = int(_said(resuming, "accepted"))
                found.append((int(_said(flow, "returned")) - accepted) / 1e9)
    return found


def _said(process: Process, word: str) -> str:
    while True:
        words = process.line().split()
        if words[:2] == ["@", word]:
            return words[2]
