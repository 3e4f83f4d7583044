"""The words beside inputs: labels, hints, examples, the names of alternatives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .shape import Shape, options
from .spelling import is_filled_in, option_values, spelt

# The codec writes it into the schema. Spelt again, because the two are siblings, which do not import each other.
ENUM_NAMES = "x-enum-varnames"

_KINDS = {
    "text": "Text",
    "long_text": "Text",
    "secret": "Secret text",
    "integer": "Whole number",
    "number": "Number",
    "decimal": "Decimal number",
    "boolean": "Yes or no",
    "choice": "One of several",
    "date": "Date",
    "datetime": "Date and time",
    "time": "Time",
    "null": "No value",
    "json": "Anything, as JSON",
    "group": "Several fields",
    "list": "List",
    "map": "Named values",
    "union": "One of several kinds",
    "optional": "Value or nothing",
}
_NEVER_LEFT_EMPTY = ("boolean", "choice", "null", "constant", "secret", "group", "list", "map", "union", "optional")
_TEXTS = {
    "uri": "a web address, such as https://example.org",
    "email": "an e-mail address",
    "uuid": "a UUID, such as 12345678-1234-5678-1234-567812345678",
    "duration": "a length of time, such as 1:30:00 or 2 days",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
}


def humanised(name: str) -> str:
    """Return a name from code as a label: `shipping_date` is `Shipping date`, `lineItems` is `Line items`."""
    # A break before each capital that follows a small letter or digit, so that "HTTPPort" stays in one piece.
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace("_", " ").replace("-", " ")).strip()
    if words.isupper() and len(words) > 1:
        words = words.lower()
    return words[:1].upper() + words[1:] if words else name


def kind_labels(shape: Shape) -> list[str]:
    """Return the names of a union's alternatives, each different from the others."""
    labels: list[str] = []
    for option in options(shape):
        label = _kind_label(option)
        same = sum(known == label or known.startswith(f"{label} (") for known in labels)
        labels.append(f"{label} ({same + 1})" if same else label)
    return labels


def choice_labels(schema: Any) -> list[str]:
    """Return what is read for each value of an enum: its member's name where there is one, else the value."""
    values: Sequence[object] = schema.get("enum", ())
    names = schema.get(ENUM_NAMES)
    if isinstance(names, list) and len(names) == len(values):
        return [humanised(str(name)) for name in names]
    plain = option_values(schema)
    return [_value_label(value, text) for value, text in zip(values, plain, strict=True)]


def hint(shape: Shape, required: bool = True) -> str:
    """Return the limits, the expected spelling, and what an empty input stands for; empty where there is none."""
    limits = _limits(shape)
    if required or "default" not in shape.schema or is_filled_in(shape, "") or shape.kind in _NEVER_LEFT_EMPTY:
        return limits
    default = spelt(shape, shape.schema["default"])
    return "; ".join(part for part in (limits, f"left empty, it is {default}") if part)


def _limits(shape: Shape) -> str:
    schema = shape.schema
    if shape.kind in ("integer", "number", "decimal"):
        return _of_number(shape)
    if shape.kind in ("text", "long_text", "secret"):
        said = [_TEXTS.get(str(schema.get("format")), ""), _counted(schema, "Length", "character")]
        return ", ".join(part for part in said if part)
    if shape.kind == "list":
        distinct = "each only once" if schema.get("uniqueItems") else ""
        return ", ".join(part for part in (_counted(schema, "Items", "entry"), distinct) if part)
    if shape.kind == "map":
        return _counted(schema, "Properties", "entry")
    return {"json": "JSON", "datetime": "year-month-day, then hours:minutes", "date": "year-month-day"}.get(
        shape.kind, ""
    )


def examples(shape: Shape) -> tuple[str, ...]:
    """Return the author's examples, spelt as they would be typed."""
    found = shape.schema.get("examples")
    if not isinstance(found, list) or shape.kind in ("choice", "boolean", "group", "list", "map", "union", "secret"):
        return ()
    return tuple(spelt(shape, value) for value in found)


def _kind_label(shape: Shape) -> str:
    title = shape.schema.get("title")
    if isinstance(title, str) and title:
        return title
    if shape.kind == "constant":
        return _value_label(shape.schema["const"], spelt(shape, shape.schema["const"]))
    if shape.kind == "list":
        return "List"
    return _KINDS[shape.kind]


def _value_label(value: object, text: str) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if value is None:
        return "No value"
    return value if isinstance(value, str) and value.strip() else text


def _of_number(shape: Shape) -> str:
    noun = {"integer": "a whole number", "number": "a number", "decimal": "a decimal number"}[shape.kind]
    schema = shape.schema
    least, most = schema.get("minimum"), schema.get("maximum")
    said = [noun]
    if least is not None and most is not None:
        said.append(f"from {_plain(least)} to {_plain(most)}")
    elif least is not None:
        said.append(f"of at least {_plain(least)}")
    elif most is not None:
        said.append(f"of at most {_plain(most)}")
    if "exclusiveMinimum" in schema:
        said.append(f"above {_plain(schema['exclusiveMinimum'])}")
    if "exclusiveMaximum" in schema:
        said.append(f"below {_plain(schema['exclusiveMaximum'])}")
    if "multipleOf" in schema:
        said.append(f"in steps of {_plain(schema['multipleOf'])}")
    if "decimalPlaces" in schema:
        said.append(f"with at most {schema['decimalPlaces']} digits after the point")
    return " ".join(said)


def _counted(schema: Any, what: str, noun: str) -> str:
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}")
    plural = "entries" if noun == "entry" else f"{noun}s"
    if least and most is not None:
        return f"{least} {plural}" if least == most else f"{least} to {most} {plural}"
    if most is not None:
        return f"at most {most} {noun if most == 1 else plural}"
    return f"at least {least} {noun if least == 1 else plural}" if least else ""


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 10**15 else str(number)
