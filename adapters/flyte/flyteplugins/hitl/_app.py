"""The form app and the body of its JSON route, under the names that the documentation gives them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class HITLSubmissionTyped(BaseModel):
    """
    An answer as JSON, as `POST /submit/json` takes it.

    Attributes:
        request_id: The event.
        value: The answer; of a scalar type, a text that spells it will do.
        data_type, response_path: If given, they must be the event's own; nothing is read from or written to a path.
    """

    request_id: str
    value: Any
    data_type: str | None = None
    response_path: str | None = None


def __getattr__(name: str) -> Any:
    if name == "app":
        from ._environments import app_environment

        return app_environment().app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
