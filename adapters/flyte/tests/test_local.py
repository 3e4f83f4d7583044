"""Flyte's local mode: everything works as in a cluster, without one."""

from __future__ import annotations

import asyncio
import html
import json
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import flyte
import httpx
import local
import pytest
from flyteplugins import hitl
from flyteplugins.hitl import _event
from tasks import local_tasks as tasks

import pausepoint
from pausepoint.errors import UsageError

import anywhere
from reviewing import LINK, Machine


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store and a state folder of this test's own."""
    monkeypatch.setenv("PAUSEPOINT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "store"


def five(event: Any) -> int:
    return 5


@pytest.mark.parametrize("task", [tasks.asynchronous, tasks.synchronous, tasks.created], ids=lambda task: task.name)
def test_a_task_asks_waits_and_goes_on(task: Any, tmp_path: Path, store: Path) -> None:
    with local.Human(five).answering() as human:
        assert local.run(task, tmp_path, x=1) == 6

    assert human.replies[0].json()["status"] == "submitted"
    request = local.request_of(store, human.events[0])
    assert (request["run"]["engine"], request["title"]) == ("flyte", "n")


def test_the_blocking_form_in_an_async_task_works_and_warns_once(tmp_path: Path) -> None:
    _event.event._warned.clear()
    with local.Human(five).answering(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert local.run(tasks.blocking, tmp_path, x=1) == 6
        assert local.run(tasks.blocking, tmp_path, x=2) == 7

    told = [str(warning.message) for warning in caught if warning.category is RuntimeWarning]
    assert told == [
        "Event.create(...) blocks the event loop that it is called in; write `await Event.create.aio(...)`."
    ]


def test_a_handle_of_the_ten_parameters_waits_for_the_same_event_and_waiting_again_gives_the_same(
    tmp_path: Path,
) -> None:
    with local.Human(five).answering():
        assert local.run(tasks.rebuilt, tmp_path, x=1) == 11


def test_nested_tasks_ask_each_for_themselves(tmp_path: Path) -> None:
    with local.Human(lambda event: int(event.prompt[4]) * 100).answering() as human:
        assert local.run(tasks.nested, tmp_path) == [0, 101, 202, 303]

    assert len({event.request_id for event in human.events}) == 4


def test_mapped_tasks_ask_each_for_themselves(tmp_path: Path) -> None:
    with local.Human(five).answering() as human:
        assert local.run(tasks.mapped, tmp_path) == [15, 25, 35]

    assert len({event.request_id for event in human.events}) == 3


@pytest.mark.parametrize("task", [tasks.twice, tasks.at_once], ids=lambda task: task.name)
def test_events_of_one_name_in_one_task_get_each_their_own_answer(task: Any, tmp_path: Path) -> None:
    with local.Human(lambda event: event.request_id).answering() as human:
        answers = local.run(task, tmp_path)

    assert answers == [event.request_id for event in human.events]
    assert len(set(answers)) == len(answers)


def test_a_retry_in_the_same_process_finds_the_event_and_its_answer(tmp_path: Path) -> None:
    tasks.FAILURES.clear()
    with local.Human(five).answering() as human:
        assert local.run(tasks.retried, tmp_path) == 5

    assert len(tasks.FAILURES) == 3
    assert len(set(tasks.FAILURES)) == 1
    assert len(human.replies) == 1


def test_a_run_of_the_same_name_finds_what_it_asked_before(tmp_path: Path) -> None:
    nightly = f"nightly-{uuid4().hex}"
    with local.Human(five).answering() as human:
        first = local.run(tasks.asynchronous, tmp_path, nightly, x=1)
        again = local.run(tasks.asynchronous, tmp_path, nightly, x=1)
        other = local.run(tasks.asynchronous, tmp_path, f"{nightly}-other", x=1)

    assert (first, again, other) == (6, 6, 6)
    assert len({event.request_id for event in human.events}) == 2


def test_a_local_run_that_was_killed_goes_on_when_it_is_run_again(tmp_path: Path) -> None:
    nightly = f"nightly-{uuid4().hex}"
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import json, threading
from pathlib import Path
import local
from tasks import local_tasks as tasks

def say():
    event = tasks.ASKED.get()
    print(json.dumps({{"id": event.request_id, "api": event.api_url}}), flush=True)

threading.Thread(target=say, daemon=True).start()
print(local.run(tasks.asynchronous, Path({str(tmp_path)!r}), {nightly!r}, x=1), flush=True)
"""

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=dict(os.environ))

    first = start()
    assert first.stdout is not None
    asked = first.stdout.readline()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = start()
    assert second.stdout is not None
    again = second.stdout.readline()
    told = json.loads(again)
    httpx.post(told["api"], json={"request_id": told["id"], "value": 4}).raise_for_status()
    out, _ = second.communicate(timeout=180)

    # The same id, and the same address: a link that was sent goes on working.
    assert asked == again
    assert out.split() == ["5"]


def test_the_report_has_the_form_the_api_and_a_command_that_works_when_it_is_pasted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []
    name = f"run{uuid4().hex}"

    def paste(event: Any) -> Any:
        report = next(report for report in local.reports(name) if event.form_url in report)
        assert event.api_url in report
        line = re.search(r"curl .*?(?=</)", report, re.DOTALL)
        assert line is not None
        command = html.unescape(line[0])
        ran.append(subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout)
        return 5  # too late: the command has answered

    with local.Human(paste).answering() as human:
        value = local.run(tasks.asynchronous, tmp_path, name, x=1)

    assert '"status":"submitted"' in ran[0]
    assert human.replies[0].status_code == 409
    assert isinstance(value, int)
    # And the link is on the terminal, where the one who runs it locally looks.
    assert human.events[0].form_url in capfd.readouterr().err


def test_an_answer_is_of_the_very_type_that_was_asked_for(tmp_path: Path) -> None:
    with local.Human(lambda event: {"size": "large", "count": 2}).answering():
        assert local.run(tasks.rich, tmp_path) == "Box large 2"


def test_silence_is_the_declared_default_or_a_timeout_by_the_clock(tmp_path: Path) -> None:
    assert local.run(tasks.silent, tmp_path) == 7
    assert local.run(tasks.late, tmp_path) == "nobody answered"


def test_a_question_inside_a_trace_belongs_to_the_task(tmp_path: Path, store: Path) -> None:
    with local.Human(five).answering() as human:
        assert local.run(tasks.traced, tmp_path) == 6

    assert local.request_of(store, human.events[0])["run"]["task_id"]


def test_pause_in_a_task_is_asked_in_flytes_name(tmp_path: Path, store: Path) -> None:
    def answer() -> None:
        give_up = time.monotonic() + 90
        while not (found := list(store.glob("v1/events/*/request.json"))) and time.monotonic() < give_up:
            time.sleep(0.02)  # a file of another thread's
        subprocess.run(
            [Path(sys.executable).with_name("pausepoint"), "answer", found[0].parent.name, "true"], check=True
        )

    thread = threading.Thread(target=answer)
    thread.start()
    value = local.run(tasks.paused, tmp_path)
    thread.join()

    assert value is True
    stored = json.loads(next(store.glob("v1/events/*/request.json")).read_text())
    assert (stored["run"]["engine"], stored["key"]) == ("flyte", "deploy")


def test_one_module_asks_in_plain_python_and_in_a_task(tmp_path: Path, store: Path) -> None:
    """The file that every adapter's tests run: it imports nothing of any engine."""
    with closing(Machine(tmp_path / "plain")) as machine:
        plain = machine.start(anywhere.__file__)
        machine.answer(plain.link(), "small")
        assert plain.finish() == "small\n"

    name = f"run{uuid4().hex}"
    task = flyte.TaskEnvironment(name="anywhere").task(anywhere.which_one, report=True)
    got: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: got.put(local.run(task, tmp_path, name)), daemon=True).start()
    give_up = time.monotonic() + 90
    while not (links := {link for report in local.reports(name) for link in LINK.findall(report)}):
        assert time.monotonic() < give_up, "no link in the task's report"
        time.sleep(0.02)  # a file of another thread's
    machine.answer(links.pop(), "large").raise_for_status()
    assert got.get(timeout=90) == "large"

    stored = json.loads(next(store.glob("v1/events/*/request.json")).read_text())
    assert (stored["run"]["engine"], stored["key"]) == ("flyte", "which")


def test_outside_of_flyte_the_same_calls_use_the_process_itself(store: Path) -> None:
    event = hitl.new_event("plain", data_type=int)
    request = local.request_of(store, event)
    httpx.post(event.api_url, json={"request_id": event.request_id, "value": 3}).raise_for_status()

    assert event.wait() == 3
    assert request["run"]["engine"] == "local"


def test_a_pickled_event_waits_for_the_same_answer(store: Path) -> None:
    event = hitl.new_event("pickled", data_type=int)
    copy = pickle.loads(pickle.dumps(event))
    httpx.post(event.api_url, json={"request_id": event.request_id, "value": 3}).raise_for_status()

    assert copy.wait() == event.wait() == 3
    assert (copy.form_url, copy.name) == (event.form_url, event.name)


@pytest.mark.parametrize("make", [hitl.new_event, hitl.Event.create], ids=["new_event", "create"])
def test_there_is_one_scope(make: Any) -> None:
    with pytest.raises(UsageError, match='always "run"'):
        make("n", data_type=int, scope="project")
    with pytest.raises(UsageError, match='always "run"'):
        hitl.Event("n", "project", int, "?", "a" * 26, "http://127.0.0.1:1", "", "")


def test_an_id_that_nobody_asked_under_is_not_waited_for() -> None:
    event = hitl.Event("n", "run", int, "?", "a" * 26, "http://127.0.0.1:1", "", "")

    with pytest.raises(LookupError):
        event.wait()


async def _same(event: Any) -> bool:
    return await event is event


def test_awaiting_an_event_gives_the_event() -> None:
    assert asyncio.run(_same(hitl.Event("n", "run", int, "?", "a" * 26, "http://127.0.0.1:1", "", "")))
    assert pausepoint.Event is not hitl.Event
