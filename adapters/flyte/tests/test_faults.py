"""
The faults of flyteplugins-hitl 2.12.1, by their numbers in docs/reference/flyte.md: each test is how it is here, and
fails there. Those that need a cluster are in `test_cluster_faults.py`.
"""

from __future__ import annotations

import http.server
import json
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from subjects import Ours, Subject, Theirs

SCRIPT = "<script>alert(9)</script>"


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setenv("PAUSEPOINT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return (Theirs if os.environ.get("FAULTS_OF") == "flyteplugins-hitl" else Ours)(tmp_path / "store")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file outside of the store, which nobody may read or write through the app."""
    path = tmp_path / "victim.json"
    path.write_text(json.dumps({"prompt": "hunter2", "value": "hunter2", "status": "completed"}))
    return path


def later(seconds: float, call: Any) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


def test_03_an_answer_in_the_last_interval_counts(subject: Subject) -> None:
    # An interval as long as the timeout: the first one is the last.
    asked = subject.ask(timeout=20, poll=20)
    later(0.5, lambda: subject.submit(asked, 5))

    assert subject.wait(asked) == 5


def test_03_an_interval_longer_than_the_timeout_loses_nothing(subject: Subject) -> None:
    asked = subject.ask(timeout=20, poll=25)
    later(0.5, lambda: subject.submit(asked, 5))

    assert subject.wait(asked) == 5


@pytest.mark.parametrize("wrong", [{"poll": 0}, {"timeout": 0}, {"timeout": -1}, {"poll": -1}], ids=str)
def test_04_times_that_make_no_sense_are_refused(subject: Subject, wrong: dict[str, int]) -> None:
    with pytest.raises(Exception, match="must be a number of seconds"):
        subject.ask(**wrong)


@pytest.mark.parametrize("body", [b'{"value": 4', b"[]", b"{}", b""])
def test_06_a_damaged_response_is_told_with_its_path(subject: Subject, body: bytes) -> None:
    asked = subject.ask(timeout=2, poll=1)
    asked.response_path.write_bytes(body)

    with pytest.raises(Exception, match=r"response\.json"):
        subject.wait(asked)


def test_07_a_value_of_another_type_never_reaches_the_workflow(subject: Subject) -> None:
    asked = subject.ask(timeout=2, poll=1)
    asked.response_path.write_bytes(subject.answered_by_hand(asked, "not-int"))

    with pytest.raises(ValueError, match="answer"):
        subject.wait(asked)


def test_08_after_the_timeout_nobody_is_told_that_the_workflow_goes_on(subject: Subject) -> None:
    asked = subject.ask(timeout=1, poll=1)
    with pytest.raises(TimeoutError):
        subject.wait(asked)

    assert subject.submit(asked, 5).status_code in {409, 410}
    assert "<form" not in subject.form(asked).text.split("</header>")[-1] or "expired" in subject.form(asked).text


@pytest.mark.parametrize("where", ["prompt", "name"])
def test_09_a_prompt_or_a_name_is_no_markup(subject: Subject, where: str) -> None:
    page = subject.form(subject.ask(**{where: SCRIPT})).text

    assert "alert(9)" in page
    assert SCRIPT not in page


def test_10_what_stands_in_a_link_is_no_markup(subject: Subject) -> None:
    reply = subject.send("GET", "/form/abc<script>alert(9)<%5Cscript>")

    assert reply.status_code == 404
    assert "<script>alert" not in reply.text


@pytest.mark.parametrize("way", ["json", "form"])
def test_11_a_path_from_a_client_is_never_written(subject: Subject, victim: Path, way: str) -> None:
    asked, before = subject.ask(), victim.read_bytes()
    if way == "json":
        reply = subject.submit(asked, 5, response_path=str(victim))
    else:
        data = {"request_id": asked.request_id, "value": "5", "data_type": "int", "response_path": str(victim)}
        reply = subject.send("POST", "/submit", data=data)

    assert reply.status_code >= 400
    assert victim.read_bytes() == before


@pytest.mark.parametrize("parameter", ["request_path", "response_path"])
def test_12_a_path_from_a_client_is_never_read(subject: Subject, victim: Path, parameter: str) -> None:
    asked = subject.ask()
    told = [
        subject.send("GET", f"/{page}/{asked.request_id}", params={parameter: str(victim)}).text
        for page in ("status", "form")
    ]

    assert "hunter2" not in "".join(told)
    missing = subject.send("GET", "/status/x", params={parameter: "/no/such/file"})
    present = subject.send("GET", "/status/x", params={parameter: str(victim)})
    assert missing.text == present.text


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """A web server that remembers who called."""
    called: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/x.json", called
    server.shutdown()
    server.server_close()


def test_13_a_url_from_a_client_is_never_fetched(subject: Subject, stranger: tuple[str, list[str]]) -> None:
    url, called = stranger
    reply = subject.send("GET", f"/status/{subject.ask().request_id}", params={"request_path": url})

    assert reply.status_code < 500
    assert called == []


def test_14_an_id_is_no_path(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "victim" / "dir").mkdir(parents=True)
    # Where the other one looks for events by their id alone.
    (tmp_path / "raw" / "hitl-requests").mkdir(parents=True)
    monkeypatch.setenv("RAW_DATA_PATH", str(tmp_path / "raw"))
    asked = subject.ask()
    body = {"request_id": "../../victim/dir", "value": 5, "data_type": "int"}
    reply = subject.send("POST", "/submit/json", json=body)

    assert list((tmp_path / "victim").rglob("*.json")) == []
    assert reply.status_code in {404, 422}
    assert not asked.response_path.exists()


@pytest.mark.parametrize("claimed", ["str", "banana"])
def test_15_the_type_is_the_questions_and_not_the_clients(subject: Subject, claimed: str) -> None:
    asked = subject.ask(int)

    assert subject.submit(asked, "not an int", data_type=claimed).status_code == 422
    assert not asked.response_path.exists()


def test_16_the_first_answer_stands(subject: Subject) -> None:
    asked = subject.ask()
    first, second = subject.submit(asked, 1), subject.submit(asked, 2)

    assert (first.status_code, second.status_code) == (200, 409)
    assert subject.wait(asked) == 1


def test_17_an_unknown_id_has_no_form_and_takes_no_answer(subject: Subject) -> None:
    subject.ask()

    assert subject.send("GET", "/form/does-not-exist").status_code == 404
    body = {"request_id": "does-not-exist", "value": 5, "data_type": "int"}
    assert subject.send("POST", "/submit/json", json=body).status_code in {404, 422}


def test_18_another_sites_page_cannot_answer(subject: Subject) -> None:
    asked = subject.ask(str)
    evil = {"origin": "https://evil.example", "referer": "https://evil.example/", "sec-fetch-site": "cross-site"}
    reply = subject.submit_form(asked, "mine", **evil)

    assert reply.status_code == 403
    assert not asked.response_path.exists()


def test_19_a_form_cannot_be_framed_and_runs_no_foreign_script(subject: Subject) -> None:
    headers = subject.form(subject.ask()).headers

    assert "default-src" in headers.get("content-security-policy", "")
    assert headers.get("x-frame-options", headers.get("content-security-policy", "")).lower().find("frame") >= 0 or (
        headers["x-frame-options"] == "DENY"
    )


def test_20_a_body_is_limited(subject: Subject) -> None:
    assert subject.submit(subject.ask(str), "x" * 2_000_000).status_code == 413


def test_21_an_answer_stands_in_no_log_and_in_no_status(
    subject: Subject, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = subject.ask(str)
    subject.submit(asked, "hunter2")
    status = subject.send("GET", f"/status/{asked.request_id}", params={"response_path": str(asked.response_path)}).text
    subject.wait(asked)
    out, err = capfd.readouterr()

    assert "hunter2" not in caplog.text + out + err + status
    assert str(asked.response_path.parent) not in status


def test_22_looking_at_a_form_leaves_nothing_behind(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = subject.ask()
    subject.form(asked)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for _ in range(5):
        subject.form(asked)

    assert list(scratch.iterdir()) == []


def test_23_who_answered_and_when_is_stored(subject: Subject) -> None:
    asked = subject.ask()
    subject.submit(asked, 5)
    stored = json.loads(asked.response_path.read_text())

    assert {"by", "through", "answered_at", "settled_at"} <= set(stored)


@pytest.mark.parametrize("value", ["maybe", "on", "Y", "t", "TRUE ", " true", "enabled", 1.0, None, ""], ids=repr)
def test_24_what_is_no_boolean_is_refused_and_never_false(subject: Subject, value: Any) -> None:
    assert subject.submit(subject.ask(bool), value).status_code == 422


@pytest.mark.parametrize("value", ["1_000", "\N{ARABIC-INDIC DIGIT THREE}", " 4 "], ids=ascii)
def test_25_what_is_no_integer_of_jsons_is_refused(subject: Subject, value: str) -> None:
    assert subject.submit(subject.ask(int), value).status_code == 422


def test_25_three_point_nought_is_an_integer(subject: Subject) -> None:
    asked = subject.ask(int)

    assert subject.submit(asked, 3.0).status_code == 200
    assert subject.wait(asked) == 3


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "1_0.5"])
def test_26_what_is_no_number_of_jsons_is_refused(subject: Subject, value: str) -> None:
    assert subject.submit(subject.ask(float), value).status_code == 422


@pytest.mark.parametrize("value", [None, True, {"a": 1}, [1]], ids=str)
def test_27_what_is_no_text_is_refused_and_never_spelled_out(subject: Subject, value: Any) -> None:
    assert subject.submit(subject.ask(str), value).status_code == 422


def test_28_an_empty_text_can_be_submitted(subject: Subject) -> None:
    asked = subject.ask(str)

    assert subject.submit_form(asked, "").status_code == 200
    assert subject.wait(asked) == ""


def test_28_a_value_that_does_not_fit_is_told_in_the_form(subject: Subject) -> None:
    reply = subject.submit_form(subject.ask(int), "seven")

    assert reply.status_code == 422
    assert reply.headers["content-type"].startswith("text/html")
    assert "seven" in reply.text


def test_29_a_type_beyond_the_four_is_that_type(subject: Subject) -> None:
    asked = subject.ask(dict[str, int])
    subject.submit(asked, {"a": 1})

    assert subject.wait(asked) == {"a": 1}


def test_30_choosing_is_not_submitting(subject: Subject) -> None:
    assert "onchange" not in subject.form(subject.ask(bool)).text


def test_31_the_id_alone_is_enough(subject: Subject) -> None:
    asked = subject.ask()
    status = subject.send("GET", f"/status/{asked.request_id}")
    reply = subject.send("POST", "/submit/json", json={"request_id": asked.request_id, "value": 5})

    assert status.json()["status"] == "pending"
    assert reply.status_code == 200


def test_31_a_task_runs_without_a_cluster(subject: Subject, tmp_path: Path) -> None:
    import flyte
    from tasks.compared_tasks import late

    context = flyte.with_runcontext(mode="local", raw_data_path=str(tmp_path / "raw"))
    assert context.run(late).outputs()[0] == "late"


def test_33_a_form_behind_a_prefix_posts_below_it(subject: Subject) -> None:
    asked = subject.ask()
    page = subject.form(asked).text

    assert 'action="/submit"' not in page or (subject.__class__ is Ours and _below_a_prefix(asked))


def _below_a_prefix(asked: Any) -> bool:
    import httpx
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from pausepoint import open_store
    from pausepoint.app import create_app

    async def page() -> str:
        app = Starlette(routes=[Mount("/prefix", create_app(open_store(os.environ["PAUSEPOINT_STORE"])))])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return (await client.get(f"/prefix/form/{asked.request_id}")).text

    import asyncio

    return 'action="/prefix/submit"' in asyncio.run(page())


def test_37_there_is_a_list_and_a_way_to_withdraw(subject: Subject) -> None:
    asked = subject.ask(name="listed")
    listed = subject.send("GET", "/api/v1/events", params={"status": "pending"})
    cancelled = subject.send("POST", f"/api/v1/events/{asked.request_id}/cancel", json={"reason": "no longer"})

    assert listed.status_code == 200
    assert asked.request_id in listed.text
    assert cancelled.status_code == 200


def test_38_the_programs_own_configuration_stays(subject: Subject) -> None:
    import flyte

    flyte.init(project="mine", domain="development")
    try:
        _asked_as_a_task_does()
        assert flyte.current_project() == "mine"
    finally:
        from flyte import _initialize

        _initialize._init_config = None


def _asked_as_a_task_does() -> None:
    from flyteplugins import hitl

    hitl.new_event("n", int)
