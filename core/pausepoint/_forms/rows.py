"""Editing: the buttons that add and take out rows without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .drafting import drafted
from .limits import MAX_INPUTS, MAX_ROWS, Draft, TooManyInputsError
from .names import KEY, NONE, OUT, ROOT, ROWS, below, control, is_within
from .reading import row_count
from .shape import Shape, inner, item, options, parts, shape_of

_DIGITS = len(str(MAX_ROWS))


def edit(json_schema: Mapping[str, Any], draft: Draft, action: str) -> Draft:
    """
    Return the draft after a button was pressed; everything typed stays.

    Args:
        json_schema: The schema that the form was drawn from.
        draft: What was submitted with the button.
        action: `add:<name>` adds an empty row at the end of a list or map, or opens an optional that is not drawn yet;
            `remove:<name>` takes out the row of that name. Anything else changes nothing.
    """
    verb, _, name = action.partition(":")
    try:
        if verb == "add":
            return _added(json_schema, draft, name)
        if verb == "remove":
            return _removed(draft, name)
    except TooManyInputsError:
        # A form that is full stays as it is; the button is not drawn where we can know.
        pass
    return dict(draft)


def _added(json_schema: Mapping[str, Any], draft: Draft, name: str) -> Draft:
    shape = _found(shape_of(json_schema, json_schema), ROOT, name.removesuffix(f":{OUT}"))
    if shape is not None and shape.kind == "optional":
        return _opened(shape, draft, name)
    if shape is None or shape.kind not in ("list", "map"):
        return dict(draft)
    count = row_count(draft, name)
    if count >= MAX_ROWS:
        return dict(draft)
    # What a browser may still send of a row that was taken out must not come back in the new one. And who adds a row
    # to a list that is "no value" wants it to have one.
    row = below(name, count)
    stale = control(name, NONE)
    kept = {known: text for known, text in draft.items() if not is_within(known, row) and known != stale}
    added = {**kept, **drafted(item(shape), row), control(name, ROWS): str(count + 1)}
    if shape.kind == "map":
        added[control(row, KEY)] = ""
    return added if len(added) <= MAX_INPUTS else dict(draft)


def _opened(shape: Shape, draft: Draft, name: str) -> Draft:
    opened = {known: text for known, text in draft.items() if known != control(name, NONE)}
    return {**drafted(inner(shape), name.removesuffix(f":{OUT}")), **opened}


def _removed(draft: Draft, name: str) -> Draft:
    parent, _, row = name.rpartition("/")
    count = row_count(draft, parent)
    if not (row.isascii() and row.isdigit() and len(row) <= _DIGITS and int(row) < count <= MAX_ROWS):
        return dict(draft)
    taken = int(row)
    kept: Draft = {}
    for known, text in draft.items():
        at = _row_of(known, parent)
        if at is None or at < taken:
            kept[known] = text
        elif at > taken:
            kept[below(parent, at - 1) + known.removeprefix(below(parent, at))] = text
    kept[control(parent, ROWS)] = str(count - 1)
    return kept


def _row_of(name: str, parent: str) -> int | None:
    rest = name.removeprefix(f"{parent}/")
    row = rest.replace(":", "/").split("/")[0]
    return int(row) if rest != name and row.isascii() and row.isdigit() and len(row) <= _DIGITS else None


def _found(shape: Shape, at: str, name: str) -> Shape | None:
    """Return the shape of a name: the outermost that has it, since an optional shares its name with what it holds."""
    if at == name and shape.kind in ("list", "map", "optional"):
        held = _found(inner(shape), at, name) if shape.kind == "optional" else None
        return held if held is not None and held.kind in ("list", "map") else shape
    for child, known in _children(shape, at, name):
        if is_within(name, known):
            return _found(child, known, name)
    return None


def _children(shape: Shape, at: str, name: str) -> Iterator[tuple[Shape, str]]:
    if shape.kind == "group":
        yield from ((part.shape, below(at, part.key)) for part in parts(shape))
    elif shape.kind == "union":
        yield from ((option, control(at, number)) for number, option in enumerate(options(shape)))
    elif shape.kind == "optional":
        yield inner(shape), at
    elif shape.kind in ("list", "map"):
        row = _row_of(name, at)
        if row is not None:
            yield item(shape), below(at, row)
