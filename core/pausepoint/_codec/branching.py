"""
In how many ways an answer can be tried against a type that holds itself through a union.

A union tries each of its alternatives. Where several of them lead back to it, as in a tree of `And | Or | Not`, the
tries multiply with each level of the answer: 32 levels, which an answer may have, are some thousand million tries. So
they are counted before they are made; counting looks at each part of the answer once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_TRIES = 20_000
"""Tries for one answer, about 10 ms of a processor; an answer that needs more of them is refused."""

MOST_EXPLAINED = 4_000
"""Tries up to which it is told what is wrong with an answer, about 0.2 s of a processor."""

_UNIONS = ("anyOf", "oneOf")

Node = Mapping[str, Any]


class Branching:
    """
    Counts the tries for one type.

    Args:
        json_schema: Of the type, as in `AnswerType.json_schema`.
    """

    def __init__(self, json_schema: Node) -> None:
        self._root = json_schema
        self._multiplies = any(self._holds_itself(name) for name in _definitions(json_schema))

    def tries(self, value: object, by_tag: bool) -> int:
        """
        Return how many tries an answer takes; 1 where the type cannot multiply them.

        Args:
            value: The answer as JSON, at most 32 levels deep.
            by_tag: A union with a discriminator tries only the alternative that the answer names, as the type itself
                does; else all of them, as it takes to tell what is wrong.
        """
        return self._counted(self._root, value, by_tag, {}) if self._multiplies else 1

    def _counted(self, node: object, value: object, by_tag: bool, known: dict[tuple[int, int], int]) -> int:
        if not isinstance(node, Mapping):
            return 1
        place = id(node), id(value)
        if place not in known:
            # Before it is known: a reference that leads back without a step into the value ends here.
            known[place] = 1
            below = _below(node, value)
            known[place] = 1 + sum(
                self._counted(each, part, by_tag, known)
                for each, part in [*((same, value) for same in self._tried(node, value, by_tag)), *below]
            )
        return known[place]

    def _tried(self, node: Node, value: object, by_tag: bool) -> Iterator[object]:
        """Yield what the same value is tried against."""
        if "$ref" in node:
            yield self._definition(node["$ref"])
        yield from node.get("allOf", ())
        named = _named(node, value) if by_tag else None
        if named is not None:
            yield self._definition(named)
            return
        for keyword in _UNIONS:
            yield from node.get(keyword, ())

    def _definition(self, ref: object) -> object:
        return _definitions(self._root).get(str(ref).removeprefix("#/$defs/"))

    def _holds_itself(self, name: str) -> bool:
        """Say whether a definition leads back to itself by two alternatives of a union."""
        start = _definitions(self._root)[name]
        return any(
            sum(name in self._reached(alternative) for alternative in node.get(keyword, ())) > 1
            for reached in self._reached(start) | {name}
            for node in _nodes(_definitions(self._root).get(reached))
            for keyword in _UNIONS
        )

    def _reached(self, node: object) -> set[str]:
        """Return the names of the definitions that a node leads to."""
        found: set[str] = set()
        left = [node]
        while left:
            for each in _nodes(left.pop()):
                name = str(each.get("$ref", "")).removeprefix("#/$defs/")
                if name and name not in found:
                    found.add(name)
                    left.append(_definitions(self._root).get(name))
        return found


def _definitions(root: Node) -> Mapping[str, Any]:
    found: Mapping[str, Any] = root.get("$defs", {})
    return found


def _nodes(node: object) -> Iterator[Node]:
    """Yield every mapping in a part of a schema; what only looks like a schema does no harm."""
    left = [node]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            yield each
            left += each.values()
        elif isinstance(each, list):
            left += each


def _named(node: Node, value: object) -> str | None:
    """Return the reference that the discriminator of a union leads to; None where there is none, or it names none."""
    found = node.get("discriminator")
    if not isinstance(found, Mapping) or not isinstance(value, Mapping):
        return None
    name, mapping = found.get("propertyName"), found.get("mapping", {})
    tag = value.get(name)
    return mapping.get(tag) if isinstance(tag, str) else None


def _below(node: Node, value: object) -> Iterator[tuple[object, object]]:
    """Yield each part of a value with what it is tried against."""
    if isinstance(value, Mapping):
        properties = node.get("properties", {})
        for key, part in value.items():
            yield properties.get(key, node.get("additionalProperties")), part
    elif isinstance(value, list):
        fixed = node.get("prefixItems", ())
        for position, part in enumerate(value):
            yield (fixed[position] if position < len(fixed) else node.get("items")), part
