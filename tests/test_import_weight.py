"""`import pausepoint` stays light: an author's script must not wait for a web framework that it may never need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

TOO_HEAVY = {
    *("fastapi", "starlette", "uvicorn", "httpx", "jinja2", "markdown_it", "nh3", "jsonschema_rs"),
    *("typer", "click", "rich", "sqlite3", "pytest", "flyte", "prefect", "airflow", "dagster"),
}
LOADED = """
import json, sys
before = set(sys.modules)
import pausepoint
print(json.dumps(sorted(set(sys.modules) - before)))
"""
TIMED = """
import time
started = time.perf_counter()
import {names}
print(time.perf_counter() - started)
"""


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def best_of_three(names: str) -> float:
    """Seconds, in a fresh process; the least of three, since the machine can only add to it."""
    return min(float(python(TIMED.format(names=names))) for _ in range(3))


def test_importing_pausepoint_loads_no_framework_and_no_engine() -> None:
    loaded = json.loads(python(LOADED))

    assert "pausepoint.errors" in loaded
    assert not TOO_HEAVY & {name.partition(".")[0] for name in loaded}


def test_importing_pausepoint_does_not_load_the_app_or_the_test_kit() -> None:
    loaded = json.loads(python(LOADED))

    assert not [name for name in loaded if name.startswith(("pausepoint.app", "pausepoint.cli", "pausepoint.testing"))]


def test_importing_pausepoint_starts_no_thread() -> None:
    assert python("import pausepoint, threading; print(threading.active_count())").strip() == "1"


def test_the_time_of_the_import_is_measured(measured: Callable[[str], None]) -> None:
    ours, floor = best_of_three("pausepoint"), best_of_three("pydantic, fsspec")

    measured(f"import pausepoint {ours * 1000:.0f} ms; import pydantic, fsspec alone {floor * 1000:.0f} ms")
