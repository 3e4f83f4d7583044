"""Which flow run and task the calling code belongs to, in terms that a retry does not change."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any
from uuid import UUID

from prefect.context import FlowRunContext, TaskRunContext
from prefect.runtime import flow_run
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from pausepoint.errors import UsageError
from pausepoint.hooks import RunContext

ENGINE = "prefect"
MOST_EXECUTIONS = 200
"""Executions of flows whose calls of tasks are told apart; a process that serves flows for weeks forgets the oldest."""


def current_run() -> RunContext | None:
    """
    Describe the calling code's run; None outside of flows and tasks.

    A subflow goes by the parent's task run that stands for it: when the parent is retried, Prefect gives the subflow
    a new run, but not a new place in its parent.
    """
    flow, task = FlowRunContext.get(), _task_of(FlowRunContext.get())
    run_id = flow_run_id()
    if run_id is None and task is None:
        return None
    within = flow.flow_run if flow is not None else None
    stands_for = within.parent_task_run_id if within is not None else None
    tried = task.task_run.run_count if task is not None else within.run_count if within is not None else 1
    return RunContext(
        engine=ENGINE,
        run_id=str(stands_for or run_id or (task and task.task_run.id)),
        task_id=task.task_run.task_key if task is not None else None,
        attempt=max(tried - 1, 0),
        place=_place(flow, task) if task is not None else None,
        execution=_execution(flow, task),
        url=_page(),
    )


def flow_run_id() -> UUID | None:
    """Return the id of the flow run around the calling code, a subflow's own; None outside of flows."""
    found = flow_run.id
    return UUID(found) if found else None


def is_in_task() -> bool:
    """Say whether the calling code belongs to a task of its flow."""
    return _task_of(FlowRunContext.get()) is not None


def _task_of(flow: FlowRunContext | None) -> TaskRunContext | None:
    task = TaskRunContext.get()
    if task is None or flow is None or flow.flow_run is None:
        return task
    # A flow that is called from a task still sees the context of that task, which is another flow's.
    return task if task.task_run.flow_run_id == flow.flow_run.id else None


def _execution(flow: FlowRunContext | None, task: TaskRunContext | None) -> str | None:
    # By the moment it began and not by Prefect's run count, which a resumed pause moves on.
    if task is not None:
        return f"{task.task_run.id} {task.start_time.isoformat()}"
    return f"{flow_run.id} {flow.start_time.isoformat()}" if flow is not None else None


def _page() -> str | None:
    page: str | None = flow_run.ui_url
    return page if page and page.startswith("http") else None


def claim(request_id: str, label: str) -> None:
    """
    Remember which call of a task asks this event.

    Raises:
        UsageError: Another call of the task, or another child of a map, has asked it in the same execution of the flow.
            With one key for all, the answer to one would be taken for the others, whatever they ask about.
    """
    flow = FlowRunContext.get()
    task = _task_of(flow)
    if task is None:
        return
    with _lock:
        claims = _claims.setdefault(_execution(flow, None) or "", {})
        _forget_oldest(_claims)
        if claims.setdefault(request_id, task.task_run.id) != task.task_run.id:
            raise UsageError(
                "Another call of this task has asked under this key already.",
                "Put what tells the calls apart into the key, for example key=f'approve-{name}', or leave it out.",
                label,
            )


# ---- calls of one task: Prefect numbers neither them nor the children of a map

_lock = threading.Lock()
_calls: OrderedDict[str, tuple[dict[UUID, str], Counter[str]]] = OrderedDict()
_claims: OrderedDict[str, dict[str, UUID]] = OrderedDict()


def _place(flow: FlowRunContext | None, task: TaskRunContext) -> str:
    """
    Tell this call of a task from others of the same flow run: by its inputs, and among equal ones by who asks first.

    A retry of the call is in its own place again, also where the try before it changed its inputs; so is, with the same
    inputs, the same call in a retry of the flow.
    """
    with _lock:
        places, counts = _calls.setdefault(_execution(flow, None) or "", ({}, Counter()))
        _forget_oldest(_calls)
        if task.task_run.id in places:
            return places[task.task_run.id]
    digest = _digest(task.parameters)
    called = f"{task.task_run.task_key} {digest}"
    with _lock:
        counts[called] += 1
        return places.setdefault(task.task_run.id, f"{digest} {counts[called] - 1}")


def _forget_oldest(executions: OrderedDict[str, Any]) -> None:
    if len(executions) > MOST_EXECUTIONS:
        executions.popitem(last=False)


def _digest(inputs: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal characters of those inputs that are spelt the same in every process."""
    told = {name: _told(value) for name, value in inputs.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _told(value: Any) -> Any:
    try:
        # Bytes, and arrays that lie in memory as bytes do: an image to label is told from the next one.
        return hashlib.sha256(memoryview(value)).hexdigest()
    except (TypeError, ValueError, BufferError):
        pass
    try:
        return json.loads(json.dumps(value, sort_keys=True, default=_plain))
    except (TypeError, ValueError, RecursionError):
        return type(value).__qualname__


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        raise TypeError("the order of a set differs from process to process")
    if isinstance(value, Iterator):
        raise TypeError("whoever looks into it takes from the task what it was given")
    # Part by part, for one of them may be such a set or iterator.
    if isinstance(value, BaseModel):
        return vars(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    return to_jsonable_python(value)
