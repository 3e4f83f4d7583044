"""The page about hooks: each with its signature and the five parts of its docstring, then the types in them."""

from __future__ import annotations

import inspect
import re

from pausepoint import hooks as hooks_module
from pausepoint.hooks import NAME, Specs

from .code import described_class
from .docstrings import signature

PART = re.compile(r"^(When|Return|Errors|Default|Since): ", re.MULTILINE)


def hooks() -> str:
    """Describe every hook."""
    return "\n\n".join(_hook(name, spec) for name, spec in vars(Specs).items() if name.startswith(f"{NAME}_"))


def types() -> str:
    """Describe the types that only hooks have."""
    return "\n\n".join(described_class(name, getattr(hooks_module, name)) for name in ("Leave", "Waiter"))


def heading(name: str, spec: object) -> str:
    """Return a hook's heading: its name with the names of its arguments."""
    arguments = list(inspect.signature(spec).parameters)[1:]  # type: ignore[arg-type]
    return f"## `{name}({', '.join(arguments)})`"


def _hook(name: str, spec: object) -> str:
    summary, _, parts = inspect.cleandoc(spec.__doc__ or "").partition("\n\n")
    lines = PART.sub(r"- **\1:** ", re.sub(r"\n +", " ", parts))
    return f"{heading(name, spec)}\n\n{summary}\n\n```text\n{signature(name, spec)}\n```\n\n{lines}"
