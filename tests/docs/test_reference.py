"""The reference says what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import pausepoint
from pausepoint import errors, new_event, open_store
from pausepoint._models import MAX_LABEL_CHARS
from pausepoint.app import create_app

from reviewing import Machine

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference"

LEAVE_TRACES = """
from typing import Annotated
from pydantic import AfterValidator
from pausepoint import new_event, run

with run("tuesday"):
    new_event("quick", bool, attachments=["dot.png"]).wait()
    new_event("checked", Annotated[int, AfterValidator(lambda number: number)]).wait()
"""


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")


def headings(name: str) -> set[str]:
    return set(re.findall(r"^### (.+)$", page(name), re.MULTILINE))


def test_what_is_generated_is_not_stale() -> None:
    command = [sys.executable, str(DOCS / "generate.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, f"run `python docs/generate.py`\n{checked.stdout}{checked.stderr}"


def test_every_part_is_on_a_page() -> None:
    parts = set(re.findall(r'^    "([\w-]+)": ', (DOCS / "generate.py").read_text("utf-8"), re.MULTILINE))
    placed = [
        name
        for path in REFERENCE.glob("*.md")
        for name in re.findall(r"<!-- generated: ([\w-]+)", path.read_text("utf-8"))
    ]

    assert sorted(placed) == sorted(parts)


def test_every_public_name_has_a_heading() -> None:
    assert set(pausepoint.__all__) | {"create_app"} <= headings("api")


def test_every_error_has_a_heading_to_link_to() -> None:
    assert set(errors.__all__) <= headings("errors")


@pytest.mark.parametrize("path", ["/", "/form/aaaaaaaaaaaaaaaaaaaaaaaaaa", "/health", "/api/v1/events"])
@pytest.mark.anyio
async def test_every_answer_has_the_headers_that_the_page_lists(path: str) -> None:
    section = page("http").partition("## What every answer has")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\| `([\w-]+)` \| `([^`]+)` \|", section, re.MULTILINE))
    transport = httpx.ASGITransport(app=create_app(open_store("memory://")))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8931") as client:
        answered = await client.get(path)

    assert listed
    assert {name: answered.headers.get(name) for name in listed} == listed


def test_the_page_lists_every_kind_of_path_that_is_stored(machine: Machine) -> None:
    (machine.folder / "dot.png").write_bytes(DOT)
    script = machine.start(machine.write("traces.py", LEAVE_TRACES))
    for value in (True, 3):
        assert machine.answer(script.link(), value).status_code == 200
    script.finish()
    listed = re.findall(r"^\| `(v1/[^`]+)` \|", page("records"), re.MULTILINE)
    patterns = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) for path in listed]
    stored = [path.relative_to(machine.store).as_posix() for path in machine.store.rglob("*") if path.is_file()]

    assert len(stored) > len(listed) / 2
    assert not [path for path in stored if not any(re.fullmatch(pattern, path) for pattern in patterns)]


def test_a_limit_is_what_the_page_says() -> None:
    assert f"| name, key, title, run id | {MAX_LABEL_CHARS} characters, one line |" in page("types")
    with pytest.raises(errors.UsageError, match=f"{MAX_LABEL_CHARS} characters"):
        new_event("x" * (MAX_LABEL_CHARS + 1), bool)


DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def test_the_floors_on_the_page_are_those_that_are_enforced() -> None:
    (shown,) = re.findall(
        r"^```text\n(.*?)^```", (DOCS / "explanation" / "floors.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    enforced = re.search(
        r"^layers = \[\n(.*?)^\]", (DOCS.parent / "pyproject.toml").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )

    assert enforced is not None
    assert re.findall(r"\w+|\|", shown) == re.findall(r"\w+|\|", enforced[1])
