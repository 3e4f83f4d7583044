"""
Pausepoint in Prefect flows: `pause_flow_run` in the shape that Prefect gave it.

    from pausepoint_prefect import RunInput, pause_flow_run

`pausepoint.pause` needs no import from here: inside a flow it finds this adapter by its entry point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._pausing import (
        apause_flow_run,
        aresume_flow_run,
        asuspend_flow_run,
        pause_flow_run,
        resume_flow_run,
        suspend_flow_run,
    )
    from ._run_input import RunInput
    from ._timeout import PauseTimeoutError

__all__ = [
    "PauseTimeoutError",
    "RunInput",
    "apause_flow_run",
    "aresume_flow_run",
    "asuspend_flow_run",
    "pause_flow_run",
    "resume_flow_run",
    "suspend_flow_run",
]

_HOMES = {"RunInput": "._run_input", "PauseTimeoutError": "._timeout"}


def __getattr__(name: str) -> Any:
    # On first use: the entry point lives in this package, and whoever only lists events must not import Prefect.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "._pausing"), __name__), name)


def __dir__() -> list[str]:
    return __all__
