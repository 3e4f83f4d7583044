"""The command line that answers a question from a terminal, with a value of the right shape to edit."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from .._models import Request

_BY_FORMAT = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.org/",
    "email": "somebody@example.org",
}
_DEEPEST = 8


def curl_line(request: Request, url: str, bearer: str = "") -> str:
    """
    Return a POSIX shell command that submits an example answer to `url` (the app's `/submit/json`) when it is pasted.

    The link's token, where links carry one, goes along as bearer.

    The example comes from the schema alone; a prefilled value could hold a secret and would be copied into a report.
    """
    body = json.dumps({"request_id": request.request_id, "value": sample(request.json_schema)})
    vouched = ["-H", f"Authorization: Bearer {bearer}"] if bearer else []
    return shlex.join(["curl", "-X", "POST", url, "-H", "Content-Type: application/json", *vouched, "-d", body])


def sample(schema: Mapping[str, Any]) -> JsonValue:
    """Return a small JSON value of the shape a JSON Schema asks for; of its limits only bounds and lengths are kept."""
    return _sample(schema, schema, 0)


def _sample(schema: Any, root: Mapping[str, Any], depth: int) -> JsonValue:
    # A recursive type has no end of its own; null in its depth is wrong, but short enough to be corrected by hand.
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    if "$ref" in schema:
        return _sample(_target(str(schema["$ref"]), root), root, depth + 1)
    # An example of a secret may be a real one, and a report is read by more people than a form.
    secret = schema.get("writeOnly") or schema.get("format") == "password"
    for given in ([schema["const"]] if "const" in schema else [], schema.get("enum"), schema.get("examples")):
        if given and not secret:
            return given[0]  # type: ignore[no-any-return]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return _sample(schema[choice][0], root, depth + 1)
    return _of_type(schema, root, depth)


def _target(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> JsonValue:
    kind = schema.get("type")
    if kind == "object":
        named = schema.get("properties", {})
        return {name: _sample(named.get(name), root, depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        items = [*schema.get("prefixItems", ())]
        items += [schema.get("items")] * (schema.get("minItems", 0) - len(items))
        return [_sample(item, root, depth + 1) for item in items]
    if kind in ("integer", "number"):
        return _number(schema)
    if kind == "boolean":
        return False
    return _text(schema) if kind == "string" else None


def _number(schema: Mapping[str, Any]) -> JsonValue:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
    highest = schema.get("maximum", schema.get("exclusiveMaximum", lowest + 1) - ("exclusiveMaximum" in schema))
    number: int | float = min(max(lowest, 0), highest)
    return int(number) if schema.get("type") == "integer" else number


def _text(schema: Mapping[str, Any]) -> str:
    text = _BY_FORMAT.get(str(schema.get("format")), "text")
    longest: int | None = schema.get("maxLength")
    return text.ljust(schema.get("minLength", 0), "x")[:longest]
