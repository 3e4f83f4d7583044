"""A command that stores something wakes the engine before it ends, and does not fail with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pausepoint._models import Request, Response, RunContext, utc_now
from pausepoint._store import MemoryStore, Records, open_store
from pausepoint._sync import run_sync
from pausepoint.cli import ExitCode
from pausepoint.cli.courier import Courier
from pausepoint.cli.programme import program

from rousing import Plugins, hang, install

ID = "a" * 26


def asked(**more: Any) -> Request:
    given: dict[str, Any] = {
        "request_id": ID,
        "name": "approve",
        "key": "k",
        "run": RunContext(engine="toy", run_id="nightly"),
        "title": "Approve?",
        "prompt": "Do you?",
        "data_type": "int",
        "json_schema": {"type": "integer"},
        "schema_complete": True,
        "created_at": utc_now(),
        "deadline": utc_now() + timedelta(hours=1),
    }
    return Request.model_validate({**given, **more})


class Desk:
    """A store with one question, an engine's plugin, and the command line."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "journal"
        self._environ = {"PAUSEPOINT_STORE": str(folder / "store"), "TOY_JOURNAL": str(self._journal)}
        self.records = Records(open_store(folder / "store"))

    def asks(self, **more: Any) -> None:
        run_sync(self.records.put_request, asked(**more))

    def runs(self, *arguments: str, **environ: str) -> Any:
        return CliRunner().invoke(program, list(arguments), env={**self._environ, "COLUMNS": "500", **environ})

    @property
    def done(self) -> list[str]:
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        said = [json.loads(line) for line in lines]
        return sorted(str(each.get("reason") or each["outcome"]) for each in said if each.get("done"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    install(tmp_path / "installed", "toy")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    return Desk(tmp_path)


def test_an_answer_and_a_cancel_wake_the_engine_before_the_command_ends(desk: Desk) -> None:
    desk.asks()
    desk.asks(request_id="b" * 26)

    assert desk.runs("answer", ID, "3").exit_code == ExitCode.DONE
    assert desk.done == ["answered", "response"]
    assert desk.runs("cancel", "b" * 26).exit_code == ExitCode.DONE
    assert desk.done == ["answered", "cancelled", "response", "response"]
    wake = run_sync(desk.records.wake, ID, 0)
    assert wake is not None
    assert wake.by == "pausepoint-toy 1.0"


def test_an_answer_that_the_workflow_has_to_judge_wakes_it_to_do_so(desk: Desk) -> None:
    desk.asks(schema_complete=False)

    assert desk.runs("answer", ID, "3").exit_code == ExitCode.NOT_YET_CHECKED
    assert desk.done == ["candidate"]


def test_an_answer_that_comes_too_late_wakes_the_engine_for_what_it_found_out(desk: Desk) -> None:
    desk.asks(deadline=utc_now() - timedelta(minutes=1))

    assert desk.runs("answer", ID, "3").exit_code != ExitCode.DONE
    assert desk.done == ["expired", "response"]


@pytest.mark.parametrize("command", [("answer", ID, "3"), ("cancel", ID)])
def test_a_plugin_that_fails_is_told_and_the_command_does_not_fail(desk: Desk, command: tuple[str, ...]) -> None:
    desk.asks()
    ran = desk.runs(*command, TOY="wake fails")

    assert ran.exit_code == ExitCode.DONE
    assert "pausepoint_wake of pausepoint-toy 1.0 raised RuntimeError" in ran.stderr
    assert "is not woken yet" in ran.stderr
    assert run_sync(desk.records.wake, ID, 0) is None


def test_json_stays_one_document_when_a_plugin_fails(desk: Desk) -> None:
    desk.asks()

    assert json.loads(desk.runs("answer", ID, "3", "--json", TOY="wake fails").stdout)["result"] == "accepted"


def test_a_command_that_stores_nothing_calls_no_plugin(desk: Desk) -> None:
    desk.asks()
    for command in (("list",), ("show", ID), ("answer", ID, "no")):
        desk.runs(*command)

    assert desk.done == []


def test_a_plugin_that_hangs_does_not_keep_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    records = Records(MemoryStore())
    courier = Courier(records, lambda: Plugins("toy", obstacle=hang), patience=0.01)
    response = Response(request_id=ID, outcome="answered", value=1, source="reviewer")

    async def store(tell: Callable[[Request, Response], None]) -> None:
        tell(asked(), response)

    with courier:
        run_sync(store, courier.stored)

    assert "did not return within 0.01 seconds" in capsys.readouterr().err
