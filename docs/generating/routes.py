"""The part of the reference that comes from the form app's own description."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pausepoint import app, open_store
from pausepoint._settings import Settings
from pausepoint.app import contract, health, intake, legacy, problems, rest

from .code import model
from .docstrings import table

BODIES = (
    legacy.Submission,
    intake.Submitted,
    legacy.Status,
    rest.EventPage,
    rest.EventSummary,
    rest.EventDetail,
    rest.AnswerBody,
    rest.CancelBody,
    health.Health,
    health.Ready,
    problems.Problem,
)


_LIMITS = {"enum": "one of", "default": "default", "minimum": "at least", "maximum": "at most"}


def paths() -> dict[str, Any]:
    """Return the paths of the app's OpenAPI document."""
    described = app.create_app(open_store("memory://"), settings=Settings()).openapi()["paths"]
    assert isinstance(described, dict)
    return described


def routes() -> str:
    """Describe every route: what it does, its parameters, what it takes, what it answers."""
    parts = []
    for path, methods in paths().items():
        for method, route in methods.items():
            lines = [f"### {method.upper()} {path}", route["description"]]
            lines += ["\n".join(_parameter(each) for each in route.get("parameters", ()))]
            takes = [_named(body) for body in route.get("requestBody", {}).get("content", {}).items()]
            lines += [f"Takes {each}." for each in takes]
            for status, answer in route["responses"].items():
                given = [_named(body) for body in answer.get("content", {}).items()]
                if int(status) < HTTPStatus.BAD_REQUEST:
                    lines.append(f"{status}: {' or '.join(given) or 'no body'}.")
            refused = [status for status in route["responses"] if int(status) >= HTTPStatus.BAD_REQUEST]
            lines.append(f"Refusals: {', '.join(sorted(refused))}.")
            parts.append("\n\n".join(line for line in lines if line))
    return "\n\n".join(parts)


def statuses() -> str:
    """List what each refusal's status means, once for all routes."""
    rows = [[str(status), contract.refusals(status)[status]["description"]] for status in sorted(_refusals())]
    return table(["status", "means"], rows)


def bodies() -> str:
    """Describe every JSON body."""
    return "\n\n".join(model(each) for each in BODIES)


def _refusals() -> set[int]:
    found = {int(status) for methods in paths().values() for route in methods.values() for status in route["responses"]}
    return {status for status in found if status >= HTTPStatus.BAD_REQUEST}


def _parameter(described: dict[str, Any]) -> str:
    limits = [(key, described["schema"].get(key)) for key in _LIMITS]
    told = ", ".join(f"{_LIMITS[key]} `{_listed(value)}`" for key, value in limits if value is not None)
    text = f"- `{described['name']}` ({described['in']}{', required' if described.get('required') else ''})"
    parts = [part for part in (described.get("description", ""), told and f"{told.capitalize()}.") if part]
    return f"{text}: {' '.join(parts)}" if parts else text


def _listed(value: object) -> str:
    return "`, `".join(value) if isinstance(value, list) else str(value)


def _named(body: tuple[str, dict[str, Any]]) -> str:
    media_type, content = body
    schema = content.get("schema", {})
    shape = schema.get("title") or schema.get("$ref", "").rpartition("/")[2]
    linked = {each.__name__ for each in BODIES}
    return f"`{media_type}` ([{shape}](#{shape.lower()}))" if shape in linked else f"`{media_type}`"
