"""
How much is told about a refused answer: less than fits into a verdict, whatever the answer or its type says.

The words come from us or from the author, but how many there are, and how long their paths, is the answer's doing.
"""

from __future__ import annotations

from collections.abc import Iterable

FALLBACK = "This value is not accepted here."
"""What is said where nothing better is known."""

EMPTY = "This needs a value."
"""What is said of an empty text that has not the form which is asked for: a form is what nobody has tried yet."""

MAX_MESSAGES = 200
MAX_MESSAGE_CHARS = 1000
MAX_CHARS = 64_000
"""Of all paths and messages together: a verdict holds them within its 1 MiB, and a page can show them."""


def gathered(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """
    Return a message per dotted path, the first that is found for each.

    Args:
        found: Paths and messages, in the order in which they matter.

    Returns:
        At most 200 messages of at most 1,000 characters, 64,000 with their paths; never empty.
    """
    told: dict[str, str] = {}
    left = MAX_CHARS
    for path, words in found:
        message = words if len(words) <= MAX_MESSAGE_CHARS else f"{words[: MAX_MESSAGE_CHARS - 1]}…"
        cost = len(path) + len(message)
        # Passed over rather than cut: a path that is cut would name another field.
        if path in told or cost > left:
            continue
        left -= cost
        told[path] = message
        if len(told) == MAX_MESSAGES:
            break
    return told or {"": FALLBACK}
