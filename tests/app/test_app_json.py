"""The JSON routes, the REST API, health and readiness."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from pausepoint._links import verify_proof
from pausepoint._models import RunContext, utc_now
from pausepoint._store import layout
from pausepoint.errors import AnswerError

pytestmark = pytest.mark.anyio


class Shirt(BaseModel):
    """Two fields, one of which may be left out."""

    size: str
    count: int = 1


def refuses(value: Any) -> object:
    raise AnswerError("no", fields={"size": "Not that one."})


async def post(browser: Any, request: Any, value: Any, **more: Any) -> Any:
    return await browser.post("/submit/json", json={"request_id": request.request_id, "value": value, **more})


async def test_a_json_answer_settles_the_event(house: Any) -> None:
    request = await house.ask(Shirt)
    async with house.browser() as browser:
        reply = await post(browser, request, {"size": "M"}, comment="fine")

    response = await house.response(request)
    assert reply.status_code == 200
    told = reply.json()
    assert {name: told[name] for name in ("status", "request_id", "value", "data_type")} == {
        "status": "submitted",
        "request_id": request.request_id,
        "value": {"size": "M"},
        "data_type": "Shirt",
    }
    assert (response.value, response.comment, response.through) == ({"size": "M"}, "fine", "json")


@pytest.mark.parametrize(
    ("data_type", "value"),
    [(bool, "maybe"), (bool, 1), (bool, None), (int, "5"), (int, 5.5), (int, True), (float, "nan"), (str, None),
     (str, 5), (str, {}), (Shirt, {}), (Shirt, {"size": "M", "more": 1}), (Shirt, {"size": None}), (Shirt, [])],
)  # fmt: skip
async def test_a_value_that_the_type_refuses_is_refused(house: Any, data_type: Any, value: Any) -> None:
    request = await house.ask(data_type)
    async with house.browser() as browser:
        reply = await post(browser, request, value)

    problem = reply.json()
    assert (reply.status_code, problem["status"]) == (422, 422)
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["errors"]
    assert problem["event"] == request.label
    assert not house.store.created


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b'{"value": NaN}', b'{"value": 1e999}', b'{"value": 1, "value": 2}',
     b'{"value": "\\ud800"}', b'{"value": 1}', b'{"request_id": 1, "value": 1}', b'{"request_id": "%s"}',
     b'{"request_id": "%s", "value": 1, "extra": 2}', b'{"request_id": "%s", "value": 1, "comment": 5}',
     b'{"request_id": "%s", "value": 1, "comment": null}',
     b'{"request_id": "%s", "value": ' + b"[" * 40 + b"]" * 40 + b"}"],
    ids=lambda body: body[:40].decode("latin-1"),
)  # fmt: skip
async def test_a_body_that_is_not_the_expected_json_is_refused_and_not_repeated(house: Any, body: bytes) -> None:
    request = await house.ask(int)
    async with house.browser(content_type="application/json") as browser:
        reply = await browser.post("/submit/json", content=body.replace(b"%s", request.request_id.encode()))

    assert reply.status_code == 422
    assert reply.json()["errors"]
    assert not house.store.created


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
     "application/json; charset=utf-16", "application/problem+json"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/submit/json", "/api/v1/events/{id}/answer", "/api/v1/events/{id}/cancel"])
async def test_json_routes_take_json_only(house: Any, kind: str | None, path: str) -> None:
    request = await house.ask(int)
    body = json.dumps({"request_id": request.request_id, "value": 1}).encode()
    async with house.browser() as browser:
        reply = await browser.post(
            path.replace("{id}", request.request_id), content=body, headers={"content-type": kind} if kind else {}
        )

    assert reply.status_code == 415
    assert await house.response(request) is None


@pytest.mark.parametrize("kind", [None, "text/plain", "application/json", "multipart/form-data; boundary=x"])
async def test_the_form_route_takes_forms_only(house: Any, kind: str | None) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        held = await browser.opened(request) | {"v": "1"}
        body = "&".join(f"{name}={value}" for name, value in held.items()).encode()
        reply = await browser.post("/submit", content=body, headers={"content-type": kind} if kind else {})

    assert reply.status_code == 415
    assert await house.response(request) is None


QUOTED = RunContext(engine="elsewhere", run_id="r1", spelled_literals=True)


@pytest.mark.parametrize(
    ("data_type", "value", "meant"),
    [(int, "42", 42), (int, "-7", -7), (float, "2.5", 2.5), (float, "1e3", 1000), (bool, "true", True),
     (bool, "false", False), (str, "42", "42"), (str, "true", "true"), (int, 42, 42),
     (Annotated[int, Field(le=9)], "9", 9)],
    ids=str,
)  # fmt: skip
async def test_a_quoted_literal_is_read_where_the_run_says_that_its_programs_quote_them(
    house: Any, data_type: Any, value: Any, meant: Any
) -> None:
    request = await house.ask(data_type, run=QUOTED)
    async with house.browser() as browser:
        reply = await post(browser, request, value, data_type=request.data_type)

    assert (reply.status_code, (await house.response(request)).value) == (200, meant)
    assert type(reply.json()["value"]) is type(meant)


@pytest.mark.parametrize(
    ("data_type", "value"),
    [(bool, text) for text in ("maybe", "on", "Y", "TRUE", "True", " true", "1", "", "null")]
    + [
        (int, text)
        for text in ("1_000", "\N{ARABIC-INDIC DIGIT THREE}", " 4 ", "4\n", "3.0", "1e3", "+1", "007", "0x1")
    ]
    + [(int, "9" * 5000), (int, "true"), (Annotated[int, Field(le=9)], "10")]
    + [(float, text) for text in ("nan", "inf", "1e400", "1_0.5", ".5", "5.", "NaN", "")],
    ids=lambda given: str(given)[:20],
)
async def test_what_is_not_exactly_one_literal_of_the_type_stays_a_text_and_is_refused(
    house: Any, data_type: Any, value: str
) -> None:
    request = await house.ask(data_type, run=QUOTED)
    async with house.browser() as browser:
        reply = await post(browser, request, value)

    assert reply.status_code == 422
    assert await house.response(request) is None


@pytest.mark.parametrize(
    "claims",
    [{"data_type": "str"}, {"data_type": "banana"}, {"response_path": "/etc/passwd"}, {"response_path": ""},
     {"response_path": "s3://bucket/response.json"}, {"response_path": "../../response.json"}],
    ids=str,
)  # fmt: skip
async def test_a_clients_type_and_path_are_verified_and_never_believed(house: Any, claims: dict[str, str]) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        refused = await post(browser, request, 5, **claims)
        true = {"data_type": "int", "response_path": layout.response_path(request.request_id)}
        taken = await post(browser, request, 5, **true)

    assert refused.status_code == 422
    assert set(refused.json()["errors"]) == set(claims)
    assert taken.status_code == 200
    assert all(path.startswith("v1/") for path in house.store.created)


ODD_IDS = ["a", "A" * 26, "a" * 25, "a" * 27, "1" * 26, "%2e%2e", "%2e%2e%2f", "a" * 26 + "%00", "a" * 5000,
           "http:%2f%2fevil.example", "a" * 25 + "%0a", "é" * 26, "file:", "<script>alert(9)<%2fscript>"]  # fmt: skip


@pytest.mark.parametrize("request_id", ODD_IDS, ids=lambda text: text[:12])
async def test_a_path_trick_is_an_unknown_id_and_never_reaches_the_store(house: Any, request_id: str) -> None:
    await house.ask(int)
    async with house.browser() as browser:
        house.store.read.clear()
        got = [await browser.get(f"{path}/{request_id}") for path in ("/form", "/status", "/api/v1/events")]
        sent = await browser.post("/submit/json", json={"request_id": request_id, "value": 1})
        answered = await browser.post(f"/api/v1/events/{request_id}/answer", json={"value": 1})

    assert {reply.status_code for reply in got} == {404}
    assert sent.status_code == 404
    assert answered.status_code in (404, 405)
    assert not [path for path in house.store.read if "events" in path]
    assert "<script>" not in "".join(reply.text for reply in (*got, sent))


async def test_query_parameters_of_older_servers_mean_nothing(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        reply = await browser.get(
            f"/status/{request.request_id}?request_path=/etc/passwd&response_path=/etc/passwd&data_type=str"
        )
        page = await browser.get(f"/form/{request.request_id}?v=5&request_path=http://evil.example&action=decline")

    assert reply.json()["status"] == "pending"
    assert 'value="5"' not in page.text
    assert not [path for path in house.store.read if not path.startswith("v1/")]


async def test_a_second_answer_is_told_who_was_first(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        url = f"/api/v1/events/{request.request_id}/answer"
        await browser.post(url, json={"value": 1, "reviewer": "Ann"})
        replies = [await post(browser, request, 2), await browser.post(url, json={"value": 2})]

    for reply in replies:
        told = reply.json()
        assert (reply.status_code, told["outcome"], told["by"]) == (409, "answered", "Ann")
        assert told["settled_at"]
    assert (await house.response(request)).value == 1


@pytest.mark.parametrize("outcome", ["expired", "cancelled"])
async def test_a_closed_event_is_gone(house: Any, outcome: str) -> None:
    late = utc_now() - timedelta(minutes=1) if outcome == "expired" else None
    request = await house.ask(int, deadline=late)
    async with house.browser() as browser:
        if outcome == "cancelled":
            await browser.post(f"/api/v1/events/{request.request_id}/cancel", json={"reason": "no longer needed"})
        reply = await post(browser, request, 2)
        status = (await browser.get(f"/status/{request.request_id}")).json()

    assert (reply.status_code, reply.json()["outcome"]) == (410, outcome)
    assert (status["status"], status["outcome"]) == ("completed", outcome)


async def test_an_answer_that_only_the_workflow_can_check_is_judged_before_the_reply(house: Any) -> None:
    request = await house.ask(Shirt, schema_complete=False)
    async with house.browser() as browser:
        async with house.waiting(request, refuses):
            refused = await post(browser, request, {"size": "XXL"})
        async with house.waiting(request, lambda value: value) as got:
            accepted = await post(browser, request, {"size": "M"})

    assert (refused.status_code, refused.json()["errors"]) == (422, {"size": "Not that one."})
    assert (accepted.status_code, accepted.json()["status"]) == (200, "submitted")
    assert [response.value for response in got] == [{"size": "M"}]


async def test_a_waiter_in_this_process_is_woken_without_the_store(house: Any) -> None:
    request = await house.ask(int, schema_complete=False)
    # No marker can be written or found, so only the direct hint is left before the POST stops waiting.
    house.store.fails = lambda what, path: "/wake/" in path
    async with house.browser() as browser, house.waiting(request, lambda value: value) as got:
        replies = [await post(browser, request, 5)]

    assert [reply.status_code for reply in replies] == [200]
    assert [response.value for response in got] == [5]


async def test_an_answer_that_nobody_can_check_now_is_saved(house: Any) -> None:
    request = await house.ask(Shirt, schema_complete=False)
    async with house.browser() as browser:
        reply = await post(browser, request, {"size": "M"})

    assert (reply.status_code, reply.json()["status"]) == (202, "saved")


async def test_status_tells_how_it_stands_and_never_the_value_or_a_path(house: Any) -> None:
    request = await house.ask(str)
    async with house.browser() as browser:
        before = await browser.get(f"/status/{request.request_id}")
        await post(browser, request, "hunter2")
        after = await browser.get(f"/status/{request.request_id}")
        unknown = await browser.get(f"/status/{'b' * 26}")

    assert (before.json()["status"], before.json()["name"]) == ("pending", "approve")
    assert (after.json()["status"], after.json()["outcome"]) == ("completed", "answered")
    assert (unknown.status_code, unknown.json()["status"]) == (404, "not_found")
    assert not [word for word in ("hunter2", "v1/", ".json") if word in after.text]


async def test_health_proves_which_store_it_serves_and_not_without_a_nonce(house: Any) -> None:
    await house.ask(int)
    await house.records.store_id()
    async with house.browser() as browser:
        proven = (await browser.get("/health", params={"nonce": "n" * 24})).json()
        house.store.fails = lambda what, path: True
        bare = await browser.get("/health")
        odd = await browser.get("/health", params={"nonce": "../x"})
        house.store.fails = lambda what, path: False

    assert verify_proof(await house.records.identity_secret(), "n" * 24, proven["proof"])
    assert proven["store"] == await house.records.store_id()
    assert bare.json() == {"status": "healthy"}
    assert odd.status_code == 422


async def test_an_app_of_another_store_proves_nothing(house: Any) -> None:
    await house.ask(int)
    other = type(house)()
    await other.ask(int)
    async with other.browser() as browser:
        told = (await browser.get("/health", params={"nonce": "n" * 24})).json()

    assert not verify_proof(await house.records.identity_secret(), "n" * 24, told["proof"])


async def test_ready_says_whether_the_store_replies(house: Any) -> None:
    async with house.browser() as browser:
        good = await browser.get("/ready")
        house.store.fails = lambda what, path: what == "list"
        bad = await browser.get("/ready")

    assert (good.status_code, good.json()) == (200, {"status": "ready", "writes": "untried", "index": "untried"})
    assert bad.status_code == 503
    assert bad.headers["retry-after"]
    assert bad.json()["detail"] == "The store does not reply."


async def test_an_event_is_shown_without_its_answer(house: Any) -> None:
    request = await house.ask(str, prompt="**Which?**")
    async with house.browser() as browser:
        await browser.post(f"/api/v1/events/{request.request_id}/answer", json={"value": "hunter2", "reviewer": "Ann"})
        reply = await browser.get(f"/api/v1/events/{request.request_id}")

    told = reply.json()
    assert (told["prompt"], told["status"], told["outcome"], told["by"]) == (
        "**Which?**",
        "completed",
        "answered",
        "Ann",
    )
    assert told["json_schema"] == request.json_schema
    assert "hunter2" not in reply.text


async def test_declining_needs_no_value_and_answering_does(house: Any) -> None:
    request = await house.ask(int)
    async with house.browser() as browser:
        url = f"/api/v1/events/{request.request_id}/answer"
        refused = await browser.post(url, json={"comment": "no value"})
        declined = await browser.post(url, json={"declined": True, "comment": "not mine"})

    assert (refused.status_code, set(refused.json()["errors"])) == (422, {"value"})
    assert declined.status_code == 200
    assert (await house.response(request)).outcome == "declined"


async def test_null_is_a_value_where_the_type_has_it(house: Any) -> None:
    request = await house.ask(type(None))
    async with house.browser() as browser:
        reply = await browser.post(f"/api/v1/events/{request.request_id}/answer", json={"value": None})

    assert reply.status_code == 200


async def test_cancelling_twice_is_one_cancel_and_cancelling_an_answered_event_is_refused(house: Any) -> None:
    request, answered = await house.ask(int), await house.ask(int)
    async with house.browser() as browser:
        await post(browser, answered, 1)
        url = f"/api/v1/events/{request.request_id}/cancel"
        replies = [await browser.post(url, json={"reason": reason}) for reason in ("first", "second")]
        refused = await browser.post(f"/api/v1/events/{answered.request_id}/cancel", json={})

    assert [reply.status_code for reply in replies] == [200, 200]
    response = await house.response(request)
    assert (response.outcome, response.reason, response.source) == ("cancelled", "first", "operator")
    assert (refused.status_code, refused.json()["outcome"]) == (409, "answered")


async def test_an_overdue_event_has_expired_and_cannot_be_cancelled(house: Any) -> None:
    request = await house.ask(int, deadline=utc_now() - timedelta(minutes=1))
    async with house.browser() as browser:
        reply = await browser.post(f"/api/v1/events/{request.request_id}/cancel", json={})

    assert (reply.status_code, reply.json()["outcome"]) == (410, "expired")
    assert (await house.response(request)).outcome == "expired"


@pytest.mark.parametrize("path", ["/api/v1/events/{id}/answer", "/api/v1/events/{id}/cancel"])
async def test_a_text_beyond_its_limit_is_refused(house: Any, path: str) -> None:
    request = await house.ask(int)
    long = "ä" * 5000
    body = {"reason": long} if "cancel" in path else {"value": 1, "comment": long}
    async with house.browser() as browser:
        reply = await browser.post(path.replace("{id}", request.request_id), json=body)

    assert (reply.status_code, set(reply.json()["errors"])) == (422, {next(reversed(body))})
    assert await house.response(request) is None


async def test_with_an_operators_token_list_cancel_and_the_rest_api_need_it(house: Any) -> None:
    request = await house.ask(int)
    one = f"/api/v1/events/{request.request_id}"
    app = house.app(api_token="0perator")
    for token in (None, "Bearer", "Bearer wrong", "Basic 0perator", "Bearer 0perator2"):
        async with house.browser(app, **({"authorization": token} if token else {})) as browser:
            replies = [
                await browser.get("/"),
                await browser.get("/api/v1/events"),
                await browser.get(one),
                await browser.post(f"{one}/answer", json={"value": 1}),
                await browser.post(f"{one}/cancel", json={}),
            ]
        assert [reply.status_code for reply in replies] == [401] * 5
        assert all(reply.headers["www-authenticate"] == "Bearer" for reply in replies)
    async with house.browser(app) as link_holder:
        assert (await link_holder.get(f"/form/{request.request_id}")).status_code == 200
        assert 'href="/"' not in (await link_holder.get(f"/form/{request.request_id}")).text
    async with house.browser(app, authorization="bearer 0perator") as operator:
        assert (await operator.get("/api/v1/events")).status_code == 200
        assert (await operator.post(f"{one}/cancel", json={})).status_code == 200


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"write_id": "x"}', b"\xff\xfe"])
async def test_a_foreign_or_truncated_record_is_reported_and_harms_no_other_event(house: Any, broken: bytes) -> None:
    request, other = await house.ask(int), await house.ask(int)
    path = f"v1/events/{'q' * 26}/request.json"
    await house.store.create(path, broken)
    await house.store.create(f"v1/events/{other.request_id}/response.json", broken)
    house.store.created.clear()
    async with house.browser() as browser:
        page = await browser.get(f"/form/{'q' * 26}")
        reply = await post(browser, other, 5)
        inbox = await browser.get("/")
        listed = (await browser.get("/api/v1/events")).json()
        taken = await post(browser, request, 5)

    assert (page.status_code, reply.status_code, taken.status_code) == (500, 500, 200)
    assert listed["problems"] == sorted([path, f"v1/events/{other.request_id}/response.json"])
    assert [item["request_id"] for item in listed["items"]] == [request.request_id]
    assert path in inbox.text
    assert house.store.created[0] == f"v1/events/{request.request_id}/response.json"


async def test_a_store_that_does_not_reply_is_a_503_everywhere(house: Any) -> None:
    request = await house.ask(int)
    house.store.fails = lambda what, path: True
    async with house.browser() as browser:
        for path in ("/", f"/form/{request.request_id}", f"/status/{request.request_id}", "/api/v1/events", "/ready"):
            assert (await browser.get(path)).status_code == 503
        assert (await post(browser, request, 5)).status_code == 503
