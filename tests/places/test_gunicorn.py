"""Questions asked by the workers of a pre-forking server, whose parent had asked before it forked."""

from __future__ import annotations

import sys
import threading

import httpx
import pytest

from reviewing import Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")

SITE = """
import os
import pausepoint

# Before the fork: the parent has a loop, a server and the machine's shared address.
parent = pausepoint.new_event("of-the-parent", int)

def application(environ, start_response):
    answer = pausepoint.pause(int, key=environ["PATH_INFO"].strip("/"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{answer} in {os.getpid() != int(environ['HTTP_X_PARENT'])}".encode()]
"""


def test_each_forked_worker_asks_waits_and_gets_its_own_answer(machine: Machine, free_port: int) -> None:
    machine.write("site_of_workers.py", SITE)
    server = machine.start(
        "-m",
        "gunicorn",
        "--preload",
        "--workers",
        "2",
        "--bind",
        f"127.0.0.1:{free_port}",
        "site_of_workers:application",
    )
    parents = server.link()
    told: dict[int, str] = {}

    def visit(number: int) -> None:
        url = f"http://127.0.0.1:{free_port}/question-{number}"
        told[number] = httpx.get(url, headers={"X-Parent": str(server.process.pid)}, timeout=60).text

    machine.until_it_answers(parents)
    visits = [threading.Thread(target=visit, args=(number,)) for number in (1, 2)]
    for each in visits:
        each.start()
    for _ in visits:
        link = server.link()
        machine.until_it_answers(link)
        base, _, request_id = link.partition("/form/")
        key = httpx.get(f"{base}/api/v1/events/{request_id}", timeout=60).json()["name"]
        assert machine.answer(link, int(key.removeprefix("question-"))).status_code == 200
    for each in visits:
        each.join(60)

    assert told == {1: "1 in True", 2: "2 in True"}
    server.process.terminate()
    server.wait()
