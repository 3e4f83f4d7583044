"""
The formats of texts: which spellings of a date, a decimal or a URL are accepted.

Each accepts at most what pydantic accepts for the type behind it, and never a bare number (pydantic reads
`"1577836800"` as a date, which no reviewer means): the pattern rules out the surprising, pydantic the impossible.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic_core import MultiHostUrl, Url

# [0-9] rather than \d, which takes the digits of every alphabet.
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_OFFSET = r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"

DATE = re.compile(_DAY)
NAIVE_DATE_TIME = re.compile(f"{_DAY}[Tt ]{_CLOCK}")
AWARE_DATE_TIME = re.compile(f"{_DAY}[Tt ]{_CLOCK}{_OFFSET}")
ANY_DATE_TIME = re.compile(f"{_DAY}[Tt ]{_CLOCK}{_OFFSET}?")
NAIVE_TIME = re.compile(_CLOCK)
AWARE_TIME = re.compile(f"{_CLOCK}{_OFFSET}")
ANY_TIME = re.compile(f"{_CLOCK}{_OFFSET}?")
DURATION = re.compile(
    r"[+-]?(?:P[0-9A-Z.]{2,60}|(?:[0-9]{1,9} days?,? ?)?(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?)"
)
DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
HEX_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


# On first use, so that importing builds no validators.
@lru_cache(maxsize=8)
def _adapter(kind: type) -> TypeAdapter[object]:
    return TypeAdapter(kind)


def _like(pattern: re.Pattern[str], kind: type) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        if not pattern.fullmatch(text):
            return False
        try:
            # The pattern lets the 31st of February through.
            _adapter(kind).validate_python(text)
        except ValidationError:
            return False
        return True

    return accepts


def _is_decimal(text: str) -> bool:
    # Pydantic also takes "NaN" and "Infinity", which are no answers to "how much".
    return DECIMAL.fullmatch(text) is not None


def _is_url(text: str) -> bool:
    try:
        Url(text)
    except ValidationError:
        return False
    return True


def _is_multi_host_url(text: str) -> bool:
    try:
        MultiHostUrl(text)
    except ValidationError:
        return False
    return True


def _is_regex(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _uuid(version: int | None) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        return HEX_UUID.fullmatch(text) is not None and (version is None or UUID(text).version == version)

    return accepts


FORMATS: dict[str, Callable[[str], bool]] = {
    "date": _like(DATE, date),
    "date-time": _like(AWARE_DATE_TIME, datetime),
    "naive-date-time": _like(NAIVE_DATE_TIME, datetime),
    "any-date-time": _like(ANY_DATE_TIME, datetime),
    "time": _like(AWARE_TIME, time),
    "naive-time": _like(NAIVE_TIME, time),
    "any-time": _like(ANY_TIME, time),
    "duration": _like(DURATION, timedelta),
    "decimal": _is_decimal,
    "uuid": _uuid(None),
    **{f"uuid{version}": _uuid(version) for version in range(1, 9)},
    "uri": _is_url,
    "multi-host-uri": _is_multi_host_url,
    "regex": _is_regex,
}
"""By the `format` of a JSON Schema: whether a text is spelt that way. Formats not listed are the validator's own."""
