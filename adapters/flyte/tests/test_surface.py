"""The documented names, what they take, and what importing them costs."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args

import flyte
import pytest
from flyte.app.extras import FastAPIAppEnvironment
from flyteplugins import hitl
from flyteplugins.hitl import _alone, _app, _event, _html_templates

TEN = ["name", "scope", "data_type", "prompt", "request_id", "endpoint", "request_path", "response_path",
       "timeout_seconds", "poll_interval_seconds"]  # fmt: skip


def test_the_package_has_the_documented_names() -> None:
    assert set(hitl.__all__) == {"Event", "EventScope", "env", "event_app_env", "event_task_env", "new_event"}
    assert hitl.EventScope == Literal["run"]
    assert get_args(hitl.EventScope) == ("run",)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = hitl.nothing


def test_an_event_takes_the_ten_parameters_in_their_order() -> None:
    assert list(inspect.signature(hitl.Event).parameters) == TEN


@pytest.mark.parametrize("function", [hitl.new_event, hitl.Event.create], ids=["new_event", "create"])
def test_the_calls_are_callable_and_have_aio(function: Any) -> None:
    assert callable(function)
    assert inspect.iscoroutinefunction(function.aio)


def test_waiting_is_callable_and_has_aio() -> None:
    event = hitl.Event("n", "run", int, "?", "a" * 26, "http://127.0.0.1:1", "a", "b")

    assert callable(event.wait)
    assert inspect.iscoroutinefunction(event.wait.aio)
    assert (event.endpoint, event.api_url) == ("http://127.0.0.1:1", "http://127.0.0.1:1/submit/json")
    assert event.form_url == f"http://127.0.0.1:1/form/{'a' * 26}"


def test_the_environments_have_their_names_and_depend_on_each_other() -> None:
    assert (hitl.env.name, hitl.event_app_env.name) == ("hitl-event-task-env", "hitl-event-app")
    assert hitl.env is hitl.event_task_env is _event.event_task_env
    assert isinstance(hitl.env, flyte.TaskEnvironment)
    assert isinstance(hitl.event_app_env, FastAPIAppEnvironment)
    assert hitl.env.depends_on == [hitl.event_app_env]
    assert _event.event_app_env is hitl.event_app_env


def test_an_environment_may_depend_on_ours_and_ours_on_others() -> None:
    other = flyte.TaskEnvironment(name="other", depends_on=[hitl.env])
    clone = hitl.env.clone_with("cloned", image="registry.test/own:1")

    assert other.depends_on == [hitl.env]
    assert (clone.name, clone.image) == ("cloned", "registry.test/own:1")


def test_the_form_link_leads_to_the_form() -> None:
    link = _event.EventFormLink(endpoint="http://x.test", request_id="abc", request_path="s3://old/path")
    args = {"run_name": "r", "project": "p", "domain": "d", "context": {}, "parent_action_name": "a0"}

    assert flyte.Link in _event.EventFormLink.__mro__
    assert link.name == "Event Form"
    assert link.get_link(**args, action_name="a1", pod_name="pod") == "http://x.test/form/abc"


def test_the_tasks_and_the_app_are_where_the_documentation_has_them() -> None:
    assert list(_event.show_form.native_interface.inputs) == ["form_url", "api_url", "curl_body", "type_name"]
    assert inspect.iscoroutinefunction(_event.wait_for_input_event)
    assert _app.app is hitl.event_app_env.app
    assert set(_app.app.openapi()["paths"]) >= {"/", "/health", "/form/{request_id}", "/submit", "/submit/json"}


def test_the_report_of_a_form_escapes_what_it_shows() -> None:
    html = _html_templates.get_event_report_html("javascript:alert(1)", "http://x.test/a'b", '{"value": "<b>"}', "<i>")

    assert "javascript" not in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_a_submission_can_be_made_with_the_old_class() -> None:
    body = _app.HITLSubmissionTyped(request_id="abc", value=42, data_type="int")

    assert body.model_dump() == {"request_id": "abc", "value": 42, "data_type": "int", "response_path": None}


def test_beside_the_old_plugin_importing_fails_with_the_command_that_repairs_it() -> None:
    with pytest.raises(ImportError, match="pip uninstall --yes flyteplugins-hitl && pip install"):
        _alone.refuse_beside("flyte")  # which is installed, as the old plugin would be
    _alone.refuse_beside(_alone.OTHER)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder of ours that the old plugin was installed into afterwards, with as much of it as matters."""
    there = tmp_path / "flyteplugins" / "hitl"
    shutil.copytree(Path(hitl.__file__).parent, there)
    (there / "__init__.py").write_text("from ._event import Event, new_event\n")
    (there / "_event.py").write_text("class Event: ...\ndef new_event(): ...\n")
    told = tmp_path / "flyteplugins_hitl-2.12.1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: flyteplugins-hitl\nVersion: 2.12.1\n")
    return tmp_path


ASK_IN_A_TASK = """
import flyte, pausepoint
task = flyte.TaskEnvironment(name="mixed").task(lambda: pausepoint.pause(int, timeout=0.1))
print(pausepoint.__name__, flyte.with_runcontext(mode="local").run(task))
"""
REPAIR = "pip uninstall --yes flyteplugins-hitl && pip install --force-reinstall --no-deps pausepoint-flyte"


@pytest.mark.parametrize("code", ["from flyteplugins import hitl", ASK_IN_A_TASK], ids=["import", "pause in a task"])
def test_where_the_old_plugin_was_installed_last_importing_fails_as_well(mixed: Path, code: str) -> None:
    ran = ran_beside(mixed, code)

    assert ran.returncode != 0
    assert REPAIR in ran.stderr


def test_where_the_old_plugin_took_our_files_along_a_task_says_so(mixed: Path) -> None:
    shutil.rmtree(mixed / "flyteplugins_hitl-2.12.1.dist-info")
    (mixed / "flyteplugins" / "hitl" / "__init__.py").unlink()
    ran = ran_beside(mixed, ASK_IN_A_TASK)

    assert ran.returncode != 0
    assert "were removed" in ran.stderr
    assert REPAIR in ran.stderr


def ran_beside(site: Path, code: str) -> subprocess.CompletedProcess[str]:
    # First on the path, and alone: a namespace package would else be found in both places.
    setup = f"import sys, flyteplugins\nflyteplugins.__path__ = [{str(site / 'flyteplugins')!r}]\n"
    environ = {**os.environ, "PYTHONPATH": str(site), "PAUSEPOINT_STORE": str(site / "store"), "COLUMNS": "1000"}
    command = [sys.executable, "-c", setup + code]
    return subprocess.run(command, capture_output=True, text=True, env=environ, check=False)


MEASURE = """
import sys, time
began = time.perf_counter()
import flyte
middle = time.perf_counter()
import flyteplugins.hitl as hitl
{more}
print(middle - began, time.perf_counter() - middle, "fastapi" in sys.modules)
"""


@pytest.mark.parametrize("more", ["", "hitl.env"], ids=["import", "import and env"])
def test_importing_costs_no_web_framework(more: str) -> None:
    found = []
    for _ in range(5):
        run = subprocess.run(
            [sys.executable, "-c", MEASURE.format(more=more)], capture_output=True, text=True, check=True
        )
        found.append(run.stdout.split())

    print(f"\nimport flyteplugins.hitl {more}: {min(float(ours) for _, ours, _ in found):.3f} s more than flyte alone "
          "(flyteplugins-hitl 2.12.1: 0.35 s)")  # fmt: skip
    assert {fastapi for _, _, fastapi in found} == {"False"}
