"""Where the calling code is: Flyte's task context, and what of it stays the same when a task is retried."""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pausepoint import RunContext

ENGINE = "flyte"

_ATTEMPT = "pausepoint.attempt"
_BUCKET = re.compile(r"(s3a?|gs|gcs|abfss?|az)://([^/@?#]+)", re.ASCII)
_FOLDER = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?", re.ASCII)

_lock = threading.Lock()
_attempts: Counter[tuple[str, str, int]] = Counter()


def current() -> Any:
    """Return Flyte's task context, or something falsy outside a task."""
    flyte = sys.modules.get("flyte")
    # Absent while Flyte is being imported, by code that asks nothing yet.
    ctx = getattr(flyte, "ctx", None)
    return ctx() if ctx else None


def run_context(here: Any) -> RunContext:
    """Return what Pausepoint calls it, from a task context of Flyte's."""
    # Here and not above: `hitl.env` is made by every task's process, asking or not.
    # Not only in a cluster: it fails, and says what to do, where another distribution has overwritten it.
    from flyteplugins.hitl import _pod

    from pausepoint import RunContext

    if here.mode != "local":
        _pod.adopt_storage_settings()
    # Inside a trace, `action` is the trace's own.
    task = here.task_action
    return RunContext(
        engine=ENGINE,
        project="/".join(place(here)),
        run_id=task.run_name or task.name,
        task_id=task.name,
        attempt=_attempt(here),
        store=store_url(here),
        spelled_literals=True,
    )


def place(here: Any) -> tuple[str, ...]:
    """Return organisation, project and domain; empty for a local run, which has none."""
    task = here.task_action
    found = (task.org or "", task.project or "", task.domain or "")
    return found if any(found) else ()


def store_url(here: Any) -> str | None:
    """
    Return where events live unless `PAUSEPOINT_STORE` says it: in the bucket of the run, beside Flyte's own metadata.

    The bucket and not the run's folder, so that one form app serves all runs of a project; never the raw-data path, of
    which a retry has another. None for a local run, and where Flyte keeps its data in no bucket.
    """
    bucket = _BUCKET.match(here.run_base_dir or "") if here.mode != "local" else None
    if bucket is None:
        return None
    folders = [part if _FOLDER.fullmatch(part) else part.encode().hex() for part in place(here) if part]
    return "/".join((bucket[0], "pausepoint", *folders))


def _attempt(here: Any) -> int:
    # Flyte numbers attempts by process, so that of a local run, or in a reused container, several have one number; but
    # each has a `data` of its own.
    found = here.data.get(_ATTEMPT)
    if found is None:
        task, number = here.task_action, here.attempt_number
        which = (task.run_name or "", task.name, number)
        with _lock:
            found = here.data.setdefault(_ATTEMPT, number + _attempts[which])
            _attempts[which] += 1
    return int(found)
