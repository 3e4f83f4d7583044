"""Each example, and each file of the reference page, runs as it stands and is answered over HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flying import answer
from reviewing import Machine, Script

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "prefect"
PAGE = ROOT / "docs" / "reference" / "prefect.md"
FILE = re.compile(r"^<!-- file: (?P<name>\S+) -->\n+```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def told(script: Script) -> str:
    """All that a script printed, by its end."""
    assert script.wait() == 0, script.told
    return script.told


def test_every_example_has_its_test_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "approve_with_retries.py",
        "checked.py",
        "greet.py",
        "labels.py",
        "prefilled.py",
    }


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("greet.py", "Ada", "Welcome, Ada."),
        ("prefilled.py", {}, "Printed: Guest."),
        ("prefilled.py", {"name": "Ada", "is_speaker": True}, "Printed: Ada, speaker."),
        ("approve_with_retries.py", True, "1.4.0 deployed with attempt 3"),
        ("approve_with_retries.py", False, "not deployed"),
    ],
)
def test_an_example_goes_on_with_the_answer(machine: Machine, name: str, value: Any, printed: str) -> None:
    script = machine.start(EXAMPLES / name)
    assert answer(script.link(), value).status_code == 200

    assert printed in told(script)
    assert script.told.count("/form/") == 1, "it was asked once"


def test_the_stage_is_refused_upstairs_beside_its_field(machine: Machine) -> None:
    script = machine.start(EXAMPLES / "checked.py")
    link = script.link()
    refused = answer(link, {"floor": "first", "setup": "stage"})
    assert refused.json()["errors"] == {"setup": "The stage does not fit through the stairs."}
    answer(link, {"floor": "ground", "setup": "stage"})

    assert "Booked: floor='ground' setup='stage'" in told(script)


def test_three_reviews_are_labelled_at_once(machine: Machine) -> None:
    script = machine.start(EXAMPLES / "labels.py")
    links = [script.link() for _ in range(3)]
    for link, label in zip(links, ["praise", "complaint", "unclear"], strict=True):
        answer(link, label)

    assert "{'praise': 1, 'complaint': 1, 'unclear': 1}" in told(script)


@pytest.mark.parametrize("name", [match["name"] for match in FILE.finditer(PAGE.read_text("utf-8"))])
def test_the_reference_pages_files_run(machine: Machine, name: str) -> None:
    text = next(match["text"] for match in FILE.finditer(PAGE.read_text("utf-8")) if match["name"] == name)
    script = machine.start(machine.write(name, text))
    assert answer(script.link(), True).status_code == 200
    told(script)
