"""Sees every error of ours while it is made: by which code, and of which event that code knew."""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Any

from sites import PACKAGE, Frames

from pausepoint import errors
from pausepoint._event import Event
from pausepoint._models import Request

_ID = re.compile(r"(?<![A-Za-z0-9])([a-z2-7]{8})[a-z2-7]{18}(?![A-Za-z0-9])")
_MADE = errors.PausepointError.__init__.__code__


@dataclass(frozen=True)
class Made:
    """
    One error that was made.

    Attributes:
        error: It.
        frames: The package's own call stack.
        known: How the code that made it could have named the event; empty where it knew none.
    """

    error: errors.PausepointError
    frames: Frames
    known: str


class Witness:
    """
    Remembers every error that is made in this process, in whatever thread.

    It looks at calls and not at lines, so that nothing else is slowed down: who called the constructor is the site.
    """

    def __init__(self) -> None:
        self.made: list[Made] = []

    def __enter__(self) -> Witness:
        threading.settrace(self._look)
        sys.settrace(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def of(self, error: BaseException) -> Made | None:
        """Return how this very error was made."""
        return next((made for made in self.made if made.error is error), None)

    def _look(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is _MADE:
            self.made.append(_made(frame))


def _made(frame: FrameType) -> Made:
    error = frame.f_locals["self"]
    caller: FrameType | None = frame
    frames: Frames = []
    known = ""
    while caller is not None:
        file = caller.f_code.co_filename
        if file.startswith(str(PACKAGE)) and not file.endswith("errors.py"):
            known = known or ("" if frames else _known(caller.f_locals))
            frames.append((file[len(str(PACKAGE)) + 1 :].replace("\\", "/"), caller.f_lineno))
        caller = caller.f_back
    return Made(error, frames, known)


def _known(local: dict[str, Any]) -> str:
    """Return the label of the event that a function has at hand; 8 characters where it knows an id or a path alone."""
    values = [*local.values(), *vars(local.get("self")).values()] if hasattr(local.get("self"), "__dict__") else []
    for value in values or local.values():
        if isinstance(value, Event):
            return value._request.label
        if isinstance(value, Request):
            return value.label
    found = [_ID.search(value) for value in local.values() if isinstance(value, str)]
    return next((match.group(1) for match in found if match), "")
