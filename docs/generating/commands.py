"""The part of the reference that comes from the command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from pausepoint.cli import EXIT_CODES
from pausepoint.cli.programme import program

from .docstrings import table


def commands() -> str:
    """Describe every command with its arguments and options."""
    parts = []
    for name, command in _all(typer.main.get_command(program)):
        shown = [each for each in command.params if each.name != "help"]
        arguments = " ".join(_metavar(each) for each in shown if each.param_type_name == "argument")
        parts.append(f"### pausepoint {name}\n\n```text\npausepoint {f'{name} {arguments}'.strip()} [options]\n```")
        parts.append(inspect.cleandoc(command.help or ""))
        if shown:
            parts.append("\n".join(f"- {_spelt(each)}" for each in shown))
    return "\n\n".join(parts)


def _all(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name and the command of each, those of a group behind the group's own name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _all(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def exit_codes() -> str:
    """List what each exit code means."""
    return table(["code", "means"], [[str(int(code)), meaning] for code, meaning in EXIT_CODES.items()])


def _metavar(parameter: Any) -> str:
    named = str(parameter.metavar or parameter.name.upper()).strip("[]")
    return named if parameter.required else f"[{named}]"


def _spelt(parameter: Any) -> str:
    names = _metavar(parameter) if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
    default = parameter.default
    told = f" Default: `{_plain(default)}`." if parameter.show_default and default not in (None, False, "") else ""
    return f"`{names.strip('[]')}`: {parameter.help}{told}"


def _plain(default: object) -> object:
    return getattr(default, "value", default)
