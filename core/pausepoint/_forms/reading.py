"""Reading a draft: what was typed, as JSON, and what could not be understood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from .limits import COUNT_DIGITS, MAX_INPUTS, MAX_ROWS, Budget, Draft, TooManyInputsError
from .names import JSON, KEY, KIND, NONE, OFFSET, OUT, ROOT, ROWS, below, control, is_within, path_below
from .shape import Part, Shape, inner, item, keys, options, parts, shape_of
from .spelling import CHOOSE, FILL_IN, is_filled_in, understood


class Parsed(NamedTuple):
    """
    What a draft is worth.

    Attributes:
        value: As JSON. Where something could not be understood it holds null, so that positions stay what they are.
        errors: Messages by dotted path; empty where everything was understood. What the schema refuses beyond that is
            `check`'s to say: `{**check(schema, value), **errors}` says everything at once.
    """

    value: JsonValue
    errors: dict[str, str]


class _LeftOut:
    """The type of the mark for a field that is left out, so that its default stands in."""


_LEFT_OUT: Final = _LeftOut()


def parse(json_schema: Mapping[str, Any], draft: Draft) -> Parsed:
    """
    Read what was typed. Never raises, whatever the draft holds.

    Args:
        json_schema: The schema that the form was drawn from.
        draft: Input name -> what was typed; names that the form does not have are ignored.
    """
    if len(draft) > MAX_INPUTS:
        return Parsed(None, {"": f"This form has more than {MAX_INPUTS} inputs."})
    reader = _Reader(draft)
    try:
        value = reader.read(shape_of(json_schema, json_schema), ROOT, "")
    except TooManyInputsError:
        return Parsed(None, {"": f"This form has more than {MAX_INPUTS} inputs."})
    return Parsed(None if isinstance(value, _LeftOut) else value, reader.errors)


def row_count(draft: Draft, name: str) -> int:
    """Return how many rows a list or map has: 201 for any number above 200, 0 where the count is not a number."""
    text = draft.get(control(name, ROWS), "0")
    return min(int(text), MAX_ROWS + 1) if _is_count(text) else 0


def _is_count(text: str) -> bool:
    # isdigit alone takes the digits of every alphabet, and superscripts, which int() refuses.
    return text.isascii() and text.isdigit() and len(text) <= COUNT_DIGITS


def is_never_drawn(shape: Shape, name: str, draft: Draft) -> bool:
    """Return True for a recursive part that was opened or chosen just now: the reviewer has not seen its inputs yet."""
    # The switches themselves are drawn in its parent's place, so they say nothing about it.
    switches = (control(name, NONE), control(name, KIND))
    return shape.recursive and not any(is_within(known, name) and known not in switches for known in draft)


def row_key(shape: Shape, draft: Draft, name: str) -> str:
    """Return the key of a map's row as far as it can be understood, else as it was typed."""
    typed = draft.get(control(name, KEY), "")
    try:
        return str(understood(shape, typed))
    except ValueError:
        return typed


class _Reader:
    """One reading of one draft; collects the errors on its way."""

    def __init__(self, draft: Draft) -> None:
        self.errors: dict[str, str] = {}
        self._draft = draft
        self._budget = Budget()

    def read(self, shape: Shape, name: str, path: str, required: bool = True) -> JsonValue | _LeftOut:
        # To be filled in and submitted again: reading it as empty would accept defaults that nobody has seen.
        if is_never_drawn(shape, name, self._draft):
            self._refuse(path, "Please fill in the fields that are shown here now.")
            return None
        # First of all, as the package's table says: the inputs below it may be left over from before.
        typed = self._draft.get(control(name, JSON))
        if typed is not None:
            return self._input(Shape("json", shape.schema, shape.root), typed, path, required)
        if shape.kind == "group":
            return self._group(shape, name, path)
        if shape.kind == "list":
            return self._list(shape, name, path)
        if shape.kind == "map":
            return self._map(shape, name, path)
        if shape.kind == "union":
            return self._union(shape, name, path, required)
        if shape.kind == "optional":
            return self._optional(shape, name, path, required)
        return self._single(shape, name, path, required)

    def _single(self, shape: Shape, name: str, path: str, required: bool) -> JsonValue | _LeftOut:
        if shape.kind in ("null", "constant"):
            constant: JsonValue = shape.schema.get("const")
            return constant
        return self._input(shape, self._draft.get(name), path, required, self._draft.get(control(name, OFFSET), ""))

    def _input(
        self, shape: Shape, text: str | None, path: str, required: bool, offset: str = ""
    ) -> JsonValue | _LeftOut:
        self._budget.spend()
        if text is None or not is_filled_in(shape, text):
            if not required:
                return _LEFT_OUT
            self._refuse(path, CHOOSE if shape.kind in ("boolean", "choice") else FILL_IN)
            return None
        try:
            return understood(shape, text, offset)
        except ValueError as error:
            self._refuse(path, str(error))
            return None

    def _optional(self, shape: Shape, name: str, path: str, required: bool) -> JsonValue | _LeftOut:
        own = control(name, OUT) if shape.omits else name
        if control(own, NONE) in self._draft:
            return _LEFT_OUT if shape.omits else None
        # Once "no value" is unticked, what is inside of a field without a default must be filled in.
        return self.read(inner(shape), name, path, required or shape.omits)

    def _union(self, shape: Shape, name: str, path: str, required: bool) -> JsonValue | _LeftOut:
        found = options(shape)
        chosen = self._draft.get(control(name, KIND), "")
        if not chosen and not required:
            return _LEFT_OUT
        if not (_is_count(chosen) and int(chosen) < len(found)):
            self._refuse(path, CHOOSE)
            return None
        return self.read(found[int(chosen)], control(name, int(chosen)), path)

    def _group(self, shape: Shape, name: str, path: str) -> JsonValue:
        self._budget.spend()
        found = [(part, self._part(part, name, path)) for part in parts(shape)]
        if "prefixItems" in shape.schema:
            return self._positions([value for _, value in found], path)
        return {str(part.key): value for part, value in found if not isinstance(value, _LeftOut)}

    def _part(self, part: Part, name: str, path: str) -> JsonValue | _LeftOut:
        return self.read(part.shape, below(name, part.key), path_below(path, part.key), part.required)

    def _positions(self, found: list[JsonValue | _LeftOut], path: str) -> JsonValue:
        """Read a tuple: what is left out can only be at its end."""
        given = [value for value in found if not isinstance(value, _LeftOut)]
        for position, value in enumerate(found[: len(given)]):
            if isinstance(value, _LeftOut):
                self._refuse(path_below(path, position), FILL_IN)
        return given

    def _rows(self, name: str, path: str) -> int:
        count = row_count(self._draft, name)
        if count > MAX_ROWS:
            self._refuse(path, f"At most {MAX_ROWS} rows are possible here.")
        return min(count, MAX_ROWS)

    def _list(self, shape: Shape, name: str, path: str) -> JsonValue:
        self._budget.spend()
        row = item(shape)
        found = [self.read(row, below(name, at), path_below(path, at)) for at in range(self._rows(name, path))]
        return [None if isinstance(value, _LeftOut) else value for value in found]

    def _map(self, shape: Shape, name: str, path: str) -> JsonValue:
        self._budget.spend()
        row, key_shape = item(shape), keys(shape)
        found: dict[str, JsonValue] = {}
        for at in range(self._rows(name, path)):
            key = self._key(key_shape, below(name, at), key_path(path, at))
            if key is not None and key in found:
                self._refuse(key_path(path, at), "Each name may occur only once.")
            # By its key, since that is the path in the value, and so where `check` puts its own messages.
            value = self.read(row, below(name, at), path_below(path, row_key(key_shape, self._draft, below(name, at))))
            if key is not None:
                found.setdefault(key, None if isinstance(value, _LeftOut) else value)
        return found

    def _key(self, shape: Shape, name: str, path: str) -> str | None:
        value = self._input(shape, self._draft.get(control(name, KEY)), path, required=True)
        return value if isinstance(value, str) else None

    def _refuse(self, path: str, message: str) -> None:
        self.errors.setdefault(path, message)


def key_path(path: str, row: int) -> str:
    """Return the dotted path for messages about the key of a map's row, which no field of the value can have."""
    return path_below(path, f"{row}:{KEY}")
