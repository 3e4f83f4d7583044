"""Drafting: the form of a value, or of none, as it stands before anybody typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from .fitting import best_option
from .json_text import shown_json
from .limits import MAX_ROWS, Budget, Draft, TooManyInputsError
from .names import JSON, KEY, KIND, NONE, OFFSET, OUT, ROOT, ROWS, below, control
from .reading import parse
from .shape import Shape, holds_secret, inner, item, keys, options, parts, shape_of
from .spelling import same, spelt, split_offset

_ROWS_TO_BEGIN_WITH = 20
"""Of a list that needs at least so many or more; nobody wants to be met by 200 empty rows."""


class _Nothing:
    """The type of the mark for "no value is given", which null is not."""


_NOTHING: Final = _Nothing()


def draft_of(json_schema: Mapping[str, Any], value: JsonValue, given: bool = True) -> Draft:
    """
    Return the form of a value.

    Args:
        json_schema: The schema to draw.
        value: What it is prefilled with.
        given: False where there is no such value: the schema's defaults are filled in instead.

    Returns:
        A draft whose `parse` gives the value back (secrets aside). A part that no inputs can hold is drafted as JSON;
        as empty JSON where it holds a secret.
    """
    shape = shape_of(json_schema, json_schema)
    try:
        draft = drafted(shape, ROOT, value if given else _NOTHING)
    except TooManyInputsError:
        return {control(ROOT, JSON): _as_shown(shape, value) if given else ""}
    # A secret is left out on purpose, so the value cannot come back whole.
    if not given or holds_secret(shape):
        return draft
    parsed = parse(json_schema, draft)
    # Inputs that lose something are worse than JSON; errors only mean that the value is incomplete, as some initial
    # ones.
    return draft if parsed.errors or _holds(parsed.value, value) else {control(ROOT, JSON): shown_json(value)}


def drafted(shape: Shape, name: str, value: JsonValue | _Nothing = _NOTHING) -> Draft:
    """
    Return the draft of one node.

    Raises:
        TooManyInputsError: It would have more than 2,000 inputs.
    """
    writer = _Writer()
    writer.write(shape, name, value)
    return writer.draft


class _Writer:
    """One drafting of one form."""

    def __init__(self) -> None:
        self.draft: Draft = {}
        self._budget = Budget()

    def write(self, shape: Shape, name: str, value: JsonValue | _Nothing) -> None:
        self._budget.spend()
        if isinstance(value, _Nothing) and "default" in shape.schema:
            value = shape.schema["default"]
        if shape.kind == "group":
            self._group(shape, name, value)
        elif shape.kind == "list":
            self._list(shape, name, value)
        elif shape.kind == "map":
            self._map(shape, name, value)
        elif shape.kind == "union":
            self._union(shape, name, value)
        elif shape.kind == "optional":
            self._optional(shape, name, value)
        else:
            self._single(shape, name, value)

    def _as_json(self, shape: Shape, name: str, value: JsonValue) -> None:
        self.draft[control(name, JSON)] = _as_shown(shape, value)

    def _single(self, shape: Shape, name: str, value: JsonValue | _Nothing) -> None:
        if shape.kind in ("null", "constant", "secret"):
            return
        masked = shape.kind == "json" and holds_secret(shape)
        text = "" if isinstance(value, _Nothing) or masked else spelt(shape, value)
        if shape.kind in ("datetime", "time") and shape.aware != "refused":
            text, self.draft[control(name, OFFSET)] = split_offset(text)
        # As in a browser: a text input is submitted empty, radio buttons of which none is chosen are not submitted.
        if text or shape.kind not in ("boolean", "choice"):
            self.draft[name] = text

    def _optional(self, shape: Shape, name: str, value: JsonValue | _Nothing) -> None:
        absent = isinstance(value, _Nothing) if shape.omits else value is None
        held = inner(shape)
        # What it holds is drafted all the same, so that unticking "no value" shows a form with its defaults.
        if absent:
            self.draft[control(control(name, OUT) if shape.omits else name, NONE)] = "1"
        if not absent or not held.recursive:
            self.write(held, name, _NOTHING if absent else value)

    def _union(self, shape: Shape, name: str, value: JsonValue | _Nothing) -> None:
        chosen = None if isinstance(value, _Nothing) else best_option(shape, value)
        if chosen is None and not isinstance(value, _Nothing):
            self._as_json(shape, name, value)
            return
        if chosen is not None:
            self.draft[control(name, KIND)] = str(chosen)
        for at, option in enumerate(options(shape)):
            if at == chosen or not option.recursive:
                self.write(option, control(name, at), value if at == chosen else _NOTHING)

    def _group(self, shape: Shape, name: str, value: JsonValue | _Nothing) -> None:
        found: Mapping[str | int, JsonValue]
        if isinstance(value, _Nothing):
            found = {}
        elif isinstance(value, list) and "prefixItems" in shape.schema:
            found = dict(enumerate(value))
        elif isinstance(value, dict) and "prefixItems" not in shape.schema:
            found = dict(value.items())
        else:
            self._as_json(shape, name, value)
            return
        known = parts(shape)
        # An unknown field has no input; without JSON it would be lost when the form is submitted.
        if found.keys() - {part.key for part in known}:
            self._as_json(shape, name, value if not isinstance(value, _Nothing) else None)
            return
        for part in known:
            self.write(part.shape, below(name, part.key), found.get(part.key, _NOTHING))

    def _list(self, shape: Shape, name: str, value: JsonValue | _Nothing) -> None:
        row = item(shape)
        if isinstance(value, _Nothing):
            least = shape.schema.get("minItems", 0)
            rows: list[JsonValue | _Nothing] = [_NOTHING] * min(least, _ROWS_TO_BEGIN_WITH)
        elif isinstance(value, list) and len(value) <= MAX_ROWS:
            rows = [*value]
        else:
            self._as_json(shape, name, value)
            return
        self.draft[control(name, ROWS)] = str(len(rows))
        for at, child in enumerate(rows):
            self.write(row, below(name, at), child)

    def _map(self, shape: Shape, name: str, value: JsonValue | _Nothing) -> None:
        row, key_shape = item(shape), keys(shape)
        found = {} if isinstance(value, _Nothing) else value
        if not isinstance(found, dict) or len(found) > MAX_ROWS:
            self._as_json(shape, name, found)
            return
        self.draft[control(name, ROWS)] = str(len(found))
        for at, (key, child) in enumerate(found.items()):
            self._budget.spend()
            self.draft[control(below(name, at), KEY)] = spelt(key_shape, key)
            self.write(row, below(name, at), child)


def _holds(found: JsonValue, value: JsonValue) -> bool:
    """Return True where everything in the value is found again; defaults may have been filled in beside it."""
    if isinstance(found, dict) and isinstance(value, dict):
        return all(key in found and _holds(found[key], child) for key, child in value.items())
    if isinstance(found, list) and isinstance(value, list):
        return len(found) == len(value) and all(map(_holds, found, value))
    # An initial 2.0 is typed as "2" and read as an integer: JSON has one kind of number.
    if type(found) in (int, float) and type(value) in (int, float):
        return found == value
    return same(found, value)


def _as_shown(shape: Shape, value: JsonValue) -> str:
    # JSON would show the secret with the rest, and a part of the JSON would be taken for the whole.
    return "" if holds_secret(shape) else shown_json(value)
