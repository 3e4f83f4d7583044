"""
JSON as bytes: read strictly, written canonically.

Strict means: what two readers could understand differently is refused (NaN, repeated keys, lone surrogates), so that
the value that was checked is the value that is stored and later parsed.
"""

from __future__ import annotations

import json
import math
from typing import NoReturn

from pydantic import JsonValue

from .._models import MAX_JSON_DEPTH
from ..errors import AnswerError, UsageError

MAX_INTEGER_DIGITS = 4300
"""Python and pydantic both refuse to convert longer integers, because that takes quadratic time."""


def decode_json(body: bytes) -> JsonValue:
    """
    Read one JSON value from UTF-8 bytes.

    Floats without a fraction become integers (`3.0` is `3`), because JSON has one kind of number, and checking and
    parsing must agree on what it is.

    Args:
        body: At most what the caller let in; its size is not checked here.

    Returns:
        The value: nested at most 32 deep, every text valid Unicode, every number finite.

    Raises:
        AnswerError: The body is not JSON, not UTF-8, holds NaN or Infinity, a number beyond a float's range, an integer
            of more than 4300 digits, a key twice in one object, or half of a surrogate pair; or it is nested too deep.
    """
    try:
        value: JsonValue = json.loads(
            # Windows tools begin a file with a byte order mark; json.loads would refuse it.
            body.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise _refusal("This is not UTF-8 text.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError as error:
        raise _refusal(f"This is not JSON: it breaks off or goes wrong at character {error.pos}.") from error
    _verify(value, MAX_JSON_DEPTH)
    return value


def encode_json(value: JsonValue) -> bytes:
    """
    Write a JSON value canonically: UTF-8, keys sorted, no spaces.

    Raises:
        UsageError: The value is not JSON: NaN, infinity, half of a surrogate pair, or an object unknown to JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            "The value cannot be written as JSON.",
            "Use finite numbers, valid Unicode text, lists, and objects whose keys are text.",
        ) from error


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refusal("The same key occurs twice in one object.")
    return found


def _constant(_: str) -> NoReturn:
    raise _refusal("NaN and Infinity are not numbers in JSON.")


def _float(text: str) -> int | float:
    number = float(text)
    # 1e999 is valid JSON; Python would make infinity of it without a word.
    if math.isinf(number):
        raise _refusal("A number is too large.")
    return int(number) if number.is_integer() else number


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise _refusal(f"A number has more than {MAX_INTEGER_DIGITS} digits.")
    return int(text)


def _verify(value: JsonValue, depth: int) -> None:
    if isinstance(value, str):
        _verify_text(value)
    elif isinstance(value, dict):
        _verify_level(depth)
        for key, child in value.items():
            _verify_text(key)
            _verify(child, depth - 1)
    elif isinstance(value, list):
        _verify_level(depth)
        for child in value:
            _verify(child, depth - 1)


def _verify_level(depth: int) -> None:
    if depth <= 0:
        raise _too_deep()


def _verify_text(text: str) -> None:
    # Only half of a surrogate pair cannot be encoded; isascii spares the common case the attempt.
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise _refusal("A text holds half of a surrogate pair, which is not a character.") from error


def _too_deep() -> AnswerError:
    return _refusal(f"Lists and objects are nested more than {MAX_JSON_DEPTH} deep.")


def _refusal(message: str) -> AnswerError:
    return AnswerError("The answer cannot be read.", "Send one JSON value as UTF-8 text.", fields={"": message})
