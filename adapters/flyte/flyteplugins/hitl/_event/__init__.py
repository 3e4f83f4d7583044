"""
The event, under the module path that the documentation gives it; the code is in `event`.

A folder, and on purpose: of a folder and a file of one name Python takes the folder. Where flyteplugins-hitl was
installed last, the `__init__` beside this is the other one's, and imports `_event`: this, which says what to do.
"""

from __future__ import annotations

from typing import Any

from .. import _alone as _alone
from .event import Event, EventScope, new_event, wait_for_input_event

__all__ = ["Event", "EventScope", "new_event", "wait_for_input_event"]

_ELSEWHERE = {
    "event_app_env": ("_environments", "app_environment"),
    "event_task_env": ("_environments", "task_environment"),
    "EventFormLink": ("_form_task", "EventFormLink"),
    "show_form": ("_form_task", "show_form"),
}


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _ELSEWHERE[name]
    found = getattr(import_module(f"flyteplugins.hitl.{module}"), attribute)
    return found() if name == "event_app_env" else found
