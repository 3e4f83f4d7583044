"""Asking for an answer at the terminal: field by field where each has one input, as JSON otherwise."""

from __future__ import annotations

import getpass
import sys
from typing import Protocol

from pydantic import JsonValue

from .._forms import Draft, build, parse
from .._models import Field, FieldErrors, Request
from ..errors import AnswerError
from .outline import outline_of
from .printing import remark, visible, when
from .spelling import ONE_INPUT, prefilled, read_json, spelt

_NO_VALUE = "-"
"""What is typed where an optional has a value that is not wanted; a text of just this is given on the command line."""

_NOTHING = "no value"


class Terminal(Protocol):
    """Who is asked."""

    def tell(self, text: str, style: str = "") -> None:
        """Show a text, which may have several lines."""

    def ask(self, question: str, hidden: bool = False) -> str:
        """
        Return one typed line, without its line break.

        Raises:
            EOFError: Nothing more will be typed.
        """


class Keyboard:
    """The person at the machine; questions go to standard error, so that standard output keeps to the result."""

    def tell(self, text: str, style: str = "") -> None:
        """Show a text."""
        remark(text, style, lines=True)

    def ask(self, question: str, hidden: bool = False) -> str:
        """Return one typed line; a hidden one is not shown while it is typed."""
        if hidden:
            return getpass.getpass(visible(question))
        # Not input(), whose question goes to standard output.
        sys.stderr.write(visible(question))
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


def introduce(request: Request, terminal: Terminal) -> None:
    """Show what is asked, and by when an answer is wanted."""
    terminal.tell(request.title.replace("\n", " "), style="bold")
    terminal.tell(request.prompt)
    if request.deadline is not None:
        terminal.tell(f"Answer by {when(request.deadline)}", style="dim")


class Questionnaire:
    """
    The questions that make up one answer; what was typed is kept for the next round.

    Args:
        request: The question.
        terminal: Who is asked.
    """

    def __init__(self, request: Request, terminal: Terminal) -> None:
        self._schema = request.json_schema
        self._terminal = terminal
        self._draft: Draft = prefilled(request)
        self._json = ""

    def ask(self, errors: FieldErrors) -> JsonValue:
        """
        Ask, and return the answer as JSON.

        Args:
            errors: Why the last round was refused; then only the fields that these name are asked again.

        Raises:
            AnswerError: What was typed is no JSON.
            EOFError: Nothing more will be typed.
        """
        root = build(self._schema, self._draft)
        if root.kind in ("null", "constant"):
            self._show(errors)
            self._terminal.ask("Press Enter to go on: ")
            return parse(self._schema, self._draft).value
        fields = _with_one_input(root)
        if fields is None:
            return self._ask_json(root, errors)
        return self._ask_fields(fields, errors)

    def _ask_fields(self, fields: list[Field], errors: FieldErrors) -> JsonValue:
        while True:
            # What is about none of these fields is shown alone; else the questions would come again without a word.
            named = [field for field in fields if _about(field, errors)]
            self._show({path: told for path, told in errors.items() if not any(_about(f, {path: told}) for f in named)})
            for field in named or fields:
                self._ask_field(field, _about(field, errors))
            parsed = parse(self._schema, self._draft)
            if not parsed.errors:
                return parsed.value
            errors = parsed.errors

    def _ask_field(self, field: Field, error: str) -> None:
        """Ask until the field's own spelling is understood; what it may not be is found when the answer is sent."""
        self._describe(field)
        while True:
            if error:
                self._terminal.tell(f"  {error}", style="red")
            self._take(field)
            error = _about(field, parse(self._schema, self._draft).errors)
            if not error:
                return

    def _describe(self, field: Field) -> None:
        inner = _input_of(field)
        for line in (inner.help, inner.hint):
            if line:
                self._terminal.tell(f"  {line}", style="dim")
        if field.kind == "optional" and self._typed_before(field) != _NOTHING:
            self._terminal.tell(f"  {_NO_VALUE} for no value", style="dim")
        for option in inner.options:
            told = "" if option.label == option.value else f"  {option.label}"
            self._terminal.tell(f"  {option.value}{told}{'  ' + option.help if option.help else ''}")

    def _take(self, field: Field) -> None:
        inner = _input_of(field)
        shown = self._typed_before(field)
        typed = self._terminal.ask(f"{field.label}{f' [{shown}]' if shown else ''}: ", hidden=inner.kind == "secret")
        none = f"{field.name}:none"
        # The empty text is a value: Enter means no value only where none stood there before.
        if field.kind == "optional" and (typed == _NO_VALUE or (not typed and shown == _NOTHING)):
            self._draft[none] = "1"
        elif typed or not shown:
            self._draft.pop(none, None)
            # The offset of a prefilled moment belongs to it and not to what is typed instead.
            self._draft.pop(f"{inner.name}:offset", None)
            self._draft[inner.name] = spelt(inner, typed)

    def _typed_before(self, field: Field) -> str:
        """Return what Enter alone stands for: what was typed or prefilled before, or no value."""
        name = _input_of(field).name
        known = self._draft.get(name, "") + self._draft.get(f"{name}:offset", "")
        if field.kind != "optional":
            return known
        return known if known and f"{field.name}:none" not in self._draft else _NOTHING

    def _ask_json(self, root: Field, errors: FieldErrors) -> JsonValue:
        self._show(errors)
        if not errors:
            self._terminal.tell("\n".join(outline_of(self._schema, self._draft)), style="dim")
        while True:
            typed = self._terminal.ask(f"{root.label}, as JSON: ")
            try:
                return read_json(typed)
            except AnswerError as error:
                self._show(error.fields)

    def _show(self, errors: FieldErrors) -> None:
        for path, message in errors.items():
            self._terminal.tell(f"  {path}: {message}" if path else f"  {message}", style="red")


def _with_one_input(root: Field) -> list[Field] | None:
    """Return the fields to ask for one after another; None where the answer has to be typed as JSON."""
    fields = list(root.children) if root.kind == "group" else [root]
    if not all(field.kind == "constant" or _input_of(field).kind in ONE_INPUT for field in fields):
        return None
    return [field for field in fields if field.kind != "constant"]


def _input_of(field: Field) -> Field:
    """Return the field whose input is typed into: an optional's is its child's."""
    return field.children[0] if field.kind == "optional" else field


def _about(field: Field, errors: FieldErrors) -> str:
    """Return what the errors say about a field or something in it; empty where they say nothing."""
    if field.path in errors:
        return errors[field.path]
    return next((told for path, told in errors.items() if field.path and path.startswith(f"{field.path}.")), "")
