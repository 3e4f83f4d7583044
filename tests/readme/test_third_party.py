"""
Somebody else's adapter: a distribution made here, built, and installed with pip beside the built core, as users do.

Its engine runs each attempt of a run as a process; a wait ends the process, and a wake starts another one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reviewing import LIMIT, free_port

pytestmark = pytest.mark.timeout(600)

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "pausepoint-NAME"
version = "1.4"
dependencies = ["pausepoint"]

[project.entry-points.pausepoint]
NAME = "pausepoint_NAME"

[tool.hatch.build.targets.wheel]
only-include = ["pausepoint_NAME.py"]
"""

ADAPTER = '''
"""An adapter in one file: a run is what NAME_RUN says, and all that the engine is told is written into a folder."""

import json, os, subprocess, sys, time, urllib.request
from pathlib import Path

from pausepoint.hooks import Leave, Request, Response, RunContext, Served, Waiter, hookimpl

FOLDER = Path(os.environ.get("NAME_FOLDER", "."))


def note(hook: str, given: object = None) -> None:
    with (FOLDER / "told.jsonl").open("a") as told:
        told.write(json.dumps([hook, given]) + "\\n")
    if os.environ.get("NAME_BREAKS") == hook and not (FOLDER / "broken").exists():
        (FOLDER / "broken").touch()  # once: the engine tries again
        raise RuntimeError("broken on purpose")


@hookimpl
def pausepoint_engine() -> RunContext | None:
    if "NAME_RUN" not in os.environ:
        return None
    note("engine")
    return RunContext(engine="NAME", run_id=os.environ["NAME_RUN"], attempt=os.getpid())


@hookimpl
def pausepoint_serve(context: RunContext) -> Served:
    note("serve", context.run_id)
    port, others = os.environ["NAME_PORT"], {k: v for k, v in os.environ.items() if k != "NAME_RUN"}
    if not (FOLDER / "app.log").exists():
        command = [str(Path(sys.executable).with_name("pausepoint")), "serve", "--port", port]
        with (FOLDER / "app.log").open("wb") as log:
            app = subprocess.Popen(command, env=others, stdout=log, stderr=log, start_new_session=True)
        (FOLDER / "app.pid").write_text(str(app.pid))
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
            break
        except OSError:
            time.sleep(0.1)
    return Served(base_url=f"http://127.0.0.1:{port}")


@hookimpl
def pausepoint_report(request: Request, html: str) -> None:
    note("report", html)


@hookimpl
def pausepoint_link(request: Request, url: str) -> None:
    note("link", url)


@hookimpl
def pausepoint_wait(waiter: Waiter):
    async def leave() -> Leave:
        return Leave(SystemExit(75))

    note("wait", waiter.form_url)
    return leave()


@hookimpl
def pausepoint_wake(request: Request, reason: str) -> None:
    note("wake", reason)
    again = os.environ | {"NAME_RUN": request.run.run_id}
    with (FOLDER / "out").open("ab") as out, (FOLDER / "err").open("ab") as err:
        subprocess.Popen([sys.executable, "script.py"], env=again, stdout=out, stderr=err)


@hookimpl
def pausepoint_settled(request: Request, response: Response) -> None:
    note("settled", response.outcome)
'''

SCRIPT = """
from pausepoint import pause

print("got", pause(int, key="copies", prompt="How many?"))
"""

HOOKS = ["engine", "serve", "report", "link", "wait", "wake", "settled"]


def run(*command: str | Path, **more: Any) -> str:
    """Run a command that has to succeed; return what it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def venv(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the core's wheel and two adapters; its folder of executables."""
    made = tmp_path_factory.mktemp("third")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", made / "wheels", cwd=clone)
    adapters = [made / name for name in ("alpha", "beta")]
    for adapter in adapters:
        adapter.mkdir()
        (adapter / "pyproject.toml").write_text(PYPROJECT.replace("NAME", adapter.name), "utf-8")
        code = ADAPTER.replace("NAME_", f"{adapter.name.upper()}_").replace("NAME", adapter.name)
        (adapter / f"pausepoint_{adapter.name}.py").write_text(code, "utf-8")
    run(sys.executable, "-m", "venv", made / "venv")
    executables = made / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(executables / "python", "-m", "pip", "install", "--quiet", *(made / "wheels").iterdir(), *adapters)
    return executables


class Engine:
    """
    One of the two engines, for one test.

    Args:
        name: Which.
        venv: Where it is installed.
        folder: Where its run lives.
        settings: Further environment variables.
    """

    def __init__(self, name: str, venv: Path, folder: Path, **settings: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        (self.folder / "script.py").write_text(SCRIPT, "utf-8")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PAUSEPOINT_", "PYTHON"))}
        upper = name.upper()
        own = {
            "PAUSEPOINT_STORE": (folder / "store").as_uri(),
            "XDG_STATE_HOME": str(folder / "state"),
            f"{upper}_FOLDER": str(self.folder),
            f"{upper}_RUN": "nightly-1",
            f"{upper}_PORT": str(free_port()),
        }
        self.environ = inherited | own | settings
        self._python = venv / "python"

    def attempt(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run the script once, as the engine does at first and after a failure."""
        command = [str(self._python), "script.py"]
        environ = self.environ | settings
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False, timeout=LIMIT
        )

    def told(self, hook: str) -> list[Any]:
        """What the hook was given, each time it was called."""
        path = self.folder / "told.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [given for name, given in map(json.loads, lines) if name == hook]

    def answer(self, value: object) -> httpx.Response:
        """Answer by the link that the author's code waits with."""
        base, _, request_id = self.told("link")[-1].partition("/form/")
        return httpx.post(f"{base}/submit/json", json={"request_id": request_id, "value": value}, timeout=LIMIT)

    def until(self, hook: str) -> Any:
        """Wait until a hook is called; return what it was given."""
        self._wait_for(lambda: bool(self.told(hook)))
        return self.told(hook)[-1]

    def printed(self) -> str:
        """Wait for what the woken script prints."""
        out = self.folder / "out"
        self._wait_for(lambda: out.exists() and out.read_text("utf-8").endswith("\n"))
        return out.read_text("utf-8")

    def log(self) -> str:
        """What the form app printed."""
        return (self.folder / "app.log").read_text("utf-8")

    def close(self) -> None:
        """End the form app."""
        pid = self.folder / "app.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)

    def _wait_for(self, happened: Any) -> None:
        late = time.monotonic() + LIMIT
        while not happened():
            assert time.monotonic() < late, "\n".join(
                f"--- {path.name}\n{path.read_text('utf-8')}" for path in self.folder.iterdir()
            )
            time.sleep(0.05)


@pytest.fixture
def engines(venv: Path, tmp_path: Path) -> Iterator[Any]:
    """Makes engines by name, and ends what they leave running."""
    made: list[Engine] = []

    def make(name: str, **settings: str) -> Engine:
        made.append(Engine(name, venv, tmp_path, **settings))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def test_the_adapter_is_as_small_as_it_is_said_to_be() -> None:
    assert len([line for line in ADAPTER.splitlines() if line.strip()]) <= 75


def test_both_are_found(venv: Path) -> None:
    listed = run(venv / "pausepoint", "plugins", env={**os.environ, "COLUMNS": "200"})

    for name in ("alpha", "beta"):
        assert f"pausepoint-{name}" in listed
    assert listed.count("1.4") == 2


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_it_serves_reports_links_waits_is_woken_and_hears_of_the_outcome(engines: Any, name: str) -> None:
    engine = engines(name)
    left = engine.attempt()

    assert left.returncode == 75, left.stderr
    assert engine.told("serve") == ["nightly-1"]
    assert "How many?" in engine.told("report")[0]
    assert engine.told("link") == engine.told("wait")

    assert engine.answer(7).status_code == 200
    assert engine.printed() == "got 7\n"
    assert engine.until("wake") == "response"
    assert engine.until("settled") == "answered"


def test_inside_both_the_setting_decides_and_else_both_are_named(engines: Any) -> None:
    alpha, beta = engines("alpha"), engines("beta")
    both = {name: value for name, value in beta.environ.items() if name.startswith("BETA_")}
    refused = alpha.attempt(**both)
    left = alpha.attempt(**both, PAUSEPOINT_ENGINE="beta")

    assert refused.returncode == 1
    assert "AmbiguousEngineError: " in refused.stderr
    for name in ("alpha", "beta"):
        assert f"pausepoint-{name} 1.4" in refused.stderr
    assert left.returncode == 75, left.stderr
    assert beta.told("link")
    assert not alpha.told("link")


@pytest.mark.parametrize("hook", HOOKS)
def test_one_that_raises_keeps_no_question_from_being_answered(engines: Any, hook: str) -> None:
    engine = engines("alpha", ALPHA_BREAKS=hook)
    first = engine.attempt()
    if hook in ("engine", "serve", "wait"):
        # The author's code ends with the error, and the engine runs it again.
        assert first.returncode == 1
        again = engine.attempt()
    else:
        again = first

    assert again.returncode == 75, again.stderr
    assert engine.answer(7).status_code == 200
    assert engine.printed() == "got 7\n"
    engine.until("settled")
    engine.close()
    told = first.stderr + engine.log()
    # What a wait raises reaches the author as it is, and its traceback says whose it is.
    assert ("pausepoint_alpha.py" if hook == "wait" else "pausepoint-alpha 1.4") in told


def test_the_page_leads_to_an_adapter_that_passes_the_checks(clone: Path, venv: Path, tmp_path: Path) -> None:
    page = (clone / "docs" / "how-to" / "write-an-adapter.md").read_text("utf-8")
    (commands,) = re.findall(r"^```text\n(cp -r .*?)^```$", page, re.MULTILINE | re.DOTALL)
    shutil.copytree(clone / "adapters", tmp_path / "adapters")
    environ = {**os.environ, "PATH": os.pathsep.join([str(venv), os.environ["PATH"]]), "COLUMNS": "200"}
    listed = run("bash", "-euo", "pipefail", "-c", commands, cwd=tmp_path, env=environ)
    copy = tmp_path / "pausepoint-myengine"
    # The engine of the page is the toy under another name.
    (copy / "tests" / "example_engine.py").rename(copy / "tests" / "myengine.py")
    checked = run(venv / "python", "-m", "pytest", "-q", "tests", cwd=copy, env=environ)

    assert "pausepoint-myengine" in listed
    assert " passed" in checked
