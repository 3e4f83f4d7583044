"""Building: the tree of fields that templates draw, from a schema, a draft and what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._models import Field, FieldErrors, Option
from .drafting import drafted
from .limits import MAX_ROWS, Budget, Draft, TooManyInputsError
from .names import JSON, KEY, KIND, NONE, OFFSET, OUT, ROOT, below, control, element_id, path_below
from .reading import is_never_drawn, key_path, row_count, row_key
from .shape import Shape, inner, item, keys, options, parts, shape_of
from .spelling import is_native, option_values, spelt
from .wording import choice_labels, examples, hint, humanised, kind_labels

_NO_ERRORS: FieldErrors = {}


def build(json_schema: Mapping[str, Any], draft: Draft, errors: FieldErrors = _NO_ERRORS) -> Field:
    """
    Return the form as it is shown.

    Args:
        json_schema: The schema to draw.
        draft: What stands in the inputs; everything typed is shown again, also where it was refused (secrets are not).
        errors: Messages by dotted path.

    Returns:
        The root field. A form of more than 2,000 inputs is one field for JSON.
    """
    shape = shape_of(json_schema, json_schema)
    place = _Place(ROOT, "", _root_label(shape))
    try:
        return _Builder(draft, errors).field(shape, place)
    except TooManyInputsError:
        return _Builder({control(ROOT, JSON): draft.get(control(ROOT, JSON), "")}, errors).field(shape, place)


@dataclass(frozen=True)
class _Place:
    """Where a field stands: its input's name, its path, what it is called there, and whether it must be filled in."""

    name: str
    path: str
    label: str
    required: bool = True
    removable: bool = False
    error: bool = True

    def below(self, key: str | int, label: str, required: bool = True) -> _Place:
        return _Place(below(self.name, key), path_below(self.path, key), label, required)


class _Builder:
    """One building of one form."""

    def __init__(self, draft: Draft, errors: FieldErrors) -> None:
        self._draft = draft
        self._errors = errors
        self._budget = Budget()

    def field(self, shape: Shape, place: _Place) -> Field:
        self._budget.spend()
        typed = self._draft.get(control(place.name, JSON))
        if typed is not None:
            as_json = Shape("json", shape.schema, shape.root)
            return self._plain(as_json, replace(place, name=control(place.name, JSON)), value=typed)
        if shape.kind == "group":
            return self._plain(shape, place, children=self._parts(shape, place))
        if shape.kind == "list":
            return self._list(shape, place)
        if shape.kind == "map":
            return self._map(shape, place)
        if shape.kind == "union":
            return self._union(shape, place)
        if shape.kind == "optional":
            return self._optional(shape, place)
        return self._single(shape, place)

    def _plain(self, shape: Shape, place: _Place, **more: Any) -> Field:
        facts = {
            "kind": shape.kind,
            "name": place.name,
            "path": place.path,
            "id": element_id(place.name),
            "label": place.label,
            "help": str(shape.schema.get("description", "")),
            "hint": hint(shape, place.required),
            "examples": examples(shape),
            "required": place.required,
            "removable": place.removable,
            "error": self._error(shape, place),
        }
        return Field.model_validate({**facts, **more})

    def _error(self, shape: Shape, place: _Place) -> str:
        if not place.error:
            return ""
        if shape.kind != "json":
            return self._errors.get(place.path, "")
        # One input stands for everything below it, so what is wrong down there is said here.
        told = {path: message for path, message in self._errors.items() if _is_below(path, place.path)}
        return " ".join(f"{path}: {message}" if path != place.path else message for path, message in told.items())

    def _single(self, shape: Shape, place: _Place) -> Field:
        text = self._draft.get(place.name, "")
        if shape.kind == "constant":
            return self._plain(shape, place, value=spelt(shape, shape.schema["const"]))
        if shape.kind in ("boolean", "choice"):
            return self._plain(shape, place, value=text, options=self._choices(shape, text))
        if shape.kind in ("null", "secret"):
            return self._plain(shape, place)
        if shape.kind in ("date", "datetime", "time"):
            offset = None if shape.kind == "date" or shape.aware == "refused" else self._draft.get(_offset(place), "")
            return self._plain(shape, place, value=text, offset=offset, native=is_native(shape.kind, text))
        # A one-line input would drop the line breaks of a text that has some.
        kind = "long_text" if shape.kind == "text" and ("\n" in text or "\r" in text) else shape.kind
        return self._plain(shape, place, kind=kind, value=text)

    def _choices(self, shape: Shape, text: str) -> tuple[Option, ...]:
        if shape.kind == "boolean":
            return tuple(
                Option(value=value, label=label, selected=value == text)
                for value, label in (("true", "Yes"), ("false", "No"))
            )
        pairs = zip(option_values(shape.schema), choice_labels(shape.schema), strict=True)
        return tuple(Option(value=value, label=label, selected=value == text) for value, label in pairs)

    def _optional(self, shape: Shape, place: _Place) -> Field:
        # A name of its own where "left out" and "null" are two things: both boxes may be there, one in the other.
        own = control(place.name, OUT) if shape.omits else place.name
        present = control(own, NONE) not in self._draft
        held = inner(shape)
        # Beside the error of what it holds, the same message would be read twice.
        within = replace(place, removable=False, error=present)
        drawn = present or not held.recursive
        child = self._drawn(held, within) if drawn else self._not_drawn(held, within)
        return self._plain(
            shape,
            replace(place, name=own, error=not present),
            id=element_id(own, "maybe"),
            help="",
            hint="",
            examples=(),
            present=present,
            can_add=not drawn,
            children=(child,),
        )

    def _union(self, shape: Shape, place: _Place) -> Field:
        chosen = self._draft.get(control(place.name, KIND), "")
        labels = kind_labels(shape)
        selected = [str(at) == chosen for at in range(len(labels))]
        children = []
        for at, option in enumerate(options(shape)):
            within = _Place(control(place.name, at), place.path, labels[at], error=selected[at])
            # Every alternative is drawn, chosen or not: without JavaScript nobody can fetch it later.
            drawn = selected[at] or not option.recursive
            child = self._drawn(option, within) if drawn else self._not_drawn(option, within)
            children.append(_without_tag(child, shape))
        return self._plain(
            shape,
            replace(place, error=not any(selected)),
            id=element_id(place.name, "kinds"),
            options=tuple(Option(value=str(at), label=label, selected=selected[at]) for at, label in enumerate(labels)),
            children=tuple(children),
        )

    def _drawn(self, shape: Shape, place: _Place) -> Field:
        """Draw a part that may be drawn for the first time: then nothing is typed, and its defaults are filled in."""
        if is_never_drawn(shape, place.name, self._draft):
            self._draft = {**drafted(shape, place.name), **self._draft}
        return self.field(shape, place)

    def _not_drawn(self, shape: Shape, place: _Place) -> Field:
        """Stand in for a recursive part that nothing is in, which drawn in full would have no end."""
        self._budget.spend()
        return self._plain(shape, place, kind="group", hint="Its fields are shown once it has a value.", examples=())

    def _parts(self, shape: Shape, place: _Place) -> tuple[Field, ...]:
        fields = []
        for part in parts(shape):
            label = part.title or (humanised(part.key) if isinstance(part.key, str) else f"Part {part.key + 1}")
            fields.append(self.field(part.shape, place.below(part.key, label, part.required)))
        return tuple(fields)

    def _list(self, shape: Shape, place: _Place) -> Field:
        row = item(shape)
        noun = str(row.schema.get("title") or place.label)
        count = min(row_count(self._draft, place.name), MAX_ROWS)
        rows = [replace(place.below(at, f"{noun} {at + 1}"), removable=True) for at in range(count)]
        return self._plain(shape, place, children=tuple(self.field(row, one) for one in rows), can_add=count < MAX_ROWS)

    def _map(self, shape: Shape, place: _Place) -> Field:
        count = min(row_count(self._draft, place.name), MAX_ROWS)
        rows = tuple(self._map_row(shape, place, at) for at in range(count))
        return self._plain(shape, place, children=rows, can_add=count < MAX_ROWS)

    def _map_row(self, shape: Shape, place: _Place, at: int) -> Field:
        # The row's own path is one that no message can have: its key's and its value's are told at those.
        name = below(place.name, at)
        key_place = _Place(control(name, KEY), key_path(place.path, at), "Name")
        value_place = _Place(name, path_below(place.path, row_key(keys(shape), self._draft, name)), "Value")
        return Field(
            kind="group",
            name=name,
            path=f"{key_place.path}:row",
            id=element_id(name, "row"),
            label=f"{place.label} {at + 1}",
            removable=True,
            children=(self.field(keys(shape), key_place), self.field(item(shape), value_place)),
        )


def _without_tag(alternative: Field, union: Shape) -> Field:
    """Leave out the field that says which alternative it is: the reviewer has just chosen that."""
    discriminator = union.schema.get("discriminator")
    if not isinstance(discriminator, Mapping):
        return alternative
    tag = path_below(alternative.path, str(discriminator.get("propertyName")))
    kept = tuple(field for field in alternative.children if field.path != tag or not _is_constant(field))
    return alternative.model_copy(update={"children": kept})


def _is_constant(field: Field) -> bool:
    return field.kind == "constant" or (field.kind == "optional" and _is_constant(field.children[0]))


def _root_label(shape: Shape) -> str:
    return str(shape.schema.get("title") or "Your answer")


def _is_below(path: str, parent: str) -> bool:
    return not parent or path == parent or path.startswith(f"{parent}.")


def _offset(place: _Place) -> str:
    return control(place.name, OFFSET)
