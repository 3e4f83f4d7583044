"""What operators ask the app: is it alive, can it work, how many wait; and which log line belongs to which request."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest

from pausepoint._links import stream_bearer
from pausepoint._models import Answer, utc_now
from pausepoint._store import MemoryStore, layout
from pausepoint.app.readiness import Readiness
from pausepoint.cli.lines import JsonLines

pytestmark = pytest.mark.anyio

NEEDED = "prometheus_client"


@asynccontextmanager
async def on_its_own(app: Any) -> AsyncIterator[Any]:
    """Run the app's lifespan, as a server does that serves nothing else."""
    async with app.router.lifespan_context(app):
        yield app


async def figures(browser: Any, **headers: str) -> dict[str, float]:
    """Scrape once: the value of each sample by its name with labels."""
    reply = await browser.get("/metrics", headers=headers)
    assert reply.status_code == 200, reply.text
    lines = [line for line in reply.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def ready_in_the_end(browser: Any) -> dict[str, Any]:
    with anyio.fail_after(60):
        while (reply := await browser.get("/ready")).status_code != 200:
            await anyio.sleep(0.01)
    told: dict[str, Any] = reply.json()
    return told


async def trouble_in_the_end(browser: Any, words: str) -> int:
    """Wait until the app says these words of its trouble; return the status that they come with."""
    with anyio.fail_after(60):
        while words not in (reply := await browser.get("/ready")).json().get("detail", ""):
            await anyio.sleep(0.01)
    status: int = reply.status_code
    return status


# ---- ready


async def test_a_mounted_app_says_what_it_has_not_tried(house: Any) -> None:
    async with house.browser() as browser:
        assert (await browser.get("/ready")).json() == {"status": "ready", "writes": "untried", "index": "untried"}


async def test_an_app_on_its_own_is_ready_when_it_has_written_and_made_its_index(house: Any) -> None:
    app = house.app()
    async with on_its_own(app), house.browser(app) as browser:
        assert await ready_in_the_end(browser) == {"status": "ready", "writes": "proven", "index": "built"}


async def test_asking_whether_it_is_ready_writes_nothing(house: Any) -> None:
    app = house.app()
    async with on_its_own(app), house.browser(app) as browser:
        await ready_in_the_end(browser)
        house.store.created.clear()
        for _ in range(5):
            await browser.get("/ready")

    assert house.store.created == []


async def test_a_store_that_can_be_read_and_not_written_is_not_ready(house: Any) -> None:
    app = house.app()
    house.store.fails = lambda what, path: what == "create"
    async with on_its_own(app), house.browser(app) as browser:
        assert await trouble_in_the_end(browser, "The store does not reply.") == 503


async def test_a_store_that_hangs_is_not_ready_and_who_asks_is_told_so_soon(house: Any) -> None:
    class Hanging(MemoryStore):
        async def list(self, prefix: str, after: str = "") -> Any:
            await anyio.sleep_forever()

    app = house.app()
    app.state.desk.readiness = Readiness(Hanging(), patience=0.05)
    async with house.browser(app) as browser:
        with anyio.fail_after(20):
            reply = await browser.get("/ready")

    assert reply.status_code == 503
    assert reply.json()["detail"] == "The store did not reply within 0.05 seconds."


async def test_a_store_that_is_written_again_is_ready_again(house: Any) -> None:
    app = house.app()
    house.store.fails = lambda what, path: what == "create"
    readiness = app.state.desk.readiness
    await readiness.prove()
    async with house.browser(app) as browser:
        assert (await browser.get("/ready")).status_code == 503
        house.store.fails = lambda what, path: False
        await readiness.prove()
        assert (await browser.get("/ready")).json()["writes"] == "proven"


async def test_trying_to_write_leaves_one_object_however_often(house: Any) -> None:
    readiness = house.app().state.desk.readiness
    for _ in range(3):
        await readiness.prove()

    assert await house.store.list(layout.PROBE.rpartition("/")[0]) == ["ready"]


async def test_an_index_that_is_not_made_yet_is_not_ready(house: Any) -> None:
    app = house.app()
    house.store.fails = lambda what, path: what == "list" and path == layout.EVENTS
    async with on_its_own(app), house.browser(app) as browser:
        assert await trouble_in_the_end(browser, "still being made") == 503


# ---- figures


async def test_the_figures_tell_what_waits_and_since_when(house: Any) -> None:
    await house.ask(created_at=utc_now() - timedelta(hours=3))
    await house.ask()
    async with house.browser() as browser:
        told = await figures(browser)

    assert told["pausepoint_open_events"] == 2
    assert 3 * 3600 <= told["pausepoint_oldest_open_seconds"] < 3 * 3600 + 60


async def test_an_event_is_counted_once_however_it_ended_and_whoever_ended_it(house: Any) -> None:
    app = house.app()
    asked = [await house.ask(created_at=utc_now() - timedelta(minutes=2)) for _ in range(4)]
    async with house.browser(app) as browser:
        before = await figures(browser)
        elsewhere = house.app().state.desk.settling
        await elsewhere.submit(asked[0], Answer(value=1))
        await elsewhere.submit(asked[1], Answer(declined=True))
        await elsewhere.cancel(asked[2], "no longer needed")
        for _ in range(2):
            told = await figures(browser)

    assert before["pausepoint_open_events"] == 4
    assert told["pausepoint_open_events"] == 1
    counted = {
        outcome: told[f'pausepoint_settled_events_total{{outcome="{outcome}"}}']
        for outcome in ("answered", "declined", "expired", "cancelled")
    }
    assert counted == {"answered": 1, "declined": 1, "expired": 0, "cancelled": 1}
    assert told["pausepoint_decision_seconds_count"] == 2, "nobody decided what was cancelled"
    assert told['pausepoint_decision_seconds_bucket{le="60.0"}'] == 0
    assert told['pausepoint_decision_seconds_bucket{le="300.0"}'] == 2


async def test_an_event_whose_marker_was_lost_is_counted_by_the_slow_round(house: Any) -> None:
    app = house.app()
    request = await house.ask()
    async with house.browser(app) as browser:
        await figures(browser)
        house.store.fails = lambda what, path: what == "create" and path.startswith("v1/wake/")
        await house.app().state.desk.settling.submit(request, Answer(value=1))
        told = await figures(browser)

    assert told["pausepoint_open_events"] == 0
    assert told['pausepoint_settled_events_total{outcome="answered"}'] == 1


async def test_what_had_ended_before_the_app_began_is_not_counted_again(house: Any) -> None:
    request = await house.ask()
    await house.app().state.desk.settling.submit(request, Answer(value=1))
    await anyio.sleep(0.002)
    async with house.browser() as browser:
        told = await figures(browser)

    assert told['pausepoint_settled_events_total{outcome="answered"}'] == 0
    assert told["pausepoint_open_events"] == 0


async def test_a_scrape_costs_few_requests_however_many_events_wait(house: Any) -> None:
    app = house.app()
    for _ in range(40):
        await house.ask()
    async with house.browser(app) as browser:
        await figures(browser)
        house.store.read.clear()
        house.store.listed.clear()
        await figures(browser)

    assert len(house.store.read) <= 5
    assert len(house.store.listed) <= 6, "a minute of each of two kinds of markers, two where one ends"


async def test_failures_of_the_store_are_counted_by_what_failed(house: Any) -> None:
    app = house.app()
    async with house.browser(app) as browser:
        house.store.fails = lambda what, path: what == "get"
        await browser.get("/ready")
        house.store.fails = lambda what, path: False
        told = await figures(browser)

    assert told['pausepoint_store_errors_total{operation="get"}'] >= 1
    assert told['pausepoint_store_errors_total{operation="create"}'] == 0


async def test_a_workflow_in_this_process_tells_how_fast_it_went_on(house: Any) -> None:
    app = house.app()
    request = await house.ask()
    async with house.browser(app) as browser, house.waiting(request, int) as got:
        await anyio.sleep(0.05)
        await browser.post("/submit/json", json={"request_id": request.request_id, "value": 1})
        with anyio.fail_after(60):
            while not got:
                await anyio.sleep(0.01)
        told = await figures(browser)

    assert told["pausepoint_resume_seconds_count"] == 1


async def test_a_workflow_elsewhere_tells_it_with_the_bearer_of_its_stream_and_nobody_else_can(house: Any) -> None:
    app = house.app()
    await house.ask()
    bearer = {"Authorization": f"Bearer {stream_bearer(await house.records.identity_secret())}"}
    async with house.browser(app) as browser:
        taken = await browser.post("/api/v1/resumed", json={"seconds": [0.003, 700]}, headers=bearer)
        refused = await browser.post("/api/v1/resumed", json={"seconds": [0.003]})
        odd = await browser.post("/api/v1/resumed", json={"seconds": [-1]}, headers=bearer)
        told = await figures(browser)

    assert (taken.status_code, refused.status_code, odd.status_code) == (204, 401, 422)
    assert told["pausepoint_resume_seconds_count"] == 2
    assert told['pausepoint_resume_seconds_bucket{le="600.0"}'] == 1


async def test_the_figures_hold_no_name_no_id_and_no_value(house: Any) -> None:
    app = house.app()
    request = await house.ask(name="salary-of-jane", title="Raise?", mailbox="hr-mailbox")
    async with house.browser(app) as browser:
        await browser.post("/submit/json", json={"request_id": request.request_id, "value": 987654})
        text = (await browser.get("/metrics")).text

    assert not re.findall(f"jane|Raise|hr-mailbox|987654|nightly|{request.request_id[:8]}", text)


async def test_the_figures_need_the_operators_token_where_there_is_one(house: Any) -> None:
    app = house.app(api_token="operator's own")
    async with house.browser(app) as browser:
        refused = await browser.get("/metrics")
        told = await figures(browser, Authorization="Bearer operator's own")

    assert refused.status_code == 401
    assert "pausepoint_open_events" in told


async def test_without_the_library_there_are_no_figures_and_all_else_works(house: Any, monkeypatch: Any) -> None:
    # What `find_spec` says of a module that is not installed.
    monkeypatch.setitem(sys.modules, NEEDED, None)
    monkeypatch.setattr(sys, "path", [])
    app = house.app()
    monkeypatch.undo()
    request = await house.ask()
    async with on_its_own(app), house.browser(app) as browser:
        assert (await browser.get("/metrics")).status_code == 404
        assert (await browser.get(f"/form/{request.request_id}")).status_code == 200


# ---- probes call a process by its bare address


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
@pytest.mark.parametrize("host", ["10.1.2.3:8931", "[fd00::7]:8931"])
async def test_probes_and_scrapes_are_answered_under_a_bare_address(house: Any, path: str, host: str) -> None:
    async with house.browser(base=f"http://{host}") as browser:
        assert (await browser.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("10.1.2.3", "/"),
        ("10.1.2.3", "/api/v1/events"),
        ("10.1.2.3", "/healthy"),
        ("evil.example", "/metrics"),
        ("1.2.3.4.evil.example", "/health"),
    ],
)
async def test_nothing_else_is_and_no_foreign_name_at_all(house: Any, host: str, path: str) -> None:
    async with house.browser(base=f"http://{host}") as browser:
        assert (await browser.get(path)).status_code == 421


# ---- which line belongs to which request


async def test_a_well_formed_id_of_a_proxy_is_taken_over_and_returned(house: Any) -> None:
    async with house.browser() as browser:
        reply = await browser.get("/health", headers={"X-Request-ID": "0af7651916cd43dd8448eb211c80319c"})

    assert reply.headers["x-request-id"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    "given",
    ["", "short", "x" * 65, "with space", "eyJh.bGci.token", "line\tbreak", "a" * 26, "ümlaut-ümlaut"],
)
async def test_an_ill_formed_one_or_an_events_id_is_replaced(house: Any, given: str) -> None:
    async with house.browser() as browser:
        reply = await browser.get("/health", headers={"X-Request-ID": given.encode("latin-1")})

    assert re.fullmatch("[0-9a-f]{32}", reply.headers["x-request-id"])


async def test_a_refused_request_has_an_id_too(house: Any) -> None:
    async with house.browser(base="http://evil.example") as browser:
        reply = await browser.get("/")

    assert reply.status_code == 421
    assert reply.headers["x-request-id"]


async def test_a_request_is_one_json_line_with_its_route_and_without_its_path(house: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "pausepoint")
    request = await house.ask()
    async with house.browser() as browser:
        reply = await browser.get(f"/form/{request.request_id}?secret=1")
    [line] = [JsonLines().format(record) for record in caplog.records if record.name == "pausepoint.http"]
    told = json.loads(line)

    assert (told["method"], told["route"], told["status"]) == ("GET", "/form/{request_id}", 200)
    assert told["milliseconds"] >= 0
    assert request.request_id not in line
    assert "secret" not in line
    assert reply.headers["x-request-id"]


async def test_what_is_logged_meanwhile_carries_the_id_of_its_request(house: Any) -> None:
    lines: list[dict[str, Any]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(JsonLines().format(record)))

    handler = Kept()
    logging.getLogger("pausepoint").addHandler(handler)
    try:
        async with house.browser(base="http://evil.example") as browser:
            reply = await browser.get("/")
    finally:
        logging.getLogger("pausepoint").removeHandler(handler)

    assert [line["http_id"] for line in lines if "Host is not ours" in line["message"]] == [
        reply.headers["x-request-id"]
    ]


async def test_the_words_of_an_error_stay_out_of_the_log() -> None:
    typed = "hunter" + "2"
    try:
        int(typed)
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, __file__, 1, "It failed", (), sys.exc_info())
    line = JsonLines().format(record)

    assert json.loads(line)["error"] == "ValueError"
    assert json.loads(line)["frames"]
    assert typed not in line
