"""
How single values are spelt in inputs, and what a spelling is worth.

`spelt` and `understood` are each other's inverse. Messages are for reviewers and never repeat what was typed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue

from .json_text import short_json, shown_json, typed_json
from .limits import MAX_DIGITS
from .shape import Shape

FILL_IN = "Please fill this in."
CHOOSE = "Please choose one."

# No pattern here repeats a repetition, so none takes long on a text of a million characters.
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,9})?")
_OFFSET = re.compile(r"[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]")
_TRAILING_OFFSET = re.compile(r"(?<=[0-9])(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$")
# What a browser's own control can hold (HTML's "valid date string" and its like): from year 1, at most milliseconds,
# no offset. Anything else it would show as empty, and so lose.
_NATIVE = {
    "date": re.compile(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "datetime": re.compile(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?"),
    "time": re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?"),
}
_NEVER_EMPTY = {
    "uri",
    "multi-host-uri",
    "email",
    "duration",
    "ipv4",
    "ipv6",
    "uuid",
    *(f"uuid{n}" for n in range(1, 9)),
}
_NEEDS_OFFSET = "Please give the offset from UTC too, such as +02:00, or Z for UTC itself."


def option_values(schema: Mapping[str, object]) -> list[str]:
    """
    Return what is submitted for each value of an enum, in its order.

    The values themselves where all are texts that an input can hold and tell from "nothing chosen", else their JSON.
    """
    values = schema.get("enum")
    known: Sequence[JsonValue] = values if isinstance(values, list) else []
    # A browser changes line breaks in a value; an empty one is what it sends where nothing is chosen.
    if all(isinstance(value, str) and value and not re.search(r"[\x00-\x1f]", value) for value in known):
        return [str(value) for value in known]
    return [short_json(value) for value in known]


def spelt(shape: Shape, value: JsonValue) -> str:
    """Return how a value stands in its input; a value of another kind stands there as JSON, to be corrected."""
    if shape.kind == "choice":
        values = shape.schema["enum"]
        found = [text for text, known in zip(option_values(shape.schema), values, strict=True) if same(known, value)]
        return found[0] if found else ""
    if shape.kind == "json":
        return shown_json(value)
    if shape.kind in ("null", "secret"):
        return ""
    return value if isinstance(value, str) else short_json(value)


def split_offset(text: str) -> tuple[str, str]:
    """Return a date with time, or a time, and its UTC offset; the latter is empty where there is none."""
    found = _TRAILING_OFFSET.search(text)
    return (text[: found.start()], found[0]) if found else (text, "")


def is_native(kind: str, text: str) -> bool:
    """Return True where a browser's own date or time control shows exactly this text."""
    return not text or kind not in _NATIVE or (_NATIVE[kind].fullmatch(text) is not None and _is_moment(kind, text))


def is_filled_in(shape: Shape, text: str | None) -> bool:
    """Return True where something was typed; an empty text counts where the schema takes one."""
    if text is None:
        return False
    # Some formats take no empty text, though no minLength says so.
    if shape.kind in ("text", "long_text"):
        least = shape.schema.get("minLength", 0)
        return text != "" or not (shape.schema.get("format") in _NEVER_EMPTY or (isinstance(least, int) and least > 0))
    # A password or a choice may be made of spaces.
    return bool(text if shape.kind in ("secret", "choice") else text.strip())


def understood(shape: Shape, text: str, offset: str = "") -> JsonValue:
    """
    Return what a spelling is worth.

    Args:
        shape: What the input is for.
        text: What was typed; it is filled in.
        offset: What was typed as the UTC offset, for a datetime or time.

    Raises:
        ValueError: It is not spelt as it must be; the error's text is a message for the reviewer.
    """
    if shape.kind in ("datetime", "time"):
        return _moment(shape, text.strip(), offset.strip())
    return _READERS.get(shape.kind, _text)(shape, text)


def same(one: object, other: object) -> bool:
    """Return True where two JSON values are the same, `1`, `1.0` and `true` being three."""
    # Python takes True for 1 and 1 for 1.0, and would mark the wrong choice.
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def _text(_: Shape, text: str) -> JsonValue:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _integer(_: Shape, text: str) -> JsonValue:
    typed = text.strip()
    if not _INTEGER.fullmatch(typed):
        raise ValueError("Please write a whole number in digits, such as 3.")
    if len(typed) > MAX_DIGITS:
        raise ValueError("This number has too many digits.")
    return int(typed)


def _number(shape: Shape, text: str) -> JsonValue:
    # float("1" * 400) is infinity, so a whole number is tried as a float too: the type behind it is one.
    typed = _numeral(text)
    if _INTEGER.fullmatch(typed):
        whole = _integer(shape, typed)
        if math.isfinite(float(typed)):
            return whole
    elif math.isfinite(float(typed)):
        return float(typed)
    raise ValueError("This number is too large.")


def _decimal(_: Shape, text: str) -> JsonValue:
    # As text: a JSON number would lose digits in every reader that makes a float of it.
    return _numeral(text)


def _numeral(text: str) -> str:
    typed = text.strip()
    if not _NUMBER.fullmatch(typed):
        comma = " Write a point, not a comma." if "," in typed else ""
        raise ValueError(f"Please write a number in digits, such as 2.5.{comma}")
    return typed


def _boolean(_: Shape, text: str) -> JsonValue:
    if text not in ("true", "false"):
        raise ValueError(CHOOSE)
    return text == "true"


def _choice(shape: Shape, text: str) -> JsonValue:
    known: Sequence[JsonValue] = shape.schema["enum"]
    for spelling, value in zip(option_values(shape.schema), known, strict=True):
        if spelling == text:
            return value
    raise ValueError(CHOOSE)


def _json(_: Shape, text: str) -> JsonValue:
    return typed_json(text)


def _date(_: Shape, text: str) -> JsonValue:
    typed = text.strip()
    if not _is_moment("date", typed):
        raise ValueError("Please write a date, such as 2025-12-31.")
    return typed


def _moment(shape: Shape, text: str, offset: str) -> JsonValue:
    # People paste what other programs print: an offset behind the time, a space in the place of the T.
    typed, trailing = split_offset(text)
    if shape.kind == "datetime" and typed[10:11] in (" ", "t"):
        typed = f"{typed[:10]}T{typed[11:]}"
    if not _is_moment(shape.kind, typed):
        example = "a date and time, such as 2025-12-31T14:30" if shape.kind == "datetime" else "a time, such as 14:30"
        raise ValueError(f"Please write {example}.")
    return typed + _offset(shape, offset or trailing)


def _offset(shape: Shape, offset: str) -> str:
    if offset and not _OFFSET.fullmatch(offset):
        raise ValueError(_NEEDS_OFFSET)
    if not offset and shape.aware == "needed":
        raise ValueError(_NEEDS_OFFSET)
    if offset and shape.aware == "refused":
        raise ValueError("Please write it without an offset from UTC.")
    return offset


def _is_moment(kind: str, text: str) -> bool:
    day, clock = ("2000-01-01", text) if kind == "time" else (text[:10], text[11:] if kind == "datetime" else "00:00")
    if not _DAY.fullmatch(day) or (kind == "datetime" and text[10:11] != "T") or (kind == "date" and day != text):
        return False
    found = _CLOCK.fullmatch(clock)
    if not found or (found[3] and not found[2]):
        return False
    try:
        # The fraction is left out: Python 3.10 reads three or six digits of it only.
        datetime.fromisoformat(f"{day}T{found[1]}{found[2] or ''}")
    except ValueError:
        return False
    return True


_READERS: dict[str, Callable[[Shape, str], JsonValue]] = {
    "integer": _integer,
    "number": _number,
    "decimal": _decimal,
    "boolean": _boolean,
    "choice": _choice,
    "json": _json,
    "date": _date,
}
