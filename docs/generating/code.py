"""The parts of the reference that come from signatures, docstrings and models."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import pausepoint
from pausepoint import _models, app, errors as errors_module, testing as testing_module
from pausepoint._settings import PREFIX, Settings

from .docstrings import first_sentence, items, markdown, signature, split, table

RECORDS = (
    _models.Request,
    _models.RunContext,
    _models.Attachment,
    _models.DefaultValue,
    _models.Candidate,
    _models.Answer,
    _models.Reviewer,
    _models.Verdict,
    _models.Response,
    _models.Wake,
)
CALLS = ("pause", "new_event", "run", "open_store")
"""Functions, in the order in which an author meets them; the other public names are classes."""

HOOKIMPL = """\
Marks a function as the implementation of the hook of its name: `@hookimpl`, or `@hookimpl(tryfirst=True)` and
`@hookimpl(trylast=True)` to order it among other plugins. Type checkers know the arguments and the result of each hook;
[hooks](hooks.md) describes them."""
"""It is pluggy's, whose own description says how to make one."""


def api() -> str:
    """Describe every public name of `pausepoint`, then `create_app`."""
    classes = sorted(set(pausepoint.__all__) - {*CALLS, "hookimpl"})
    parts = [_call(name, getattr(pausepoint, name)) for name in CALLS]
    parts += [described_class(name, getattr(pausepoint, name)) for name in classes]
    parts.append(f"### hookimpl\n\n{HOOKIMPL}")
    parts.append(_call("pausepoint.app.create_app", app.create_app))
    return "\n\n".join(parts)


def testing() -> str:
    """Describe every public name of `pausepoint.testing`."""
    return "\n\n".join(described_class(name, getattr(testing_module, name)) for name in sorted(testing_module.__all__))


def errors() -> str:
    """Draw the tree, then describe every error, each under a heading that can be linked to."""
    tree = inspect.cleandoc(errors_module.__doc__ or "").partition("```text\n")[2].partition("```")[0]
    parts = [f"```text\n{tree}```"]
    for name in errors_module.__all__:
        error = getattr(errors_module, name)
        bases = ", ".join(f"`{base.__name__}`" for base in error.__bases__)
        parts.append(f"### {name}\n\nIs a {bases}.\n\n{markdown(error.__doc__)}")
    return "\n\n".join(parts)


def settings() -> str:
    """List every setting."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default is PydanticUndefined or field.default is None else f"`{field.default}`"
        rows.append([f"`{PREFIX}{name.upper()}`", default, field.description or ""])
    return table(["variable", "default", "meaning"], rows)


def records() -> str:
    """Describe every model that is stored, with all of its fields."""
    return "\n\n".join(model(each) for each in RECORDS)


def model(cls: type[BaseModel]) -> str:
    """Describe a model: a heading, its first sentence, a table of its fields."""
    described: dict[str, str] = {}
    for parent in reversed(cls.__mro__):
        described |= items(split(parent.__dict__.get("__doc__") or "")[1].get("Attributes", []))
    rows = []
    for name, field in cls.model_fields.items():
        default = "required" if field.is_required() else _default(field.get_default(), made=bool(field.default_factory))
        rows.append([f"`{name}`", f"`{_spelt(cls, name)}`", default, described.get(name, "")])
    return f"### {cls.__name__}\n\n{first_sentence(cls.__doc__)}\n\n" + table(
        ["field", "type", "default", "meaning"], rows
    )


def _call(name: str, function: Any) -> str:
    spelt = function if inspect.isfunction(function) else type(function).__call__
    doc = function.__doc__ or type(function).__doc__
    return f"### {name.rpartition('.')[2]}\n\n```text\n{signature(name, spelt)}\n```\n\n{markdown(doc)}"


def described_class(name: str, cls: type) -> str:
    """Describe a class with its public methods and properties."""
    parts = [f"### {name}", markdown(cls.__doc__)]
    members = [(each, value) for each, value in vars(cls).items() if not each.startswith("_")]
    for each, value in members:
        plain = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not inspect.isfunction(plain) or not plain.__doc__:
            continue
        parts.append(f"#### {name}.{each}")
        if not isinstance(value, property):
            parts.append(f"```text\n{signature(f'{name}.{each}', plain)}\n```")
        parts.append(markdown(plain.__doc__))
    return "\n\n".join(part for part in parts if part)


def _spelt(cls: type, field: str) -> str:
    for parent in cls.__mro__:
        if field in inspect.get_annotations(parent):
            return str(inspect.get_annotations(parent)[field])
    raise LookupError(field)


def _default(value: object, *, made: bool) -> str:
    if made:
        return "made when written"
    return f"`{value!r}`" if not isinstance(value, BaseModel) else f"`{type(value).__name__}()`"
