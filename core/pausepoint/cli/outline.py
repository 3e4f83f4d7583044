"""What an answer has to be, in words, as an indented list: the form without its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._forms import Draft, build, draft_of, edit
from .._models import Field, FieldKind

_OPENED = 50
"""Lists, maps and recursive parts that are opened to show what they hold; more would be no overview."""

_INDENT = "  "
_USUALLY: dict[FieldKind, str] = {
    "text": "text",
    "long_text": "text",
    "secret": "secret text",
    "date": "a date",
    "datetime": "a date with time",
    "time": "a time",
    "null": "nothing to fill in",
    "union": "one of these kinds",
    "list": "a list of",
    "map": "named values",
}


def outline_of(json_schema: Mapping[str, Any], draft: Draft | None = None) -> list[str]:
    """
    Describe a schema, one line per field.

    Args:
        json_schema: The schema.
        draft: What the form is prefilled with; default: the schema's own defaults.
    """
    state = draft_of(json_schema, None, given=False) if draft is None else draft
    for _ in range(_OPENED):
        root = build(json_schema, state)
        closed = next(_closed(root), None)
        opened = state if closed is None else edit(json_schema, state, f"add:{closed.name}")
        # Either all is open, or the last could not be: a list that may hold nothing.
        if opened == state:
            return list(_lines(root, 0))
        state = opened
    return list(_lines(build(json_schema, state), 0))


def _closed(field: Field) -> Iterator[Field]:
    """Yield the lists and maps without a row, which would not say what they hold."""
    if field.kind in ("list", "map") and field.can_add and not field.children:
        yield field
    for child in field.children:
        yield from _closed(child)


def _lines(field: Field, depth: int) -> Iterator[str]:
    if field.kind == "optional":
        (held,) = field.children
        yield from _lines(held.model_copy(update={"label": field.label, "required": False}), depth)
        return
    said = "; ".join(part for part in (_kind(field), field.help, *_about(field)) if part)
    yield _INDENT * depth + (f"{field.label}: {said}" if said else field.label)
    # One row says what each holds.
    children = field.children[:1] if field.kind in ("list", "map") else field.children
    for child in children:
        yield from _lines(child, depth + 1)


def _kind(field: Field) -> str:
    if field.kind in ("choice", "boolean"):
        return "one of " + ", ".join(_named(option.value, option.label) for option in field.options)
    if field.kind == "constant":
        return f"always {field.value}"
    return ", ".join(part for part in (_USUALLY.get(field.kind, ""), field.hint) if part)


def _named(value: str, label: str) -> str:
    return value if label in (value, "") else f"{value} ({label})"


def _about(field: Field) -> Iterator[str]:
    if not field.required and not field.value:
        yield "may be left out"
    if field.value and field.kind not in ("constant", "json"):
        yield f"prefilled with {field.value}"
    if field.examples:
        yield "for example " + ", ".join(field.examples)
