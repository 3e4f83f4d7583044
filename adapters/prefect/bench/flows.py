"""The flows that are measured, each in a process of its own: `flows.py WAY COUNT`; prints when it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import prefect
from prefect import flow
from prefect.runtime import flow_run

import pausepoint_prefect

WAYS: dict[str, Callable[..., Any]] = {
    "ours, running": lambda key: pausepoint_prefect.pause_flow_run(int, key=key),
    "ours, paused": lambda key: pausepoint_prefect.pause_flow_run(int, key=key, wait="paused"),
    "Prefect's, as it is": lambda key: prefect.pause_flow_run(int, key=key),
    "Prefect's, poll_interval=1": lambda key: prefect.pause_flow_run(int, key=key, poll_interval=1),
}


@flow
def pausing(way: str, count: int) -> None:
    """Pause, again and again."""
    for number in range(count):
        print(f"@ asks {flow_run.id}", flush=True)
        WAYS[way](f"k{number}")
        print(f"@ returned {time.monotonic_ns()}", flush=True)


if __name__ == "__main__":
    pausing(sys.argv[1], int(sys.argv[2]))
