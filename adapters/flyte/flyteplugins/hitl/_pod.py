"""What the platform tells a pod beside its task context: which task it was started for, and where the storage is."""

from __future__ import annotations

import os
import sys
from typing import Any

from . import _alone  # noqa: F401 - refuses foreign files


def own_task() -> Any:
    """Return the task that this process was started for, as its author declared it; None where that is not known."""
    # The entrypoint is told which variable of which module holds the task; the context does not know it.
    told = sys.argv[sys.argv.index("--resolver") + 2 :] if "--resolver" in sys.argv else []
    named = dict(zip(told[::2], told[1::2], strict=False))
    return getattr(sys.modules.get(named.get("mod", "")), named.get("instance", ""), None)


def is_starting() -> bool:
    """Say whether this process was started for a task; while that is being loaded, there is no task context yet."""
    return "--resolver" in sys.argv


def adopt_storage_settings() -> None:
    """
    Let Pausepoint's storage client reach the server that Flyte's is told of.

    For installations with a server of their own: Flyte's variables are its own, and obstore reads Amazon's.
    """
    endpoint = os.environ.get("FLYTE_AWS_ENDPOINT")
    if not endpoint or any(os.environ.get(name) for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL")):
        return
    # AWS_ENDPOINT and not AWS_ENDPOINT_URL: boto3 reads that one, and it is not ours to configure.
    os.environ["AWS_ENDPOINT"] = endpoint
    if endpoint.startswith("http://"):
        os.environ.setdefault("AWS_ALLOW_HTTP", "true")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        if given := os.environ.get(f"FLYTE_AWS_{name}"):
            os.environ.setdefault(f"AWS_{name}", given)
