"""
Human in the loop for Flyte, as the documentation of flyteplugins-hitl describes it.

A task creates an event, which shows a form to a person, and waits for its answer:

    event = await hitl.new_event.aio("proceed", data_type=bool, prompt="Deploy the new model?")
    if await event.wait.aio():
        ...

Everything that Pausepoint's own `new_event` takes may be given here, too: models, choices, initial values, images,
defaults. `env` goes into the `depends_on` of a task environment, so that the form app's image is built with the rest.
"""

from __future__ import annotations

from typing import Any

from . import _alone as _alone
from ._event import Event, EventScope, new_event

__all__ = ["Event", "EventScope", "env", "event_app_env", "event_task_env", "new_event"]


def __getattr__(name: str) -> Any:
    # On first access: a task that only imports this needs neither, and one of them imports a web framework.
    if name in {"env", "event_task_env", "event_app_env"}:
        from . import _event

        return getattr(_event, "event_task_env" if name == "env" else name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
