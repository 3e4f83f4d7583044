"""
What a node of a JSON Schema is as a part of a form: its kind, and the shapes below it.

References are followed as far as somebody looks, so a recursive schema is finite where the value is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from .._models import FieldKind
from .limits import MAX_FORM_DEPTH

Node = Mapping[str, Any]

# Keywords that no input can show: what is valid then depends on more than one node.
_EXOTIC = frozenset({
    "not", "if", "then", "else", "contains", "patternProperties", "dependentSchemas", "dependentRequired",
    "unevaluatedItems", "unevaluatedProperties", "$dynamicRef",
})  # fmt: skip
_CONTAINERS = ("group", "list", "map", "union")
_LONG_TEXT = 200
_TEXTS: dict[str, FieldKind] = {
    "date": "date",
    "date-time": "datetime",
    "naive-date-time": "datetime",
    "any-date-time": "datetime",
    "time": "time",
    "naive-time": "time",
    "any-time": "time",
    "multiline": "long_text",
    "decimal": "decimal",
}
_PLAIN: dict[str, FieldKind] = {"integer": "integer", "number": "number", "boolean": "boolean", "null": "null"}
_UNRESOLVED: Node = {"not": {}}
"""Stands for what a reference does not lead to: nothing fits it, and it is drawn as JSON."""


@dataclass(frozen=True)
class Shape:
    """
    One node as a part of a form.

    Attributes:
        kind: As in `Field`.
        schema: The node with its references resolved, and what stands beside them laid over.
        root: The whole JSON Schema.
        depth: How many groups, lists, maps and unions are around it.
        refs: The references that were followed on the way here.
        recursive: One of them was followed before: drawn only where something is in it.
        omits: Of an optional: "no value" leaves the field out, rather than saying null.
    """

    kind: FieldKind
    schema: Node
    root: Node
    depth: int = 0
    refs: frozenset[str] = frozenset()
    recursive: bool = False
    omits: bool = False

    @property
    def aware(self) -> Literal["needed", "allowed", "refused"]:
        """Of a datetime or time: whether it has a UTC offset."""
        form = str(self.schema.get("format"))
        return "refused" if form.startswith("naive-") else "allowed" if form.startswith("any-") else "needed"

    def below(self, node: object, deeper: int = 1) -> Shape:
        """Return the shape of a node found in this one."""
        return shape_of(self.root, node, self.depth + deeper, self.refs)


@dataclass(frozen=True)
class Part:
    """
    A property of a group, or a position of a tuple.

    Attributes:
        key: The property's name, or the position.
        shape: What it is.
        title: As given where the part is declared (not by the type that it refers to); empty where it was not.
        required: It has no default, and cannot be left out.
    """

    key: str | int
    shape: Shape
    title: str
    required: bool


def shape_of(root: Node, node: object, depth: int = 0, refs: frozenset[str] = frozenset()) -> Shape:
    """
    Return what a node is.

    Args:
        root: The whole JSON Schema, where references lead.
        node: A subschema; anything that is not an object is typed as JSON.
        depth: How many containers are around it.
        refs: The references that were followed on the way.
    """
    schema, followed = _resolved(root, node)
    kind = _bounded(_kind(schema), depth)
    return Shape(kind, schema, root, depth, refs | followed, recursive=bool(refs & followed))


def inner(shape: Shape) -> Shape:
    """Return what an optional holds when it has a value."""
    # The same node once more, now as what it holds: "left out" is not in the schema but in its parent's `required`.
    if shape.omits:
        return replace(shape, kind=_bounded(_kind(shape.schema), shape.depth), omits=False)
    nodes = [node for node in _alternatives(shape.schema) if not _is_null(node)]
    # Not deeper: an optional is a tick box beside a field, and no frame around it.
    if len(nodes) == 1:
        return shape.below(nodes[0], deeper=0)
    return shape.below({"anyOf": nodes}, deeper=0)


def options(shape: Shape) -> list[Shape]:
    """Return the alternatives of a union."""
    return [shape.below(node) for node in _alternatives(shape.schema)]


def parts(shape: Shape) -> list[Part]:
    """Return the parts of a group: its properties, or the positions of a tuple."""
    if "prefixItems" in shape.schema:
        return [
            _part(shape, position, node, position < int(shape.schema.get("minItems", 0)))
            for position, node in enumerate(shape.schema["prefixItems"])
        ]
    required = shape.schema.get("required", ())
    return [_part(shape, key, node, key in required) for key, node in shape.schema.get("properties", {}).items()]


def item(shape: Shape) -> Shape:
    """Return what each row of a list or map holds."""
    keyword = "items" if shape.kind == "list" else "additionalProperties"
    return shape.below(shape.schema.get(keyword, {}))


def keys(shape: Shape) -> Shape:
    """Return what the keys of a map are: a choice where they are enumerated, else text."""
    named = shape.below(shape.schema.get("propertyNames", {"type": "string"}))
    texts = all(isinstance(value, str) for value in named.schema.get("enum", ()))
    return named if named.kind == "choice" and texts else shape.below({"type": "string"})


def is_secret(schema: Node) -> bool:
    """Return True where what is typed is masked, and never shown again."""
    return schema.get("writeOnly") is True or schema.get("format") == "password"


def holds_secret(shape: Shape) -> bool:
    """Return True where there may be a secret anywhere in a part, also behind references."""
    left: list[object] = [shape.schema]
    followed: set[str] = set()
    while left:
        node = left.pop()
        if isinstance(node, Mapping):
            if is_secret(node):
                return True
            ref = node.get("$ref")
            if isinstance(ref, str) and ref not in followed:
                followed.add(ref)
                left.append(_target(shape.root, ref))
            left += node.values()
        elif isinstance(node, list):
            left += node
    return False


def _part(shape: Shape, key: str | int, node: object, required: bool) -> Part:
    found = shape.below(node)
    # Of the node itself: the title of a model that is referred to is its class's, the same for every field of it.
    title = str(node.get("title", "")) if isinstance(node, Mapping) else ""
    if not required and "default" not in found.schema:
        found = Shape("optional", found.schema, found.root, found.depth, found.refs, found.recursive, omits=True)
    return Part(key, found, title, required)


def _resolved(root: Node, node: object) -> tuple[Node, frozenset[str]]:
    followed: set[str] = set()
    schema: Any = node
    while isinstance(schema, Mapping) and ("$ref" in schema or _sole(schema)):
        nested = {"$ref": schema["$ref"]} if "$ref" in schema else schema["allOf"][0]
        # A field's own title, description and default stand beside the reference and win over the target's.
        beside = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        target = nested
        if "$ref" in schema:
            # A reference that comes back to itself without any container between would have no end.
            if schema["$ref"] in followed:
                return _UNRESOLVED, frozenset(followed)
            followed.add(schema["$ref"])
            target = _target(root, schema["$ref"])
        schema = {**target, **beside} if isinstance(target, Mapping) else _UNRESOLVED
    return schema if isinstance(schema, Mapping) else {}, frozenset(followed)


def _sole(schema: Node) -> bool:
    several = schema.get("allOf")
    return isinstance(several, list) and len(several) == 1


def _target(root: Node, ref: str) -> Any:
    found: Any = root
    for part in ref.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return _UNRESOLVED
        found = found[key]
    return found if ref.startswith("#") else _UNRESOLVED


def _kind(schema: Node) -> FieldKind:
    if _EXOTIC & schema.keys() or "allOf" in schema:
        return "json"
    if "const" in schema:
        return "null" if schema["const"] is None else "constant"
    if isinstance(schema.get("enum"), list):
        return "choice"
    if len(_alternatives(schema)) > 1:
        return "optional" if any(_is_null(node) for node in _alternatives(schema)) else "union"
    kind = schema.get("type")
    if kind == "string" or schema.get("format") == "decimal":
        return _text(schema)
    if kind == "array":
        return _array(schema)
    if kind == "object":
        return _object(schema)
    return _PLAIN.get(str(kind), "json")


def _bounded(kind: FieldKind, depth: int) -> FieldKind:
    return "json" if kind in _CONTAINERS and depth >= MAX_FORM_DEPTH else kind


def _text(schema: Node) -> FieldKind:
    if is_secret(schema):
        return "secret"
    long = schema.get("maxLength", 0)
    usual: FieldKind = "long_text" if isinstance(long, int) and long > _LONG_TEXT and "format" not in schema else "text"
    return _TEXTS.get(str(schema.get("format")), usual)


def _array(schema: Node) -> FieldKind:
    if "prefixItems" not in schema:
        return "list"
    # An array of fixed positions with a list behind them has no inputs of its own.
    fixed = schema.get("items", False) is False or schema.get("maxItems") == len(schema["prefixItems"])
    return "group" if fixed else "json"


def _object(schema: Node) -> FieldKind:
    # Without properties the default is an open object, which is a map.
    if schema.get("additionalProperties", bool(not schema.get("properties"))) is False:
        return "group"
    # Fixed fields and free ones at once: no inputs can tell which is which.
    return "json" if schema.get("properties") else "map"


def _alternatives(schema: Node) -> Sequence[object]:
    for keyword in ("anyOf", "oneOf"):
        if isinstance(schema.get(keyword), list):
            found: list[object] = schema[keyword]
            return found
    kinds = schema.get("type")
    if isinstance(kinds, list) and schema.get("format") != "decimal":
        return [{**schema, "type": kind} for kind in kinds]
    return ()


def _is_null(node: object) -> bool:
    return isinstance(node, Mapping) and (node.get("type") == "null" or node.get("const", ...) is None)
