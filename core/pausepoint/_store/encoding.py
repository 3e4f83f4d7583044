"""Records as bytes: strict JSON out, and nothing half-understood in."""

from __future__ import annotations

import json
from typing import NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from .._models import MAX_BODY_BYTES, SCHEMA_VERSION, Record
from ..errors import UnreadableRecordError, UsageError
from . import layout
from .protocol import event_of, shown_path

R = TypeVar("R", bound=Record)

_OWNERS = ("request_id", "number", "digest")


def encoded(path: str, record: Record) -> bytes:
    """
    Write a record as UTF-8 JSON.

    Raises:
        UsageError: It is larger than 1 MiB, or holds what JSON cannot: NaN, Infinity, half a surrogate pair.
    """
    try:
        body = json.dumps(
            record.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode("utf-8")
    except (ValueError, RecursionError):
        # Without its cause: the message of a JSON error repeats the value.
        raise UsageError(
            f"The {_kind(record)} holds something that JSON cannot hold: NaN, Infinity, or half a character.",
            "Correct the value.",
            event_of(path),
        ) from None
    if len(body) > MAX_BODY_BYTES:
        raise UsageError(
            f"The {_kind(record)} is {len(body)} bytes long; at most {MAX_BODY_BYTES} are stored.",
            "Shorten the prompt, the type's schema or the value; put large data elsewhere and ask about its address.",
            event_of(path),
        )
    return body


def decoded(path: str, body: bytes, kind: type[R], **owner: object) -> R:
    """
    Read a record.

    Args:
        path: Where it was found.
        body: The stored bytes.
        kind: What it must be.
        owner: Fields and the values they must have at this path, e.g. `request_id="..."`.

    Raises:
        UnreadableRecordError: It is not complete JSON, has another shape, is of a newer version, or belongs elsewhere.
    """
    try:
        content = from_json(body, allow_inf_nan=False)
    except ValueError:
        _refuse(path, "is not complete, valid JSON")
    # A reader makes nothing up: what every writer writes must be there, defaults or not.
    if not isinstance(content, dict) or not isinstance(content.get("write_id"), str):
        _refuse(path, f"is not a {kind.__name__}")
    version = content.get("schema_version")
    if not isinstance(version, int):
        _refuse(path, f"is not a {kind.__name__}")
    if version > SCHEMA_VERSION:
        _refuse(
            path,
            f"was written by a newer Pausepoint (its version is {version}, this one knows {SCHEMA_VERSION})",
            "Upgrade Pausepoint here: `pip install --upgrade pausepoint`.",
        )
    try:
        record = kind.model_validate(content)
    except (ValidationError, RecursionError):
        _refuse(path, f"is not a {kind.__name__}")
    if any(getattr(record, field) != value for field, value in owner.items()):
        _refuse(path, "belongs to another place: what it says about itself is not where it lies")
    return record


def owner_of(record: Record) -> dict[str, object]:
    """Return the fields that tie a record to its path, with their values."""
    return {field: getattr(record, field) for field in _OWNERS if field in type(record).model_fields}


def _kind(record: Record) -> str:
    return type(record).__name__.lower()


_REMEDY = "Restore it from a backup, or move it away; Pausepoint never overwrites it. Other events go on."
# Without its secret every request id would be another one, and every question would be asked again.
_REMEDY_OF_KEY = "Restore it from a backup; do not delete it, since ids and links are made with it."


def _refuse(path: str, why: str, todo: str = "") -> NoReturn:
    raise UnreadableRecordError(
        f"The stored object {shown_path(path)} {why}.",
        todo or (_REMEDY_OF_KEY if path.startswith(layout.KEYS) else _REMEDY),
        event_of(path),
        path,
    ) from None
