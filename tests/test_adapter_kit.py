"""
The kit finds what it is there to find: an adapter with one fault fails exactly the check that is about it.

Each adapter here is the example adapter with one place changed; all are checked at once, in processes of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pausepoint.errors import UsageError
from pausepoint.testing.adapters import AdapterKit

TEMPLATE = Path(__file__).parents[1] / "adapters" / "_template"
PROCESSES = 4
CHECKS = sorted(name for name in dir(AdapterKit) if name.startswith("test_"))

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Fault:
    """
    A place of the example adapter and what stands there instead.

    Attributes:
        check: The only check that fails.
        was, is_now: Text of plugin.py.
        suspends: It can only be seen where runs give their thread up.
        more: What is added at the end of plugin.py.
    """

    check: str
    was: str
    is_now: str
    suspends: bool = False
    more: str = ""


def ended_by(condition: str) -> str:
    """An adapter that waits as it should, and then leaves in its own way where a condition on the response holds."""
    return f"""return _own_way(waiter, _runs_a_loop())


def _runs_a_loop():
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _own_way(waiter, is_async):
    response = await waiter.settled()
    if {condition}:
        raise RuntimeError("the engine has an error of its own for this")
    return response
"""


BLOCKS = "return None\n    return _leave(waiter.deadline)\n"
CONTEXT = 'RunContext(engine="example", run_id=task.run.id, task_id=task.name, attempt=task.attempt)'
WAKE = "engine_module().resume(request.run.run_id, request.run.task_id)"
WOKEN = '    """Have the engine execute the task again; it does nothing for a task that runs or has ended."""\n'


def context(**changed: str) -> str:
    """The run context of the example adapter with some of its arguments changed or added."""
    given = {"engine": '"example"', "run_id": "task.run.id", "task_id": "task.name", "attempt": "task.attempt"}
    return f"RunContext({', '.join(f'{name}={value}' for name, value in (given | changed).items())})"


FAULTS = [
    # the module
    Fault(
        "test_it_implements_only_known_hooks",
        "pausepoint_link(request: Request, url: str)",
        "pausepoint_link(request, url, more=None)",
    ),
    Fault("test_its_flags_are_its_hooks", "@hookimpl\ndef pausepoint_serve", "def _serve_no_more"),
    Fault(
        "test_it_is_silent_outside_its_engine",
        "task = engine.current()",
        "task = (engine.current() or _any_task(engine))",
    ),
    Fault("test_listing_plugins_imports_no_engine", "import sys\n", "import sys\n\nimport example_engine\n"),
    Fault(
        "test_it_imports_only_the_public_core", "import sys\n", "import sys\n\nfrom pausepoint._models import Record\n"
    ),
    # who asks
    Fault("test_it_names_its_engine_inside_it", CONTEXT, context(resumable="False")),
    Fault("test_another_run_asks_anew", CONTEXT, context(run_id='"run"')),
    Fault("test_two_tasks_of_a_run_have_a_question_each", CONTEXT, context(task_id="None")),
    Fault("test_a_retry_in_the_same_process_finds_the_same_event", CONTEXT, context(attempt="0")),
    Fault("test_a_restart_finds_the_same_event", CONTEXT, context(run_id='f"{task.run.id}{bool(task.run.restarts)}"')),
    Fault(
        "test_the_deadline_stays_however_often_it_restarts",
        CONTEXT,
        context(run_id='f"{task.run.id}{max(0, task.run.restarts - 1)}"'),
    ),
    # what people see
    Fault(
        "test_the_form_has_the_same_address_when_asked_twice",
        "engine_module().host(store.url,",
        "engine_module().host(f\"{store.url} {__import__('time').time()}\",",
    ),
    Fault(
        "test_the_report_shows_the_prompt_escaped",
        "reports[request.request_id] = html",
        "reports[request.request_id] = html + request.prompt",
    ),
    Fault(
        "test_the_link_reaches_the_engine",
        "links[request.request_id] = url",
        "links[request.request_id] = request.title",
    ),
    # what the task gets
    Fault(
        "test_an_answer_by_http_resumes_the_task",
        BLOCKS,
        ended_by('response.outcome == "answered" and not response.candidate and not is_async'),
    ),
    Fault("test_an_answer_resumes_a_coroutine", BLOCKS, ended_by("is_async")),
    Fault("test_an_answer_that_only_the_workflow_can_judge_is_judged", BLOCKS, ended_by("response.candidate")),
    Fault("test_a_timeout_raises_our_error", BLOCKS, ended_by('response.outcome == "expired"')),
    Fault(
        "test_a_cancel_raises_our_error",
        BLOCKS,
        ended_by('response.outcome == "cancelled" and response.reason != "The check is over."'),
    ),
    Fault("test_a_refusal_to_answer_raises_our_error", BLOCKS, ended_by('response.outcome == "declined"')),
    # giving up, and being woken
    Fault(
        "test_it_gives_its_process_up_without_a_deadline",
        "if not _task().run.suspends:",
        "if not _task().run.suspends or waiter.deadline is None:",
        suspends=True,
    ),
    Fault(
        "test_it_is_woken_after_a_crash_between_settling_and_waking",
        f"(request: Request) -> None:\n{WOKEN}    {WAKE}",
        f"(request: Request, reason: str) -> None:\n    if reason == 'candidate':\n        {WAKE}",
        suspends=True,
        more=f"\n\n@hookimpl\ndef pausepoint_settled(request: Request) -> None:\n    {WAKE}\n",
    ),
    Fault(
        "test_an_answer_while_it_gives_up_is_not_lost",
        WAKE,
        f"if _state(request) == 'suspended':\n        {WAKE}",
        suspends=True,
    ),
    Fault(
        "test_waking_again_is_no_error",
        WAKE,
        f"if _state(request) == 'done':\n        raise LookupError('gone')\n    {WAKE}",
        suspends=True,
    ),
]


def broken(folder: Path, number: int, fault: Fault) -> str:
    """Write the example adapter with a fault, as it would be installed, and a test module for it; return its name."""
    name = f"broken_{number}"
    package = folder / name / name
    shutil.copytree(TEMPLATE / "pausepoint_example", package)
    plugin = package / "plugin.py"
    text = plugin.read_text("utf-8")
    assert text.count(fault.was) == 1, f"the example adapter has changed: {fault.was!r}"
    plugin.write_text(text.replace(fault.was, fault.is_now) + fault.more + EXTRA, "utf-8")
    installed = folder / name / f"{name}-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    (installed / "entry_points.txt").write_text(f"[pausepoint]\nexample = {name}.plugin\n", "utf-8")
    (folder / f"test_{name}.py").write_text(
        TEST.format(folder=str(folder / name), name=name, suspends=fault.suspends), "utf-8"
    )
    return name


EXTRA = """

def _any_task(engine):
    tasks = [task for run in engine.runs.values() for task in run.tasks]
    return tasks[0] if tasks else None


def _state(request):
    return next(task.state for task in engine_module().runs[request.run.run_id].tasks)
"""

TEST = """
import sys
import pytest
from pausepoint.testing.adapters import AdapterKit
from test_conformance import Driver

@pytest.fixture(scope="module", autouse=True)
def installed():
    sys.path.insert(0, {folder!r})
    yield
    sys.path.remove({folder!r})

class TestBroken(AdapterKit):
    engine_name = "example"
    engine_module = "example_engine"
    plugin_module = "{name}.plugin"
    can_serve = True
    can_suspend = {suspends}
    patience = 20.0

    @pytest.fixture
    def engine(self):
        return Driver(suspends={suspends})
"""


def checked(folder: Path, names: list[str]) -> Path:
    """Run the checks of some adapters in one process; return the report."""
    report = folder / f"{names[0]}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    command += ["-c", str(folder / "pytest.ini"), "--rootdir", str(folder), f"--junit-xml={report}"]
    path = os.pathsep.join([str(TEMPLATE / "tests"), *sys.path])
    subprocess.run(
        [*command, *(str(folder / f"test_{name}.py") for name in names)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    assert report.exists()
    return report


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """The failed checks of each faulty adapter, by the check that is about its fault."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    names = {broken(folder, number, fault): fault.check for number, fault in enumerate(FAULTS)}
    shares = [list(names)[start::PROCESSES] for start in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as at_once:
        reports = list(at_once.map(lambda share: checked(folder, share), shares))
    found: dict[str, list[str]] = defaultdict(list)
    seen = set()
    for case in (case for report in reports for case in ET.parse(report).iter("testcase")):
        number = re.search(r"broken_\d+", case.get("classname", ""))
        assert number is not None
        seen.add(names[number[0]])
        if case.find("failure") is not None or case.find("error") is not None:
            found[names[number[0]]].append(case.get("name", ""))
    assert seen == set(names.values()), "every adapter was checked"
    return found


@pytest.mark.parametrize("check", [fault.check for fault in FAULTS])
def test_a_fault_fails_exactly_the_check_that_is_about_it(failed: Mapping[str, list[str]], check: str) -> None:
    assert failed[check] == [check]


def test_every_check_has_a_fault() -> None:
    assert sorted(fault.check for fault in FAULTS) == CHECKS


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_says_what_it_is_about_and_why(check: str) -> None:
    assert len((getattr(AdapterKit, check).__doc__ or "").split()) > 8


def replaced(check: object) -> type:
    return type("TestMine", (AdapterKit,), {"test_the_link_reaches_the_engine": check})


def test_a_check_cannot_be_replaced_in_silence() -> None:
    with pytest.raises(UsageError, match="TestMine overrides the check test_the_link_reaches_the_engine"):
        replaced(lambda self: None)


def test_a_check_cannot_be_removed() -> None:
    with pytest.raises(UsageError, match="overrides the check"):
        replaced(None)


def test_a_check_cannot_be_skipped_instead() -> None:
    @pytest.mark.skip(reason="later")
    def check(self: object) -> None: ...

    with pytest.raises(UsageError, match="overrides the check"):
        replaced(check)


def test_an_expected_failure_needs_a_reason() -> None:
    @pytest.mark.xfail
    def check(self: object) -> None: ...

    with pytest.raises(UsageError, match="overrides the check"):
        replaced(check)


def test_an_expected_failure_with_a_reason_is_let_through() -> None:
    @pytest.mark.xfail(reason="this engine shows links after the run alone")
    def check(self: object) -> None: ...

    assert replaced(check).test_the_link_reaches_the_engine is check  # type: ignore[attr-defined]


def test_a_flag_takes_its_checks_out_and_in() -> None:
    class Blocking(AdapterKit):
        can_link = False

    class Suspending(Blocking):
        can_suspend = True
        can_link = True

    suspending = "test_it_gives_its_process_up_without_a_deadline"

    assert Blocking.test_the_link_reaches_the_engine is None
    assert getattr(Blocking, suspending) is None
    assert Suspending.test_the_link_reaches_the_engine is AdapterKit.test_the_link_reaches_the_engine
    assert getattr(Suspending, suspending) is getattr(AdapterKit, suspending)


def test_the_kit_has_at_most_six_flags() -> None:
    assert len([name for name in dir(AdapterKit) if name.startswith("can_")]) <= 6
