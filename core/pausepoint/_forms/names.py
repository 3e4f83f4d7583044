"""How inputs are named; the package's docstring has the table."""

from __future__ import annotations

import re

ROOT = "v"
NONE, OUT, KIND, ROWS, KEY, JSON, OFFSET = "none", "out", "kind", "rows", "key", "json", "offset"


def control(name: str, suffix: str | int) -> str:
    """Return the name of a control of a node, or of an alternative of a union."""
    return f"{name}:{suffix}"


def below(name: str, key: str | int) -> str:
    """Return the name of a property, row or position below a node."""
    # JSON pointer's own two escapes, `~` first; the third because `:` begins our controls.
    escaped = str(key).replace("~", "~0").replace("/", "~1").replace(":", "~2")
    return f"{name}/{escaped}"


def path_below(path: str, key: str | int) -> str:
    """Return the dotted path of a property, row or position below a path."""
    return f"{path}.{key}" if path else str(key)


def is_within(name: str, node: str) -> bool:
    """Return True where an input belongs to a node: it is the node's own, one of its controls, or below it."""
    return name == node or name.startswith((f"{node}/", f"{node}:"))


def element_id(name: str, part: str = "") -> str:
    """
    Return an id for an input: unique in the page, and made of letters, digits and hyphens only.

    Args:
        name: The input's name.
        part: Tells apart what has the same name: the frame around an input, for example.
    """
    # Hyphens are replaced too: what replaces the others is made of them, so two names never share an id.
    safe = re.sub(r"[^A-Za-z0-9]", lambda found: f"-{ord(found[0]):x}-", name)
    return f"f-{safe}--{part}" if part else f"f-{safe}"
