"""What Pausepoint asks of Flyte's control plane from outside a task: to signal a condition."""

from __future__ import annotations

import os
from typing import Any

import anyio

from pausepoint import RunContext

PATIENCE = 10.0
"""Seconds that one signal may take."""

_ENDED = frozenset({"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"})


async def signal(run: RunContext, name: str, payload: Any) -> None:
    """
    Signal a condition of a run, unless it is signalled already; nothing where there is none, or no control plane.

    Args:
        run: Whose condition.
        name: The condition's.
        payload: Of the condition's own type.

    Raises:
        Exception: Whatever Flyte's client raises.
    """
    if not run.project or not await _is_connected(run):
        return
    from connectrpc.code import Code
    from connectrpc.errors import ConnectError
    from flyte.remote import Condition

    with anyio.fail_after(PATIENCE):
        async for condition in Condition.listall.aio(run_name=run.run_id, action_name=run.task_id):
            if condition.name != name or condition.phase.upper() in _ENDED:
                continue
            try:
                await condition.signal.aio(payload)
            except ConnectError as error:
                # Somebody else was faster, or the run is over.
                if error.code not in {Code.FAILED_PRECONDITION, Code.NOT_FOUND}:
                    raise


async def _is_connected(run: RunContext) -> bool:
    """Connect with what the environment says, unless this process is connected; say whether it is."""
    import flyte
    from flyte.errors import InitializationError

    try:
        flyte.current_project()
    except InitializationError:
        endpoint = os.environ.get("PAUSEPOINT_FLYTE_ENDPOINT")
        if not endpoint:
            return False
        org, project, domain = run.project.split("/")
        # Not `init_in_cluster`: a form app's pod is told nothing that it would need.
        insecure = os.environ.get("PAUSEPOINT_FLYTE_INSECURE", "").lower() in {"1", "true"}
        key = os.environ.get("EAGER_API_KEY") or os.environ.get("_UNION_EAGER_API_KEY")
        await flyte.init.aio(endpoint=endpoint, insecure=insecure, api_key=key, org=org, project=project, domain=domain)
    return True
