"""
What the command line prints, and how it keeps what others wrote from being more than text.

Names, titles, prompts and values were written by somebody else: rich's markup is off, and a control character that
could move the cursor, hide text or turn it around is printed as an escape of visible characters.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .._models import utc_now
from ..errors import AnswerError, PausepointError
from .exits import code_of

if TYPE_CHECKING:
    from .._render import Moment

_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# They join letters and emoji into others, and hide nothing.
_JOINERS = {"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}
_UNLIMITED = 10_000
_SHORT = 8


def visible(text: str, lines: bool = False) -> str:
    """
    Return *text* with control, formatting and half characters written as escapes.

    Args:
        text: What somebody else wrote.
        lines: Leave line breaks and tabs as they are.
    """
    kept = _JOINERS | {"\n", "\t"} if lines else _JOINERS
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _INVISIBLE and char not in kept
        else char
        for char in text
    )


def short(request_id: str) -> str:
    """Return the 8 characters by which people call an event."""
    return request_id[:_SHORT]


def when(at: datetime | None) -> str:
    """Return a moment for people: the time in UTC, and how far off it is; `never` for None."""
    return f"{_shown(at).text} ({_shown(at).relative})" if at else "never"


def in_brief(at: datetime | None) -> str:
    """Return how far off a moment is; `never` for None."""
    return _shown(at).relative if at else "never"


def say(text: str = "", style: str = "", lines: bool = False) -> None:
    """Print one text on standard output."""
    _console(sys.stdout).print(Text(visible(text, lines), style=style), soft_wrap=True)


def remark(text: str, style: str = "", lines: bool = False) -> None:
    """Print one text on standard error, where it disturbs no pipe."""
    _console(sys.stderr).print(Text(visible(text, lines), style=style), soft_wrap=True)


def say_facts(facts: Mapping[str, str]) -> None:
    """Print names and values below each other; a value of several lines stays aligned, an empty one is left out."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value:
            # Whoever wrote the value must not be able to make up the next fact.
            first, *more = visible(value, lines=True).split("\n")
            text = "\n".join([f"{name:<{width}}  {first}", *(" " * (width + 2) + line for line in more)])
            line = Text(text)
            line.stylize("dim", 0, width)
            _console(sys.stdout).print(line, soft_wrap=True)


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; on a terminal it keeps to the terminal's width, in a pipe each row is one line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column == "id", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    _console(sys.stdout).print(table)


def say_json(document: JsonValue) -> None:
    """Print one JSON document on standard output; in ASCII, so that it survives any terminal and pipe."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def fail(error: PausepointError) -> NoReturn:
    """Tell the error on standard error and end with its exit code."""
    remark(f"Error: {error.what}", style="red")
    if error.event:
        remark(f"  event: {error.event}")
    for path, message in error.fields.items() if isinstance(error, AnswerError) else ():
        remark(f"  {path or 'the answer'}: {message}")
    if error.todo:
        remark(f"  {error.todo}")
    raise typer.Exit(code_of(error))


def write_any_character() -> None:
    """Let a character that the terminal's encoding lacks be printed as an escape and not end the command."""
    for stream in (sys.stdout, sys.stderr):
        # Not a TextIOWrapper where somebody has replaced it.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _shown(at: datetime) -> Moment:
    # Said as on the pages; what makes pages is loaded with it, so only here.
    from .._render import moment

    return moment(at, utc_now())


def _console(stream: TextIO) -> Console:
    wide = None if stream.isatty() or "COLUMNS" in os.environ else _UNLIMITED
    return Console(file=stream, width=wide, markup=False, highlight=False, emoji=False)
