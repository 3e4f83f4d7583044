"""Told to end, the app answers what is under way, ends its streams and is gone within ten seconds."""

from __future__ import annotations

import json
import signal
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from fronting import PREFIX
from house import OPERATOR, end
from test_front import answered, path_of

from reviewing import LIMIT

pytestmark = pytest.mark.timeout(300)


def until_read(connection: HTTPConnection) -> None:
    """Wait until the server has read all that was sent: the kernel has none of it left, so the request is under way."""
    ours, theirs = connection.sock.getsockname()[1], connection.sock.getpeername()[1]
    give_up = time.monotonic() + LIMIT
    while not any(
        local.endswith(f":{theirs:04X}") and remote.endswith(f":{ours:04X}") and queued.endswith(":00000000")
        for _, local, remote, _, queued, *_ in map(str.split, Path("/proc/net/tcp").read_text("ascii").splitlines())
    ):
        assert time.monotonic() < give_up, "nobody reads it"
        time.sleep(0.01)  # nothing tells


@pytest.mark.parametrize("workers", [1, 3])
def test_a_signal_ends_it_within_ten_seconds_with_streams_and_long_polls_open(house: Any, workers: int) -> None:
    house.open(workers=workers)
    workflow = house.workflow(1)
    link = workflow.links(1)[0]
    workflow.until_pushed()
    [(port, app)] = house.apps.items()
    request_id = link.partition("/form/")[2][:26]
    with closing(HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as polling:
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        polling.request("GET", f"{PREFIX}/api/v1/events/{request_id}/wait?timeout=60", headers=headers)
        until_read(polling)
        code = end(app, within=10)
        polled = polling.getresponse().status

    assert code == 0, app.told
    assert polled == 200, "it was told how the event stands"
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
    with closing(HTTPConnection("127.0.0.1", port, timeout=LIMIT)) as sending:
        sending.putrequest("POST", f"{PREFIX}/submit/json")
        sending.putheader("Content-Type", "application/json")
        sending.putheader("Authorization", f"Bearer {OPERATOR}")
        sending.putheader("Content-Length", str(len(body)))
        sending.endheaders(body[:10])
        until_read(sending)
        app.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)  # it looks ten times a second whether it was told to end
        sending.send(body[10:])
        status = sending.getresponse().status

    assert status == 404, "the answer of the app, and no cut connection"
    assert app.process.wait(LIMIT) == 0


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
