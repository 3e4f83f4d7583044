"""
What pydantic refuses, in words for reviewers, by dotted path.

Three things must not get through: the refused value, the names of union branches in the path, and pydantic's
programming words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails, core_schema

from .telling import EMPTY, FALLBACK, gathered

_AUTHORED = {"value_error", "assertion_error"}
_PREFIXES = ("Value error, ", "Assertion failed, ")
# Whatever else an error is called, an author's PydanticCustomError named it, and its words are the author's.
_PYDANTICS_OWN = set(get_args(core_schema.ErrorType)) - _AUTHORED

# Pydantic's own words are for programmers; what is not listed here is told by the fallback, never by them.
_MESSAGES = {
    "missing": "This field is missing.",
    "missing_argument": "This field is missing.",
    "extra_forbidden": "Unknown field.",
    "unexpected_keyword_argument": "Unknown field.",
    "none_required": "Must be left without a value.",
    "bool_type": "Must be yes or no.",
    "bool_parsing": "Must be yes or no.",
    "int_type": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_parsing_size": "This number is too long.",
    "int_from_float": "Must be a whole number.",
    "float_type": "Must be a number.",
    "float_parsing": "Must be a number.",
    "finite_number": "Must be a finite number.",
    "string_type": "Must be text.",
    "string_too_short": "Must be at least {min_length} characters long.",
    "string_too_long": "Must be at most {max_length} characters long.",
    "string_pattern_mismatch": "Does not have the expected form.",
    "greater_than": "Must be more than {gt}.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than": "Must be less than {lt}.",
    "less_than_equal": "Must be at most {le}.",
    "multiple_of": "Must be a multiple of {multiple_of}.",
    "decimal_type": "Must be a decimal number.",
    "decimal_parsing": "Must be a decimal number.",
    "decimal_max_digits": "Must have at most {max_digits} digits.",
    "decimal_max_places": "Must have at most {decimal_places} digits after the point.",
    "decimal_whole_digits": "Must have at most {whole_digits} digits before the point.",
    "literal_error": "Choose one of: {expected}.",
    "enum": "Choose one of: {expected}.",
    "union_tag_invalid": "Choose one of: {expected_tags}.",
    "union_tag_not_found": "It does not say which kind it is.",
    "too_short": "Needs at least {min_length} entries.",
    "too_long": "May have at most {max_length} entries.",
    "list_type": "Must be a list.",
    "set_item_not_hashable": "An entry of this kind cannot be in a set.",
    "dict_type": "Must be a group of named values.",
    "model_type": "Must be a group of named values.",
    "dataclass_type": "Must be a group of named values.",
    "date_past": "Must be in the past.",
    "date_future": "Must be in the future.",
    "datetime_past": "Must be in the past.",
    "datetime_future": "Must be in the future.",
    "date_parsing": "Must be a date, such as 2025-12-31.",
    "date_from_datetime_parsing": "Must be a date, such as 2025-12-31.",
    "datetime_parsing": "Must be a date and time, such as 2025-12-31T14:30.",
    "datetime_from_date_parsing": "Must be a date and time, such as 2025-12-31T14:30.",
    "time_parsing": "Must be a time of day, such as 14:30.",
    "time_delta_parsing": "Must be a length of time, such as 1:30:00 or 2 days.",
    "timezone_aware": "Needs a UTC offset, such as +02:00.",
    "timezone_naive": "Must have no UTC offset.",
    "uuid_parsing": "Must be a UUID, such as 12345678-1234-5678-1234-567812345678.",
    "uuid_version": "Must be a UUID of version {expected_version}.",
    "url_parsing": "Must be a web address, such as https://example.org.",
    "url_scheme": "Must begin with {expected_schemes}.",
    "url_too_long": "Must be at most {max_length} characters long.",
    "json_invalid": "Must be JSON.",
    "recursion_loop": "It contains itself.",
}

MOST_FAULTS = 500
"""Of pydantic's; more are not looked at: a short answer to a type of many unions can have any number of them."""

Path = tuple[str | int, ...]


class _Reading(NamedTuple):
    """One way to read a location: which of its parts are fields, and whether these lead to the refused input."""

    fits: bool
    taken: tuple[int, ...]


class _Complaint(NamedTuple):
    path: Path
    union: Path | None
    branch: str | int
    authored: bool
    message: str


def complaints(error: ValidationError, value: JsonValue) -> dict[str, str]:
    """
    Return a message per dotted path, without the refused value; of the branches of a union, only the best fit is heard.

    No more of them than `telling.gathered` allows.

    Args:
        error: What pydantic raised.
        value: The JSON value that was parsed; it tells fields from branch names in pydantic's locations.
    """
    found = [_complaint(details, value) for details in error.errors(include_url=False)[:MOST_FAULTS]]
    heard = _of_best_branches(found)
    return gathered((".".join(map(str, complaint.path)), complaint.message) for complaint in heard)


def message(details: ErrorDetails) -> str:
    """Return one of pydantic's errors in words for reviewers; an author's own words stay as they are."""
    if details["type"] == "string_pattern_mismatch" and details["input"] == "":
        return EMPTY
    if details["type"] in _PYDANTICS_OWN:
        return _MESSAGES.get(details["type"], FALLBACK).format_map(_Told(details.get("ctx", {})))
    words = details["msg"]
    for prefix in _PREFIXES:
        words = words.removeprefix(prefix)
    return words or FALLBACK


class _Told(dict[str, Any]):
    # Which limits an error carries differs between releases of pydantic; a vague message is better than a KeyError.
    def __missing__(self, key: str) -> str:
        return "what is expected"


def _complaint(details: ErrorDetails, value: JsonValue) -> _Complaint:
    taken = _fields(details, value)
    loc = details["loc"]
    path = tuple(loc[at] for at in taken)
    # The first part that is no field is the branch of the outermost union: that union is where fits are compared.
    noise = next((at for at in range(len(loc)) if at not in taken), None)
    union = None if noise is None else loc[:noise]
    branch = "" if noise is None else loc[noise]
    return _Complaint(path, union, branch, details["type"] not in _PYDANTICS_OWN, message(details))


def _fields(details: ErrorDetails, value: JsonValue) -> tuple[int, ...]:
    """
    Return which parts of pydantic's location are fields; the others name branches of unions and validators.

    A branch may be called like a field, so every reading is tried; the longest that leads to the refused input wins.
    """
    loc = details["loc"]
    # The last part of "missing" names what is not there, so it is a field that leads nowhere.
    end = len(loc) - (details["type"] in ("missing", "missing_argument"))
    known: dict[tuple[int, int], _Reading | None] = {}

    def best(at: int, value: Any) -> _Reading | None:
        if at == end:
            return _Reading(_same(value, details.get("input")), tuple(range(end, len(loc))))
        # Remembered by place: a recursive type's fields are all called alike, and there are 2**depth ways to them.
        place = (at, id(value))
        if place not in known:
            ways = list(_ways(at, value))
            known[place] = max(ways, key=lambda way: (way.fits, len(way.taken)), default=None)
        return known[place]

    def _ways(at: int, value: Any) -> Iterator[_Reading]:
        part = loc[at]
        if _is_inside(part, value) and (deeper := best(at + 1, value[part])):
            yield _Reading(deeper.fits, (at, *deeper.taken))
        # In a list a number is a position. Elsewhere it may be a branch: discriminators can be numbers.
        if not (isinstance(part, int) and isinstance(value, list)) and (passed := best(at + 1, value)):
            yield passed

    found = best(0, value)
    return found.taken if found else ()


def _is_inside(part: str | int, value: Any) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)


def _same(found: object, given: object) -> bool:
    # By type too: True == 1 in Python, and the wrong one of the two would be pointed at.
    return type(found) is type(given) and found == given


def _of_best_branches(found: Sequence[_Complaint]) -> Iterator[_Complaint]:
    """Leave out the branches of a union that fit worse than its best: more complaints that are not the author's."""
    faults: dict[Path, dict[str | int, tuple[int, int]]] = {}
    for complaint in found:
        if complaint.union is not None:
            branches = faults.setdefault(complaint.union, {})
            count, depth = branches.get(complaint.branch, (0, 0))
            # Among equals, a complaint about a part means that the whole was at least of the right kind.
            branches[complaint.branch] = (count + (not complaint.authored), min(depth, -len(complaint.path)))
    best: Mapping[Path, str | int] = {union: min(known, key=known.__getitem__) for union, known in faults.items()}
    return (one for one in found if one.union is None or one.branch == best[one.union])
