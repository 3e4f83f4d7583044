"""A browser for tests: what it would submit from a tree of fields, if nobody touched anything."""

from __future__ import annotations

import re

from pausepoint._models import Field

_BREAKS = re.compile(r"\r\n|\r|\n")


def submitted(root: Field) -> dict[str, str]:
    """
    Return what a browser submits for a form: radio buttons and checkboxes only where they are on.

    Line breaks become CRLF in text areas and vanish in one-line inputs; native date and time controls give their value
    in the shortest spelling.
    """
    found: dict[str, str] = {}
    for field in _walk(root):
        found.update(_inputs(field))
    return found


def fields_by_path(root: Field) -> dict[str, Field]:
    """Return the innermost field of each dotted path."""
    return {field.path: field for field in _walk(root)}


def _walk(field: Field) -> list[Field]:
    return [field, *(found for child in field.children for found in _walk(child))]


def _inputs(field: Field) -> dict[str, str]:
    if field.kind in ("group", "null"):
        return {}
    if field.kind in ("list", "map"):
        return {f"{field.name}:rows": str(len(field.children))}
    if field.kind == "optional":
        return {} if field.present else {f"{field.name}:none": "1"}
    if field.kind == "union":
        return {f"{field.name}:kind": option.value for option in field.options if option.selected}
    if field.kind in ("boolean", "choice"):
        chosen = [option.value for option in field.options if option.selected]
        return {field.name: chosen[0]} if chosen else {}
    if field.kind in ("long_text", "json"):
        return {field.name: _BREAKS.sub("\r\n", field.value)}
    if field.kind in ("date", "datetime", "time"):
        return _moment(field)
    return {field.name: _BREAKS.sub("", field.value)}


def _moment(field: Field) -> dict[str, str]:
    text = _shortest(field.value) if field.native else field.value
    return {field.name: text} if field.offset is None else {field.name: text, f"{field.name}:offset": field.offset}


def _shortest(text: str) -> str:
    """Spell a time the way browsers do: without seconds that are zero, and without a fraction's trailing zeros."""
    text = re.sub(r"(\.\d*?)0+$", r"\1", text).rstrip(".")
    return re.sub(r"(T|^)(\d\d:\d\d):00$", r"\1\2", text)
