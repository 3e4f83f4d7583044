"""The README's commands, typed into a clean clone with nothing else prepared, do what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reviewing import LIMIT

README = Path(__file__).parents[2] / "README.md"
FORM = re.compile(r"(http://[^\s/]+)/form/([a-z2-7]{26})")
MINUTES = 60

pytestmark = pytest.mark.timeout(10 * MINUTES)


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


VENV, DEMO, TOX = blocks("bash")
(EXAMPLE,) = blocks("python")


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """A newcomer's environment: no settings of ours or of the tox that runs this, and a browser that shows nothing."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PAUSEPOINT_", "TOX_", "PYTEST_", "VIRTUAL_ENV", "PYTHONPATH"))
    }
    own = {
        "PAUSEPOINT_STORE": (tmp_path / "store").as_uri(),
        "PYTHONUNBUFFERED": "1",
        "BROWSER": "true",
        "COLUMNS": "200",
    }
    return inherited | own | more


def bash(clone: Path, script: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    """Type *script* into a bash that has just run the README's first block."""
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", f"{VENV}\n{script}"],
        cwd=clone,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str], *, answering: bool) -> str:
    """
    Read what is printed until the process ends; with *answering*, answer every form whose link is printed.

    Fails if the process does, with all that it printed.
    """
    # A hung process would keep its pipe open, and the read below would never come back to look at a clock.
    watchdog = threading.Timer(8 * MINUTES, process.kill)
    watchdog.start()
    printed = []
    answered = set()
    assert process.stdout is not None
    try:
        for line in process.stdout:
            printed.append(line)
            for base, request_id in FORM.findall(line) if answering else ():
                if request_id not in answered:
                    answered.add(request_id)
                    answer(base, request_id)
        assert process.wait() == 0, "".join(printed)
    finally:
        watchdog.cancel()
        process.kill()
        process.stdout.close()
    assert answered or not answering, "".join(printed)
    return "".join(printed)


def answer(base: str, request_id: str) -> None:
    """Do what a reviewer does: look at what is asked, and give an answer that fits."""
    event = httpx.get(f"{base}/api/v1/events/{request_id}", timeout=LIMIT).raise_for_status().json()
    schema = event["json_schema"]
    body = {"request_id": request_id, "value": fitting(schema, schema)}
    httpx.post(f"{base}/submit/json", json=body, timeout=LIMIT).raise_for_status()


def fitting(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """The plainest value that fits a schema of the kinds that a demo may ask for."""
    if "$ref" in schema:
        return fitting(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for given in ("default", "const"):
        if given in schema:
            return schema[given]
    for options in ("examples", "enum"):
        if schema.get(options):
            return schema[options][0]
    for branches in ("anyOf", "oneOf"):
        if branches in schema:
            return fitting(schema[branches][0], root)
    if schema.get("type") == "object":
        return {name: fitting(part, root) for name, part in schema.get("properties", {}).items()}
    plain = {"string": "x" * schema.get("minLength", 1), "boolean": True, "array": [], "null": None}
    return plain.get(schema.get("type", "null"), schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))


@pytest.fixture(scope="session")
def installed(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone, after the README's first block and `pip install .`."""
    finish(bash(clone, "pip install --quiet .", environment(tmp_path_factory.mktemp("install"))), answering=False)
    return clone


def test_the_two_commands_are_the_promised_ones() -> None:
    assert DEMO == "pip install . && pausepoint demo\n"
    assert TOX == "pip install tox && tox\n"


def test_the_demo_asks_and_goes_on_with_the_answer(clone: Path, tmp_path: Path) -> None:
    printed = finish(bash(clone, DEMO, environment(tmp_path)), answering=True)

    assert "Traceback" not in printed


def test_the_demo_answers_itself_when_nobody_is_there(installed: Path, tmp_path: Path) -> None:
    printed = finish(bash(installed, "pausepoint demo --answer", environment(tmp_path)), answering=False)

    assert FORM.search(printed), printed


def test_the_example_has_ten_lines_and_runs_as_it_stands(installed: Path, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(EXAMPLE, "utf-8")
    printed = finish(bash(installed, f"python '{script}'", environment(tmp_path)), answering=True)

    assert len(EXAMPLE.splitlines()) == 10
    assert "10 % of traffic to staging" in printed


def test_the_test_command_runs_tox(clone: Path, tmp_path: Path) -> None:
    # All environments but one are left out, or this test would start itself again, without end. The one that stays
    # shows that tox finds its settings and that an environment can be made.
    environ = environment(tmp_path, TOX_SKIP_ENV="^(?!floors$)")
    printed = finish(bash(clone, TOX, environ), answering=False)

    assert re.search(r"floors: OK", printed), printed


def test_powershell_gets_the_same_environment_as_bash() -> None:
    (powershell,) = blocks("powershell")
    folder = re.search(r"-m venv (\S+?);", powershell)

    assert folder is not None
    assert f"-m venv {folder[1]} && source {folder[1]}/bin/activate" in VENV
    assert f"{folder[1]}/Scripts/Activate.ps1" in powershell


def test_ci_runs_the_very_line_that_the_readme_shows() -> None:
    assert re.findall(r"^.*tox.*$", "".join(blocks("bash")), re.MULTILINE) == [TOX.strip()]
    assert TOX.strip() not in (README.parent / ".ci" / "run").read_text("utf-8"), "it reads the README instead"


def links() -> Iterator[str]:
    yield from re.findall(r"\]\((?!https?://)([^)#]+)", README.read_text("utf-8"))


@pytest.mark.parametrize("link", sorted(set(links())))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (README.parent / link).exists()


def test_the_first_screen_shows_what_it_is_the_commands_an_example_and_the_form() -> None:
    screen = "\n".join(README.read_text("utf-8").splitlines()[:60])

    assert DEMO.strip() in screen
    assert TOX.strip() in screen
    assert EXAMPLE in screen
    assert "docs/images/form.png" in screen
