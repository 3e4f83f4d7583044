"""JSON as somebody types it into a form: read strictly, written to be read."""

from __future__ import annotations

import json
import math
from typing import NoReturn

from pydantic import JsonValue

from .limits import MAX_DEPTH, MAX_DIGITS


def typed_json(text: str) -> JsonValue:
    """
    Read JSON that was typed.

    Raises:
        ValueError: It is not JSON, or two readers could understand it differently (NaN, a key twice); its text is a
            message for the reviewer, without what was typed.
    """
    try:
        value: JsonValue = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        message = f"This is not JSON: look at line {error.lineno}, character {error.colno}."
        raise ValueError(message) from None
    except RecursionError:
        raise ValueError(_too_deep()) from None
    # The parser's own limit is Python's recursion limit, which depends on who calls.
    if _depth(value) > MAX_DEPTH:
        raise ValueError(_too_deep())
    if not _is_unicode(value):
        raise ValueError("A text in it holds half of a character (a lone surrogate).")
    return value


def shown_json(value: JsonValue) -> str:
    """Write a value as JSON to be edited: indented, other alphabets as they are."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def short_json(value: JsonValue) -> str:
    """Write a value as JSON on one line, in ASCII, so that it survives as the value of an input."""
    return json.dumps(value)


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("The same name occurs twice in one object.")
    return found


def _constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not numbers in JSON.")


def _float(text: str) -> int | float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("A number is too large.")
    # As everywhere where JSON comes in: one kind of number, so that 3.0 is a whole one.
    return int(number) if number.is_integer() else number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("A number has too many digits.")
    return int(text)


def _is_unicode(value: JsonValue) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _depth(value: JsonValue) -> int:
    # A loop and not recursion: what comes in may be as deep as the parser let through.
    deepest = 0
    left: list[tuple[JsonValue, int]] = [(value, 0)]
    while left:
        found, depth = left.pop()
        deepest = max(deepest, depth)
        if isinstance(found, dict):
            left += [(child, depth + 1) for child in found.values()]
        elif isinstance(found, list):
            left += [(child, depth + 1) for child in found]
    return deepest


def _too_deep() -> str:
    return f"It is nested more than {MAX_DEPTH} deep."
