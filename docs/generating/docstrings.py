"""Docstrings in Google style as Markdown: what the reference pages are made of."""

from __future__ import annotations

import inspect
import re
from typing import Any

SECTION = re.compile(r"(Args|Attributes|Raises|Returns):$")
SHORT = 2
"""Parameters that still fit on one line."""
ITEM = re.compile(r"([\w`.*, ]+): (.*)")


def split(docstring: str) -> tuple[str, dict[str, list[str]]]:
    """Return the text before the first section, and the lines of each section, indentation removed."""
    text: list[str] = []
    sections: dict[str, list[str]] = {}
    lines = text
    for line in inspect.cleandoc(docstring).splitlines():
        heading = SECTION.match(line)
        if heading:
            lines = sections.setdefault(heading[1], [])
        else:
            lines.append(line.removeprefix("    ") if sections else line)
    return "\n".join(text).strip(), sections


def items(lines: list[str]) -> dict[str, str]:
    """Return a section's descriptions by name; `a, b: text` describes both."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines:
        item = ITEM.match(line) if not line.startswith(" ") else None
        if item:
            names = [name.strip() for name in item[1].split(",")]
            found |= dict.fromkeys(names, item[2])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def markdown(docstring: str | None) -> str:
    """Write a docstring as Markdown: its text, then each section as a list."""
    text, sections = split(docstring or "")
    parts = [text]
    for title, lines in sections.items():
        described = items(lines)
        if title == "Returns" or not described:
            parts.append(f"{title}: {' '.join(line.strip() for line in lines if line.strip())}")
        else:
            parts.append("\n".join([f"{title}:", "", *(f"- `{name}`: {told}" for name, told in described.items())]))
    return "\n\n".join(part for part in parts if part)


def first_sentence(docstring: str | None) -> str:
    """Return a docstring's first paragraph on one line."""
    return " ".join(split(docstring or "")[0].split("\n\n")[0].split())


def signature(name: str, function: Any) -> str:
    """Write a function's signature, one parameter to a line where it has more than two; `self` left out."""
    made = inspect.signature(function)
    parameters = [each for each in made.parameters.values() if each.name not in ("self", "cls")]
    texts = []
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and "*" not in texts:
            texts.append("*")
        texts.append(str(each.replace(annotation=_Spelt(each.annotation))))
    result = "" if made.return_annotation in (made.empty, "None", None) else f" -> {_Spelt(made.return_annotation)!r}"
    if len(parameters) <= SHORT:
        return f"{name}({', '.join(texts)}){result}"
    return "\n".join([f"{name}(", *(f"    {text}," for text in texts), f"){result}"])


class _Spelt:
    """An annotation as its source spells it, without quotes."""

    def __init__(self, annotation: object) -> None:
        self._annotation = annotation

    def __repr__(self) -> str:
        given = self._annotation
        return given if isinstance(given, str) else inspect.formatannotation(given)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table; `|` in cells is escaped."""
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *escaped])
