"""Told to end, the app answers what is under way, ends its streams and is gone within ten seconds."""

from __future__ import annotations

import json
import signal
import threading
import time
from typing import Any

import httpx
import pytest
from fronting import PREFIX
from house import OPERATOR, end
from test_front import answered, path_of

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_signal_ends_it_within_ten_seconds_with_streams_and_long_polls_open(house: Any, workers: int) -> None:
    house.open(workers=workers)
    workflow = house.workflow(1)
    link = workflow.links(1)[0]
    workflow.until_pushed()
    [(port, app)] = house.apps.items()
    request_id = link.partition("/form/")[2][:26]
    polled: list[int] = []

    def poll() -> None:
        wait = f"http://127.0.0.1:{port}{PREFIX}/api/v1/events/{request_id}/wait?timeout=60"
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        polled.append(httpx.get(wait, headers=headers, timeout=60, trust_env=False).status_code)

    polling = threading.Thread(target=poll)
    polling.start()
    time.sleep(0.5)  # the poll is under way; nothing tells us so
    code = end(app, within=10)
    polling.join(10)

    assert code == 0, app.told
    assert polled == [200], "it was told how the event stands"
    # The workflow waits on, and is answered by whoever serves next.
    house.start_app(port, workers)
    house.until_ready(port)
    with house.front.client() as browser:
        assert answered(browser, link, "9").status_code == 200
    assert workflow.answers() == {0: 9}


def test_a_request_under_way_is_answered_before_the_end(house: Any) -> None:
    house.open()
    [(port, app)] = house.apps.items()
    body = json.dumps({"request_id": "a" * 26, "value": 1}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {OPERATOR}"}

    def slowly() -> Any:
        yield body[:10]
        app.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        yield body[10:]

    reply = httpx.post(
        f"http://127.0.0.1:{port}{PREFIX}/submit/json", content=slowly(), headers=headers, timeout=30, trust_env=False
    )

    assert reply.status_code == 404, "the answer of the app, and no cut connection"
    assert app.process.wait(10) == 0


def test_each_line_of_its_log_is_json_until_the_end(house: Any) -> None:
    house.open(workers=2)
    workflow = house.workflow(1)
    link = workflow.links(1)[0]
    with house.front.client() as browser:
        assert answered(browser, link, "9").status_code == 200
        browser.get(path_of(link))
    [app] = house.apps.values()
    assert end(app) == 0
    app.wait()
    lines = [json.loads(line) for line in app.stderr if line.strip() and not line.startswith("Ended")]
    routes = {line.get("route") for line in lines}

    assert {"/form/{request_id}", "/ready"} <= routes
    assert all(line["time"] and line["level"] and line["message"] for line in lines)
    assert link.partition("/form/")[2][:26] not in "".join(app.stderr)
