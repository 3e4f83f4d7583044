"""What the form app tells: problems for programs, pages for reviewers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import anyio
from house import Site, refused_beforehand
from occasions import ID, OTHER_ID, SECRET, TYPED, each, occasion

from pausepoint._links import LinkTokens
from pausepoint._models import MAX_BODY_BYTES, Response, Reviewer, utc_now
from pausepoint._store import MemoryStore, layout
from pausepoint._store.keys import new_key
from pausepoint.app.readiness import Readiness

JSON = {"Content-Type": "application/json"}
KEY = new_key()
LINKS = LinkTokens([("k1", KEY.secret_bytes)])


def _submission(**more: Any) -> bytes:
    return json.dumps({"request_id": ID, "value": 3, **more}).encode()


@each(
    not_UTF_8=b'"\xff"',
    not_JSON=f'{{"{TYPED}'.encode(),
    two_values_for_a_key=f'{{"{TYPED}": 1, "{TYPED}": 2}}'.encode(),
    NaN=b'{"value": NaN}',
    a_number_too_large=b'{"value": 1e999}',
    a_number_too_long=b"1" * 4400,
    half_a_character=b'"\\ud800"',
    nested_too_deep=b"[" * 40 + b"]" * 40,
    nested_beyond_all_measure=b"[" * 200_000,
    another_shape=json.dumps({"request_id": ID, "extra": TYPED}).encode(),
)
async def a_body_with(body: bytes) -> str:
    return await Site().told("POST", "/submit/json", content=body, headers=JSON)


@each(
    an_unknown_question=_submission(),
    a_misfit=_submission(value=TYPED),
    another_type=_submission(data_type="float"),
    another_place=_submission(response_path="v1/elsewhere"),
    a_comment_too_long=_submission(comment=TYPED * 1000),
)
async def an_answer_to(body: bytes) -> str:
    site = Site()
    if json.loads(body)["value"] == TYPED or len(body) > len(_submission()):
        await site.asks()
    return await site.told("POST", "/submit/json", content=body, headers=JSON)


@occasion
async def an_answer_too_large_to_be_stored() -> str:
    site = Site()
    await site.asks(str)
    return await site.told("POST", "/submit/json", content=_submission(value="x" * 1_048_500), headers=JSON)


@occasion
async def an_answer_that_the_workflow_refuses() -> str:
    site = Site()
    await refused_beforehand(site.records, await site.asks(schema_complete=False))
    return await site.told("POST", "/submit/json", content=_submission(), headers=JSON)


@each(
    answered={"outcome": "answered", "source": "reviewer", "by": Reviewer(name="Ada"), "comment": TYPED},
    expired={"outcome": "expired", "source": "deadline"},
    cancelled={"outcome": "cancelled", "source": "operator", "reason": TYPED},
)
async def an_answer_to_an_event_that_was(given: dict[str, Any]) -> str:
    site = Site()
    await site.asks()
    await site.records.put_response(Response(request_id=ID, **given))
    return await site.told("POST", "/submit/json", content=_submission(), headers=JSON)


@each(
    without_a_value=("answer", {}),
    with_a_comment_too_long=("answer", {"value": 3, "comment": TYPED * 1000}),
    that_cancels_with_a_reason_too_long=("cancel", {"reason": TYPED * 1000}),
)
async def a_call_of_the_API(given: tuple[str, dict[str, Any]]) -> str:  # noqa: N802
    site = Site()
    await site.asks()
    return await site.told("POST", f"/api/v1/events/{ID}/{given[0]}", json=given[1])


@occasion
async def a_link_that_was_cut() -> str:
    return await Site().told("GET", f"/form/{ID[:20]}")


@each(
    that_is_forged=lambda expires: f"k1.{SECRET}",
    that_has_expired=lambda expires: LINKS.issue(ID, utc_now() - timedelta(days=1)),
    of_another_question=lambda expires: LINKS.issue(OTHER_ID, expires),
)
async def a_link(made: Callable[[datetime], str]) -> str:
    site = Site(links="token")
    await site.asks()
    await site.store.create(layout.signing_key_path("k1"), KEY.model_dump_json().encode())
    return await site.told("GET", f"/form/{ID}?token={made(utc_now() + timedelta(days=1))}")


@occasion
async def a_question_that_cannot_be_read() -> str:
    site = Site()
    await site.store.create(layout.request_path(ID), b"{")
    return await site.told("GET", f"/form/{ID}")


@occasion
async def an_answer_to_a_question_whose_schema_is_broken() -> str:
    site = Site()
    await site.asks(json_schema={"type": "nonsense"})
    return await site.told("POST", "/submit/json", content=_submission(), headers=JSON)


@occasion
async def a_question_whether_it_is_ready_as_it_starts() -> str:
    site = Site()
    site.app.state.desk.readiness.expect()
    return await site.told("GET", "/ready")


@occasion
async def a_question_whether_it_is_ready_of_a_store_that_hangs() -> str:
    class Hanging(MemoryStore):
        async def get(self, path: str, limit: int = MAX_BODY_BYTES) -> bytes | None:
            await anyio.sleep_forever()

    site = Site()
    site.app.state.desk.readiness = Readiness(Hanging(), patience=0.01)
    return await site.told("GET", "/ready")
