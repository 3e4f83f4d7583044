"""What is typed at a terminal, as a value: the same spelling as in the form."""

from __future__ import annotations

from pydantic import JsonValue

from .._codec import decode_json
from .._forms import Draft, build, draft_of, parse
from .._models import Field, FieldKind, Request
from ..errors import AnswerError

ONE_INPUT: frozenset[FieldKind] = frozenset(
    {
        *("text", "long_text", "secret", "integer", "number", "decimal", "boolean", "choice"),
        *("date", "datetime", "time"),
    }
)
"""The kinds of field that have one input, so that a value is typed and not written as JSON."""


def value_of(request: Request, typed: str) -> JsonValue:
    """
    Return what a value on the command line is worth.

    Args:
        request: The question.
        typed: Spelt as in the form where that has one input, else JSON.

    Raises:
        AnswerError: It is spelt in no way that the question takes.
    """
    field = build(request.json_schema, prefilled(request))
    if field.kind not in ONE_INPUT:
        return read_json(typed)
    parsed = parse(request.json_schema, {field.name: spelt(field, typed)})
    if parsed.errors:
        told = f"It takes one of: {choices(field)}." if field.options else "Correct it and send it again."
        raise AnswerError("This answer does not fit the question.", told, request.label, parsed.errors)
    return parsed.value


def read_json(typed: str) -> JsonValue:
    """
    Return a value that was typed as JSON.

    Raises:
        AnswerError: It is not JSON.
    """
    return decode_json(typed.encode("utf-8"))


def prefilled(request: Request) -> Draft:
    """Return the form's inputs as they are before anybody types."""
    if request.initial is None:
        return draft_of(request.json_schema, None, given=False)
    return draft_of(request.json_schema, request.initial.value)


def spelt(field: Field, typed: str) -> str:
    """Return what stands in the field's input for what was typed: a choice may be named by its label, as it is read."""
    values = [option.value for option in field.options]
    if not values or typed in values:
        return typed
    read = typed.strip().casefold()
    named = [option.value for option in field.options if read in (option.label.casefold(), option.value.casefold())]
    # Where two choices read alike, the schema refuses what was typed; a guess could be the wrong one.
    return named[0] if len(named) == 1 else typed


def choices(field: Field) -> str:
    """Return the field's choices as they can be typed, with commas between."""
    return ", ".join(option.value for option in field.options)
