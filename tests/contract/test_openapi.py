"""Schemathesis against the app's own description: every operation, every check, also with a real event's id."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pausepoint._models import Request, RunContext, utc_now
from pausepoint._settings import Settings
from pausepoint._store import MemoryStore, Records
from pausepoint.app import create_app

PENDING, SETTLED, JUDGED = "p" * 26, "s" * 26, "j" * 26
QUIET = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


async def ask(store: MemoryStore, request_id: str, **more: Any) -> Request:
    given: dict[str, Any] = {
        "request_id": request_id,
        "name": "approve",
        "key": request_id,
        "run": RunContext(engine="local", run_id="nightly"),
        "title": "Approve?",
        "prompt": "Do you?",
        "data_type": "Any",
        "json_schema": {},
        "schema_complete": True,
        "created_at": utc_now(),
        "deadline": utc_now() + timedelta(days=1),
    }
    request = Request.model_validate({**given, **more})
    await Records(store).put_request(request)
    return request


async def prepared() -> Any:
    store = MemoryStore()
    await Records(store).identity_secret()
    await ask(store, PENDING, json_schema={"const": "nobody guesses this"}, data_type="str")
    await ask(store, JUDGED, json_schema={"const": "nobody guesses this"}, data_type="str", schema_complete=False)
    settled = await ask(store, SETTLED)
    # The name under which Schemathesis calls an ASGI app.
    app = create_app(store, settings=Settings(store="memory://", public_url="http://testserver"))
    await app.state.desk.settling.cancel(settled, "for the test")
    return app


APP = asyncio.run(prepared())
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP)
TRUTHFUL = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@SCHEMA.parametrize()
@QUIET
def test_the_app_is_what_its_description_says(case: schemathesis.Case) -> None:
    case.call_and_validate()


@pytest.mark.parametrize("request_id", [PENDING, SETTLED, JUDGED])
@SCHEMA.include(path_regex="request_id|submit").parametrize()
@QUIET
def test_so_it_is_for_events_that_are_there(case: schemathesis.Case, request_id: str) -> None:
    if "request_id" in case.path_parameters:
        case.path_parameters["request_id"] = request_id
    if case.path.endswith("/wait"):
        case.query["timeout"] = 0  # the wait itself would be waited for
    if isinstance(case.body, dict) and "request_id" in case.body:
        case.body["request_id"] = request_id
    case.call_and_validate(checks=TRUTHFUL)
